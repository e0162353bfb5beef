//! Whose turn it is to have registered data read, and how long that may take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Registered data that is read at the same time by one registry; other data waits.
const AT_ONCE: usize = 8;

/// So much of it for one project, so that nobody keeps all others waiting.
const OF_ONE_PROJECT: usize = 2;

/// The slowest that data may come on the whole, in bytes a second.
const LEAST_RATE: u64 = 1 << 20;

/// How long even the shortest data may take.
const AT_LEAST: Duration = Duration::from_secs(5 * 60);

/// How long it may take to read `size` bytes, other tries included.
pub(super) fn patience(size: u64) -> Duration {
    AT_LEAST + Duration::from_secs(size / LEAST_RATE)
}

/// Turns at reading data that was registered.
#[derive(Debug)]
pub(in crate::catalogue) struct Turns {
    all: Arc<Semaphore>,
    /// Those of projects that read or wait.
    projects: Mutex<HashMap<Option<String>, Weak<Semaphore>>>,
}

/// A turn, as long as it is kept.
pub(super) struct Turn {
    _of_project: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(in crate::catalogue) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), projects: Mutex::default() }
    }

    /// Waits for a turn of `project`; images that nobody owns are one project.
    pub(super) async fn take(&self, project: Option<&str>) -> Result<Turn, Error> {
        // Who waits for the others of its project takes up nobody else's turn.
        let of_project = self.of(project).acquire_owned().await;
        let of_all = Arc::clone(&self.all).acquire_owned().await;
        match (of_project, of_all) {
            (Ok(of_project), Ok(of_all)) => Ok(Turn { _of_project: of_project, _of_all: of_all }),
            _ => Err(Error::Unavailable("no data is read any more".to_owned())),
        }
    }

    fn of(&self, project: Option<&str>) -> Arc<Semaphore> {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        projects.retain(|_, turns| turns.strong_count() > 0);
        let known = projects.entry(project.map(str::to_owned)).or_default();
        known.upgrade().unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(OF_ONE_PROJECT));
            *known = Arc::downgrade(&turns);
            turns
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_project_takes_two_turns_of_eight() {
        let turns = Turns::new();
        let take = |project: &str| turns.take(Some(project)).now_or_never().map(Result::unwrap);
        let mut taken: Vec<_> = ["a", "a", "b", "b", "c", "c", "d"].map(|project| take(project).unwrap()).into();
        assert!(take("a").is_none());
        taken.push(turns.take(None).now_or_never().unwrap().unwrap());
        assert!(take("e").is_none(), "there are eight");
        taken.remove(0);
        assert!(take("b").is_none());
        assert!(take("a").is_some());
        taken.clear();
        drop(take("f"));
        assert_eq!(turns.projects.lock().unwrap().len(), 1, "only those are known who read or wait");
    }

    #[test]
    fn patience_grows_with_the_data() {
        assert_eq!(patience(0), Duration::from_secs(5 * 60));
        assert_eq!(patience(3 << 30), Duration::from_secs(5 * 60) + Duration::from_secs(3 << 10));
    }
}
