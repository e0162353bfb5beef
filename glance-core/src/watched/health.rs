//! Whether a store may be asked, judged by how it answered.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which a store counts as down.
const FAILURES: u32 = 3;
/// How long a store that is down is left alone at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it is left alone at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is known of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers, but for so many failures in a row.
    Up { failures: u32 },
    /// It did not answer. Until the moment named, nobody is let through; then one at a time.
    Down { next: Instant, pause: Duration },
}

/// What changed with an answer, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    WentDown,
    CameBack,
}

impl Health {
    pub(super) const NEW: Self = Self::Up { failures: 0 };

    /// Whether it answers, as far as is known.
    pub(super) fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// Whether a call may go to the store now. Of a store that is down, one call in each pause
    /// finds out whether it still is.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        match self {
            Self::Up { .. } => true,
            Self::Down { next, .. } if now < *next => false,
            Self::Down { next, pause } => {
                *next = now + *pause;
                true
            }
        }
    }

    /// Notes that the store answered, well or badly.
    pub(super) fn answered(&mut self) -> Option<Turn> {
        let turn = matches!(self, Self::Down { .. }).then_some(Turn::CameBack);
        *self = Self::NEW;
        turn
    }

    /// Notes that it did not.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Turn> {
        match self {
            Self::Up { failures } if *failures + 1 < FAILURES => {
                *failures += 1;
                None
            }
            Self::Up { .. } => {
                *self = Self::Down { next: now + FIRST_PAUSE, pause: FIRST_PAUSE };
                Some(Turn::WentDown)
            }
            Self::Down { next, pause } => {
                *pause = (*pause * 2).min(LONGEST_PAUSE);
                *next = now + *pause;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(now: Instant) -> Health {
        let mut health = Health::NEW;
        (1..FAILURES).for_each(|_| assert_eq!(health.failed(now), None));
        assert_eq!(health.failed(now), Some(Turn::WentDown));
        health
    }

    #[test]
    fn one_failure_is_no_outage() {
        let now = Instant::now();
        let mut health = Health::NEW;
        for _ in 0..10 {
            assert_eq!(health.failed(now), None);
            assert!(health.admits(now));
            assert_eq!(health.answered(), None);
        }
    }

    #[test]
    fn a_store_that_is_down_is_asked_once_in_each_pause() {
        let now = Instant::now();
        let mut health = down(now);
        assert!(!health.admits(now));
        let later = now + FIRST_PAUSE;
        assert!(health.admits(later));
        assert!(!health.admits(later), "a second call while the first finds out");
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_end_with_an_answer() {
        let mut now = Instant::now();
        let mut health = down(now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let Health::Down { next, pause } = health else { panic!("{health:?}") };
            pauses.push(pause.as_secs());
            now = next;
            assert!(health.admits(now));
            assert_eq!(health.failed(now), None);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(health.answered(), Some(Turn::CameBack));
        assert!(health.admits(now));
    }
}
