//! A store that keeps data in accounts of the callers, and lets others read it there.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt;
use glance_core::catalogue::{Builder, DownloadOptions, UploadOptions};
use glance_core::database::{Database, Journal, MemberRepo, Upload};
use glance_core::events::{Event, Notifier};
use glance_core::image::patch::{Operation, Verb};
use glance_core::image::{Image, ImageId, NewImage, Readers, Status};
use glance_core::limits::ProjectLimits;
use glance_core::location::{Location, NewLocation};
use glance_core::member::MemberStatus;
use glance_core::memory::{MemoryDatabase, MemoryStore};
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, StoreExt, Stored};
use glance_core::{Error, Glance, RequestContext, Settings, Stores};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{admin, owner, stranger, text};

/// What the accounts of all callers have in common.
#[derive(Debug)]
struct Accounts {
    data: MemoryStore,
    /// What was asked for, and by whom.
    asked: Mutex<Vec<String>>,
    readers: Mutex<Option<Readers>>,
    down: AtomicBool,
    /// The server's own account is let in.
    admits_server: AtomicBool,
    /// A member that somebody else adds while the store is told of readers.
    joins: Mutex<Option<(Arc<MemoryDatabase>, ImageId)>>,
}

/// The store as somebody uses it: `server`, or a project.
#[derive(Clone)]
struct Tenants {
    accounts: Arc<Accounts>,
    user: String,
}

impl Tenants {
    fn ask(&self, what: &str) -> Result<(), StoreError> {
        self.accounts.asked.lock().unwrap().push(format!("{what} by {}", self.user));
        if self.accounts.down.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { store: "tenants", doing: "being down", source: "down".into() });
        }
        let is_in = match self.user.as_str() {
            "server" => self.accounts.admits_server.load(Ordering::Relaxed),
            project => project == "mine",
        };
        if is_in { Ok(()) } else { Err(StoreError::Denied { store: "tenants" }) }
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants").field("user", &self.user).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for Tenants {
    fn kind(&self) -> &'static str {
        "tenants"
    }

    fn capabilities(&self) -> Capabilities {
        self.accounts.data.capabilities()
    }

    fn holds(&self, at: &Location) -> bool {
        self.accounts.data.holds(at)
    }

    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        let user = context.project_id.clone().ok_or(StoreError::Denied { store: "tenants" })?;
        Ok(Some(Arc::new(Self { user, ..self.clone() })))
    }

    fn is_for_clients(&self, _: ImageId, _: &Location) -> bool {
        self.user != "server"
    }

    fn destination(&self, id: ImageId) -> Option<Location> {
        (self.user != "server").then(|| Location::new(format!("memory://{}/{id}", self.user)))
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        self.ask("put")?;
        self.accounts.data.put(id, size, data).await
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        self.ask("get")?;
        self.accounts.data.get(at, range).await
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.ask("size")?;
        self.accounts.data.size(at).await
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        self.ask("delete")?;
        self.accounts.data.delete(at).await
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.ask("discard")?;
        self.accounts.data.discard(id).await
    }

    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        self.ask(&format!("discard at {}", destination.expose()))?;
        self.accounts.data.discard(id).await
    }

    fn has_readers(&self) -> bool {
        true
    }

    async fn set_readers(&self, _: &Location, readers: &Readers) -> Result<(), StoreError> {
        self.ask("readers")?;
        *self.accounts.readers.lock().unwrap() = Some(readers.clone());
        let joins = self.accounts.joins.lock().unwrap().take();
        if let Some((database, id)) = joins {
            database.add_member(id, "late", None, Timestamp::now()).await.unwrap();
        }
        Ok(())
    }
}

fn builder(database: &Arc<MemoryDatabase>, accounts: &Arc<Accounts>) -> Builder {
    let store = Tenants { accounts: Arc::clone(accounts), user: "server".to_owned() };
    let records: Arc<dyn Database> = database.clone();
    Glance::builder(records, Stores::single(Arc::new(store)))
}

/// Notes what is told, and how much stands in the journal at that moment.
#[derive(Debug)]
struct Listener {
    database: Arc<MemoryDatabase>,
    accounts: Arc<Accounts>,
}

