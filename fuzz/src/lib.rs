//! Fuzz targets for the inspection of image data: see the README beside this package.

mod check;
mod layout;
pub mod layouts;

use peak_alloc::PeakAlloc;

pub use check::check;
pub use layout::{Layout, Sample};

/// Counts what an inspection holds.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
