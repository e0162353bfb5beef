//! Downloads beside nginx, uploads beside the digests alone.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::store::BoxError;
use rustix::time::{ClockId, clock_gettime};
use tempfile::NamedTempFile;

use super::client;
use super::data::Data;
use super::nginx::Nginx;
use super::process::Process;
use super::report::Rate;
use super::server::{Server, file_of};

/// Downloads of one image, by one client and by several, in turns.
pub(super) fn downloads(
    server: &Server,
    nginx: Option<&Nginx>,
    data: &Data,
    (streams, rounds): (u16, u16),
) -> Result<Vec<Rate>, BoxError> {
    let id = server.upload(&data.source(), false)?;
    server.check(&id, &data.md5, &data.sha512)?;
    let plain = format!("/{id}");
    if let Some(nginx) = nginx
        && client::digest(nginx.address, &plain, HashAlgorithm::Md5)? != data.md5
    {
        return Err("nginx serves something else".into());
    }
    let mut rates = Vec::new();
    for clients in [1, streams] {
        let mut ours = Rate::new(format!("download, {clients} at once"), "glance");
        let mut theirs = Rate::new(format!("download, {clients} at once"), "nginx");
        for _ in 0..rounds {
            ours.add(&download(&server.process, (server.address, &file_of(&id)), clients, data.size)?);
            if let Some(nginx) = nginx {
                theirs.add(&download(&nginx.process, (nginx.address, &plain), clients, data.size)?);
            }
        }
        rates.push(ours);
        rates.extend(nginx.map(|_| theirs));
    }
    server.delete(&id)?;
    Ok(rates)
}

/// What something took.
pub(super) struct Turn {
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    /// Of the process that is measured, its client left out.
    pub(super) cpu: Duration,
}

fn download(process: &Process, (from, path): (SocketAddr, &str), clients: u16, size: u64) -> Result<Turn, BoxError> {
    let (begun, cpu) = (Instant::now(), process.cpu()?);
    let bytes = at_once(clients, |_| client::download(from, path))?.into_iter().sum();
    if bytes != size * u64::from(clients) {
        return Err(format!("{bytes} bytes came").into());
    }
    Ok(Turn { bytes, elapsed: begun.elapsed(), cpu: process.cpu()?.saturating_sub(cpu) })
}

/// Does the same on so many threads.
pub(super) fn at_once<T: Send>(
    clients: u16,
    work: impl Fn(u16) -> Result<T, BoxError> + Sync,
) -> Result<Vec<T>, BoxError> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|number| {
                scope.spawn({
                    let work = &work;
                    move || work(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect()
    })
}

/// Uploads by one client, what bounds them (each digest alone, and writing alone), and the same uploads to Python Glance.
pub(super) fn uploads(
    server: &Server,
    python: Option<&Server>,
    data: &Data,
    rounds: u16,
) -> Result<Vec<Rate>, BoxError> {
    for server in [Some(server), python].into_iter().flatten() {
        let id = server.upload(&data.source(), true)?;
        server.check(&id, &data.md5, &data.sha512)?;
        server.delete(&id)?;
    }
    let mut rates = vec![
        Rate::new("upload, length known", "glance"),
        Rate::new("upload, chunked", "glance"),
        Rate::new("md5 alone, one core", "digest"),
        Rate::new("sha512 alone, one core", "digest"),
        Rate::new("write and sync alone", "file"),
    ];
    if python.is_some() {
        rates.extend(["upload, length known", "upload, chunked"].map(|work| Rate::new(work, "python")));
    }
    for _ in 0..rounds {
        let mut turns = vec![
            upload(server, data, false)?,
            upload(server, data, true)?,
            hash(data, HashAlgorithm::Md5, &data.md5)?,
            hash(data, HashAlgorithm::Sha512, &data.sha512)?,
            write(&server.images(), data)?,
        ];
        if let Some(python) = python {
            turns.extend([upload(python, data, false)?, upload(python, data, true)?]);
        }
        rates.iter_mut().zip(&turns).for_each(|(rate, turn)| rate.add(turn));
    }
    Ok(rates)
}

fn upload(server: &Server, data: &Data, chunked: bool) -> Result<Turn, BoxError> {
    let id = server.create()?;
    let (begun, cpu) = (Instant::now(), server.process.cpu()?);
    client::upload(server.address, &file_of(&id), &data.source(), chunked)?;
    let turn = Turn { bytes: data.size, elapsed: begun.elapsed(), cpu: server.process.cpu()?.saturating_sub(cpu) };
    server.delete(&id)?;
    Ok(turn)
}

fn hash(data: &Data, algorithm: HashAlgorithm, expected: &str) -> Result<Turn, BoxError> {
    let (begun, cpu) = (Instant::now(), cpu_of_this_thread());
    let mut hasher = Hasher::new(algorithm);
    data.parts().for_each(|part| hasher.update(part));
    if hasher.finish() != expected {
        return Err("a digest changed".into());
    }
    Ok(Turn { bytes: data.size, elapsed: begun.elapsed(), cpu: cpu_of_this_thread().saturating_sub(cpu) })
}

/// Writes the data to a file and waits for the disk, as every store that keeps its word must.
fn write(folder: &std::path::Path, data: &Data) -> Result<Turn, BoxError> {
    let (begun, cpu) = (Instant::now(), cpu_of_this_thread());
    let mut file = NamedTempFile::new_in(folder)?;
    for part in data.parts() {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    Ok(Turn { bytes: data.size, elapsed: begun.elapsed(), cpu: cpu_of_this_thread().saturating_sub(cpu) })
}

/// Time that passes while others have the processor is not counted.
fn cpu_of_this_thread() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