impl Notifier for Listener {
    fn notify(&self, event: Event) {
        let noted = self.database.journal(9).now_or_never().unwrap().unwrap().len();
        self.accounts.asked.lock().unwrap().push(format!("{} with {noted} noted", event.event_type));
    }
}

struct Lab {
    glance: Glance,
    database: Arc<MemoryDatabase>,
    accounts: Arc<Accounts>,
}

impl Lab {
    fn new() -> Self {
        let accounts = Arc::new(Accounts {
            data: MemoryStore::new("mine"),
            asked: Mutex::default(),
            readers: Mutex::default(),
            down: AtomicBool::new(false),
            admits_server: AtomicBool::new(true),
            joins: Mutex::default(),
        });
        let database = Arc::new(MemoryDatabase::new());
        Self { glance: builder(&database, &accounts).build(), database, accounts }
    }

    /// The same with other settings, and what is told of among what is asked for.
    fn heard(settings: Settings) -> Self {
        let Self { database, accounts, .. } = Self::new();
        let listener = Arc::new(Listener { database: Arc::clone(&database), accounts: Arc::clone(&accounts) });
        let glance = builder(&database, &accounts).settings(settings).notifier(listener).build();
        Self { glance, database, accounts }
    }

    async fn active(&self) -> Image {
        let context = owner();
        let images = self.glance.images(&context);
        let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
        images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap()
    }

    async fn make(&self, id: ImageId, visibility: &str) -> Result<Image, Error> {
        let (name, value) = ("visibility".to_owned(), json!(visibility));
        let operation = Operation { verb: Verb::Replace, name, element: None, value };
        self.glance.images(&admin()).patch(id, &[operation]).await
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.accounts.asked.lock().unwrap())
    }

    fn readers(&self) -> Readers {
        self.accounts.readers.lock().unwrap().clone().unwrap()
    }

    async fn left(&self) -> usize {
        self.database.journal(9).await.unwrap().len()
    }
}

/// Turns something on or off.
fn set(what: &AtomicBool, to: bool) {
    what.store(to, Ordering::Relaxed);
}

fn projects(names: &[&str]) -> Readers {
    Readers::Projects(names.iter().map(|&name| name.to_owned()).collect())
}

#[tokio::test]
async fn data_goes_through_the_account_of_who_calls() {
    let lab = Lab::new();
    let image = lab.active().await;
    assert_eq!(lab.asked(), ["put by mine", "readers by mine"]);
    let context = owner();
    let images = lab.glance.images(&context);
    images.download(image.id, &DownloadOptions::default()).await.unwrap();
    images.delete(image.id).await.unwrap();
    assert_eq!(lab.asked(), ["get by mine", "delete by mine"]);
    assert_eq!(lab.left().await, 0);
}

#[tokio::test]
async fn what_follows_from_a_call_is_done_by_the_server_where_the_caller_is_not_let() {
    let lab = Lab::new();
    let image = lab.active().await;
    lab.asked();
    lab.make(image.id, "public").await.unwrap();
    assert_eq!(lab.asked(), ["readers by admins", "readers by server"]);
    assert_eq!(lab.readers(), Readers::Everybody);
    // Reading is nothing that the server does for anybody.
    let read = lab.glance.images(&stranger()).download(image.id, &DownloadOptions::default()).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert_eq!(lab.asked(), ["get by theirs"]);
    lab.glance.images(&admin()).delete(image.id).await.unwrap();
    assert_eq!(lab.asked(), ["delete by admins", "delete by server"]);
    assert_eq!(lab.left().await, 0);
}

#[tokio::test]
async fn a_caller_without_an_account_uploads_nothing() {
    let lab = Lab::new();
    let context = RequestContext { project_id: None, ..admin() };
    let owned = NewImage { owner: Some(Some("mine".to_owned())), ..NewImage::named("n", "raw", "bare") };
    let image = lab.glance.images(&context).create(owned).await.unwrap();
    let refused = lab.glance.images(&context).upload(image.id, text("data"), UploadOptions::default()).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(lab.glance.images(&context).get(image.id).await.unwrap().status, Status::Queued);
    assert_eq!((lab.asked().len(), lab.left().await), (0, 0));
}

