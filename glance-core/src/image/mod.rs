//! The image record and the rules that hold for it wherever it is kept.

mod change;
mod custom;
pub mod fields;
mod formats;
mod id;
pub mod inspect;
mod new;
pub mod patch;
mod readers;
mod status;
mod visibility;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use change::{Assigned, ImageChange};
pub use custom::{BadDefinition, CustomProperties};
pub use fields::Schema;
pub use formats::Formats;
pub use id::{ImageId, NotAnImageId};
pub use new::NewImage;
pub use readers::{Readers, readers};
pub use status::UnknownStatus;
pub use status::{Status, StatusError, advance};
pub use visibility::{UnknownVisibility, Visibility, can_change, can_see};

use crate::location::ImageLocation;

/// The largest `min_disk` and `min_ram` an image may ask for: what the database column holds.
pub const MAX_MINIMUM: u32 = i32::MAX as u32;

/// The longest name, owner, tag or property name, in characters.
pub const MAX_NAME: usize = 255;

/// One image: what is registered about it and where its data lies.
///
/// The record is the domain's view; a database may keep more (history, row ids), but nothing that
/// changes its meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The image's id, kept letter for letter as the client gave it.
    pub id: ImageId,
    /// A name for people; need not be unique.
    pub name: Option<String>,
    /// Where the image stands in its life.
    pub status: Status,
    /// Who may see the image.
    pub visibility: Visibility,
    /// Whether deletion is refused.
    pub protected: bool,
    /// Whether the image is left out of ordinary lists (`os_hidden`).
    pub hidden: bool,
    /// The project that owns the image; `None` for an image nobody owns, which only
    /// administrators change.
    pub owner: Option<String>,
    /// The format of the disk inside, such as `qcow2`; `None` until somebody says.
    pub disk_format: Option<String>,
    /// The format of the envelope around it, such as `bare`; `None` until somebody says.
    pub container_format: Option<String>,
    /// The smallest disk an instance needs, in GiB.
    pub min_disk: u32,
    /// The least memory an instance needs, in MiB.
    pub min_ram: u32,
    /// Length of the data in bytes; `None` while there is none.
    pub size: Option<u64>,
    /// Size of the disk the data describes, in bytes; `None` when not known.
    pub virtual_size: Option<u64>,
    /// MD5 of the data, lower-case hex.
    pub checksum: Option<String>,
    /// Name of the algorithm behind `os_hash_value`, such as `sha512`.
    pub os_hash_algo: Option<String>,
    /// The data's digest by `os_hash_algo`, lower-case hex.
    pub os_hash_value: Option<String>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// Properties beyond the fields above. `None` as a value was written by very old releases
    /// only and is shown as an empty text.
    pub properties: BTreeMap<String, Option<String>>,
    /// Labels, each once, oldest first.
    pub tags: Vec<String>,
    /// Every place the data can be read from, in the order the database keeps them.
    pub locations: Vec<ImageLocation>,
}

impl Image {
    /// An image of which only the id is known, as `create` starts from: queued, shared, without data.
    #[must_use]
    pub fn queued(id: ImageId, now: Timestamp) -> Self {
        Self {
            id,
            name: None,
            status: Status::Queued,
            visibility: Visibility::Shared,
            protected: false,
            hidden: false,
            owner: None,
            disk_format: None,
            container_format: None,
            min_disk: 0,
            min_ram: 0,
            size: None,
            virtual_size: None,
            checksum: None,
            os_hash_algo: None,
            os_hash_value: None,
            created_at: now,
            updated_at: now,
            properties: BTreeMap::new(),
            tags: Vec::new(),
            locations: Vec::new(),
        }
    }

    /// Forgets all that was said of the data, so that other data may come.
    pub fn forget_data(&mut self) {
        self.size = None;
        self.virtual_size = None;
        self.checksum = None;
        self.os_hash_algo = None;
        self.os_hash_value = None;
        self.locations.clear();
    }
}

/// `text`, or the place where it leaves the Basic Multilingual Plane.
///
/// Glance's tables on MySQL hold three bytes a character at most, and the reference refuses longer
/// ones on every database so that an image can move between them.
#[must_use]
pub fn fits_three_bytes(text: &str) -> bool {
    !text.chars().any(|c| c.len_utf8() > 3)
}
