//! Who may see an image, and who may change it, before any policy is asked.

use std::fmt;
use std::str::FromStr;

use super::Image;

/// Who an image is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visibility {
    /// Everybody sees and lists it.
    Public,
    /// Everybody sees it; nobody but the owner has it listed unasked.
    Community,
    /// The owner sees it, and the projects it is shared with.
    Shared,
    /// Only the owner sees it.
    Private,
}

impl Visibility {
    /// Every visibility.
    pub const ALL: [Self; 4] = [Self::Public, Self::Community, Self::Shared, Self::Private];

    /// The visibility as the API and the database spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Community => "community",
            Self::Shared => "shared",
            Self::Private => "private",
        }
    }
}

/// Whether a caller sees `image`.
///
/// `project` is the caller's project, `member` whether that project is a member of the image,
/// whatever it answered: a pending or refused share is not listed, but can still be looked at.
#[must_use]
pub fn can_see(image: &Image, admin: bool, project: Option<&str>, member: bool) -> bool {
    admin
        || image.owner.is_none()
        || matches!(image.visibility, Visibility::Public | Visibility::Community)
        || is_owner(image, project)
        || (image.visibility == Visibility::Shared && member)
}

/// Whether a caller's changes to `image` are written at all: the owner's and administrators' are.
#[must_use]
pub fn can_change(image: &Image, admin: bool, project: Option<&str>) -> bool {
    admin || is_owner(image, project)
}

/// An image without an owner is nobody's, and a caller without a project owns nothing.
fn is_owner(image: &Image, project: Option<&str>) -> bool {
    project.is_some() && image.owner.as_deref() == project
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Visibility {
    type Err = UnknownVisibility;

    fn from_str(text: &str) -> Result<Self, UnknownVisibility> {
        Self::ALL.into_iter().find(|visibility| visibility.as_str() == text).ok_or(UnknownVisibility)
    }
}

/// The text names no visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("visibility must be one of public, community, shared, private")]
pub struct UnknownVisibility;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::image::ImageId;

    fn image(visibility: Visibility, owner: Option<&str>) -> Image {
        Image { visibility, owner: owner.map(str::to_owned), ..Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH) }
    }

    /// `images.md` section 8: viewer by visibility.
    #[test]
    fn who_sees_what() {
        use Visibility::{Community, Private, Public, Shared};
        for (viewer, admin, project, member, seen) in [
            ("admin", true, Some("other"), false, vec![Public, Community, Shared, Private]),
            ("owner", false, Some("me"), false, vec![Public, Community, Shared, Private]),
            ("member", false, Some("other"), true, vec![Public, Community, Shared]),
            ("stranger", false, Some("other"), false, vec![Public, Community]),
            ("nobody", false, None, false, vec![Public, Community]),
        ] {
            for visibility in Visibility::ALL {
                let image = image(visibility, Some("me"));
                assert_eq!(
                    can_see(&image, admin, project, member),
                    seen.contains(&visibility),
                    "{viewer} {visibility}"
                );
                assert!(can_see(&Image { owner: None, ..image }, admin, project, member));
            }
        }
    }

    #[test]
    fn nobody_but_an_administrator_changes_an_image_without_an_owner() {
        let image = image(Visibility::Public, None);
        assert!(!can_change(&image, false, None));
        assert!(!can_change(&image, false, Some("me")));
        assert!(can_change(&image, true, None));
    }
}
