//! Bringing data into Swift, and taking back what did not get there whole.
//!
//! Short data of known length is one object. All other is a dynamic large object: segments, and
//! when the container lists all of them, and nothing else, as they were sent, an empty object of the
//! image's name that says where they are. Nobody reads them before.
//!
//! Segments are called `<image id>-<mark>-00001` and so on, where the mark, 32 hexadecimal digits, is another for
//! every upload. The object of the image's name has it in a header, and replaces no other. So what a
//! failed upload removes is its own, whoever else has meanwhile brought in data of the image, and what a killed
//! one left becomes no part of the next. Python Glance calls segments `<image id>-00001`, and goes by the header
//! `X-Object-Manifest` as we do: either reads and deletes what the other wrote.
//!
//! Up to four segments are on their way at once. Those of up to 8 MiB are kept in memory until Swift has them, larger
//! ones in `buffer_dir`, and each is sent again by itself where that may help. Without such a folder, larger ones are
//! sent as their data comes: while the next begins, the others wait for their answers, and only the first MiB of
//! each can be sent again. An upload so has at most 41 MiB in memory, and 9 MiB where segments are larger than 8 MiB.

mod buffer;
mod flight;
mod leftovers;
mod making;
mod part;
mod segments;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use glance_core::image::{ImageId, Readers};
use glance_core::store::StoreError;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use self::flight::Flight;
use self::leftovers::{Begun, Leftovers};
use self::making::{Making, Object};
use self::part::Part;
use self::segments::{SEGMENTS, Segments};
use super::access::Access;
use super::client::{Found, KIND, MARK, Swift, at, drain, refusal};
use super::config::SwiftConfig;
use crate::data::claims::Claims;
use crate::data::intake::Intake;
use crate::data::pump::Ahead;
use crate::outbound::{Payload, Request};

/// Objects of up to this many bytes are kept in memory until Swift has them.
const IN_MEMORY: u64 = 8 * 1024 * 1024;
/// Bytes of a larger object that are kept until it is clear that Swift takes it.
const HEAD: u64 = 1024 * 1024;
/// What Swift would take for something else in the place of segments.
const IN_MANIFEST: &AsciiSet = &CONTROLS.add(b'%').add(b'?');

/// One put.
pub(super) struct Upload {
    swift: Arc<Swift>,
    config: Arc<SwiftConfig>,
    id: ImageId,
    container: String,
    /// What no other upload has.
    mark: String,
    flight: Flight,
    begun: Begun,
}

impl Upload {
    pub(super) fn new(swift: Arc<Swift>, config: Arc<SwiftConfig>, id: ImageId, container: String) -> Self {
        let mark = format!("{:032x}", uuid::Uuid::new_v4().as_u128());
        Self { swift, config, id, container, mark, flight: Flight::new(), begun: Begun::default() }
    }

    /// Takes all of the data in and says how much it was.
    pub(super) async fn run(self, claims: &Arc<Claims>, data: Intake, size: Option<u64>) -> Result<u64, StoreError> {
        let claim = claims.claim(KIND, self.id).await?;
        let interest = claim.interest();
        let upload = Arc::new(self);
        let leftovers = Leftovers::new(&upload, claim);
        match upload.send(data, size).await {
            Ok(size) => {
                leftovers.keep();
                Ok(size)
            }
            Err(error) => {
                drop(leftovers);
                Err(if interest.taken_back().await { error } else { error.left_behind(KIND) })
            }
        }
    }

