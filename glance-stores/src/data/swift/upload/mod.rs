//! Bringing data into Swift, and taking back what did not get there whole.
//!
//! Short data of known length is one object. All other is a dynamic large object: segments
//! `<image id>-00001` and so on, and when the container lists all of them, and nothing else, as they
//! were sent, an empty object of the image's name that says where they are. Nobody reads them before.

mod buffer;
mod claims;
mod feed;
mod leftovers;
mod part;
mod sending;

use std::sync::Arc;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::Mutex;

pub(super) use self::claims::Claims;
use self::feed::Feed;
use self::leftovers::Leftovers;
use self::part::{Making, Part, Sent};
use super::client::{KIND, Swift, at, drain, pause, refusal};
use super::config::SwiftConfig;
use crate::data::intake::Intake;
use crate::outbound::{Payload, Response};

/// Segments an object may have: their numbers have five digits, and are sorted as text.
const SEGMENTS: u64 = 99_999;
/// How often a listing is looked at until it shows what was written: some take their time.
const LOOKS: u32 = 8;
/// What Swift would take for something else in the place of segments.
const IN_MANIFEST: &AsciiSet = &CONTROLS.add(b'%').add(b'?');

/// One put.
pub(super) struct Upload {
    pub(super) swift: Arc<Swift>,
    pub(super) config: Arc<SwiftConfig>,
    pub(super) id: ImageId,
    pub(super) container: String,
    /// Held while a request that makes an object waits for its answer, be there anybody who wants it or not.
    pub(super) in_flight: Arc<Mutex<()>>,
}

impl Upload {
    /// Takes all of the data in and says how much it was.
    pub(super) async fn run(self, claims: &Claims, data: Intake, size: Option<u64>) -> Result<u64, StoreError> {
        // A put that was given up may still be taking back what it began.
        let claim = claims.take(self.id).await;
        let mut begun = Leftovers::new(&self, claim);
        match self.send(&mut begun, data, size).await {
            Ok(size) => {
                begun.keep();
                Ok(size)
            }
            Err(error) => {
                begun.remove().await;
                Err(error)
            }
        }
    }

    async fn send(&self, begun: &mut Leftovers, data: Intake, size: Option<u64>) -> Result<u64, StoreError> {
        self.demand_container().await?;
        self.refuse_double().await?;
        let segment = self.segment_size(size);
        let mut feed = Feed::open(data, segment.unwrap_or(u64::MAX)).await?;
        let first = Part::begin(&mut feed, segment.unwrap_or(u64::MAX)).await?;
        let short = size.is_none() && feed.has_ended() && first.taken() < self.config.large_object_size;
        if segment.is_none() || short {
            self.send_whole(begun, first, &mut feed, size).await?;
        } else {
            let segments = self.send_segments(begun, first, &mut feed, size).await?;
            self.demand_listing(&segments).await?;
            self.send_manifest(begun).await?;
        }
        Ok(feed.received())
    }

    /// Bytes of a segment; `None` if there are to be none. A great size makes them larger than configured.
    fn segment_size(&self, size: Option<u64>) -> Option<u64> {
        let configured = self.config.segment_size;
        match size {
            Some(size) if size < self.config.large_object_size => None,
            Some(size) => Some(configured.max(size.div_ceil(SEGMENTS))),
            None => Some(configured),
        }
    }

    async fn demand_container(&self) -> Result<(), StoreError> {
        if self.swift.has_container(&self.container).await? {
            return Ok(());
        }
        if self.config.create_container {
            return self.swift.make_container(&self.container).await;
        }
        let told = "the container does not exist, and swift_store_create_container_on_put is off";
        Err(StoreError::failed(KIND, "looking for the container")(told))
    }

    async fn refuse_double(&self) -> Result<(), StoreError> {
        match self.swift.head(&self.container, self.id.as_str()).await? {
            Some(_) => Err(StoreError::Exists { store: KIND, id: self.id }),
            None => Ok(()),
        }
    }

    async fn send_whole(
        &self,
        begun: &mut Leftovers,
        part: Part,
        feed: &mut Feed,
        size: Option<u64>,
    ) -> Result<(), StoreError> {
        begun.whole(true);
        let sent = Making { upload: self, object: self.id.as_str(), only_new: true }.send(part, feed, size).await;
        // What is there then is somebody else's.
        begun.whole(!matches!(sent, Err(StoreError::Exists { .. })));
        sent.map(drop)
    }

