//! The real program, killed, starved and told to stop while it works: whatever happens, an image
//! is whole or queued, and no byte lies in the store that no image owns.

#![expect(clippy::unwrap_used, reason = "in a test, panicking is how a surprise is told")]
#![expect(clippy::print_stdout, reason = "shown by the test runner when a test fails")]

mod broken_uploads;
mod client;
mod deletion;
mod full_disk;
mod limits;
mod quota;
mod random;
mod server;
mod shutdown;
mod two_uploads;

use std::time::{Duration, Instant};

/// Asks again until there is an answer. The limit is there for the test to end at all: nothing is
/// proved by how soon the answer comes.
fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < patience, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