    async fn send(self: &Arc<Self>, data: Intake, size: Option<u64>) -> Result<u64, StoreError> {
        self.demand_container().await?;
        self.refuse_double().await?;
        let segment = self.segment_size(size);
        let limit = segment.unwrap_or(u64::MAX);
        let mut data = Ahead::open(data, limit).await?;
        let first = Part::begin(&mut data, limit, head_of(segment.or(size).unwrap_or(u64::MAX))).await?;
        let short = size.is_none() && data.has_ended() && first.taken() < self.config.large_object_size;
        if segment.is_none() || short {
            let whole = Making { upload: Arc::clone(self), object: Object::Image };
            whole.send(first, &mut data, size).await?.await?;
        } else {
            Segments::new(self, limit).send(first, &mut data, size).await?;
            self.send_manifest().await?;
        }
        Ok(data.received())
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
        if let Some(tenants) = &self.config.multi_tenant {
            // From the start, so that the server itself can remove what an upload leaves that is killed.
            let access = Access::of(&Readers::Projects(Vec::new()), &tenants.admin_projects);
            let (swift, container) = (Arc::clone(&self.swift), self.container.clone());
            self.begun.container.store(true, Ordering::Release);
            let making = async move { swift.make_container(&container, &access).await };
            return self.flight.ticket().see_through(making).await;
        }
        if self.config.create_container {
            return self.swift.make_container(&self.container, &Access::unsaid()).await;
        }
        let told = "the container does not exist, and swift_store_create_container_on_put is off";
        Err(StoreError::failed(KIND, "looking for the container")(told))
    }

    async fn refuse_double(&self) -> Result<(), StoreError> {
        match self.swift.head(&self.container, self.id.as_str()).await? {
            Some(_) => Err(self.exists()),
            None => Ok(()),
        }
    }

    async fn send_manifest(&self) -> Result<(), StoreError> {
        const DOING: &str = "ending an upload";
        let place = format!("{}/{}", self.container, self.segments());
        let place = HeaderValue::try_from(utf8_percent_encode(&place, IN_MANIFEST).to_string());
        let place = place.map_err(StoreError::failed(KIND, DOING))?;
        let (swift, container, id) = (Arc::clone(&self.swift), self.container.clone(), self.id);
        let mark = self.mark.clone();
        self.begun.image.store(true, Ordering::Release);
        let sending = async move {
            let manifest = |grant: &super::auth::Grant| {
                let request = at(grant, Method::PUT, [container.as_str(), id.as_str()])
                    .payload(Payload::Bytes(Bytes::new()))
                    .header(HeaderName::from_static("x-object-manifest"), place.clone());
                as_only_one(request, &mark)
            };
            swift.call(DOING, manifest).await
        };
        let answer = self.flight.ticket().see_through(sending).await?;
        let status = answer.status;
        drain(answer).await;
        match status {
            status if status.is_success() => Ok(()),
            // Perhaps of an attempt whose answer was lost.
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => self.demand_own().await.map(drop),
            status => Err(refusal(DOING, status)),
        }
    }

    /// What there is of the image's name, which has to be what this upload made.
    async fn demand_own(&self) -> Result<Found, StoreError> {
        const DOING: &str = "looking at what was sent";
        match self.swift.head(&self.container, self.id.as_str()).await? {
            Some(found) if self.is_own(&found) => Ok(found),
            Some(_) => {
                self.begun.image.store(false, Ordering::Release);
                Err(self.exists())
            }
            None => Err(StoreError::failed(KIND, DOING)("Swift says that it is there, and that it is not")),
        }
    }

    fn is_own(&self, found: &Found) -> bool {
        found.mark.as_ref() == Some(&self.mark)
    }

    fn exists(&self) -> StoreError {
        StoreError::Exists { store: KIND, id: self.id }
    }

    /// What the names of this upload's segments begin with.
    fn segments(&self) -> String {
        format!("{}{}-", prefix(self.id.as_str()), self.mark)
    }

    fn name_of(&self, object: Object) -> String {
        match object {
            Object::Image => self.id.to_string(),
            Object::Segment(number) => format!("{}{number:05}", self.segments()),
        }
    }
}

/// A request for an object of the image's name: marked, and only if there is none.
fn as_only_one(request: Request, mark: &str) -> Request {
    let request = request.header(http::header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    match HeaderValue::try_from(mark) {
        Ok(mark) => request.header(HeaderName::from_static(MARK), mark),
        Err(_) => request,
    }
}

/// What the names of an image's segments begin with, whoever wrote them.
pub(super) fn prefix(object: &str) -> String {
    format!("{object}-")
}

/// Bytes of an object of at most `limit` bytes that are taken before it is sent.
fn head_of(limit: u64) -> u64 {
    if limit <= IN_MEMORY { limit } else { HEAD }
}
