//! Numbers of errors that mean something to the store, as Linux has them.

pub(in super::super) const NOT_PERMITTED: i32 = 1;
pub(in super::super) const NOT_FOUND: i32 = 2;
pub(in super::super) const DENIED: i32 = 13;
pub(in super::super) const BUSY: i32 = 16;
pub(in super::super) const EXISTS: i32 = 17;
pub(in super::super) const INVALID: i32 = 22;
pub(in super::super) const NO_SPACE: i32 = 28;
pub(in super::super) const RANGE: i32 = 34;
pub(in super::super) const NOT_EMPTY: i32 = 39;
pub(in super::super) const NOT_CONNECTED: i32 = 107;
/// Also what a cluster says to a client that it has shut out.
pub(in super::super) const SHUT_DOWN: i32 = 108;
pub(in super::super) const TIMED_OUT: i32 = 110;
pub(in super::super) const QUOTA: i32 = 122;
