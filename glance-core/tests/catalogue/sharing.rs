//! Sharing images with projects.

use glance_core::catalogue::{DownloadOptions, ListRequest};
use glance_core::image::NewImage;
use glance_core::image::Visibility;
use glance_core::member::MemberStatus;
use glance_core::policy::Policy;
use glance_core::{Error, Settings};

use crate::support::{Lab, admin, owner, stranger};

#[tokio::test]
async fn a_share_is_seen_at_once_and_listed_when_accepted() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "data").await;
    let (mine, theirs) = (owner(), stranger());
    let (me, them) = (lab.glance.images(&mine), lab.glance.images(&theirs));
    let member = me.add_member(image.id, "theirs").await.unwrap();
    assert_eq!((member.status, member.project.as_str()), (MemberStatus::Pending, "theirs"));
    assert!(them.get(image.id).await.is_ok());
    assert!(them.download(image.id, &DownloadOptions::default()).await.is_ok());
    let listed = async |status| {
        let request = ListRequest { member_status: status, ..ListRequest::default() };
        them.list(&request).await.unwrap().images.len()
    };
    assert_eq!(listed(Some(MemberStatus::Accepted)).await, 0);
    assert_eq!(listed(Some(MemberStatus::Pending)).await, 1);
    assert_eq!(listed(None).await, 1);
    them.set_member_status(image.id, "theirs", MemberStatus::Accepted).await.unwrap();
    assert_eq!(listed(Some(MemberStatus::Accepted)).await, 1);
    me.remove_member(image.id, "theirs").await.unwrap();
    assert!(matches!(them.get(image.id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn owners_share_and_members_answer() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let (mine, theirs) = (owner(), stranger());
    let (me, them) = (lab.glance.images(&mine), lab.glance.images(&theirs));
    me.add_member(image.id, "theirs").await.unwrap();
    me.add_member(image.id, "third").await.unwrap();
    assert!(matches!(me.set_member_status(image.id, "theirs", MemberStatus::Accepted).await, Err(Error::Forbidden(_))));
    assert!(matches!(them.add_member(image.id, "fourth").await, Err(Error::Forbidden(_))));
    assert!(matches!(them.remove_member(image.id, "theirs").await, Err(Error::Forbidden(_))));
    assert!(matches!(them.set_member_status(image.id, "third", MemberStatus::Accepted).await, Err(Error::NotFound(_))));
    assert_eq!(me.members(image.id).await.unwrap().len(), 2);
    let seen = them.members(image.id).await.unwrap();
    assert_eq!(seen.iter().map(|member| member.project.as_str()).collect::<Vec<_>>(), ["theirs"]);
    assert!(matches!(them.member(image.id, "third").await, Err(Error::NotFound(_))));
    assert!(lab.glance.images(&admin()).set_member_status(image.id, "third", MemberStatus::Rejected).await.is_ok());
}

/// Everybody sees a shared image that nobody owns, and counts as a member of it, as in the Python server.
#[tokio::test]
async fn an_image_without_an_owner_shows_nobody_elses_share() {
    let lab = Lab::new();
    let (root, theirs) = (admin(), stranger());
    let root = lab.glance.images(&root);
    let image = root.create(NewImage { owner: Some(None), ..NewImage::default() }).await.unwrap();
    root.add_member(image.id, "third").await.unwrap();
    let them = lab.glance.images(&theirs);
    assert_eq!(them.members(image.id).await.unwrap(), []);
    assert!(matches!(them.add_member(image.id, "theirs").await, Err(Error::Forbidden(_))));
    assert!(matches!(them.set_member_status(image.id, "third", MemberStatus::Accepted).await, Err(Error::NotFound(_))));
    root.add_member(image.id, "theirs").await.unwrap();
    assert_eq!(them.members(image.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_owner_among_the_members_answers_for_nobody() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let me = lab.glance.images(&context);
    for project in ["mine", "theirs"] {
        me.add_member(image.id, project).await.unwrap();
        let answered = me.set_member_status(image.id, project, MemberStatus::Accepted).await;
        assert!(matches!(answered, Err(Error::Forbidden(_))), "{project}");
    }
}

#[tokio::test]
async fn members_are_for_shared_images() {
    let lab = Lab::new();
    for visibility in [Visibility::Private, Visibility::Community] {
        let new = NewImage { visibility: Some(visibility), ..NewImage::default() };
        let image = lab.glance.images(&owner()).create(new).await.unwrap();
        let context = owner();
        let images = lab.glance.images(&context);
        assert!(matches!(images.members(image.id).await, Err(Error::Forbidden(_))));
        assert!(matches!(images.add_member(image.id, "p").await, Err(Error::Forbidden(_))));
        assert!(matches!(images.member(image.id, "p").await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn bad_members_are_refused() {
    let lab = Lab::with(Settings { image_member_quota: Some(2), ..Settings::default() });
    let image = lab.queued(&owner()).await;
    let context = owner();
    let images = lab.glance.images(&context);
    for project in ["", &"x".repeat(256), "\u{1F600}"] {
        assert!(matches!(images.add_member(image.id, project).await, Err(Error::Invalid(_))));
    }
    images.add_member(image.id, "a").await.unwrap();
    assert!(matches!(images.add_member(image.id, "a").await, Err(Error::Conflict(_))));
    images.add_member(image.id, "b").await.unwrap();
    assert!(matches!(images.add_member(image.id, "c").await, Err(Error::OverLimit(_))));
    assert!(matches!(images.remove_member(image.id, "z").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn legacy_policies_still_ask_for_ownership() {
    let lab = Lab::new();
    lab.glance.set_policy(Policy::builder().enforce_new_defaults(false).build());
    let image = lab.queued(&owner()).await;
    let (mine, theirs) = (owner(), stranger());
    let (me, them) = (lab.glance.images(&mine), lab.glance.images(&theirs));
    me.add_member(image.id, "theirs").await.unwrap();
    assert!(matches!(them.add_member(image.id, "x").await, Err(Error::Forbidden(_))));
    assert!(matches!(me.set_member_status(image.id, "theirs", MemberStatus::Accepted).await, Err(Error::Forbidden(_))));
    assert!(them.set_member_status(image.id, "theirs", MemberStatus::Accepted).await.is_ok());
    assert!(matches!(them.remove_member(image.id, "theirs").await, Err(Error::Forbidden(_))));
    assert!(matches!(them.delete(image.id).await, Err(Error::Forbidden(_))));
    assert!(me.remove_member(image.id, "theirs").await.is_ok());
}
