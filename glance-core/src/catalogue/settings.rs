//! What an operator decides about a registry.

use std::sync::Arc;
use std::time::Duration;

use crate::digest::HashAlgorithm;
use crate::image::inspect::{FormatInspection, Inspection};
use crate::image::{CustomProperties, Formats, Schema};

/// What an operator decides about a registry. The fields are named after the options of the Python
/// server where there are any.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The formats images may declare.
    pub formats: Formats,
    /// What custom properties may be (`schema-image.json`); `None`: texts, all of them.
    pub custom_properties: Option<Arc<CustomProperties>>,
    /// The algorithm of `os_hash_value` (`hashing_algorithm`).
    pub hashing_algorithm: HashAlgorithm,
    /// The longest data of one image, in bytes (`image_size_cap`).
    pub image_size_cap: u64,
    /// Bytes a project may hold (`user_storage_quota`); `None` for any number. A registry with
    /// [`Limits`](crate::limits::Limits) of its own goes by those instead.
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
    /// Whether data of registered locations is read to find its digests (`do_secure_hash`); if not, those that a client
    /// says are believed.
    pub do_secure_hash: bool,
    /// How often reading such data is tried again when it breaks off (`http_retries`).
    pub http_retries: u64,
    /// Whether data of deleted images stays until a scrubber comes (`delayed_delete`).
    pub delayed_delete: bool,
    /// Events that nobody is told of, by their names or the names of groups (`disabled_notifications`).
    pub disabled_notifications: Vec<String>,
    /// How long an upload or removal may go without a sign of life before others unwind it.
    pub lease: Duration,
    /// What looks at data while it is uploaded (`[image_format]`).
    pub inspection: Arc<dyn Inspection>,
}

impl Settings {
    /// What the fields of an image may be.
    #[must_use]
    pub fn schema(&self) -> Schema<'_> {
        Schema { formats: &self.formats, custom: self.custom_properties.as_deref() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            formats: Formats::default(),
            custom_properties: None,
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
            do_secure_hash: true,
            http_retries: 3,
            delayed_delete: false,
            disabled_notifications: Vec::new(),
            lease: Duration::from_secs(30),
            inspection: Arc::new(FormatInspection::default()),
        }
    }
}
