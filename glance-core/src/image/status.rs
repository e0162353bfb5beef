//! The life of an image, as a pure function.

use std::fmt;
use std::str::FromStr;

use super::Image;

/// Where an image stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Registered; no data yet.
    Queued,
    /// Data is being uploaded.
    Saving,
    /// Data is being staged, or is staged and waits for an import.
    Uploading,
    /// An import or a location task works on the image.
    Importing,
    /// Data can be read.
    Active,
    /// Data is kept but given to administrators only.
    Deactivated,
    /// Failed under a release that had API v1; nothing produces it any more.
    Killed,
    /// Deleted, its data still to be removed.
    PendingDelete,
    /// Gone.
    Deleted,
}

/// Why an image cannot take a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// No such move exists.
    #[error("status transition from {from} to {to} is not allowed")]
    Forbidden {
        /// The status the image has.
        from: Status,
        /// The status it was to take.
        to: Status,
    },
    /// Data would start to flow into an image whose formats are not known.
    #[error("properties {} must be set prior to saving data", missing.join(", "))]
    FormatMissing {
        /// The fields to set first.
        missing: Vec<&'static str>,
    },
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Saving,
        Self::Uploading,
        Self::Importing,
        Self::Active,
        Self::Deactivated,
        Self::Killed,
        Self::PendingDelete,
        Self::Deleted,
    ];

    /// The status as the API and the database spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Killed => "killed",
            Self::PendingDelete => "pending_delete",
            Self::Deleted => "deleted",
        }
    }

    /// Whether an image that has this status may take the status `to`.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        use Status::{Active, Deactivated, Deleted, Importing, Killed, PendingDelete, Queued, Saving, Uploading};
        match self {
            Queued => matches!(to, Saving | Uploading | Importing | Active | Deleted),
            Saving => matches!(to, Active | Killed | Deleted | Queued),
            Uploading => matches!(to, Importing | Queued | Deleted),
            Importing => matches!(to, Active | Deleted | Queued),
            Active => matches!(to, PendingDelete | Deleted | Deactivated),
            Killed => matches!(to, Deleted),
            PendingDelete => matches!(to, Deleted | Active),
            Deactivated => matches!(to, Active | Deleted),
            Deleted => false,
        }
    }
}

/// The image as it stands after taking `to`.
///
/// Going back to [`Status::Queued`] forgets both sizes: whatever was written is to be written again.
///
/// # Errors
///
/// [`StatusError::Forbidden`] if [`Status::may_become`] says no; [`StatusError::FormatMissing`] if
/// data would start to flow into an image without a disk or container format.
pub fn advance(mut image: Image, to: Status) -> Result<Image, StatusError> {
    let from = image.status;
    if !from.may_become(to) {
        return Err(StatusError::Forbidden { from, to });
    }
    if matches!(from, Status::Queued | Status::Uploading)
        && matches!(to, Status::Saving | Status::Active | Status::Importing)
    {
        let missing = missing_formats(&image);
        if !missing.is_empty() {
            return Err(StatusError::FormatMissing { missing });
        }
    }
    if to == Status::Queued {
        image.size = None;
        image.virtual_size = None;
    }
    image.status = to;
    Ok(image)
}

fn missing_formats(image: &Image) -> Vec<&'static str> {
    [("disk_format", &image.disk_format), ("container_format", &image.container_format)]
        .into_iter()
        .filter(|(_, value)| value.is_none())
        .map(|(field, _)| field)
        .collect()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

/// The text names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an image status")]
pub struct UnknownStatus;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::image::ImageId;

    fn image(status: Status) -> Image {
        Image {
            status,
            disk_format: Some("raw".into()),
            container_format: Some("bare".into()),
            size: Some(5),
            virtual_size: Some(5),
            ..Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH)
        }
    }

    const LEGAL: [(Status, &[Status]); 9] = {
        use Status::{Active, Deactivated, Deleted, Importing, Killed, PendingDelete, Queued, Saving, Uploading};
        [
            (Queued, &[Saving, Uploading, Importing, Active, Deleted]),
            (Saving, &[Active, Killed, Deleted, Queued]),
            (Uploading, &[Importing, Queued, Deleted]),
            (Importing, &[Active, Deleted, Queued]),
            (Active, &[PendingDelete, Deleted, Deactivated]),
            (Killed, &[Deleted]),
            (PendingDelete, &[Deleted, Active]),
            (Deactivated, &[Active, Deleted]),
            (Deleted, &[]),
        ]
    };

    #[test]
    fn every_legal_move_happens_and_every_other_is_refused() {
        for (from, legal) in LEGAL {
            for to in Status::ALL {
                let moved = advance(image(from), to);
                if legal.contains(&to) {
                    assert_eq!(moved.unwrap().status, to, "{from} to {to}");
                } else {
                    assert_eq!(moved, Err(StatusError::Forbidden { from, to }));
                }
            }
        }
    }

    #[test]
    fn twenty_three_of_eighty_one_moves_are_legal() {
        let legal = Status::ALL.iter().flat_map(|from| Status::ALL.iter().filter(|to| from.may_become(**to))).count();
        assert_eq!(legal, 23);
    }

    #[test]
    fn data_flows_only_into_an_image_whose_formats_are_known() {
        for from in [Status::Queued, Status::Uploading] {
            for to in [Status::Saving, Status::Importing, Status::Active] {
                if !from.may_become(to) {
                    continue;
                }
                let shapeless = Image { disk_format: None, container_format: None, ..image(from) };
                assert_eq!(
                    advance(shapeless, to),
                    Err(StatusError::FormatMissing { missing: vec!["disk_format", "container_format"] })
                );
                let half = Image { container_format: None, ..image(from) };
                assert_eq!(advance(half, to), Err(StatusError::FormatMissing { missing: vec!["container_format"] }));
            }
        }
        let shapeless = Image { disk_format: None, ..image(Status::Queued) };
        assert!(advance(shapeless, Status::Uploading).is_ok());
    }

    #[test]
    fn going_back_to_queued_forgets_both_sizes() {
        let image = advance(image(Status::Saving), Status::Queued).unwrap();
        assert_eq!((image.size, image.virtual_size), (None, None));
    }

    #[test]
    fn the_spelling_is_read_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("Active".parse::<Status>(), Err(UnknownStatus));
    }
}