#[tokio::test]
async fn a_store_is_told_who_may_read() {
    let lab = Lab::new();
    let image = lab.active().await;
    assert_eq!(lab.readers(), projects(&["mine"]));
    let context = owner();
    let images = lab.glance.images(&context);
    images.add_member(image.id, "theirs").await.unwrap();
    assert_eq!(lab.readers(), projects(&["mine", "theirs"]));
    lab.asked();
    lab.glance.images(&stranger()).set_member_status(image.id, "theirs", MemberStatus::Rejected).await.unwrap();
    assert!(images.add_member(image.id, "theirs").await.is_err());
    assert_eq!(lab.asked(), [""; 0]);
    lab.make(image.id, "private").await.unwrap();
    assert_eq!(lab.readers(), projects(&["mine"]));
    lab.make(image.id, "community").await.unwrap();
    assert_eq!(lab.readers(), Readers::Everybody);
    lab.glance.images(&admin()).deactivate(image.id).await.unwrap();
    assert_eq!(lab.readers(), projects(&[]));
    lab.glance.images(&admin()).reactivate(image.id).await.unwrap();
    lab.make(image.id, "shared").await.unwrap();
    assert_eq!(lab.readers(), projects(&["mine", "theirs"]));
    images.remove_member(image.id, "theirs").await.unwrap();
    assert_eq!(lab.readers(), projects(&["mine"]));
    assert_eq!(lab.left().await, 0);
}

#[tokio::test]
async fn a_store_that_cannot_be_told_is_told_later() {
    let lab = Lab::new();
    let image = lab.active().await;
    let context = owner();
    let images = lab.glance.images(&context);
    images.add_member(image.id, "theirs").await.unwrap();
    set(&lab.accounts.down, true);
    images.remove_member(image.id, "theirs").await.unwrap();
    assert_eq!((lab.readers(), lab.left().await), (projects(&["mine", "theirs"]), 1));
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().left, 1);
    set(&lab.accounts.down, false);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().told, 1);
    assert_eq!((lab.readers(), lab.left().await), (projects(&["mine"]), 0));
}

#[tokio::test]
async fn a_store_is_told_again_of_what_changed_meanwhile() {
    let lab = Lab::new();
    let image = lab.active().await;
    *lab.accounts.joins.lock().unwrap() = Some((Arc::clone(&lab.database), image.id));
    lab.glance.images(&owner()).add_member(image.id, "theirs").await.unwrap();
    assert_eq!(lab.readers(), projects(&["mine", "theirs", "late"]));
}

#[tokio::test]
async fn a_note_about_an_image_that_is_gone_is_dropped() {
    let lab = Lab::new();
    let id = ImageId::random();
    lab.database.note_readers(id, uuid::Uuid::new_v4(), "dead", Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().told, 1);
    assert_eq!((lab.asked().len(), lab.left().await), (0, 0));
}

#[tokio::test]
async fn what_a_dead_process_was_writing_is_discarded_where_it_was_going() {
    let lab = Lab::new();
    let context = owner();
    let image = lab.glance.images(&context).create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let place = Location::new(format!("memory://mine/{}", image.id));
    let upload = Upload {
        entry: uuid::Uuid::new_v4(),
        image: image.id,
        store: None,
        destination: Some(place.clone()),
        project: None,
        reserved: 0,
        process: "dead".into(),
        lease_until: Timestamp::UNIX_EPOCH,
    };
    lab.database.begin_upload(&upload, Status::Queued, &ProjectLimits::NONE, image.created_at).await.unwrap();
    lab.accounts.data.write(image.id, "half of it".into()).await.unwrap();
    set(&lab.accounts.admits_server, false);
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().left, 1);
    assert_eq!(lab.accounts.data.size(&place).await.unwrap(), 10);
    set(&lab.accounts.admits_server, true);
    lab.asked();
    assert_eq!(lab.glance.recover(|_| false).await.unwrap().uploads, 1);
    assert_eq!(lab.asked(), [format!("discard at {} by server", place.expose())]);
    assert!(lab.accounts.data.size(&place).await.is_err());
    assert!(lab.glance.images(&context).upload(image.id, text("again"), UploadOptions::default()).await.is_ok());
}

