//! What Keystone said of tokens a short while ago.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use glance_core::digest::{HashAlgorithm, Hasher};
use glance_stores::keystone::Token;
use jiff::Timestamp;

/// Most tokens that are remembered of each kind.
const MOST: usize = 4096;

/// Most memory that tokens of each kind take, in bytes: good ones have the catalogue of their project with
/// them, and whatever rules their holder wrote.
const MOST_BYTES: usize = 32 << 20;

/// How long a bad token stays bad unasked. Short, because a good one may be unknown to Keystone for a
/// moment; long enough for a client that tries again and again.
const BAD_FOR: Duration = Duration::from_secs(5);

/// A token that is looked up, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lookup {
    /// SHA-256, in hex.
    digest: String,
    /// Whether the token may have ended.
    pub(super) allow_expired: bool,
}

/// What Keystone said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Good(Arc<Token>),
    Bad,
}

/// The same moment on two clocks: one that never goes back, and the one that tokens go by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    steady: Instant,
    calendar: Timestamp,
}

/// Verdicts that still count. Good and bad ones have room of their own, so that nobody pushes good
/// ones out by asking with rubbish.
#[derive(Debug)]
pub(super) struct Known {
    good: Kept,
    bad: Kept,
}

#[derive(Debug, Default)]
struct Kept {
    /// `None`: nothing is kept.
    lasts: Option<Duration>,
    verdicts: HashMap<Lookup, Entry>,
    /// What is kept, in the order it came.
    order: VecDeque<(Lookup, Instant)>,
    /// How much memory the verdicts take, in bytes.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    asked: Instant,
    bytes: usize,
}

impl Lookup {
    pub(super) fn of(token: &str, allow_expired: bool) -> Self {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        hasher.update(token.as_bytes());
        Self { digest: hasher.finish(), allow_expired }
    }
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), calendar: Timestamp::now() }
    }
}

impl Verdict {
    /// This verdict, unless the token has ended and may not have.
    pub(super) fn unless_ended(self, allow_expired: bool, now: Moment) -> Self {
        match self {
            Self::Good(token) if !allow_expired && token.expires_at <= now.calendar => Self::Bad,
            verdict => verdict,
        }
    }

    /// How much memory it takes, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Good(token) => token.bytes(),
            Self::Bad => 0,
        }
    }
}

impl Known {
    /// Remembers good tokens as long as `lasts` says.
    pub(super) fn new(lasts: Option<Duration>) -> Self {
        let kept = |lasts| Kept { lasts, ..Kept::default() };
        Self { good: kept(lasts), bad: kept(lasts.map(|lasts| lasts.min(BAD_FOR))) }
    }

    pub(super) fn get(&self, lookup: &Lookup, now: Moment) -> Option<Verdict> {
        self.good.get(lookup, now.steady).or_else(|| self.bad.get(lookup, now.steady))
    }

    /// Remembers what Keystone was asked at the moment `asked`.
    pub(super) fn put(&mut self, lookup: Lookup, verdict: Verdict, asked: Moment) {
        match verdict {
            Verdict::Good(_) => {
                self.bad.forget(&lookup);
                self.good.put(lookup, verdict, asked.steady);
            }
            Verdict::Bad => {
                self.good.forget(&lookup);
                self.bad.put(lookup, verdict, asked.steady);
            }
        }
    }
}

impl Kept {
    fn get(&self, lookup: &Lookup, now: Instant) -> Option<Verdict> {
        let entry = self.verdicts.get(lookup)?;
        (now.saturating_duration_since(entry.asked) < self.lasts?).then(|| entry.verdict.clone())
    }

    fn put(&mut self, lookup: Lookup, verdict: Verdict, asked: Instant) {
        if self.lasts.is_none_or(|lasts| lasts.is_zero()) {
            return;
        }
        self.forget(&lookup);
        let bytes = verdict.bytes();
        while self.order.len() >= MOST || (self.bytes + bytes > MOST_BYTES && !self.order.is_empty()) {
            self.forget_first();
        }
        // Those at the front came first and so end first.
        while self.order.front().is_some_and(|(_, since)| Some(asked.saturating_duration_since(*since)) >= self.lasts) {
            self.forget_first();
        }
        self.order.push_back((lookup.clone(), asked));
        self.bytes += bytes;
        self.verdicts.insert(lookup, Entry { verdict, asked, bytes });
    }

    fn forget_first(&mut self) {
        if let Some((lookup, since)) = self.order.pop_front()
            // It may have been asked about anew since.
            && self.verdicts.get(&lookup).is_some_and(|entry| entry.asked <= since)
        {
            self.forget(&lookup);
        }
    }

