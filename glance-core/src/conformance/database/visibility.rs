//! Who lists what.

use super::{all_for, at, created, destroyed, ids, image_of, location};
use crate::database::{Database, VisibilityFilter};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status, Visibility};
use crate::limits::ProjectLimits;
use crate::member::MemberStatus;

/// One image of each visibility, shared with each of three projects by what they answered.
async fn one_of_each(db: &dyn Database, owner: Option<&str>) -> [(Visibility, ImageId); 4] {
    let mut made = Visibility::ALL.map(|visibility| (visibility, ImageId::random()));
    for (second, (visibility, id)) in (0..).zip(&mut made) {
        let owner = owner.map(str::to_owned);
        let image = created(db, Image { visibility: *visibility, owner, ..image_of("", second) }).await;
        *id = image.id;
        for status in MemberStatus::ALL {
            db.add_member(image.id, status.as_str(), None, at(second)).await.unwrap();
            db.set_member_status(image.id, status.as_str(), status, at(second)).await.unwrap();
        }
    }
    made
}

const FILTERS: [VisibilityFilter; 6] = [
    VisibilityFilter::Usual,
    VisibilityFilter::All,
    VisibilityFilter::Only(Visibility::Public),
    VisibilityFilter::Only(Visibility::Community),
    VisibilityFilter::Only(Visibility::Shared),
    VisibilityFilter::Only(Visibility::Private),
];

/// `database.md` section 7.2: every viewer, filter and visibility.
pub async fn every_viewer_lists_what_it_may_see(db: &dyn Database) {
    use Visibility::{Community, Private, Public, Shared};
    let made = one_of_each(db, Some("owner")).await;
    for (admin, project, seen, usually) in [
        (true, None, &[Public, Community, Shared, Private][..], &[Public, Shared, Private][..]),
        (true, Some("stranger"), &[Public, Community, Shared, Private], &[Public, Shared, Private]),
        (true, Some("owner"), &[Public, Community, Shared, Private], &[Public, Community, Shared, Private]),
        (false, Some("owner"), &[Public, Community, Shared, Private], &[Public, Community, Shared, Private]),
        (false, Some("accepted"), &[Public, Community, Shared], &[Public, Shared]),
        (false, Some("pending"), &[Public, Community], &[Public]),
        (false, Some("rejected"), &[Public, Community], &[Public]),
        (false, Some("stranger"), &[Public, Community], &[Public]),
        (false, None, &[Public, Community], &[Public]),
    ] {
        for filter in FILTERS {
            let mut query = all_for(admin, project);
            query.visibility = filter;
            query.member_status = Some(MemberStatus::Accepted);
            let listed = ids(db, &query).await;
            for (visibility, id) in made {
                let expected = match filter {
                    VisibilityFilter::Usual => usually.contains(&visibility),
                    VisibilityFilter::All => seen.contains(&visibility),
                    VisibilityFilter::Only(only) => only == visibility && seen.contains(&visibility),
                };
                assert_eq!(listed.contains(&id), expected, "admin {admin} {project:?} {filter:?} {visibility}");
            }
        }
    }
}

/// An image without an owner belongs to nobody, not even to a caller without a project.
pub async fn who_has_no_project_owns_nothing_and_shares_nothing(db: &dyn Database) {
    let made = one_of_each(db, None).await;
    for project in [None, Some("stranger"), Some("")] {
        let listed = ids(db, &all_for(false, project)).await;
        assert_eq!(listed, [made[1].1, made[0].1], "{project:?}");
    }
    assert_eq!(ids(db, &all_for(true, None)).await.len(), 4);
}

/// The answer that is asked for, or any.
pub async fn an_answer_decides_about_lists(db: &dyn Database) {
    let made = one_of_each(db, Some("owner")).await;
    for answered in MemberStatus::ALL {
        for asked in MemberStatus::ALL.map(Some).into_iter().chain([None]) {
            let mut query = all_for(false, Some(answered.as_str()));
            query.visibility = VisibilityFilter::Only(Visibility::Shared);
            query.member_status = asked;
            let expected = if asked.is_none_or(|asked| asked == answered) { vec![made[2].1] } else { Vec::new() };
            assert_eq!(ids(db, &query).await, expected, "{answered} {asked:?}");
        }
    }
}

