//! Passwords that were right.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a password that was right goes on being right without being used. Whoever is in stays in by using it, so
/// that nobody can keep users out by guessing at their passwords. A change of the files ends it at once.
const UNUSED: Duration = Duration::from_secs(60 * 60);

/// Most passwords that are remembered.
const MOST: usize = 4096;

/// What stands for passwords that were right, and when each was used last.
#[derive(Default)]
pub(super) struct Proven(HashMap<String, Instant>);

impl Proven {
    /// Whether the password that `proof` stands for was right a short while ago. This counts as a use.
    pub(super) fn knows(&mut self, proof: &str, now: Instant) -> bool {
        let Some(used) = self.0.get_mut(proof) else { return false };
        if now.saturating_duration_since(*used) >= UNUSED {
            return false;
        }
        *used = now;
        true
    }

    /// Remembers a password that was right.
    pub(super) fn remember(&mut self, proof: String, now: Instant) {
        if self.0.len() >= MOST && !self.0.contains_key(&proof) {
            self.0.retain(|_, used| now.saturating_duration_since(*used) < UNUSED);
        }
        if self.0.len() >= MOST
            && !self.0.contains_key(&proof)
            && let Some(oldest) = self.0.iter().min_by_key(|(_, used)| **used).map(|(proof, _)| proof.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(proof, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_use_is_remembered_and_another_one_is_not() {
        let (mut proven, start) = (Proven::default(), Instant::now());
        proven.remember("a".to_owned(), start);
        let mut now = start;
        for _ in 0..5 {
            now += UNUSED / 2;
            assert!(proven.knows("a", now) && !proven.knows("b", now));
        }
        assert!(!proven.knows("a", now + UNUSED));
    }

    #[test]
    fn room_is_bounded_and_the_one_unused_for_longest_goes_first() {
        let (mut proven, start) = (Proven::default(), Instant::now());
        let at = |number: usize| start + Duration::from_millis(number as u64);
        for number in 0..MOST {
            proven.remember(number.to_string(), at(number));
        }
        assert!(proven.knows("0", at(MOST)));
        proven.remember("new".to_owned(), at(MOST));
        proven.remember("new".to_owned(), at(MOST));
        assert_eq!(proven.0.len(), MOST);
        let later = at(MOST + 1);
        assert!(proven.knows("new", later) && proven.knows("0", later) && !proven.knows("1", later));
        proven.remember("last".to_owned(), later + UNUSED);
        assert_eq!(proven.0.len(), 1, "what is not right any more is not kept");
    }
}
