//! The segments of a large object, of which several are on their way at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing::Instrument as _;

use glance_core::store::StoreError;
use tokio::task::{JoinError, JoinSet};

use super::making::{Making, Object};
use super::part::{Part, Sent};
use super::{Upload, head_of};
use crate::data::pump::Ahead;
use crate::data::swift::client::{KIND, pause};

/// Segments an object may have: their numbers have five digits, and are sorted as text.
pub(super) const SEGMENTS: u64 = 99_999;
/// Segments on their way at once, the one whose data is coming included.
const AT_ONCE: usize = 4;
/// How often a listing is looked at until it shows what was written: some take their time.
const LOOKS: u32 = 8;

const SENDING: &str = "sending segments";

/// What becomes of a segment.
type Landed = (u64, Result<Sent, StoreError>);

/// The segments of one upload.
pub(super) struct Segments {
    upload: Arc<Upload>,
    /// Bytes of all but the last.
    size: u64,
    on_their_way: JoinSet<Landed>,
    sent: BTreeMap<u64, Sent>,
}

impl Segments {
    /// None yet; all but the last are to have `size` bytes.
    pub(super) fn new(upload: &Arc<Upload>, size: u64) -> Self {
        Self { upload: Arc::clone(upload), size, on_their_way: JoinSet::new(), sent: BTreeMap::new() }
    }

    /// Sends all of the data, which begins with `first`, and waits until the container lists it. The length of the
    /// data is `length` if that is known.
    pub(super) async fn send(mut self, first: Part, data: &mut Ahead, length: Option<u64>) -> Result<(), StoreError> {
        let (mut part, mut left) = (first, length);
        for number in 1.. {
            if part.is_empty() {
                break;
            }
            if number > SEGMENTS {
                tracing::warn!("no room for the data: an object has {SEGMENTS} segments at most; make them larger");
                return Err(StoreError::Full { store: KIND });
            }
            self.send_one(number, part, data, left.map(|left| left.min(self.size))).await?;
            left = left.map(|left| left.saturating_sub(self.size));
            part = Part::begin(data, self.size, head_of(self.size)).await?;
        }
        while let Some(landed) = self.on_their_way.join_next().await {
            self.note(landed)?;
        }
        self.demand_listing().await
    }

    /// Takes the data of a segment, once there is room for it.
    async fn send_one(
        &mut self,
        number: u64,
        part: Part,
        data: &mut Ahead,
        length: Option<u64>,
    ) -> Result<(), StoreError> {
        while self.on_their_way.len() >= AT_ONCE {
            if let Some(landed) = self.on_their_way.join_next().await {
                self.note(landed)?;
            }
        }
        self.upload.begun.segments.store(number, Ordering::Release);
        let making = Making { upload: Arc::clone(&self.upload), object: Object::Segment(number) };
        let landing = tokio::select! {
            biased;
            failure = self.failure() => return Err(failure),
            landing = making.send(part, data, length) => landing?,
        };
        self.on_their_way.spawn(async move { (number, landing.await) }.in_current_span());
        Ok(())
    }

    /// Waits for a segment that does not arrive.
    async fn failure(&mut self) -> StoreError {
        while let Some(landed) = self.on_their_way.join_next().await {
            if let Err(failure) = self.note(landed) {
                return failure;
            }
        }
        std::future::pending().await
    }

    fn note(&mut self, landed: Result<Landed, JoinError>) -> Result<(), StoreError> {
        let (number, sent) = landed.map_err(StoreError::failed(KIND, SENDING))?;
        self.sent.insert(number, sent?);
        Ok(())
    }

    /// Waits until the container lists the segments as they were sent: what it lists is what is read.
    async fn demand_listing(&self) -> Result<(), StoreError> {
        for look in 1..=LOOKS {
            if self.are_listed().await? {
                return Ok(());
            }
            pause(look).await;
        }
        let told = "the container does not list the segments as they were sent";
        Err(StoreError::failed(KIND, "checking the segments")(told))
    }

    async fn are_listed(&self) -> Result<bool, StoreError> {
        let (upload, mut marker) = (&self.upload, String::new());
        let mut expected = self.sent.iter();
        loop {
            let page = upload.swift.list(&upload.container, &upload.segments(), &marker).await?;
            let Some(last) = page.last() else { return Ok(expected.next().is_none()) };
            marker.clone_from(&last.name);
            for entry in page {
                let Some((number, sent)) = expected.next() else { return Ok(false) };
                let name = upload.name_of(Object::Segment(*number));
                if entry.name != name || entry.bytes != sent.bytes || entry.hash != sent.md5 {
                    return Ok(false);
                }
            }
        }
    }
}
