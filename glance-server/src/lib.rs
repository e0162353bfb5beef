//! The Image API v2 over HTTP, as a drop-in for Python's `glance-api`.
//!
//! What the service does lives in `glance-core`; this crate reads configuration, speaks HTTP and
//! establishes who is asking. It is not a library for embedders: they take `glance-core` and
//! `glance-stores`.

pub mod api;
pub mod auth;
pub mod cli;
pub mod config;
pub mod http;
pub mod metrics;
pub mod process;
pub mod serve;
mod sight;
