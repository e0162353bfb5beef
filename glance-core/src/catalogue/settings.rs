//! What an operator decides about a registry.

use std::sync::Arc;
use std::time::Duration;

use crate::digest::HashAlgorithm;
use crate::image::Formats;
use crate::image::inspect::{FormatInspection, Inspection};

/// What an operator decides about a registry. The fields are named after the options of the Python
/// server where there are any.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The formats images may declare.
    pub formats: Formats,
    /// The algorithm of `os_hash_value` (`hashing_algorithm`).
    pub hashing_algorithm: HashAlgorithm,
    /// The longest data of one image, in bytes (`image_size_cap`).
    pub image_size_cap: u64,
    /// Bytes a project may hold (`user_storage_quota`); `None` for any number.
    pub user_storage_quota: Option<u64>,
    /// Members an image may have (`image_member_quota`); `None` for any number.
    pub image_member_quota: Option<u64>,
    /// Custom properties an image may have (`image_property_quota`); `None` for any number.
    pub image_property_quota: Option<u64>,
    /// Tags an image may have (`image_tag_quota`); `None` for any number.
    pub image_tag_quota: Option<u64>,
    /// Locations an image may have (`image_location_quota`); `None` for any number.
    pub image_location_quota: Option<u64>,
    /// Images on a page unless the caller says otherwise (`limit_param_default`).
    pub limit_param_default: usize,
    /// Images on a page at most (`api_limit_max`).
    pub api_limit_max: usize,
    /// Whether clients may see and change locations by patching an image
    /// (`show_multiple_locations`).
    pub show_multiple_locations: bool,
    /// Whether data of deleted images stays until a scrubber comes (`delayed_delete`).
    pub delayed_delete: bool,
    /// How long an upload or removal may go without a sign of life before others unwind it.
    pub lease: Duration,
    /// What looks at data while it is uploaded (`[image_format]`).
    pub inspection: Arc<dyn Inspection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            formats: Formats::default(),
            hashing_algorithm: HashAlgorithm::default(),
            image_size_cap: 1 << 40,
            user_storage_quota: None,
            image_member_quota: Some(128),
            image_property_quota: Some(128),
            image_tag_quota: Some(128),
            image_location_quota: Some(10),
            limit_param_default: 25,
            api_limit_max: 1000,
            show_multiple_locations: false,
            delayed_delete: false,
            lease: Duration::from_secs(30),
            inspection: Arc::new(FormatInspection::default()),
        }
    }
}
