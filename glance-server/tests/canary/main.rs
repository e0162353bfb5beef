//! Secrets that are everywhere in a server and on the way of its requests are in no line, no answer, no figure and no
//! notification, nor in what the program says of its files.
//!
//! What is looked for is in [`secrets`], with the spellings in which it might come to light.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../http/authority.rs"]
mod authority;
mod broker;
mod echo;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../api/keystone/fake.rs"]
mod fake;
mod files;
mod in_process;
mod listening;
mod program;
mod secrets;
mod stage;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../api/support.rs"]
mod support;
mod sweep;
mod traffic;
mod users;