    fn forget(&mut self, lookup: &Lookup) {
        if let Some(entry) = self.verdicts.remove(lookup) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use glance_stores::keystone::{AccessRule, Holder};

    use super::*;

    const LASTS: Duration = Duration::from_secs(300);

    fn moment(base: Moment, seconds: u64) -> Moment {
        let later = Duration::from_secs(seconds);
        Moment { steady: base.steady + later, calendar: base.calendar + later }
    }

    fn good(expires_at: Timestamp) -> Verdict {
        Verdict::Good(Arc::new(Token {
            user: Holder { id: "u".into(), domain: None },
            expires_at,
            project: None,
            domain: None,
            system: false,
            roles: Vec::new(),
            is_admin_project: true,
            catalog: Arc::default(),
            access_rules: None,
        }))
    }

    #[test]
    fn a_verdict_counts_as_long_as_configured() {
        let (start, lookup, verdict) = (Moment::now(), Lookup::of("t", false), good(Timestamp::MAX));
        let mut known = Known::new(Some(LASTS));
        assert_eq!(known.get(&lookup, start), None);
        known.put(lookup.clone(), verdict.clone(), start);
        assert_eq!(known.get(&lookup, moment(start, 299)), Some(verdict.clone()));
        assert_eq!(known.get(&lookup, moment(start, 300)), None);
        assert_eq!(known.get(&Lookup::of("t", true), start), None, "another question");
        assert_eq!(known.get(&Lookup::of("T", false), start), None);
        let mut none = Known::new(None);
        none.put(lookup.clone(), verdict, start);
        assert_eq!(none.get(&lookup, start), None);
    }

    #[test]
    fn a_bad_token_is_asked_about_again_soon() {
        let (start, lookup) = (Moment::now(), Lookup::of("t", false));
        let mut known = Known::new(Some(LASTS));
        known.put(lookup.clone(), Verdict::Bad, start);
        assert_eq!(known.get(&lookup, moment(start, 4)), Some(Verdict::Bad));
        assert_eq!(known.get(&lookup, moment(start, 5)), None);
        known.put(lookup.clone(), good(Timestamp::MAX), start);
        known.put(lookup.clone(), Verdict::Bad, start);
        assert_eq!(known.get(&lookup, start), Some(Verdict::Bad), "the later verdict counts");
    }

    #[test]
    fn a_token_that_ended_is_bad_unless_it_may_have() {
        let now = Moment::now();
        let ended = good(now.calendar);
        assert_eq!(ended.clone().unless_ended(false, now), Verdict::Bad);
        assert_eq!(ended.clone().unless_ended(true, now), ended);
        let lasting = good(now.calendar + Duration::from_secs(1));
        assert_eq!(lasting.clone().unless_ended(false, now), lasting);
    }

    #[test]
    fn memory_is_bounded_too() {
        let start = Moment::now();
        let mut known = Known::new(Some(LASTS));
        let large = |number: usize| {
            let Verdict::Good(token) = good(Timestamp::MAX) else { unreachable!() };
            let rule = AccessRule { service: "image".into(), method: "GET".into(), path: "x".repeat(MOST_BYTES / 10) };
            let token = Token { access_rules: Some(vec![rule]), ..Token::clone(&token) };
            (Lookup::of(&number.to_string(), false), Verdict::Good(Arc::new(token)))
        };
        for number in (0..20).chain(15..20) {
            let (lookup, verdict) = large(number);
            known.put(lookup, verdict, start);
        }
        assert!(known.good.bytes <= MOST_BYTES && known.get(&large(0).0, start).is_none());
        let sum: usize = known.good.verdicts.values().map(|entry| entry.bytes).sum();
        assert_eq!((sum, known.good.verdicts.len()), (known.good.bytes, 9));
        for number in 11..20 {
            assert!(known.get(&large(number).0, start).is_some(), "{number}");
            known.put(large(number).0, Verdict::Bad, start);
        }
        assert_eq!((known.good.bytes, known.bad.verdicts.len()), (0, 9));
    }

    #[test]
    fn room_is_bounded_and_rubbish_takes_none_from_good_tokens() {
        let start = Moment::now();
        let mut known = Known::new(Some(LASTS));
        let first = Lookup::of("good", false);
        known.put(first.clone(), good(Timestamp::MAX), start);
        for number in 0..2 * MOST {
            known.put(Lookup::of(&format!("bad {number}"), false), Verdict::Bad, start);
        }
        assert!(known.get(&first, start).is_some());
        assert_eq!((known.bad.verdicts.len(), known.bad.order.len()), (MOST, MOST));
        for number in 0..MOST {
            known.put(Lookup::of(&format!("good {number}"), false), good(Timestamp::MAX), start);
        }
        assert_eq!(known.get(&first, start), None, "the first ones go first");
        assert_eq!(known.good.verdicts.len(), MOST);
        known.put(first, good(Timestamp::MAX), moment(start, 300));
        assert_eq!((known.good.verdicts.len(), known.good.order.len()), (1, 1), "what has ended is not kept");
    }
}
