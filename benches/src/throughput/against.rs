//! A store beside its backend's own tool: both move the same file, in turns.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, ByteStream, Store};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::data::Source;

/// What is read from the file at a time.
const PIECE: usize = 1 << 20;

/// The tool, as commands for a shell. `{file}` stands for the file to be written to the backend,
/// `{out}` for the one to be read into, `{name}` for a name of its own in the backend.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    /// Commands that write and remove; `None` if both sides read what is there.
    pub(super) writing: Option<Writing>,
    pub(super) read: String,
}

#[derive(Debug, Clone)]
pub(super) struct Writing {
    pub(super) write: String,
    pub(super) remove: String,
}

/// What each round took.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) ours: Taken,
    pub(super) theirs: Taken,
}

/// Of one side.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Empty where nothing is written.
    pub(super) writes: Vec<Duration>,
    pub(super) reads: Vec<Duration>,
}

/// A store and a tool, and the data that both move.
pub(super) struct Contest {
    store: Arc<dyn Store>,
    subject: Subject,
    /// The tool's command.
    read: String,
    folder: TempDir,
    digest: String,
}

/// What is moved.
enum Subject {
    /// A file of so many bytes, which both write first.
    File(u64, Writing),
    /// What is there already.
    Stored(Location),
}

impl Contest {
    /// Makes the file in a temporary folder, which has to have room for two of it; if both sides read
    /// what is there, `stored` says where, with its digest.
    pub(super) fn new(
        store: Arc<dyn Store>,
        tool: Tool,
        source: &Source,
        stored: Option<(Location, String)>,
    ) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let (subject, digest) = match (tool.writing, stored) {
            (_, Some((location, digest))) => (Subject::Stored(location), digest),
            (Some(writing), None) => {
                (Subject::File(source.size(), writing), write_file(&folder.path().join("file"), source)?)
            }
            (None, None) => return Err("the tool has to write what it is to read".into()),
        };
        Ok(Self { store, subject, read: tool.read, folder, digest })
    }

    /// So many rounds, after one that is not counted in which what came back is checked.
    pub(super) async fn run(&self, rounds: u64) -> Result<Rounds, BoxError> {
        let mut taken = Rounds::default();
        self.round(&mut Rounds::default(), true).await?;
        for _ in 0..rounds {
            self.round(&mut taken, false).await?;
        }
        Ok(taken)
    }

    async fn round(&self, taken: &mut Rounds, verify: bool) -> Result<(), BoxError> {
        let name = format!("contest-{}", ImageId::random());
        let (size, writing) = match &self.subject {
            Subject::Stored(at) => return self.reads(taken, at, &name, verify).await,
            Subject::File(size, writing) => (*size, writing),
        };
        let begun = Instant::now();
        let at = self.store.put(ImageId::random(), Some(size), pieces(self.file())).await?.location;
        taken.ours.writes.push(begun.elapsed());
        let tools = async {
            taken.theirs.writes.push(self.call(&writing.write, &name)?);
            self.reads(taken, &at, &name, verify).await
        };
        let done = tools.await;
        // Neither side leaves anything, whatever went wrong.
        let removed = self.store.delete(&at).await;
        let gone = self.call(&writing.remove, &name);
        done?;
        removed?;
        gone.map(drop)
    }

    async fn reads(&self, taken: &mut Rounds, at: &Location, name: &str, verify: bool) -> Result<(), BoxError> {
        taken.ours.reads.push(self.read(at, verify).await?);
        taken.theirs.reads.push(self.call(&self.read, name)?);
        if verify { self.check_theirs() } else { Ok(()) }
    }

    /// Ours is read to a file as well: the tools do it, and cannot do otherwise.
    async fn read(&self, at: &Location, verify: bool) -> Result<Duration, BoxError> {
        // Cutting the file of the round before takes time, which the tool does not spend either.
        let _ = fs::remove_file(self.out());
        let begun = Instant::now();
        let mut stream = self.store.get(at, ByteRange::ALL).await?.stream;
        let (writer, written) = mpsc::channel::<Bytes>(1);
        let out = self.out();
        let writing = spawn_blocking(move || write_to(out, written));
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            if verify {
                hasher.update(&chunk);
            }
            if writer.send(chunk).await.is_err() {
                break;
            }
        }
        drop(writer);
        writing.await??;
        let taken = begun.elapsed();
        if verify && hasher.finish() != self.digest {
            return Err("the store gave other bytes back than before".into());
        }
        Ok(taken)
    }

    fn check_theirs(&self) -> Result<(), BoxError> {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        let (mut file, mut piece) = (fs::File::open(self.out())?, vec![0; PIECE]);
        let mut len = file.read(&mut piece)?;
        while len > 0 {
            hasher.update(&piece[..len]);
            len = file.read(&mut piece)?;
        }
        if hasher.finish() == self.digest {
            Ok(())
        } else {
            Err("the tool gave other bytes back than the store was given".into())
        }
    }

    fn call(&self, command: &str, name: &str) -> Result<Duration, BoxError> {
        let path = |path: PathBuf| path.display().to_string();
        let command = command.replace("{file}", &path(self.file())).replace("{out}", &path(self.out()));
        let command = command.replace("{name}", name);
        // Some tools do not write over a file.
        let _ = fs::remove_file(self.out());
        let begun = Instant::now();
        let output = Command::new("sh").args(["-c", &command]).output()?;
        let taken = begun.elapsed();
        if output.status.success() {
            return Ok(taken);
        }
        Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }
}

/// Writes the data and says its digest.
fn write_file(path: &Path, source: &Source) -> Result<String, BoxError> {
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    let mut file = fs::File::create(path)?;
    for chunk in source.chunks(0) {
        hasher.update(&chunk);
        file.write_all(&chunk)?;
    }
    Ok(hasher.finish())
}

/// A file as a stream, read a piece ahead by a thread of its own, as the tools do.
fn pieces(path: PathBuf) -> ByteStream {
    let (sender, pieces) = mpsc::channel(1);
    spawn_blocking(move || {
        if let Err(error) = read_from(path, &sender) {
            let _ = sender.blocking_send(Err(error.into()));
        }
    });
    Box::pin(stream::unfold(pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces))))
}

fn read_from(path: PathBuf, pieces: &mpsc::Sender<Result<Bytes, BoxError>>) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let len = Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if len == 0 || pieces.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
}

/// Writes what comes to a new file, as the tools do beside their reading.
fn write_to(path: PathBuf, mut pieces: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use glance_core::memory::MemoryStore;

    use super::*;

    fn contest(read: &str) -> (TempDir, Contest) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("{name}").display().to_string();
        let writing = Writing { write: format!("cp {{file}} {place}"), remove: format!("rm {place}") };
        let tool = Tool { writing: Some(writing), read: read.replace("PLACE", &place) };
        let store = Arc::new(MemoryStore::new("contest"));
        (folder, Contest::new(store, tool, &Source::new(3_000_001, 4096), None).unwrap())
    }

    #[tokio::test]
    async fn both_sides_have_their_turns_and_leave_nothing() {
        let (folder, contest) = contest("cp PLACE {out}");
        let rounds = contest.run(2).await.unwrap();
        let counts = [&rounds.ours, &rounds.theirs].map(|taken| (taken.writes.len(), taken.reads.len()));
        assert_eq!(counts, [(2, 2), (2, 2)]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_tool_that_fails_or_loses_data_is_no_opponent() {
        for read in ["cp /nowhere {out}", "head -c 5 PLACE > {out}"] {
            let (folder, contest) = contest(read);
            assert!(contest.run(1).await.is_err(), "{read}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
