//! File data from the page cache to the socket without passing through this process.
//!
//! hyper frames every response and knows nothing of files, so a [`FileBody`] hands it *markers*:
//! slices of a block of memory that is never read or written and whose addresses stand for bytes
//! of a file. The connection underneath hyper recognises the addresses when hyper asks it to write
//! them, and has the kernel send the file's bytes instead. Framing, keep-alive and shutdown stay
//! hyper's.
//!
//! A marker that would reach a socket as ordinary bytes breaks the connection: a client may see a
//! short answer, never zeros in the place of data.

mod body;
mod cork;
mod marker;
mod readahead;
mod transfer;

pub use body::FileBody;
pub(super) use cork::Cork;
pub(super) use marker::without_markers;
pub use marker::{FileSender, Sent};
pub(super) use transfer::send;