    async fn send_segments(
        &self,
        begun: &mut Leftovers,
        first: Part,
        feed: &mut Feed,
        size: Option<u64>,
    ) -> Result<Vec<Sent>, StoreError> {
        // Segments of an upload that was cut off would become a part of this one.
        self.swift.delete_listed(&self.container, &prefix(self.id.as_str())).await?;
        let limit = self.segment_size(size).unwrap_or(u64::MAX);
        let (mut segments, mut part, mut left) = (Vec::new(), first, size);
        while !part.is_empty() {
            let number = segments.len() as u64 + 1;
            if number > SEGMENTS {
                tracing::warn!("no room for the data: an object has {SEGMENTS} segments at most; make them larger");
                return Err(StoreError::Full { store: KIND });
            }
            begun.segments(number);
            let object = segment_name(self.id.as_str(), number);
            let length = left.map(|left| left.min(limit));
            let sent = Making { upload: self, object: &object, only_new: false }.send(part, feed, length).await?;
            left = left.map(|left| left.saturating_sub(sent.bytes));
            segments.push(sent);
            part = Part::begin(feed, limit).await?;
        }
        Ok(segments)
    }

    /// Waits until the container lists `segments` and nothing else: what it lists is what is read.
    async fn demand_listing(&self, segments: &[Sent]) -> Result<(), StoreError> {
        for look in 1..=LOOKS {
            if self.lists(segments).await? {
                return Ok(());
            }
            pause(look).await;
        }
        let told = "the container does not list the segments as they were sent";
        Err(StoreError::failed(KIND, "checking the segments")(told))
    }

    async fn lists(&self, segments: &[Sent]) -> Result<bool, StoreError> {
        let (prefix, mut marker) = (prefix(self.id.as_str()), String::new());
        let mut expected = segments.iter().zip(1..);
        loop {
            let page = self.swift.list(&self.container, &prefix, &marker).await?;
            let Some(last) = page.last() else { return Ok(expected.next().is_none()) };
            marker.clone_from(&last.name);
            for entry in page {
                let Some((sent, number)) = expected.next() else { return Ok(false) };
                let name = segment_name(self.id.as_str(), number);
                if entry.name != name || entry.bytes != sent.bytes || entry.hash != sent.md5 {
                    return Ok(false);
                }
            }
        }
    }

    async fn send_manifest(&self, begun: &mut Leftovers) -> Result<(), StoreError> {
        const DOING: &str = "ending an upload";
        begun.whole(true);
        let place = format!("{}/{}", self.container, prefix(self.id.as_str()));
        let place = HeaderValue::try_from(utf8_percent_encode(&place, IN_MANIFEST).to_string());
        let place = place.map_err(StoreError::failed(KIND, DOING))?;
        let (swift, container, id) = (Arc::clone(&self.swift), self.container.clone(), self.id);
        let sending = async move {
            let manifest = |grant: &super::auth::Grant| {
                at(grant, Method::PUT, [container.as_str(), id.as_str()])
                    .payload(Payload::Bytes(Bytes::new()))
                    .header(HeaderName::from_static("x-object-manifest"), place.clone())
                    .header(http::header::IF_NONE_MATCH, HeaderValue::from_static("*"))
            };
            swift.call(DOING, manifest).await
        };
        let answer = self.to_its_end(sending).await?;
        let status = answer.status;
        drain(answer).await;
        match status {
            status if status.is_success() => Ok(()),
            // Of an attempt whose answer was lost. As long as nobody knows, it counts as somebody else's.
            StatusCode::PRECONDITION_FAILED if self.is_manifest_of_ours().await.unwrap_or(false) => Ok(()),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => {
                begun.whole(false);
                Err(StoreError::Exists { store: KIND, id: self.id })
            }
            status => Err(refusal(DOING, status)),
        }
    }

    /// Does something even if nobody waits for it any more: what it makes can only be removed when it is made.
    async fn to_its_end(
        &self,
        sending: impl Future<Output = Result<Response, StoreError>> + Send + 'static,
    ) -> Result<Response, StoreError> {
        let in_flight = Arc::clone(&self.in_flight).lock_owned().await;
        let sent = tokio::spawn(async move {
            let answer = sending.await;
            drop(in_flight);
            answer
        });
        sent.await.map_err(StoreError::failed(KIND, "sending data"))?
    }

    async fn is_manifest_of_ours(&self) -> Result<bool, StoreError> {
        let found = self.swift.head(&self.container, self.id.as_str()).await?;
        let ours = (self.container.clone(), prefix(self.id.as_str()));
        Ok(found.is_some_and(|found| found.manifest == Some(ours)))
    }
}

/// What the names of an image's segments begin with.
pub(super) fn prefix(object: &str) -> String {
    format!("{object}-")
}

/// The name of a segment, counted from 1.
fn segment_name(object: &str, number: u64) -> String {
    format!("{object}-{number:05}")
}
