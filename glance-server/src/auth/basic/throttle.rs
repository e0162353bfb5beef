//! How often somebody may try.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use glance_core::digest::{HashAlgorithm, Hasher};

/// Wrong passwords that cost no waiting.
const FREE: u32 = 5;

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(60);

/// When all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// Most places that are remembered.
const MOST: usize = 4096;

/// From where, and as whom, somebody tries.
pub(super) type Place = (Option<IpAddr>, String);

/// Who tried in vain, how often, and when last.
#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<Place, (u32, Instant)>);

/// The place of a user at `peer`. All addresses of an IPv6 network are one: they are one machine's to choose from.
pub(super) fn place(peer: Option<IpAddr>, name: &str) -> Place {
    let peer = peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    });
    // Names come from anybody, and may be long.
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    hasher.update(name.as_bytes());
    (peer, hasher.finish())
}

impl Throttle {
    /// Counts an attempt as failed; or says how long to wait before one is let through.
    pub(super) fn attempt(&mut self, place: Place, now: Instant) -> Option<Duration> {
        let (failures, last) = self.0.get(&place).copied().unwrap_or((0, now));
        let since = now.saturating_duration_since(last);
        let failures = if since >= FORGOTTEN { 0 } else { failures };
        let left = pause(failures).saturating_sub(since);
        if !left.is_zero() {
            return Some(left);
        }
        if !self.0.contains_key(&place) {
            self.make_room(now);
        }
        self.0.insert(place, (failures.saturating_add(1), now));
        None
    }

    /// Forgets the failures of somebody who got in.
    pub(super) fn succeeded(&mut self, place: &Place) {
        self.0.remove(place);
    }

    fn make_room(&mut self, now: Instant) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGOTTEN);
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (_, last))| *last).map(|(place, _)| place.clone())
        {
            self.0.remove(&oldest);
        }
    }
}

fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(6)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, name: &str) -> Place {
        place(Some(address.parse().unwrap()), name)
    }

    #[test]
    fn failures_cost_ever_longer_pauses() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let place = at("192.0.2.1", "alice");
        for _ in 0..FREE {
            assert_eq!(throttle.attempt(place.clone(), start), None);
        }
        assert_eq!(throttle.attempt(place.clone(), start), Some(Duration::from_secs(1)));
        assert_eq!(throttle.attempt(place.clone(), after(1)), None);
        assert_eq!(throttle.attempt(place.clone(), after(1)), Some(Duration::from_secs(2)));
        let mut now = after(1);
        for _ in 0..20 {
            now += LONGEST;
            assert_eq!(throttle.attempt(place.clone(), now), None);
        }
        assert_eq!(throttle.attempt(place.clone(), now), Some(LONGEST));
        now += FORGOTTEN;
        for _ in 0..FREE {
            assert_eq!(throttle.attempt(place.clone(), now), None);
        }
        throttle.succeeded(&place);
        assert_eq!(throttle.attempt(place, now), None);
    }

    #[test]
    fn one_user_and_one_place_do_not_stop_others() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..FREE {
            throttle.attempt(at("2001:db8::1", "alice"), now);
        }
        for (address, name, free) in [
            ("2001:db8::1", "alice", false),
            ("2001:db8::ffff", "alice", false),
            ("2001:db8:0:1::1", "alice", true),
            ("2001:db8::1", "bob", true),
            ("192.0.2.1", "alice", true),
        ] {
            assert_eq!(throttle.attempt(at(address, name), now).is_none(), free, "{address} {name}");
        }
    }

    #[test]
    fn room_is_bounded() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..MOST + 10 {
            throttle.attempt(place(None, &number.to_string()), now);
        }
        assert_eq!(throttle.0.len(), MOST);
    }
}
