//! Uploads held to the rules on formats.

use bytes::Bytes;

use super::detector::Detector;
use super::rules::FormatRules;
use super::{Inspection, Inspector, NoInspection, Verdict};
use crate::image::Image;

/// The container format of data that is a disk and nothing around it. Data in other envelopes is
/// not looked at, as in Python Glance.
const BARE: &str = "bare";

/// Holds image data to what its image declares.
#[derive(Debug, Clone, Default)]
pub struct FormatInspection {
    rules: FormatRules,
}

impl FormatInspection {
    /// Inspection by `rules`.
    #[must_use]
    pub fn new(rules: FormatRules) -> Self {
        Self { rules }
    }
}

impl Inspection for FormatInspection {
    fn begin(&self, image: &Image) -> Box<dyn Inspector> {
        match (image.container_format.as_deref(), &image.disk_format) {
            (Some(BARE), Some(declared)) => Box::new(Content {
                detector: Detector::for_disks(),
                declared: declared.clone(),
                rules: self.rules.clone(),
            }),
            _ => Box::new(NoInspection),
        }
    }
}

struct Content {
    detector: Detector,
    declared: String,
    rules: FormatRules,
}

impl Inspector for Content {
    fn look_at(&mut self, data: &Bytes) {
        self.detector.look_at(data);
    }

    fn verdict(self: Box<Self>) -> Verdict {
        match self.rules.judge(&self.declared, &self.detector.finish()) {
            Ok(virtual_size) => Verdict::Content { virtual_size },
            Err(refusal) => Verdict::Refused(refusal.to_string()),
        }
    }
}
