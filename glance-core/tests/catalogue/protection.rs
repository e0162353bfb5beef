//! Properties that some may not see or change.

use glance_core::catalogue::ListRequest;
use glance_core::database::Filter;
use glance_core::image::patch::{Operation, Verb};
use glance_core::image::{Image, ImageId, NewImage};
use glance_core::protection::{PropertyProtections, RuleFormat};
use glance_core::{Error, Glance, RequestContext};
use serde_json::{Value, json};

use crate::support::{Lab, admin, owner};

/// `x_` is the administrators', `w_` can be written once and not read, `r_` only read, `s_` a service's; the rest is
/// everybody's.
const RULES: &str = "\
[^x_]\ncreate = admin\nread = admin\nupdate = admin\ndelete = admin\n\
[^w_]\ncreate = member\nread = admin\nupdate = admin\ndelete = admin\n\
[^r_]\ncreate = admin\nread = @\nupdate = admin\ndelete = !\n\
[^s_]\ncreate = service\nread = service\nupdate = service\ndelete = service\n\
[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.glance.set_protections(Some(PropertyProtections::parse(RULES, RuleFormat::Roles).unwrap()));
    lab
}

fn with(names: &[&str]) -> NewImage {
    let properties = names.iter().map(|name| ((*name).to_owned(), Some("v".to_owned()))).collect();
    NewImage { properties, owner: Some(Some("mine".to_owned())), ..NewImage::named("n", "raw", "bare") }
}

fn step(verb: Verb, name: &str) -> Operation {
    let value = if verb == Verb::Remove { Value::Null } else { json!("new") };
    Operation { verb, name: name.to_owned(), element: None, value }
}

fn names(image: &Image) -> Vec<&str> {
    image.properties.keys().map(String::as_str).collect()
}

async fn patch(glance: &Glance, caller: &RequestContext, id: ImageId, verb: Verb, name: &str) -> Result<Image, Error> {
    glance.images(caller).patch(id, &[step(verb, name)]).await
}

