//! The HTTP layer over real sockets, seen from a client that speaks bytes.

#![expect(clippy::unwrap_used, reason = "in a test, panicking is how a surprise is told")]

mod authority;
mod client;
mod deadlines;
mod downloads;
mod framing;
mod shutdown;
mod tls;
