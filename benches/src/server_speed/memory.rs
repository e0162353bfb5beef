//! How much memory the server has, idle and while images move.

use std::path::Path;
use std::time::{Duration, Instant};

use glance_core::store::BoxError;

use super::client;
use super::data::Data;
use super::report::{Memory, Start};
use super::server::{Server, file_of};
use super::transfers::at_once;

/// What starting leaves to be done is done by then.
const SETTLED: Duration = Duration::from_secs(2);

/// Moves so many images up at once, and then down at once.
pub(super) fn memory(program: &Path, folder: &Path, data: &Data, streams: u16) -> Result<Memory, BoxError> {
    let server = Server::start(program, folder)?;
    std::thread::sleep(SETTLED);
    let idle = server.process.peak_memory()?;
    let ids = (0..streams).map(|_| server.create()).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    at_once(streams, |number| {
        client::upload(server.address, &file_of(&ids[usize::from(number)]), &data.source(), number % 2 == 1)
    })?;
    let uploaded = begun.elapsed();
    let up = server.process.peak_memory()?;
    if let Some(id) = ids.last() {
        server.check(id, &data.md5, &data.sha512)?;
    }
    // What the uploads left behind is not what downloads take.
    drop(server);
    let server = Server::start(program, folder)?;
    std::thread::sleep(SETTLED);
    let begun = Instant::now();
    at_once(streams, |number| client::download(server.address, &file_of(&ids[usize::from(number)])))?;
    let downloaded = begun.elapsed();
    let down = server.process.peak_memory()?;
    ids.iter().try_for_each(|id| server.delete(id))?;
    Ok(Memory::new(idle, (up, uploaded), (down, downloaded), streams, data.size))
}

/// Starts the server in an empty folder once, and then so many times in the same one.
pub(super) fn start(program: &Path, folder: &Path, rounds: u16) -> Result<Start, BoxError> {
    let data = folder.join("start");
    let timed = || -> Result<Duration, BoxError> {
        let begun = Instant::now();
        let server = Server::start(program, &data)?;
        let elapsed = begun.elapsed();
        drop(server);
        Ok(elapsed)
    };
    let first = timed()?;
    let again = (0..rounds).map(|_| timed()).collect::<Result<Vec<_>, _>>()?;
    Ok(Start::new(first, &again))
}
