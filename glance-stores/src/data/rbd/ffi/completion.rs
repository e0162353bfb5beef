//! Operations of the libraries as futures.
//!
//! An operation is handed whatever it needs (buffers, the open image) and keeps it until the library calls
//! back, from a thread of its own; then all of it goes to whoever waits. If nobody does any more, it is
//! dropped there and then. So a future may be dropped at any time: nothing the library still writes to or
//! reads from goes with it.

use std::ffi::c_int;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::library::{Callback, Handle, Rados, Rbd};
use super::{CephError, checked, errno};

/// The part of a library that operations need.
pub(super) trait Completions: Send + Sync {
    /// Makes a completion that calls `callback` with `argument`; 0 or a negative error.
    ///
    /// # Safety
    ///
    /// `callback` must be good for being called once with `argument` from any thread.
    unsafe fn create(&self, argument: Handle, callback: Callback, completion: &mut Handle) -> c_int;

    /// What the operation came to: a count, or a negative error.
    ///
    /// # Safety
    ///
    /// `completion` must be one of this library, completed and not released.
    unsafe fn value(&self, completion: Handle) -> i64;

    /// Gives the completion back.
    ///
    /// # Safety
    ///
    /// `completion` must be one of this library, and nobody may use it afterwards.
    unsafe fn release(&self, completion: Handle);
}

impl Completions for Rbd {
    unsafe fn create(&self, argument: Handle, callback: Callback, completion: &mut Handle) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { (self.rbd_aio_create_completion)(argument, Some(callback), completion) }
    }

    unsafe fn value(&self, completion: Handle) -> i64 {
        // SAFETY: as the caller promises.
        unsafe { (self.rbd_aio_get_return_value)(completion) as i64 }
    }

    unsafe fn release(&self, completion: Handle) {
        // SAFETY: as the caller promises.
        unsafe { (self.rbd_aio_release)(completion) }
    }
}

impl Completions for Rados {
    unsafe fn create(&self, argument: Handle, callback: Callback, completion: &mut Handle) -> c_int {
        // SAFETY: as the caller promises.
        unsafe { (self.rados_aio_create_completion)(argument, Some(callback), None, completion) }
    }

    unsafe fn value(&self, completion: Handle) -> i64 {
        // SAFETY: as the caller promises.
        unsafe { (self.rados_aio_get_return_value)(completion) }.into()
    }

    unsafe fn release(&self, completion: Handle) {
        // SAFETY: as the caller promises.
        unsafe { (self.rados_aio_release)(completion) }
    }
}

/// An operation that was begun. It goes on if this is dropped.
///
/// Comes to what the operation returned, and all that it kept.
pub(super) struct Operation<K> {
    call: &'static str,
    ended: oneshot::Receiver<Ended<K>>,
}

type Ended<K> = (i64, K);

/// What lives as long as the library works.
struct Running<L: 'static, K> {
    library: &'static L,
    keep: K,
    tell: oneshot::Sender<Ended<K>>,
}

impl<K: Send + 'static> Operation<K> {
    /// Begins an operation that keeps `keep`: `submit` hands the completion it gets to the library's function
    /// called `call`, with pointers that `keep` keeps good wherever it is moved to.
    ///
    /// # Safety
    ///
    /// `submit` must return a negative number exactly if the library will not complete the completion, and
    /// all that the library uses after `submit` has returned must belong to `keep`.
    pub(super) unsafe fn begin<L: Completions>(
        library: &'static L,
        call: &'static str,
        keep: K,
        submit: impl FnOnce(Handle) -> c_int,
    ) -> Result<Self, CephError> {
        let (tell, ended) = oneshot::channel();
        let running = Box::into_raw(Box::new(Running { library, keep, tell }));
        let mut completion = ptr::null_mut();
        // SAFETY: the callback takes what `running` points to, which nobody else does once an operation has
        // the completion.
        let made = unsafe { library.create(running.cast(), completed::<L, K>, &mut completion) };
        if let Err(error) = checked("making a completion", made) {
            // SAFETY: without a completion, nobody calls back: it is still ours alone.
            drop(unsafe { Box::from_raw(running) });
            return Err(error);
        }
        match checked(call, submit(completion)) {
            Ok(_) => Ok(Self { call, ended }),
            Err(error) => {
                // SAFETY: the operation was refused, so nobody calls back and the completion is ours.
                drop(unsafe {
                    library.release(completion);
                    Box::from_raw(running)
                });
                Err(error)
            }
        }
    }
}

unsafe extern "C" fn completed<L: Completions + 'static, K>(completion: Handle, running: Handle) {
    // SAFETY: `running` is what `begin` made for this completion, and a completion calls back once.
    let running = unsafe { Box::from_raw(running.cast::<Running<L, K>>()) };
    let Running { library, keep, tell } = *running;
    // SAFETY: the completion is complete, and after this nobody uses it.
    let value = unsafe {
        let value = library.value(completion);
        library.release(completion);
        value
    };
    // Nobody may be waiting any more; then what was kept goes here.
    let _ = tell.send((value, keep));
}

impl<K> Future for Operation<K> {
    type Output = Result<(u64, K), CephError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = Pin::new(&mut self.ended).poll(context);
        ended.map(|ended| {
            // A library that forgets an operation is not known, and is no reason to wait for ever.
            let (value, keep) = ended.map_err(|_| CephError::Call { call: self.call, code: errno::SHUT_DOWN })?;
            Ok((checked(self.call, value)?, keep))
        })
    }
}

#[cfg(test)]
mod tests;
