//! Who waits for a password to be checked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most checks that wait for their turn or are under way; whoever comes on top is told to come back.
const MOST: usize = 64;

/// Most of them from one network, so that no stranger fills the line alone.
const MOST_OF_ONE: usize = 32;

/// Those who wait, by the network they come from.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<HashMap<Option<IpAddr>, usize>>);

/// A place in the line, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    line: &'a Line,
    network: Option<IpAddr>,
}

impl Line {
    /// A place for somebody from `network`; `None` if there is none.
    pub(super) fn enter(&self, network: Option<IpAddr>) -> Option<Seat<'_>> {
        let mut waiting = self.lock();
        let here = waiting.get(&network).copied().unwrap_or_default();
        if here >= MOST_OF_ONE || waiting.values().sum::<usize>() >= MOST {
            return None;
        }
        waiting.insert(network, here + 1);
        Some(Seat { line: self, network })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut waiting = self.line.lock();
        match waiting.get_mut(&self.network) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(waiting.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_leaves_room_for_others() {
        let line = Line::default();
        let network = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
        let mut seats: Vec<_> = (0..MOST_OF_ONE).map(|_| line.enter(network(1)).unwrap()).collect();
        assert!(line.enter(network(1)).is_none());
        seats.extend((MOST_OF_ONE..MOST).map(|_| line.enter(network(2)).unwrap()));
        assert!(line.enter(network(3)).is_none() && line.enter(None).is_none());
        seats.pop();
        drop(line.enter(network(3)).unwrap());
        seats.clear();
        assert!(line.lock().is_empty());
    }
}
