//! What is told of calls, in which order, and in which words.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use glance_core::catalogue::{DownloadOptions, Metadefs, UploadOptions, Wanted};
use glance_core::database::{Database, Journal, Registration};
use glance_core::events::{Event, EventType, Notifier, Payload};
use glance_core::image::patch::{Operation, Verb};
use glance_core::image::{ImageId, NewImage};
use glance_core::limits::ProjectLimits;
use glance_core::location::Location;
use glance_core::member::MemberStatus;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::metadefs::{NewNamespace, NewTags, Tag, association_from_json, object_from_json, property_from_json};
use glance_core::store::BoxError;
use glance_core::{Glance, Moment, NamedStore, RequestContext, Settings, Stores};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::support::{FaultyStore, admin, owner, stranger, text};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Notifier for Recorder {
    fn notify(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Recorder {
    /// What was told since it was last asked, as messages have it.
    fn events(&self) -> Vec<(EventType, &'static str, Value)> {
        let events = std::mem::take(&mut *self.0.lock().unwrap());
        events.into_iter().map(|event| (event.event_type, event.priority.as_str(), json!(event.payload))).collect()
    }

    /// The same in short: kind, `ERROR` for such, and the status if there is one.
    fn told(&self) -> Vec<String> {
        let short = |(kind, priority, payload): (EventType, &str, Value)| {
            let error = if priority == "ERROR" { " ERROR" } else { "" };
            let status = payload["status"].as_str().map(|status| format!(" {status}")).unwrap_or_default();
            format!("{kind}{error}{status}")
        };
        self.events().into_iter().map(short).collect()
    }
}

struct Lab {
    glance: Glance,
    database: Arc<MemoryDatabase>,
    store: Arc<FaultyStore>,
    heard: Arc<Recorder>,
}

impl Lab {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let (store, heard) = (Arc::new(FaultyStore::new("one")), Arc::new(Recorder::default()));
        let database = Arc::new(MemoryDatabase::new());
        let glance = Glance::builder(database.clone(), Stores::single(store.clone()))
            .settings(settings)
            .notifier(heard.clone())
            .build();
        Self { glance, database, store, heard }
    }

    async fn queued(&self) -> ImageId {
        let image = self.glance.images(&owner()).create(NewImage::named("n", "raw", "bare")).await.unwrap();
        assert_eq!(self.heard.told(), ["image.create queued"]);
        image.id
    }

    async fn active(&self) -> ImageId {
        let id = self.queued().await;
        self.glance.images(&owner()).upload(id, text("data"), UploadOptions::default()).await.unwrap();
        self.heard.events();
        id
    }
}

#[tokio::test]
async fn an_upload_is_told_in_five_events() {
    let lab = Lab::new();
    let id = lab.queued().await;
    lab.glance.images(&owner()).upload(id, text("data"), UploadOptions::default()).await.unwrap();
    assert_eq!(
        lab.heard.told(),
        [
            "image.update saving",
            "image.prepare saving",
            "image.upload active",
            "image.activate active",
            "image.update active"
        ]
    );
}

#[tokio::test]
async fn a_refused_upload_is_told_as_an_error_and_undone() {
    let lab = Lab::new();
    let refused = ["image.update saving", "image.prepare saving", "image.upload ERROR", "image.update queued"];
    let id = lab.queued().await;
    let (context, options) = (owner(), UploadOptions::default());
    let images = lab.glance.images(&context);
    lab.store.full.store(true, Ordering::Relaxed);
    images.upload(id, text("data"), options.clone()).await.unwrap_err();
    let events = lab.heard.events();
    assert!(events[2].2.as_str().is_some_and(|why| why.contains(id.as_str())), "{events:?}");
    lab.store.full.store(false, Ordering::Relaxed);
    let broken = futures::stream::iter([Err(BoxError::from("went away"))]);
    images.upload(id, Box::pin(broken), options.clone()).await.unwrap_err();
    assert_eq!(lab.heard.told(), refused);
    // Data that cannot be removed yet leaves the image saving, until it is recovered.
    lab.store.falls.store(true, Ordering::Relaxed);
    images.upload(id, text("data"), options.clone()).await.unwrap_err();
    assert_eq!(lab.heard.told(), refused[..3]);
    lab.store.down.store(false, Ordering::Relaxed);
    lab.glance.recover(|_| false).await.unwrap();
    assert_eq!(lab.heard.told(), ["image.update queued"]);
    // Who may not, or has no image that takes data, causes nothing.
    lab.glance.images(&stranger()).upload(id, text("data"), options).await.unwrap_err();
    assert_eq!(lab.heard.told(), [""; 0]);
}

#[tokio::test]
async fn a_registration_that_is_unwound_is_told() {
    let lab = Lab::new();
    let registration = Registration {
        entry: uuid::Uuid::new_v4(),
        image: lab.queued().await,
        store: None,
        location: Location::new("memory://one/x"),
        project: Some("mine".into()),
        process: "dead".to_owned(),
        lease_until: Timestamp::UNIX_EPOCH,
    };
    lab.database.begin_registration(&registration, &ProjectLimits::NONE, Timestamp::UNIX_EPOCH).await.unwrap();
    lab.glance.recover(|_| false).await.unwrap();
    assert_eq!(lab.heard.told(), ["image.update queued"]);
}

#[tokio::test]
async fn changes_of_a_record_are_told_one_by_one() {
    let lab = Lab::new();
    let id = lab.active().await;
    let context = owner();
    let images = lab.glance.images(&context);
    let operation = Operation { verb: Verb::Add, name: "colour".to_owned(), element: None, value: json!("red") };
    images.patch(id, &[operation]).await.unwrap();
    images.patch(id, &[]).await.unwrap();
    images.add_tag(id, "t").await.unwrap();
    images.remove_tag(id, "t").await.unwrap();
    images.remove_tag(id, "t").await.unwrap_err();
    assert_eq!(lab.heard.told(), ["image.update active"; 3]);
    let admins = admin();
    lab.glance.images(&admins).deactivate(id).await.unwrap();
    lab.glance.images(&admins).reactivate(id).await.unwrap();
    assert_eq!(lab.heard.told(), ["image.update deactivated", "image.update active"]);
    images.delete(id).await.unwrap();
    images.delete(id).await.unwrap_err();
    assert_eq!(lab.heard.told(), ["image.delete deleted"]);
}

#[tokio::test]
async fn a_delayed_deletion_is_told_as_it_is() {
    let lab = Lab::with(Settings { delayed_delete: true, ..Settings::default() });
    let id = lab.active().await;
    lab.glance.images(&owner()).delete(id).await.unwrap();
    assert_eq!(lab.heard.told(), ["image.delete pending_delete"]);
}

#[tokio::test]
async fn shares_are_told_without_the_image() {
    let lab = Lab::new();
    let id = lab.queued().await;
    let (mine, theirs) = (owner(), stranger());
    lab.glance.images(&mine).add_member(id, "theirs").await.unwrap();
    lab.glance.images(&mine).add_member(id, "theirs").await.unwrap_err();
    lab.glance.images(&theirs).set_member_status(id, "theirs", MemberStatus::Accepted).await.unwrap();
    let member = lab.glance.images(&mine).member(id, "theirs").await.unwrap();
    lab.glance.images(&mine).remove_member(id, "theirs").await.unwrap();
    let mut events = lab.heard.events();
    let kinds: Vec<_> = events.iter().map(|event| event.0.as_str()).collect();
    assert_eq!(kinds, ["image.member.create", "image.member.update", "image.member.delete"]);
    let deleted_at = events[2].2["deleted_at"].take();
    assert_eq!(deleted_at.as_str().map(str::len), Some("2026-01-01T00:00:00Z".len()));
    assert_eq!(
        events[2].2,
        json!({
            "image_id": id.as_str(), "member_id": "theirs", "status": "accepted", "deleted": true, "deleted_at": null,
            "created_at": Moment(member.created_at), "updated_at": Moment(member.updated_at),
        })
    );
    assert_eq!((&events[0].2["deleted"], &events[0].2["status"]), (&json!(false), &json!("pending")));
}

/// Reads a download to its end, or `chunks` of it, or not at all.
async fn read(lab: &Lab, who: &RequestContext, id: ImageId, wanted: Option<Wanted>, to_end: bool) {
    let options = DownloadOptions { wanted, ..DownloadOptions::default() };
    let mut stream = lab.glance.images(who).download(id, &options).await.unwrap().reading.stream;
    if to_end {
        while stream.next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_download_is_told_when_it_is_over() {
    let lab = Lab::new();
    let id = lab.active().await;
    let admins = admin();
    read(&lab, &admins, id, None, true).await;
    read(&lab, &admins, id, Some(Wanted::From { start: 1, end: Some(3) }), true).await;
    // One that nobody reads was not sent.
    read(&lab, &admins, id, None, false).await;
    let sent = |bytes: u64| {
        json!({
            "bytes_sent": bytes, "image_id": id.as_str(), "owner_id": "mine",
            "receiver_tenant_id": "admins", "receiver_user_id": "root",
        })
    };
    let events = lab.heard.events();
    let expected = [(EventType::ImageSend, "INFO", sent(4)), (EventType::ImageSend, "INFO", sent(2))];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_told_as_an_error() {
    let lab = Lab::new();
    let id = lab.active().await;
    let download = lab.glance.images(&owner()).download(id, &DownloadOptions::default()).await.unwrap();
    let counting = download.delivery.begin();
    counting.sent(1);
    counting.sent(2);
    drop(counting);
    let events = lab.heard.events();
    assert_eq!((events.len(), events[0].1, &events[0].2["bytes_sent"]), (1, "ERROR", &json!(3)));
    let mut stream = download.reading.stream;
    stream.next().await.unwrap().unwrap();
    assert_eq!(lab.heard.told(), [""; 0]);
    drop(stream);
    assert_eq!(lab.heard.told(), ["image.send"]);
}

#[tokio::test]
async fn an_image_is_told_to_the_letter_and_its_location_is_not() {
    let heard = Arc::new(Recorder::default());
    let stores = vec![NamedStore::new("fast", Arc::new(MemoryStore::new("fast")))];
    let database: Arc<dyn Database> = Arc::new(MemoryDatabase::new());
    let stores = Stores::several(stores, "fast").unwrap();
    let glance = Glance::builder(Arc::clone(&database), stores).notifier(heard.clone()).build();
    let context = owner();
    let images = glance.images(&context);
    let mut new = NewImage::named("n", "raw", "bare");
    new.tags = vec!["t".to_owned()];
    new.properties.insert("colour".to_owned(), Some("red".to_owned()));
    let id = images.create(new).await.unwrap().id;
    heard.events();
    let image = images.upload(id, text("data"), UploadOptions::default()).await.unwrap();
    let events = heard.events();
    let mut expected = json!({
        "id": id.as_str(), "name": "n", "status": "active", "created_at": Moment(image.created_at),
        "updated_at": Moment(image.updated_at), "min_disk": 0, "min_ram": 0, "protected": false,
        "checksum": image.checksum, "owner": "mine", "disk_format": "raw", "container_format": "bare",
        "size": 4, "virtual_size": image.virtual_size, "is_public": false, "visibility": "shared",
        "properties": {"colour": "red"}, "tags": ["t"], "deleted": false, "deleted_at": null,
    });
    assert_eq!((&events[3].2, &events[4].2), (&expected, &expected));
    expected["os_glance_importing_to_stores"] = json!([]);
    expected["os_glance_failed_import"] = json!([]);
    assert_eq!(events[2].2, expected);
    assert_eq!(events[1].2["backend"], "fast");
    let all = format!("{events:?}");
    assert!(!image.locations.is_empty() && !all.contains(image.locations[0].url.expose()), "{all}");
    images.delete(id).await.unwrap();
    let deleted = &heard.events()[0].2;
    assert_eq!((&deleted["deleted"], &deleted["status"]), (&json!(true), &json!("deleted")));
    assert!(deleted["deleted_at"].is_string());
}

#[tokio::test]
async fn what_is_disabled_is_not_told() {
    for (disabled, told) in [
        (&["image"][..], &[][..]),
        (&["image.member", "image.create"], &["image.delete"]),
        (&["image.delete", "nonsense", "image."], &["image.create", "image.member.create"]),
    ] {
        let disabled_notifications = disabled.iter().map(ToString::to_string).collect();
        let lab = Lab::with(Settings { disabled_notifications, ..Settings::default() });
        let context = owner();
        let images = lab.glance.images(&context);
        let id = images.create(NewImage::default()).await.unwrap().id;
        images.add_member(id, "p").await.unwrap();
        images.delete(id).await.unwrap();
        let kinds: Vec<_> = lab.heard.events().into_iter().map(|event| event.0.as_str()).collect();
        assert_eq!(kinds, told, "{disabled:?}");
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

async fn make_namespace(metadefs: &Metadefs<'_>) {
    let whole = json!({
        "namespace": "n", "visibility": "public", "owner": "p",
        "resource_type_associations": [{"name": "R", "prefix": "x_"}],
        "properties": {"p": {"title": "t", "type": "integer", "minimum": 1}},
        "objects": [{"name": "o", "properties": {"q": {"title": "t", "type": "string", "minLength": 0}}}],
        "tags": [{"name": "t"}],
    });
    metadefs.create_namespace(NewNamespace::from_json(object(&whole)).unwrap()).await.unwrap();
}

#[tokio::test]
async fn definitions_are_told_one_by_one() {
    let lab = Lab::new();
    let context = admin();
    let metadefs = lab.glance.metadefs(&context);
    make_namespace(&metadefs).await;
    let made = "metadef_namespace.create metadef_resource_type.create metadef_object.create metadef_tag.create \
                metadef_property.create";
    let kinds = || {
        let kinds: Vec<_> = lab.heard.events().into_iter().map(|event| event.0.as_str()).collect();
        kinds.join(" ")
    };
    assert_eq!(kinds(), made);
    let thing = |name: &str| object_from_json(object(&json!({ "name": name }))).unwrap();
    metadefs.add_object("n", thing("a")).await.unwrap();
    metadefs.update_object("n", "a", thing("b")).await.unwrap();
    metadefs.delete_object("n", "b").await.unwrap();
    assert_eq!(kinds(), "metadef_object.create metadef_object.update metadef_object.delete");
    let property =
        |name: &str| property_from_json(object(&json!({"name": name, "title": "t", "type": "string"}))).unwrap();
    metadefs.add_property("n", property("a")).await.unwrap();
    metadefs.update_property("n", "a", property("b")).await.unwrap();
    metadefs.delete_property("n", "b").await.unwrap();
    assert_eq!(kinds(), "metadef_property.create metadef_property.update metadef_property.delete");
    let tags = NewTags(["a", "b"].map(|name| Tag { name: name.to_owned() }).into());
    metadefs.add_tags("n", &tags, true).await.unwrap();
    metadefs.add_tag("n", "c").await.unwrap();
    metadefs.update_tag("n", "c", Tag { name: "d".to_owned() }).await.unwrap();
    metadefs.delete_tag("n", "d").await.unwrap();
    let tags = "metadef_tag.create metadef_tag.create metadef_tag.create metadef_tag.update metadef_tag.delete";
    assert_eq!(kinds(), tags);
    metadefs.associate("n", association_from_json(object(&json!({"name": "S"}))).unwrap()).await.unwrap();
    metadefs.dissociate("n", "S").await.unwrap();
    assert_eq!(kinds(), "metadef_resource_type.create metadef_resource_type.delete");
    metadefs.delete_objects("n").await.unwrap();
    metadefs.delete_properties("n").await.unwrap();
    metadefs.delete_tags("n").await.unwrap();
    let emptied = "metadef_namespace.delete_objects metadef_namespace.delete_properties metadef_namespace.delete_tags";
    assert_eq!(kinds(), emptied);
    let renamed = json!({"namespace": "m"});
    metadefs.update_namespace("n", NewNamespace::from_json(object(&renamed)).unwrap()).await.unwrap();
    metadefs.delete_namespace("m").await.unwrap();
    metadefs.delete_namespace("m").await.unwrap_err();
    assert_eq!(kinds(), "metadef_namespace.update metadef_namespace.delete");
}

/// The payload with its times taken out.
fn timeless(mut payload: Value) -> Value {
    let payload_object = payload.as_object_mut().unwrap();
    let moments = payload_object.iter_mut().filter(|(name, value)| name.ends_with("_at") && value.is_string());
    for (_, value) in moments {
        *value = "then".into();
    }
    payload
}

#[tokio::test]
async fn definitions_are_told_to_the_letter() {
    let lab = Lab::new();
    let context = admin();
    let metadefs = lab.glance.metadefs(&context);
    make_namespace(&metadefs).await;
    let told: Vec<_> = lab.heard.events().into_iter().map(|event| timeless(event.2)).collect();
    let nothing = |value: Value| {
        let mut all = value;
        for key in [
            "type",
            "title",
            "description",
            "default",
            "minimum",
            "maximum",
            "enum",
            "pattern",
            "minLength",
            "maxLength",
            "confidential",
            "items",
            "uniqueItems",
            "minItems",
            "maxItems",
            "additionalItems",
        ] {
            all.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
        }
        all
    };
    let times = |value: Value| {
        let mut all = value;
        all["created_at"] = "then".into();
        all["updated_at"] = "then".into();
        all["deleted"] = false.into();
        all["deleted_at"] = Value::Null;
        all
    };
    let expected = [
        times(json!({
            "namespace": "n", "namespace_old": "n", "display_name": null, "protected": false, "visibility": "public",
            "owner": "p", "description": null,
        })),
        times(json!({"namespace": "n", "name": "R", "name_old": "R", "prefix": "x_", "properties_target": null})),
        times(json!({
            "namespace": "n", "name": "o", "name_old": "o", "required": [], "description": null,
            "properties": [nothing(json!({"name": "q", "title": "t", "type": "string", "minLength": null}))],
        })),
        times(json!({"namespace": "n", "name": "t", "name_old": "t"})),
        nothing(json!({
            "namespace": "n", "name": "p", "name_old": "p", "title": "t", "type": "integer", "minimum": 1,
            "deleted": false, "deleted_at": null,
        })),
    ];
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    metadefs.update_namespace("n", NewNamespace::from_json(object(&json!({"namespace": "m"}))).unwrap()).await.unwrap();
    metadefs.update_tag("m", "t", Tag { name: "u".to_owned() }).await.unwrap();
    metadefs.delete_tag("m", "u").await.unwrap();
    let told: Vec<_> = lab.heard.events().into_iter().map(|event| timeless(event.2)).collect();
    assert_eq!((&told[0]["namespace"], &told[0]["namespace_old"]), (&json!("m"), &json!("n")));
    assert_eq!(told[1], times(json!({"namespace": "m", "name": "u", "name_old": "t"})));
    assert_eq!((&told[2]["deleted"], &told[2]["deleted_at"]), (&json!(true), &json!("then")));
}

/// A payload is not even made while nobody listens: that shows where it would be told.
#[tokio::test]
async fn nobody_needs_to_listen() {
    let glance =
        Glance::builder(Arc::new(MemoryDatabase::new()), Stores::single(Arc::new(MemoryStore::new("one")))).build();
    let context = owner();
    let images = glance.images(&context);
    let id = images.create(NewImage::named("n", "raw", "bare")).await.unwrap().id;
    images.upload(id, text("data"), UploadOptions::default()).await.unwrap();
    let download = images.download(id, &DownloadOptions::default()).await.unwrap();
    assert!(!download.delivery.is_heard());
    let text = Payload::Text("t".to_owned());
    assert_eq!(json!(text), json!("t"));
}
