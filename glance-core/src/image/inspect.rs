//! The seat for content inspection: what looks at image data while it passes.

use std::fmt;

use bytes::Bytes;

use super::Image;

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