/// `quotas-and-protections.md` section 3: what each step of a patch needs, and how it is refused.
#[tokio::test]
async fn every_step_needs_its_permission() {
    let lab = lab();
    for (caller, verb, name, refused) in [
        (owner(), Verb::Add, "x_new", Some("forbidden")),
        (owner(), Verb::Add, "x_there", Some("forbidden")),
        (owner(), Verb::AddNew, "x_there", Some("forbidden")),
        (owner(), Verb::Replace, "x_there", Some("conflict")),
        (owner(), Verb::Remove, "x_there", Some("conflict")),
        (owner(), Verb::Replace, "x_new", Some("conflict")),
        (owner(), Verb::Add, "w_new", None),
        (owner(), Verb::Add, "w_there", Some("forbidden")),
        (owner(), Verb::Replace, "w_there", Some("conflict")),
        (owner(), Verb::Add, "r_new", Some("forbidden")),
        (owner(), Verb::Add, "r_there", Some("forbidden")),
        (owner(), Verb::Replace, "r_there", Some("forbidden")),
        (owner(), Verb::Remove, "r_there", Some("forbidden")),
        (owner(), Verb::Remove, "r_new", Some("conflict")),
        (owner(), Verb::Replace, "plain", None),
        (owner(), Verb::Remove, "plain", None),
        (owner(), Verb::AddNew, "plain", Some("conflict")),
        (owner(), Verb::Replace, "name", None),
        (admin(), Verb::Replace, "x_there", None),
        (admin(), Verb::Remove, "x_there", None),
        (admin(), Verb::Add, "r_there", None),
        (admin(), Verb::Remove, "r_there", Some("forbidden")),
        (admin(), Verb::Add, "s_new", Some("forbidden")),
    ] {
        let all = with(&["x_there", "r_there", "plain"]);
        let image = lab.glance.images(&admin()).create(all).await.unwrap();
        lab.glance.images(&owner()).patch(image.id, &[step(Verb::Add, "w_there")]).await.unwrap();
        let done = patch(&lab.glance, &caller, image.id, verb, name).await;
        let kind = match done {
            Ok(_) => None,
            Err(Error::Forbidden(_)) => Some("forbidden"),
            Err(Error::Conflict(_)) => Some("conflict"),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(kind, refused, "{:?} {verb:?} {name}", caller.roles);
    }
}

#[tokio::test]
async fn a_new_image_has_the_properties_its_maker_may_create() {
    let lab = lab();
    let owner = owner();
    let images = lab.glance.images(&owner);
    assert!(matches!(images.create(with(&["plain", "x_a"])).await, Err(Error::Forbidden(_))));
    let image = images.create(with(&["plain", "w_a"])).await.unwrap();
    assert_eq!(names(&image), ["plain"]);
    // It was not lost by being out of sight.
    assert_eq!(names(&lab.glance.images(&admin()).get(image.id).await.unwrap()), ["plain", "w_a"]);
}

#[tokio::test]
async fn what_a_caller_does_not_see_stays() {
    let lab = lab();
    let (owner, admin) = (owner(), admin());
    let image = lab.glance.images(&admin).create(with(&["x_a", "r_a", "plain"])).await.unwrap();
    let images = lab.glance.images(&owner);
    let seen = patch(&lab.glance, &owner, image.id, Verb::Add, "mine").await.unwrap();
    assert_eq!(names(&seen), ["mine", "plain", "r_a"]);
    images.add_tag(image.id, "tag").await.unwrap();
    images.remove_tag(image.id, "tag").await.unwrap();
    assert_eq!(names(&lab.upload(&owner, image.id, "data").await.unwrap()), ["mine", "plain", "r_a"]);
    images.deactivate(image.id).await.unwrap();
    images.reactivate(image.id).await.unwrap();
    let download = images.download(image.id, &glance_core::catalogue::DownloadOptions::default()).await.unwrap();
    assert_eq!(names(&download.image), ["mine", "plain", "r_a"]);
    assert_eq!(names(&lab.glance.images(&admin).get(image.id).await.unwrap()), ["mine", "plain", "r_a", "x_a"]);
}

#[tokio::test]
async fn lists_show_and_find_what_may_be_read() {
    let lab = lab();
    lab.glance.images(&admin()).create(with(&["x_a", "plain"])).await.unwrap();
    let list = async |caller: RequestContext, property: &str| {
        let filters = vec![Filter::Property(property.to_owned(), "v".to_owned())];
        let page = lab.glance.images(&caller).list(&ListRequest { filters, ..ListRequest::default() }).await.unwrap();
        page.images.iter().map(|image| names(image).join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(list(owner(), "plain").await, ["plain"]);
    assert!(list(owner(), "x_a").await.is_empty());
    assert_eq!(list(admin(), "x_a").await, ["plain x_a"]);
}

/// They do in the reference, for the rest of the request and for every rule.
#[tokio::test]
async fn roles_of_a_service_do_not_become_the_callers() {
    let lab = lab();
    let mut caller = owner();
    caller.service_roles = vec!["service".to_owned(), "admin".to_owned()];
    let images = lab.glance.images(&caller);
    let image = images.create(with(&["s_a"])).await.unwrap();
    assert_eq!(names(&images.get(image.id).await.unwrap()), ["s_a"]);
    assert!(!images.is_admin());
    assert!(matches!(images.allow_call("publicize_image"), Err(Error::Forbidden(_))));
    assert!(lab.glance.images(&owner()).get(image.id).await.unwrap().properties.is_empty());
}

#[tokio::test]
async fn without_protections_nothing_is_protected() {
    let lab = lab();
    lab.glance.set_protections(None);
    let image = lab.glance.images(&owner()).create(with(&["x_a"])).await.unwrap();
    assert_eq!(names(&image), ["x_a"]);
}
