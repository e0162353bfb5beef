//! The projects an image is shared with.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::image::ImageId;

/// One project that an image is shared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The shared image.
    pub image_id: ImageId,
    /// The project it is shared with.
    pub project: String,
    /// What that project answered.
    pub status: MemberStatus,
    /// When the image was shared with the project for the first time.
    pub created_at: Timestamp,
    /// When the share or its status last changed.
    pub updated_at: Timestamp,
}

/// What a project answered to being shared an image. It decides about lists alone: a pending or
/// rejected image can still be looked at by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberStatus {
    /// No answer yet.
    Pending,
    /// The image appears in the project's lists.
    Accepted,
    /// The project does not want the image in its lists.
    Rejected,
}

impl MemberStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Accepted, Self::Rejected];

    /// The status as the API and the database spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for MemberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MemberStatus {
    type Err = UnknownMemberStatus;

    fn from_str(text: &str) -> Result<Self, UnknownMemberStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownMemberStatus)
    }
}

/// The text names no member status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("member status must be one of pending, accepted, rejected")]
pub struct UnknownMemberStatus;
