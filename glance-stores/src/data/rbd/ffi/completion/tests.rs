//! Operations of a library that is not there: what it would do is done here, at the moment the test chooses.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;

use futures::FutureExt;

use super::*;

/// A library whose completions are boxes with the callback and its argument.
#[derive(Default)]
struct Fake {
    refuses: AtomicI64,
    created: AtomicUsize,
    released: AtomicUsize,
}

struct Completion {
    argument: Handle,
    callback: Callback,
    value: i64,
}

impl Completions for Fake {
    unsafe fn create(&self, argument: Handle, callback: Callback, completion: &mut Handle) -> c_int {
        if self.refuses.load(Ordering::SeqCst) != 0 {
            return -12;
        }
        self.created.fetch_add(1, Ordering::SeqCst);
        *completion = Box::into_raw(Box::new(Completion { argument, callback, value: 0 })).cast();
        0
    }

    unsafe fn value(&self, completion: Handle) -> i64 {
        // SAFETY: it is one of `create`.
        unsafe { (*completion.cast::<Completion>()).value }
    }

    unsafe fn release(&self, completion: Handle) {
        self.released.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it is one of `create`, and released once.
        drop(unsafe { Box::from_raw(completion.cast::<Completion>()) });
    }
}

/// An operation that the library has taken, to be completed by the test.
struct Taken {
    completion: Handle,
    buffer: *mut u8,
    len: usize,
}

// SAFETY: the completion and the buffer are used by whoever holds this, and nobody else meanwhile.
unsafe impl Send for Taken {}

impl Taken {
    /// Writes to the buffer as a read would, then calls back.
    fn complete(self, value: i64) {
        // SAFETY: the buffer belongs to what the operation keeps, and it has not called back.
        unsafe { std::slice::from_raw_parts_mut(self.buffer, self.len) }.fill(7);
        let completion = self.completion.cast::<Completion>();
        // SAFETY: it is one of `create`, and calls back once.
        unsafe {
            (*completion).value = value;
            let (callback, argument) = ((*completion).callback, (*completion).argument);
            callback(self.completion, argument);
        }
    }
}

/// Says when it goes.
struct Kept {
    buffer: Vec<u8>,
    _alive: Arc<()>,
}

fn library() -> &'static Fake {
    Box::leak(Box::default())
}

fn begin(library: &'static Fake) -> (Operation<Kept>, Taken, Arc<()>) {
    let alive = Arc::new(());
    let mut keep = Kept { buffer: vec![0; 100_000], _alive: Arc::clone(&alive) };
    let (buffer, len) = (keep.buffer.as_mut_ptr(), keep.buffer.len());
    let mut taken = None;
    // SAFETY: the test completes each operation once, and the buffer belongs to what is kept.
    let operation = unsafe {
        Operation::begin(library, "fake", keep, |completion| {
            taken = Some(Taken { completion, buffer, len });
            0
        })
    };
    (operation.unwrap(), taken.unwrap(), alive)
}

#[test]
fn an_operation_gives_back_what_it_kept() {
    let library = library();
    let (mut operation, taken, _) = begin(library);
    assert!((&mut operation).now_or_never().is_none());
    thread::spawn(move || taken.complete(42)).join().unwrap();
    let (value, keep) = operation.now_or_never().unwrap().unwrap();
    assert_eq!(value, 42);
    assert!(keep.buffer.iter().all(|byte| *byte == 7));
    assert_eq!(library.released.load(Ordering::SeqCst), 1);
}

#[test]
fn a_buffer_outlives_a_dropped_future_until_the_library_calls_back() {
    let library = library();
    let (operation, taken, alive) = begin(library);
    drop(operation);
    assert_eq!(Arc::strong_count(&alive), 2, "the library still writes to it");
    taken.complete(0);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert_eq!(library.released.load(Ordering::SeqCst), 1);
}

#[test]
fn an_operation_that_failed_says_what_and_why() {
    let (operation, taken, alive) = begin(library());
    taken.complete(-110);
    let Err(error) = operation.now_or_never().unwrap() else { panic!("it failed") };
    assert!(error.is(errno::TIMED_OUT) && error.to_string().starts_with("fake: "), "{error}");
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn what_is_refused_keeps_nothing() {
    let library = library();
    for refused_by_create in [true, false] {
        library.refuses.store(refused_by_create.into(), Ordering::SeqCst);
        let alive = Arc::new(());
        // SAFETY: nothing is taken, and so nothing is used afterwards.
        let begun = unsafe { Operation::begin(library, "fake", Arc::clone(&alive), |_| -22) };
        assert!(begun.is_err_and(|error| error.is(errno::INVALID) != refused_by_create));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
    assert_eq!(library.created.load(Ordering::SeqCst), library.released.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_and_cancellations_may_meet_in_any_order() {
    let library = library();
    let mut alive = Vec::new();
    for round in 0..2000_u32 {
        let (operation, taken, kept) = begin(library);
        alive.push(kept);
        let library_thread = tokio::task::spawn_blocking(move || taken.complete(i64::from(round)));
        let caller = tokio::spawn(async move {
            match round % 3 {
                0 => drop(operation),
                1 => drop(operation.now_or_never()),
                _ => assert_eq!(operation.await.unwrap().0, u64::from(round)),
            }
        });
        caller.await.unwrap();
        library_thread.await.unwrap();
    }
    assert!(alive.iter().all(|kept| Arc::strong_count(kept) == 1));
    assert_eq!(library.released.load(Ordering::SeqCst), 2000);
}
