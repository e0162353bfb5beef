//! Image data on its way to who asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use tracing::Span;

use super::{Emitter, EventType, Payload, Priority, SendPayload};
use crate::context::RequestContext;
use crate::image::Image;
use crate::store::{ByteStream, Reading};

/// One download, as far as those are concerned who listen for `image.send`.
///
/// The stream of a [`Download`](crate::catalogue::Download) counts by itself. Who sends the data in another way,
/// such as from the file, [begins](Delivery::begin) to count.
#[derive(Debug, Clone, Default)]
pub struct Delivery(Option<Arc<Announced>>);

#[derive(Debug)]
struct Announced {
    events: Emitter,
    /// With nothing sent yet.
    payload: SendPayload,
    /// Bytes that were asked for.
    expected: u64,
    /// That of the request, since data is sent, and let go of, outside of it.
    span: Span,
}

/// Counts the bytes of a download that were sent. When it is dropped, `image.send` is told with
/// their number: as an error if they are not as many as were asked for.
#[derive(Debug)]
pub struct Counting {
    announced: Option<Arc<Announced>>,
    sent: AtomicU64,
}

impl Delivery {
    /// The sending of `reading`, data of `image`, to who is behind `context`.
    pub(crate) fn of(events: &Emitter, image: &Image, reading: &Reading, context: &RequestContext) -> Self {
        if !events.wants(EventType::ImageSend) {
            return Self(None);
        }
        let payload = SendPayload {
            bytes_sent: 0,
            image_id: image.id.to_string(),
            owner_id: image.owner.clone(),
            receiver_tenant_id: context.project_id.clone(),
            receiver_user_id: context.user_id.clone(),
        };
        let expected = reading.range.end.saturating_sub(reading.range.start);
        Self(Some(Arc::new(Announced { events: events.clone(), payload, expected, span: Span::current() })))
    }

    /// Begins to count.
    #[must_use]
    pub fn begin(&self) -> Counting {
        Counting { announced: self.0.clone(), sent: AtomicU64::new(0) }
    }

    /// Whether somebody listens. If not, there is no need to count.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// The stream, which begins to count when it is first polled: one that nobody reads was not sent.
    pub(crate) fn counted(&self, stream: ByteStream) -> ByteStream {
        if self.0.is_none() {
            return stream;
        }
        let waiting = Some((stream, self.clone(), None));
        Box::pin(futures::stream::unfold(waiting, |state| async {
            let (mut stream, delivery, counting) = state?;
            let counting = counting.unwrap_or_else(|| delivery.begin());
            let chunk = stream.next().await?;
            counting.sent(chunk.as_ref().map_or(0, bytes::Bytes::len) as u64);
            Some((chunk, Some((stream, delivery, Some(counting)))))
        }))
    }
}

impl Counting {
    /// Notes that so many bytes more were sent.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let Some(Announced { events, payload, expected, span }) = self.announced.as_deref() else { return };
        let bytes_sent = *self.sent.get_mut();
        let priority = if bytes_sent == *expected { Priority::Info } else { Priority::Error };
        span.in_scope(|| {
            events
                .tell(EventType::ImageSend, priority, || Payload::Send(SendPayload { bytes_sent, ..payload.clone() }));
        });
    }
}
