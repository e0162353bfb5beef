//! A data file from its first byte to its name, and its removal if it does not get there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glance_core::image::ImageId;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

/// What the name of unfinished data ends in.
const SUFFIX: &str = ".part";

/// Whether a file of this name is unfinished data of an image.
pub(super) fn is_of(name: &str, id: ImageId) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(id.as_str()));
    rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(SUFFIX))
}

/// The right to bring one data file to its end. Whoever drops it gives up: nothing is left of the
/// file when that returns, even while another thread is still at work on it.
#[derive(Debug)]
pub(super) struct Claim(Arc<Pending>);

impl Claim {
    /// Creates a file in `folder`, under a name that is no image's.
    pub(super) fn create(folder: &Path, id: ImageId) -> io::Result<(Self, File)> {
        // A number of its own for each attempt, in case others write the same image.
        let number = uuid::Uuid::new_v4().simple();
        let temporary = folder.join(format!(".{id}.{number}{SUFFIX}"));
        // Nobody else reads it until it is finished.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let target = folder.join(id.as_str());
        Ok((Self(Arc::new(Pending { id, temporary, target, state: Mutex::new(State::Unfinished) })), file))
    }

    pub(super) fn pending(&self) -> Arc<Pending> {
        Arc::clone(&self.0)
    }

    /// Lets the finished file stay, and says where it is.
    pub(super) fn keep(self) -> PathBuf {
        *self.0.state() = State::Settled;
        self.0.target.clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let left = match *state {
            State::Unfinished => &self.0.temporary,
            State::Named => &self.0.target,
            State::Settled => return,
        };
        *state = State::Settled;
        if let Err(cause) = fs::remove_file(left) {
            tracing::warn!(file = %left.display(), error = %cause, "a data file that came to nothing stays behind");
        }
    }
}

/// A data file on its way. The state is locked while the name changes, so that giving up and
/// finishing at the same time leave either nothing or all.
#[derive(Debug)]
pub(super) struct Pending {
    id: ImageId,
    temporary: PathBuf,
    target: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It has its temporary name.
    Unfinished,
    /// It has its final name, and may still be given up.
    Named,
    /// It is kept or gone.
    Settled,
}

impl Pending {
    pub(super) fn id(&self) -> ImageId {
        self.id
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the file its final name, unless a file of that name exists.
    pub(super) fn publish(&self) -> io::Result<()> {
        let mut state = self.state();
        if !matches!(*state, State::Unfinished) {
            return Err(io::Error::other("the data was given up"));
        }
        rename_new(&self.temporary, &self.target)?;
        *state = State::Named;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renames a file without replacing another, by the best means the file system has.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let done = exclusive_rename(from, to)? || link(from, to)? || claim_name(from, to)?;
    if done { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// `renameat2(2)` with `RENAME_NOREPLACE`: ext4, XFS, Btrfs, tmpfs. Says whether it could.
fn exclusive_rename(from: &Path, to: &Path) -> io::Result<bool> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        renamed => Ok(renamed.map(|()| true)?),
    }
}

/// A second name, which may not exist, and then the first away: NFS.
fn link(from: &Path, to: &Path) -> io::Result<bool> {
    match rustix::fs::link(from, to) {
        Err(Errno::PERM | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::MLINK) => Ok(false),
        linked => {
            linked?;
            // The data is there; the other name of it goes with the next discard at the latest.
            if let Err(cause) = fs::remove_file(from) {
                tracing::warn!(file = %from.display(), error = %cause, "a second name of a data file stays behind");
            }
            Ok(true)
        }
    }
}

/// An empty file that takes the name, replaced at once: FAT, some FUSE file systems. A crash in
/// between leaves it empty, to be discarded as unfinished.
fn claim_name(from: &Path, to: &Path) -> io::Result<bool> {
    OpenOptions::new().write(true).create_new(true).open(to)?;
    fs::rename(from, to).inspect_err(|_| {
        let _ = fs::remove_file(to);
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_means_of_renaming_moves_the_file_and_replaces_nothing() {
        for means in [exclusive_rename, link, claim_name] {
            let folder = tempfile::tempdir().unwrap();
            let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
            fs::write(&from, "new").unwrap();
            fs::write(&to, "old").unwrap();
            assert_eq!(means(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (b"new".into(), b"old".into()));
            fs::remove_file(&to).unwrap();
            assert!(means(&from, &to).unwrap());
            assert_eq!(fs::read(&to).unwrap(), b"new");
            assert!(!from.exists());
        }
    }

    #[test]
    fn a_claim_given_up_leaves_nothing_in_any_state() {
        let folder = tempfile::tempdir().unwrap();
        let id = ImageId::random();
        let (claim, _) = Claim::create(folder.path(), id).unwrap();
        drop(claim);
        let (claim, _) = Claim::create(folder.path(), id).unwrap();
        claim.pending().publish().unwrap();
        drop(claim);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (claim, _) = Claim::create(folder.path(), id).unwrap();
        let pending = claim.pending();
        drop(claim);
        pending.publish().unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (claim, _) = Claim::create(folder.path(), id).unwrap();
        claim.pending().publish().unwrap();
        assert_eq!(claim.keep(), folder.path().join(id.as_str()));
        assert!(folder.path().join(id.as_str()).exists());
    }

    #[test]
    fn unfinished_data_is_told_by_its_name() {
        let id = ImageId::random();
        assert!(is_of(&format!(".{id}.1.part"), id));
        for name in [id.to_string(), format!(".{id}"), format!(".{id}.1"), format!("{id}.1.part"), ".1.part".into()] {
            assert!(!is_of(&name, id), "{name}");
        }
        assert!(!is_of(&format!(".{id}.1.part"), ImageId::random()));
    }
}
