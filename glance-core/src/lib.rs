//! The domain of an OpenStack Image service: images and everything said of them, the rules they
//! follow, and the traits behind which image data and records are kept.
//!
//! [`Glance`] is the registry as a program embeds it. This crate opens no file, socket or database
//! and knows no HTTP: `glance-stores` keeps things, `glance-server` speaks to clients.

pub mod catalogue;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod context;
pub mod database;
pub mod digest;
mod error;
pub mod events;
pub mod image;
pub mod limits;
pub mod location;
pub mod member;
pub mod memory;
pub mod metadefs;
mod moment;
mod pattern;
pub mod policy;
pub mod protection;
pub mod store;
mod stores;
mod upload;
pub mod watched;

pub use catalogue::{Glance, Images, Metadefs, Settings};
pub use context::RequestContext;
pub use error::Error;
pub use moment::Moment;
pub use policy::Policy;
pub use stores::{NamedStore, RESERVED_STORES, Stores, StoresError};
pub use watched::Watched;
