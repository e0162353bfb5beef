//! Changing the files that users stand in.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use uuid::Uuid;

use super::files::{BadUsers, text};

/// How often, and how long apart, it is tried to get the turn.
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(100);

/// The right to change `file` and what lies beside it, until it is dropped: whoever reads it and writes it anew at
/// the same time as others would undo what they did. It is the lock of the folder, which stays when files are replaced.
///
/// # Errors
///
/// [`BadUsers`] if others do not end.
pub(super) fn turn(file: &Path) -> Result<File, BadUsers> {
    let folder = real(file).parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(".".into(), Path::to_owned);
    let failed = |cause| BadUsers::File { file: folder.clone(), cause };
    let opened = File::open(&folder).map_err(failed)?;
    for _ in 0..TRIES {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN),
            // Not every file system has locks.
            Err(TryLockError::Error(cause)) if cause.kind() == io::ErrorKind::Unsupported => return Ok(opened),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
    Err(BadUsers::Unfit("somebody else is changing users all the time"))
}

/// Puts `line` in the place of that of `name`, or at the end; says whether there was one. Readers
/// see the file as it was or as it is to be.
pub(super) fn replace(file: &Path, name: &str, line: Option<&str>) -> Result<bool, BadUsers> {
    let failed = |cause| BadUsers::File { file: file.to_owned(), cause };
    let old = match text(file) {
        Err(BadUsers::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => String::new(),
        old => old?,
    };
    let is_theirs = |line: &&str| line.trim().split_once(':').is_some_and(|(theirs, _)| theirs == name);
    let found = old.lines().any(|line| is_theirs(&line));
    if !found && line.is_none() {
        return Ok(false);
    }
    let mut new: Vec<&str> = old.lines().filter(|line| !is_theirs(line)).collect();
    new.extend(line);
    // Ends the last line.
    new.push("");
    let new = new.join("\n");
    write_whole(&real(file), &new).map_err(failed)?;
    Ok(found)
}

/// The file that `file` leads to, if it is a link: that one is to change, and the link to stay.
fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let before = fs::metadata(file).ok();
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", Uuid::new_v4()));
    let temporary = PathBuf::from(name);
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&temporary)?;
    let outcome = (|| {
        if let Some(before) = &before {
            // Whoever may not give the file away keeps it, and may still give it to the group.
            let _ = fchown(&written, None, Some(before.gid()));
            let _ = fchown(&written, Some(before.uid()), None);
            written.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
        }
        written.write_all(text.as_bytes())?;
        written.sync_all()?;
        fs::rename(&temporary, file)
    })();
    if outcome.is_err() {
        // The error at hand says more than one from the clean-up would.
        let _ = fs::remove_file(&temporary);
    }
    outcome
}