#[tokio::test]
async fn an_upload_notes_where_it_goes_before_it_writes() {
    let lab = Lab::new();
    let context = owner();
    let image = lab.glance.images(&context).create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let database = Arc::clone(&lab.database);
    let data = futures::stream::once(async move {
        let entry = database.journal(9).await.unwrap().remove(0);
        let place = Location::new(format!("memory://mine/{}", entry.image));
        assert_eq!(entry.work, glance_core::database::Work::Upload(Some(place)));
        Ok(bytes::Bytes::from_static(b"data"))
    });
    lab.glance.images(&context).upload(image.id, Box::pin(data), UploadOptions::default()).await.unwrap();
}

/// A caller that goes away while stores are told takes no event with it; and an image that has no data yet may come by
/// some before the record changes.
#[tokio::test]
async fn a_change_is_told_before_stores_are_and_noted_until_then() {
    let lab = Lab::heard(Settings::default());
    let (context, root) = (owner(), admin());
    let images = lab.glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    lab.asked();
    images.add_member(image.id, "theirs").await.unwrap();
    images.remove_member(image.id, "theirs").await.unwrap();
    assert_eq!(lab.asked(), ["image.member.create with 1 noted", "image.member.delete with 1 noted"]);
    images.upload(image.id, text("data"), UploadOptions::default()).await.unwrap();
    lab.asked();
    images.add_member(image.id, "theirs").await.unwrap();
    images.remove_member(image.id, "theirs").await.unwrap();
    let told =
        ["image.member.create with 1 noted", "readers by mine", "image.member.delete with 1 noted", "readers by mine"];
    assert_eq!(lab.asked(), told);
    lab.glance.images(&root).deactivate(image.id).await.unwrap();
    assert_eq!(lab.asked(), ["image.update with 1 noted", "readers by admins", "readers by server"]);
    assert_eq!(lab.left().await, 0);
}

#[tokio::test]
async fn nobody_reads_what_waits_for_a_scrubber() {
    let lab = Lab::heard(Settings { delayed_delete: true, ..Settings::default() });
    let image = lab.active().await;
    lab.make(image.id, "public").await.unwrap();
    assert_eq!(lab.readers(), Readers::Everybody);
    lab.glance.images(&owner()).delete(image.id).await.unwrap();
    assert_eq!(lab.readers(), projects(&[]));
}

#[tokio::test]
async fn an_added_location_is_looked_at_as_the_caller_and_opened_to_its_readers() {
    let lab = Lab::heard(Settings { show_multiple_locations: true, ..Settings::default() });
    let context = owner();
    let image = lab.glance.images(&context).create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let place = lab.accounts.data.write(image.id, "data".into()).await.unwrap().location;
    lab.asked();
    let value = json!({"url": place.expose(), "metadata": {}});
    let operation = Operation { verb: Verb::Add, name: "locations".to_owned(), element: Some("-".to_owned()), value };
    lab.glance.images(&context).patch(image.id, &[operation]).await.unwrap();
    assert_eq!(lab.asked(), ["size by mine", "image.update with 1 noted", "readers by mine"]);
    assert_eq!(lab.readers(), projects(&["mine"]));
}

#[tokio::test]
async fn registered_data_is_opened_to_the_readers_of_its_image() {
    for do_secure_hash in [true, false] {
        let lab = Lab::heard(Settings { do_secure_hash, ..Settings::default() });
        let served = RequestContext { service_roles: vec!["service".to_owned()], ..owner() };
        let images = lab.glance.images(&served);
        let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
        let place = lab.accounts.data.write(image.id, "data".into()).await.unwrap().location;
        images.add_location(image.id, NewLocation::new(place.expose())).await.unwrap();
        while lab.left().await > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(images.get(image.id).await.unwrap().status, Status::Active);
        assert_eq!(lab.readers(), projects(&["mine"]));
    }
}

#[tokio::test]
async fn a_note_is_left_to_those_who_have_the_store() {
    let lab = Lab::new();
    let image = lab.active().await;
    lab.database.note_readers(image.id, uuid::Uuid::new_v4(), "dead", Timestamp::UNIX_EPOCH).await.unwrap();
    let records: Arc<dyn Database> = lab.database.clone();
    let without = Glance::builder(records, Stores::single(Arc::new(MemoryStore::new("other")))).build();
    assert_eq!(without.recover(|_| true).await.unwrap().left, 1);
    assert_eq!(lab.left().await, 1);
    assert_eq!(lab.glance.recover(|_| true).await.unwrap().told, 1);
    assert_eq!(lab.left().await, 0);
}
