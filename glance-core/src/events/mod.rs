//! What happens in a registry, told to whoever listens: the notifications of the Python server.
//!
//! ```
//! use std::sync::Arc;
//! use glance_core::events::{Event, Notifier};
//!
//! #[derive(Debug)]
//! struct Printing;
//!
//! impl Notifier for Printing {
//!     fn notify(&self, event: Event) {
//!         println!("{} {}", event.event_type, serde_json::json!(event.payload));
//!     }
//! }
//! # fn example(builder: glance_core::catalogue::Builder) {
//! let glance = builder.notifier(Arc::new(Printing)).build();
//! # }
//! ```

mod delivery;
mod emitter;
mod event_type;
mod payload;
mod schema;

use std::fmt;

use serde::Serialize;

pub use delivery::{Counting, Delivery};
pub(crate) use emitter::Emitter;
pub use event_type::EventType;
pub use payload::{
    ImagePayload, ImportLists, InNamespace, MemberPayload, NamespacePayload, ObjectPayload, Payload, PropertyPayload,
    ResourceTypePayload, SendPayload, TagPayload, Times,
};

/// Takes events on behalf of whoever listens.
///
/// Events are told after what they tell of was committed, by the call that did it. So an
/// implementation must return at once, whatever becomes of those who listen.
pub trait Notifier: fmt::Debug + Send + Sync + 'static {
    /// Takes one event. It cannot fail: what cannot be delivered is this side's to deal with.
    fn notify(&self, event: Event);
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it was.
    pub event_type: EventType,
    /// Whether it is good news.
    pub priority: Priority,
    /// What is told of it. It names no location and holds no secret of the registry; properties of images
    /// are as clients wrote them.
    pub payload: Payload,
}

/// How urgent an event is. It chooses the queue that a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// Something was done.
    Info,
    /// Something failed.
    Error,
}

impl Priority {
    /// The priority as messages spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
