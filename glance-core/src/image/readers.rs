//! Who may read the data of an image straight from a store, past the registry.

use super::{Image, Status, Visibility};
use crate::member::Member;

/// Who may read the data of an image straight from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Everybody who has an account.
    Everybody,
    /// These projects.
    Projects(Vec<String>),
}

/// The readers of an image that has these members.
///
/// A share counts whatever the member answered, as it does for a look at the image. The owner stands there as
/// well: the data may lie in the account of an administrator, and not all of the owner's users need be let into the
/// owner's own. Nobody reads a deactivated image.
#[must_use]
pub fn readers(image: &Image, members: &[Member]) -> Readers {
    match image.visibility {
        _ if image.status == Status::Deactivated => Readers::Projects(Vec::new()),
        Visibility::Public | Visibility::Community => Readers::Everybody,
        Visibility::Private => Readers::Projects(image.owner.iter().cloned().collect()),
        Visibility::Shared => {
            let members = members.iter().map(|member| &member.project);
            Readers::Projects(image.owner.iter().chain(members).cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::image::ImageId;
    use crate::member::MemberStatus;

    #[test]
    fn who_sees_an_image_reads_it() {
        let some = |projects: &[&str]| Readers::Projects(projects.iter().map(|&project| project.to_owned()).collect());
        let image = Image { owner: Some("me".into()), ..Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH) };
        let members = MemberStatus::ALL.map(|status| Member {
            image_id: image.id,
            project: status.to_string(),
            status,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        });
        for (visibility, expected) in [
            (Visibility::Public, Readers::Everybody),
            (Visibility::Community, Readers::Everybody),
            (Visibility::Shared, some(&["me", "pending", "accepted", "rejected"])),
            (Visibility::Private, some(&["me"])),
        ] {
            let mut image = Image { visibility, status: Status::Active, ..image.clone() };
            assert_eq!(readers(&image, &members), expected, "{visibility}");
            image.status = Status::Deactivated;
            assert_eq!(readers(&image, &members), some(&[]), "{visibility}");
        }
        let nobodys = Image { visibility: Visibility::Private, owner: None, ..image };
        assert_eq!(readers(&nobodys, &[]), some(&[]));
    }
}
