//! Removing an image: its snapshot first, which clones may depend on, then the rest. All of it blocks.

use std::sync::Arc;

use super::ffi::{CephError, Mode, Pool, Progress, errno};

/// Removes an image and its snapshot. An image with more snapshots goes to the trash.
///
/// # Errors
///
/// [`errno::NOT_FOUND`] if there is nothing; [`errno::BUSY`] if somebody has a clone of the snapshot, or
/// the image open: then all is as it was.
pub(super) fn remove(
    pool: &Arc<Pool>,
    name: &str,
    snapshot: Option<&str>,
    progress: &Progress,
) -> Result<(), CephError> {
    let taken = match snapshot {
        Some(snapshot) => take_snapshot(pool, name, snapshot, progress),
        None => Ok(false),
    };
    let taken = match taken {
        // A process killed while it made the image may have left parts of one that cannot be opened.
        Err(error) if error.is(errno::NOT_FOUND) => false,
        taken => taken?,
    };
    let removed = match pool.remove(name, progress) {
        // Only while somebody waits: after that, the name may be that of other data.
        Err(error) if error.is(errno::NOT_EMPTY) => {
            progress.next_step().and_then(|()| pool.move_to_trash(name, progress))
        }
        removed => removed,
    };
    if let Some(snapshot) = snapshot.filter(|_| taken)
        && removed.as_ref().is_err_and(|error| error.is(errno::BUSY))
    {
        // Somebody opened it a moment ago. It is data of an image still, so it gets back what makes it that. So
        // does it where nobody waits any more: a snapshot more is no harm to other data of that name.
        put_back(pool, name, snapshot)?;
    }
    removed
}

/// Removes the snapshot, and says whether there was one.
fn take_snapshot(pool: &Arc<Pool>, name: &str, snapshot: &str, progress: &Progress) -> Result<bool, CephError> {
    let busy = CephError::Call { call: "looking for watchers of an image", code: errno::BUSY };
    // Open to be read it is in nobody's way, so nobody waits until it is closed.
    let (image, _) = pool.open(name, None, Mode::Read)?;
    let watched = image.watchers()? > 0;
    drop(image);
    if watched {
        return Err(busy);
    }
    let turn = pool.turn_to_unprotect();
    progress.next_step()?;
    let (image, closed) = pool.open(name, None, Mode::Change)?;
    let unprotected = image.unprotect_snapshot(snapshot, &turn);
    drop(turn);
    let taken = match unprotected {
        // It was not protected.
        Err(error) if error.is(errno::INVALID) => image.remove_snapshot(snapshot),
        Ok(()) => {
            progress.step();
            image.remove_snapshot(snapshot)
        }
        unprotected => unprotected,
    };
    if taken.as_ref().is_err_and(|error| error.is(errno::BUSY)) {
        let _ = image.protect_snapshot(snapshot);
    }
    drop(image);
    closed.wait_here();
    progress.next_step()?;
    match taken {
        Err(error) if error.is(errno::NOT_FOUND) => Ok(false),
        taken => taken.map(|()| true),
    }
}

fn put_back(pool: &Arc<Pool>, name: &str, snapshot: &str) -> Result<(), CephError> {
    let (image, closed) = pool.open(name, None, Mode::Change)?;
    image.create_snapshot(snapshot)?;
    image.protect_snapshot(snapshot)?;
    drop(image);
    closed.wait_here();
    Ok(())
}
