//! What a registry has been doing, in figures for whoever operates it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;

use super::Glance;
use super::housekeeping::Recovered;
use crate::database::{JournalEntry, Work};
use crate::digest::Stopwatch;
use crate::error::Error;
use crate::image::ImageId;

/// What a registry has been doing in this process since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Time that threads spent computing digests of uploads, added up over all threads.
    pub hashing: Duration,
    /// Uploads that [`Glance::recover`] unwound.
    pub recovered_uploads: u64,
    /// Registrations of locations that [`Glance::recover`] unwound or goes on with.
    pub recovered_registrations: u64,
    /// Removals that [`Glance::recover`] brought to their end.
    pub recovered_removals: u64,
    /// Notes to tell stores who may read an image that [`Glance::recover`] made up for.
    pub recovered_readers: u64,
    /// The journal as [`Glance::recover`] found it last.
    pub journal: JournalCounts,
}

/// Entries of the journal, those of other processes included; a thousand at most are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalCounts {
    /// Uploads under way, or left behind.
    pub uploads: u64,
    /// Registrations of locations under way, or left behind.
    pub registrations: u64,
    /// Removals under way, or left behind.
    pub removals: u64,
    /// Stores that are to be told who may read an image.
    pub readers: u64,
    /// Those of all whose lease had run out: their process is no more, or their store is away.
    pub expired: u64,
    /// Those that could not be put in order.
    pub left: u64,
}

/// Where the figures are kept.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hashing: Stopwatch,
    recovered_uploads: AtomicU64,
    recovered_registrations: AtomicU64,
    recovered_removals: AtomicU64,
    recovered_readers: AtomicU64,
    uploads: AtomicU64,
    registrations: AtomicU64,
    removals: AtomicU64,
    readers: AtomicU64,
    expired: AtomicU64,
    left: AtomicU64,
}

impl Counts {
    /// Notes what the journal held before it was put in order.
    pub(super) fn note_journal(&self, entries: &[JournalEntry], now: Timestamp) {
        let count = |matches: &dyn Fn(&JournalEntry) -> bool| {
            u64::try_from(entries.iter().filter(|entry| matches(entry)).count()).unwrap_or(u64::MAX)
        };
        self.uploads.store(count(&|entry| matches!(entry.work, Work::Upload(_))), Relaxed);
        self.registrations.store(count(&|entry| matches!(entry.work, Work::Registration(_))), Relaxed);
        self.removals.store(count(&|entry| matches!(entry.work, Work::Removal(_))), Relaxed);
        self.readers.store(count(&|entry| entry.work == Work::Readers), Relaxed);
        self.expired.store(count(&|entry| entry.lease_until <= now), Relaxed);
    }

    pub(super) fn note_recovered(&self, recovered: Recovered) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.recovered_uploads.fetch_add(number(recovered.uploads), Relaxed);
        self.recovered_registrations.fetch_add(number(recovered.registrations), Relaxed);
        self.recovered_removals.fetch_add(number(recovered.removals), Relaxed);
        self.recovered_readers.fetch_add(number(recovered.told), Relaxed);
        self.left.store(number(recovered.left), Relaxed);
    }

    fn read(&self) -> Activity {
        Activity {
            hashing: self.hashing.elapsed(),
            recovered_uploads: self.recovered_uploads.load(Relaxed),
            recovered_registrations: self.recovered_registrations.load(Relaxed),
            recovered_removals: self.recovered_removals.load(Relaxed),
            recovered_readers: self.recovered_readers.load(Relaxed),
            journal: JournalCounts {
                uploads: self.uploads.load(Relaxed),
                registrations: self.registrations.load(Relaxed),
                removals: self.removals.load(Relaxed),
                readers: self.readers.load(Relaxed),
                expired: self.expired.load(Relaxed),
                left: self.left.load(Relaxed),
            },
        }
    }
}

impl Glance {
    /// What this registry has been doing. Takes no lock and asks nobody.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.0.counts.read()
    }

    /// Asks the database something that costs it next to nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if it does not answer.
    pub async fn check_database(&self) -> Result<(), Error> {
        Ok(self.0.database.members(ImageId::random()).await.map(drop)?)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::location::Location;

    #[test]
    fn the_journal_is_counted_by_work_and_lease() {
        let now = Timestamp::UNIX_EPOCH;
        let entry = |work, lease_until| JournalEntry {
            id: Uuid::new_v4(),
            work,
            image: ImageId::random(),
            store: None,
            reserved: 0,
            process: "p".to_owned(),
            lease_until,
        };
        let removal = Work::Removal(Location::new("memory://x"));
        let counts = Counts::default();
        let registration = Work::Registration(Location::new("memory://x"));
        counts.note_journal(
            &[
                entry(Work::Upload(None), now),
                entry(Work::Upload(None), Timestamp::MAX),
                entry(registration, Timestamp::MAX),
                entry(removal, Timestamp::MAX),
                entry(Work::Readers, Timestamp::MAX),
            ],
            now,
        );
        counts.note_recovered(Recovered { uploads: 1, registrations: 5, removals: 0, told: 7, left: 2 });
        counts.note_recovered(Recovered { uploads: 1, registrations: 0, removals: 3, told: 0, left: 1 });
        let expected = JournalCounts { uploads: 2, registrations: 1, removals: 1, readers: 1, expired: 1, left: 1 };
        let activity = counts.read();
        assert_eq!(activity.journal, expected);
        let recovered = (activity.recovered_uploads, activity.recovered_registrations, activity.recovered_removals);
        assert_eq!(recovered, (2, 5, 3));
        assert_eq!(activity.recovered_readers, 7);
    }
}