/// Own shared images need no answer, and are listed once although shared with their own project.
pub async fn own_images_are_listed_whatever_the_answer(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    db.add_member(image.id, "owner", None, at(1)).await.unwrap();
    for asked in MemberStatus::ALL.map(Some).into_iter().chain([None]) {
        let mut query = all_for(false, Some("owner"));
        query.member_status = asked;
        assert_eq!(ids(db, &query).await, [image.id], "{asked:?}");
    }
}

/// Members stay while an image is not shared, and see it again when it is.
pub async fn sharing_ends_and_comes_back_with_the_visibility(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    db.add_member(image.id, "p", None, at(1)).await.unwrap();
    for (visibility, listed) in [(Visibility::Private, 0), (Visibility::Shared, 1), (Visibility::Public, 1)] {
        let change = ImageChange { fields: vec![Assigned::Visibility(visibility)], ..ImageChange::touch(at(2)) };
        db.update_image(image.id, Status::Active, &change, &ProjectLimits::NONE).await.unwrap();
        assert_eq!(ids(db, &all_for(false, Some("p"))).await.len(), listed, "{visibility}");
    }
}

/// Hidden images have a list of their own.
pub async fn hidden_images_are_listed_alone(db: &dyn Database) {
    for visibility in Visibility::ALL {
        created(db, Image { visibility, ..image_of("p", 0) }).await;
        created(db, Image { visibility, hidden: true, ..image_of("p", 0) }).await;
    }
    for admin in [false, true] {
        for hidden in [false, true] {
            let mut query = all_for(admin, Some("p"));
            query.hidden = hidden;
            let listed = db.images(&query).await.unwrap();
            assert_eq!(listed.len(), 4);
            assert!(listed.iter().all(|seen| seen.image.hidden == hidden));
        }
    }
}

/// Every other status is listed.
pub async fn killed_and_deleted_images_are_not_listed(db: &dyn Database) {
    for status in Status::ALL {
        let image = created(db, Image { status, ..image_of("p", 0) }).await;
        if matches!(status, Status::Deleted | Status::PendingDelete) {
            db.destroy_image(image.id, status, &super::removal(status, 5)).await.unwrap();
        }
    }
    let gone = created(db, image_of("p", 0)).await;
    destroyed(db, &gone).await;
    for admin in [false, true] {
        let listed = db.images(&all_for(admin, Some("p"))).await.unwrap();
        let mut statuses: Vec<_> = listed.iter().map(|seen| seen.image.status).collect();
        statuses.sort();
        assert_eq!(statuses, &Status::ALL[..6]);
    }
}

/// A list says what the viewer's project answered.
pub async fn lists_tell_the_membership(db: &dyn Database) {
    let image = created(db, image_of("owner", 0)).await;
    db.add_member(image.id, "p", None, at(1)).await.unwrap();
    db.set_member_status(image.id, "p", MemberStatus::Rejected, at(2)).await.unwrap();
    for (admin, project, membership) in [
        (false, "p", Some(MemberStatus::Rejected)),
        (true, "p", Some(MemberStatus::Rejected)),
        (false, "owner", None),
        (true, "q", None),
    ] {
        let listed = db.images(&all_for(admin, Some(project))).await.unwrap();
        assert_eq!(listed[0].membership, membership, "{admin} {project}");
    }
}

/// What is listed is what is read one by one.
pub async fn listed_images_are_whole(db: &dyn Database) {
    for n in 0..5_u8 {
        let mut image = image_of("p", n.into());
        image.properties = (0..n).map(|m| (format!("p{m}"), Some(format!("{n}.{m}")))).collect();
        image.tags = (0..n).map(|m| format!("t{}", 9 - m)).collect();
        image.locations = (0..n).map(|m| location(&format!("{n}.{m}"))).collect();
        created(db, image).await;
    }
    let listed = db.images(&all_for(false, Some("p"))).await.unwrap();
    assert_eq!(listed.len(), 5);
    for seen in listed {
        assert_eq!(db.image(seen.image.id, Some("p")).await.unwrap(), seen);
    }
}
