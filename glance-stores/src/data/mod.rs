//! Image data: one module and one feature for each kind of store.

#[cfg(feature = "azure")]
pub mod azure;
#[cfg(any(feature = "object", feature = "rbd", feature = "swift", feature = "vmware"))]
mod claims;
#[cfg(any(feature = "http", feature = "swift", feature = "vmware"))]
mod exact;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "gcs")]
pub mod gcs;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "file", feature = "object", feature = "rbd", feature = "swift", feature = "vmware"))]
mod intake;
#[cfg(any(feature = "object", feature = "vmware"))]
mod last_step;
#[cfg(feature = "object")]
pub mod object;
#[cfg(any(feature = "swift", feature = "vmware"))]
mod pump;
#[cfg(feature = "rbd")]
pub mod rbd;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "swift")]
mod sending;
#[cfg(test)]
#[cfg(any(feature = "file", feature = "rbd"))]
mod sparse;
#[cfg(any(feature = "file", feature = "rbd"))]
mod stretch;
#[cfg(feature = "swift")]
pub mod swift;
#[cfg(any(feature = "object", feature = "vmware"))]
mod unfinished;
#[cfg(feature = "vmware")]
pub mod vmware;
