//! Projects an image is shared with.

use futures::future::join_all;

use super::{at, created, destroyed, image_of};
use crate::database::{Database, RepoError};
use crate::image::ImageId;
use crate::member::{Member, MemberStatus};

async fn shared(db: &dyn Database) -> ImageId {
    created(db, image_of("owner", 0)).await.id
}

async fn projects(db: &dyn Database, image: ImageId) -> Vec<String> {
    db.members(image).await.unwrap().into_iter().map(|member| member.project).collect()
}

/// A project that an image is shared with has not answered yet.
pub async fn a_new_member_is_pending(db: &dyn Database) {
    let image = shared(db).await;
    let member = db.add_member(image, "p", None, at(5)).await.unwrap();
    let expected = Member {
        image_id: image,
        project: "p".into(),
        status: MemberStatus::Pending,
        created_at: at(5),
        updated_at: at(5),
    };
    assert_eq!(member, expected);
    assert_eq!(db.members(image).await.unwrap(), [expected]);
}

/// Members stand in the order in which they came, and an image has its own alone.
pub async fn members_are_listed_oldest_first(db: &dyn Database) {
    let (image, other) = (shared(db).await, shared(db).await);
    for (project, second) in [("b", 2), ("a", 3), ("d", 1), ("c", 3)] {
        db.add_member(image, project, None, at(second)).await.unwrap();
        db.add_member(other, "x", None, at(0)).await.ok();
    }
    assert_eq!(projects(db, image).await, ["d", "b", "a", "c"]);
    assert_eq!(projects(db, other).await, ["x"]);
    assert!(projects(db, ImageId::random()).await.is_empty());
}

/// A second addition is refused and changes nothing.
pub async fn a_member_is_added_once(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "p", None, at(1)).await.unwrap();
    db.set_member_status(image, "p", MemberStatus::Accepted, at(2)).await.unwrap();
    let before = db.members(image).await.unwrap();
    assert!(matches!(db.add_member(image, "p", Some(1), at(3)).await, Err(RepoError::Exists)));
    assert_eq!(db.members(image).await.unwrap(), before);
}

/// Of several that share an image with one project, one does it.
pub async fn of_additions_of_one_member_one_wins(db: &dyn Database) {
    let image = shared(db).await;
    let done = join_all((0..8).map(|_| db.add_member(image, "p", None, at(1)))).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(projects(db, image).await, ["p"]);
}

/// So many members and no more; a removed one makes room.
pub async fn the_limit_of_members_is_kept(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "a", Some(2), at(1)).await.unwrap();
    db.add_member(image, "b", Some(2), at(2)).await.unwrap();
    let refused = db.add_member(image, "c", Some(2), at(3)).await;
    assert!(matches!(refused, Err(RepoError::OverLimit { wanted: 3, limit: 2 })), "{refused:?}");
    db.remove_member(image, "a", at(4)).await.unwrap();
    db.add_member(image, "c", Some(2), at(5)).await.unwrap();
    assert!(matches!(db.add_member(image, "a", Some(2), at(6)).await, Err(RepoError::OverLimit { .. })));
    assert_eq!(projects(db, image).await, ["b", "c"]);
    assert!(matches!(db.add_member(shared(db).await, "a", Some(0), at(6)).await, Err(RepoError::OverLimit { .. })));
}

/// The limit holds for those who come at once.
pub async fn the_limit_of_members_is_kept_at_once(db: &dyn Database) {
    let image = shared(db).await;
    let additions = (0..8).map(|n| async move { db.add_member(image, &n.to_string(), Some(3), at(n)).await });
    let done = join_all(additions).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 3);
    assert_eq!(projects(db, image).await.len(), 3);
}

/// A project answers for itself.
pub async fn a_member_answers(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "p", None, at(1)).await.unwrap();
    db.add_member(image, "q", None, at(2)).await.unwrap();
    for (second, status) in (3..).zip(MemberStatus::ALL) {
        let member = db.set_member_status(image, "p", status, at(second)).await.unwrap();
        assert_eq!((member.status, member.created_at, member.updated_at), (status, at(1), at(second)));
        let members = db.members(image).await.unwrap();
        assert_eq!(members[0], member);
        assert_eq!(members[1].status, MemberStatus::Pending);
    }
}

/// The answer is asked for again, and the share is as old as it was; this works any number of times.
pub async fn a_removed_member_comes_back_pending_with_its_first_time(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "p", None, at(1)).await.unwrap();
    for round in [10, 20, 30] {
        db.set_member_status(image, "p", MemberStatus::Accepted, at(round)).await.unwrap();
        db.remove_member(image, "p", at(round + 1)).await.unwrap();
        assert!(projects(db, image).await.is_empty());
        assert_eq!(db.image(image, Some("p")).await.unwrap().membership, None);
        let member = db.add_member(image, "p", None, at(round + 2)).await.unwrap();
        assert_eq!(
            (member.status, member.created_at, member.updated_at),
            (MemberStatus::Pending, at(1), at(round + 2))
        );
    }
}

/// Nobody answers or leaves who is no member.
pub async fn who_is_no_member_is_not_found(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "p", None, at(1)).await.unwrap();
    db.remove_member(image, "p", at(2)).await.unwrap();
    for project in ["p", "q"] {
        let refused = db.set_member_status(image, project, MemberStatus::Accepted, at(3)).await;
        assert!(matches!(refused, Err(RepoError::NotFound)));
        assert!(matches!(db.remove_member(image, project, at(3)).await, Err(RepoError::NotFound)));
    }
    assert!(matches!(db.remove_member(ImageId::random(), "p", at(3)).await, Err(RepoError::NotFound)));
}

/// What is gone is not shared.
pub async fn an_image_that_is_gone_gets_no_members(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    destroyed(db, &image).await;
    for id in [image.id, ImageId::random()] {
        assert!(matches!(db.add_member(id, "p", None, at(1)).await, Err(RepoError::NotFound)));
    }
}

/// Whoever reads an image hears what its own project answered, and no other.
pub async fn membership_is_told_with_the_image(db: &dyn Database) {
    let image = shared(db).await;
    db.add_member(image, "p", None, at(1)).await.unwrap();
    db.set_member_status(image, "p", MemberStatus::Rejected, at(2)).await.unwrap();
    db.add_member(image, "q", None, at(3)).await.unwrap();
    for (project, membership) in [
        (Some("p"), Some(MemberStatus::Rejected)),
        (Some("q"), Some(MemberStatus::Pending)),
        (Some("owner"), None),
        (None, None),
    ] {
        assert_eq!(db.image(image, project).await.unwrap().membership, membership);
        assert_eq!(db.marker(image, project).await.unwrap().seen.membership, membership);
    }
}
