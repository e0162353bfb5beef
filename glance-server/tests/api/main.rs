//! The API, asked in-process over the in-memory backends.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod actions;
mod bad_input;
mod cors;
mod errors;
mod events;
mod file;
mod healthcheck;
mod identity;
mod images;
mod info;
mod keystone;
mod limits;
mod list;
mod locations;
mod members;
mod metadefs;
mod metrics;
mod patch;
mod pipeline;
mod protection;
mod routing;
mod schemas;
mod stores;
mod support;
mod tags;
mod versions;
