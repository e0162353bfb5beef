//! `[image_format]`: which images are welcome.

use glance_core::image::inspect::FormatRules;

use crate::config::resolve::Resolved;

const SECTION: &str = "image_format";

/// Options of `[image_format]`.
#[derive(Debug, Clone)]
pub struct ImageFormatSettings {
    /// `container_formats`: what `container_format` may be.
    pub container_formats: Vec<String>,
    /// `disk_formats`: what `disk_format` may be.
    pub disk_formats: Vec<String>,
    /// `vmdk_allowed_types`: values of `createType` that VMDK images may have which are to be
    /// converted.
    pub vmdk_allowed_types: Vec<String>,
    /// `require_image_format_match`: whether data must be of the format the image says (true).
    pub require_image_format_match: bool,
    /// `gpt_safety_checks_nonfatal`: checks of partition tables that do not count (none); `mbr` is
    /// the only one there is.
    pub gpt_safety_checks_nonfatal: Vec<String>,
}

impl ImageFormatSettings {
    pub(super) fn from(options: &Resolved) -> Self {
        Self {
            container_formats: options.list(SECTION, "container_formats"),
            disk_formats: options.list(SECTION, "disk_formats"),
            vmdk_allowed_types: options.list(SECTION, "vmdk_allowed_types"),
            require_image_format_match: options.flag(SECTION, "require_image_format_match"),
            gpt_safety_checks_nonfatal: options.list(SECTION, "gpt_safety_checks_nonfatal"),
        }
    }

    /// What uploads are held to.
    #[must_use]
    pub fn rules(&self) -> FormatRules {
        FormatRules {
            require_match: self.require_image_format_match,
            gpt_nonfatal: self.gpt_safety_checks_nonfatal.clone(),
        }
    }
}
