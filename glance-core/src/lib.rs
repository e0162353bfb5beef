//! The domain of an OpenStack Image service: images and everything said of them, the rules they
//! follow, and the traits behind which image data and records are kept.
//!
//! This crate opens no file, socket or database and knows no HTTP.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod context;

pub use context::RequestContext;
pub use policy::Policy;
pub mod database;
pub mod image;
pub mod location;
pub mod member;
pub mod memory;
pub mod policy;
pub mod store;
