//! Closing images, not too soon after they were opened and on a thread that the libraries do not own.
//!
//! librbd tells that an image is open before it has done with opening it: its thread goes back to the state of the
//! image once more (`ImageState::complete_action_unlock`). An image that was opened, used and closed while that
//! thread waited for a processor was freed under it, which ended the process or left it hanging, once in some
//! hundred runs of two cores at their limit. Nothing in its interface says when that thread has left.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::completion::Operation;
use super::library::Handle;
use super::pool::Pool;

/// How long after it was opened an image is closed at the earliest: many times what a thread that is ready to run
/// waits for a processor.
const LINGER: Duration = Duration::from_millis(100);

/// An image that nobody uses any more.
pub(super) struct Closing {
    pub(super) pool: Arc<Pool>,
    pub(super) handle: Handle,
    /// When it was opened.
    pub(super) opened: Instant,
    /// Dropped when the image is closed for good.
    pub(super) closed: Option<oneshot::Sender<()>>,
}

// SAFETY: an image of librbd may be used from any thread, and nobody but this value has this one any more.
unsafe impl Send for Closing {}

impl Closing {
    /// Closes the image as soon as that is safe. Does not block.
    pub(super) fn close(self) {
        let due = self.opened + LINGER;
        in_turn(due, move || self.begin());
    }

    fn begin(self) {
        let Self { pool, handle, closed, .. } = self;
        let rbd = &pool.libraries().rbd;
        let function = rbd.rbd_aio_close;
        // SAFETY: no operation uses the image, for each keeps it, and it is closed once: its only handle is here.
        let closing = unsafe {
            Operation::begin(rbd, "rbd_aio_close", (Arc::clone(&pool), closed), |completion| {
                function(handle, completion)
            })
        };
        if let Err(error) = closing {
            tracing::debug!(%error, "an image could not be closed");
        }
    }
}

/// Something to do, and the earliest time for it.
type Due = (Instant, Box<dyn FnOnce() + Send>);

/// Has `work` done at `due` or soon after, by one thread for all, in the order in which it was handed over.
fn in_turn(due: Instant, work: impl FnOnce() + Send + 'static) {
    static THREAD: OnceLock<Option<Sender<Due>>> = OnceLock::new();
    let work: Due = (due, Box::new(work));
    let unsent = match THREAD.get_or_init(begin_thread) {
        Some(thread) => thread.send(work).err().map(|unsent| unsent.0),
        None => Some(work),
    };
    if let Some(work) = unsent {
        wait_and_do(work);
    }
}

/// `None` if the system has no thread left.
fn begin_thread() -> Option<Sender<Due>> {
    let (thread, queue) = mpsc::channel::<Due>();
    let run = move || queue.into_iter().for_each(wait_and_do);
    thread::Builder::new().name("rbd-close".to_owned()).spawn(run).ok().map(|_| thread)
}

fn wait_and_do((due, work): Due) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
    work();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_before_its_time_and_all_of_it_in_turn() {
        let (tell, told) = mpsc::channel();
        let now = Instant::now();
        let times = [now + LINGER, now, now + 2 * LINGER];
        for (number, due) in times.into_iter().enumerate() {
            let tell = tell.clone();
            in_turn(due, move || tell.send((number, Instant::now() >= due, thread::current().id())).unwrap());
        }
        drop(tell);
        let done: Vec<_> = told.into_iter().collect();
        assert_eq!(done.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(done.iter().all(|(_, in_time, thread)| *in_time && *thread != thread::current().id()));
    }
}
