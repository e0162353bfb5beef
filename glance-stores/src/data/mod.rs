//! Image data: one module and one feature for each kind of store.

#[cfg(feature = "file")]
pub mod file;
#[cfg(any(feature = "file", feature = "object"))]
mod intake;
#[cfg(feature = "object")]
pub mod object;
