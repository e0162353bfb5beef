//! What image data turns out to be while it passes: formats, virtual sizes, and what is not safe.
//!
//! [`Inspection`] is the seat that an upload knows; [`FormatInspection`] takes it with the rules of
//! Glance. Underneath, a [`Detector`] looks at a stream for all [`Format`]s at once and makes a
//! [`Report`], and [`FormatRules`] judge it. Each can be used without the others:
//!
//! ```
//! use glance_core::image::inspect::{Detector, Finding, Format, FormatRules, Refusal};
//!
//! let mut detector = Detector::new();
//! for chunk in [&b"QED\0 what comes "[..], b"in small pieces"] {
//!     detector.look_at(chunk);
//! }
//! let report = detector.finish();
//! assert_eq!(report.formats(), [Format::Qed]);
//! let refusal = FormatRules::default().judge("raw", &report).unwrap_err();
//! assert!(matches!(refusal, Refusal::Unsafe { findings, .. } if findings.contains(Finding::Banned)));
//! ```
//!
//! Image data is hostile. Nothing here allocates by a number found in the data; a detector holds
//! [`Detector::MOST_HELD`] bytes at most, whatever comes and however long it is.

mod content;
mod detector;
mod finding;
mod format;
mod gpt;
mod iso;
mod luks;
mod numbers;
mod qcow2;
mod qed;
mod report;
mod rules;
mod tail;
mod tar;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;
mod window;

use std::fmt;

use bytes::Bytes;

use super::Image;

pub use content::FormatInspection;
pub use detector::Detector;
pub use finding::{Finding, Findings, Weight};
pub use format::Format;
pub use report::{Match, Report};
pub use rules::{FormatRules, Refusal};

/// Chooses an inspector for the data of an image about to be written.
pub trait Inspection: fmt::Debug + Send + Sync + 'static {
    /// The inspector for `image`, whose formats are set.
    fn begin(&self, image: &Image) -> Box<dyn Inspector>;
}

/// Looks at the data of one image, once, in order.
pub trait Inspector: Send {
    /// Takes more data. Holds a fixed small amount of memory whatever comes.
    fn look_at(&mut self, data: &Bytes);

    /// What it thinks of the data, all of which was seen.
    fn verdict(self: Box<Self>) -> Verdict;
}

/// What an inspector thinks of some data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The data may become active.
    Content {
        /// Size of the disk it describes, in bytes; `None` when not known.
        virtual_size: Option<u64>,
    },
    /// The data must not be kept; what was found.
    Refused(String),
}

/// Looks at nothing and lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoInspection;

impl Inspection for NoInspection {
    fn begin(&self, _image: &Image) -> Box<dyn Inspector> {
        Box::new(Self)
    }
}

impl Inspector for NoInspection {
    fn look_at(&mut self, _data: &Bytes) {}

    fn verdict(self: Box<Self>) -> Verdict {
        Verdict::Content { virtual_size: None }
    }
}

#[cfg(test)]
mod tests;
