//! The registry over its in-memory backends: every rule of the facade, as an embedder meets it.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod data;
mod events;
mod limits;
mod protection;
mod records;
mod recovery;
mod registration;
mod sharing;
mod support;
mod tenants;
