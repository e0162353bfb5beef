//! Where an Image service keeps things: image data and records.
//!
//! Every module is a backend behind a feature of its own and implements a trait of `glance-core`.

pub mod data;
pub mod database;
#[cfg(feature = "keystone")]
pub mod keystone;
pub mod notify;
#[cfg(feature = "outbound")]
pub mod outbound;
