//! Image data: one module and one feature for each kind of store.

#[cfg(feature = "file")]
pub mod file;
