//! In the accounts of callers, against a real Swift and a real Keystone: two projects that do not know each other.

use std::collections::BTreeSet;
use std::time::Duration;

use glance_core::conformance::{GivenUp, backend};
use glance_core::store::StoreExt;
use http::Method;

use super::super::*;
use super::support::{Backend, SEGMENT, broken, chunks, noise};
use crate::keystone::{self, Domain, Keystone, KeystoneConfig, Login, Project, Scope, Token, Trusts, User};
use crate::outbound::{Client, Deadlines, OperatorUrl, Request, Tls};

const VARIABLE: &str = "GLANCE_TEST_SWIFT_V3";

/// Keystone and Swift, and the containers of one test, which go with it.
pub(super) struct Cloud {
    backend: Backend,
    http: Client,
    pub(super) prefix: String,
    used: std::sync::Mutex<Vec<RequestContext>>,
}

/// A user of the cloud, as the server knows callers.
struct Tenant {
    context: RequestContext,
    token: Token,
    swift: Swift,
}

impl Tenant {
    fn project(&self) -> String {
        self.context.project_id.clone().unwrap()
    }
}

impl Cloud {
    pub(super) fn new(settings: &str) -> Self {
        let http = Client::new(&Tls::default(), Deadlines::default()).unwrap();
        let prefix = format!("test-{}", ImageId::random());
        Self { backend: Backend::of(settings), http, prefix, used: std::sync::Mutex::default() }
    }

    /// Logs in a user of a project, both of which are called so unless said otherwise.
    async fn tenant(&self, user: &str, project: &str, password: &str) -> Tenant {
        let named = |name: &str| (name.to_owned(), Domain::default());
        let ((user, domain), (project, of)) = (named(user), named(project));
        let login = Login {
            address: OperatorUrl::parse(&self.backend.get("auth")).unwrap(),
            credentials: keystone::Credentials::Password(User::Name(user, domain), Key::new(password)),
            scope: Scope::Project(Project::Name(project, of)),
        };
        let grant = keystone::Grant::read(self.http.send(login.request()).await.unwrap()).await.unwrap();
        let token = Trusts::new(self.http.clone(), login).unwrap().inspect(&grant.token).await.unwrap();
        let mut context = RequestContext::new(&token.user.id, &token.project.as_ref().unwrap().id, &token.roles);
        context.auth_token = Some(grant.token.to_str().unwrap().to_owned());
        context.service_catalog = Some(Arc::new(grant.catalog));
        self.used.lock().unwrap().push(context.clone());
        let swift = client_of(self.http.clone(), &context);
        Tenant { context, token, swift }
    }

    async fn demo(&self) -> Tenant {
        self.tenant("demo", "demo", "demo").await
    }

    async fn alt_demo(&self) -> Tenant {
        self.tenant("alt_demo", "alt_demo", "demo").await
    }

    /// Keystone, as the server asks it about tokens.
    fn keystone(&self) -> Keystone {
        let address = OperatorUrl::parse(&self.backend.get("auth")).unwrap();
        let config = KeystoneConfig {
            login: auth::login(&self.backend.password(), address),
            interface: "public".to_owned(),
            region: None,
            with_catalog: false,
            retries: 0,
            patience: Duration::from_secs(60),
        };
        Keystone::new(self.http.clone(), config)
    }

    /// The store as the server itself uses it, with an account that may do everything in Swift.
    fn store(&self, change: impl FnOnce(&mut SwiftConfig)) -> SwiftStore {
        let mut config = SwiftConfig::new(self.backend.password());
        config.container.clone_from(&self.prefix);
        (config.segment_size, config.large_object_size) = (SEGMENT, 1);
        config.multi_tenant = Some(MultiTenant::default());
        change(&mut config);
        SwiftStore::open(config).unwrap()
    }

    /// All its containers in the accounts that have been used.
    pub(super) async fn names(&self) -> Vec<String> {
        let used = self.used.lock().unwrap().clone();
        let mut names = Vec::new();
        for context in used {
            names.extend(containers(&client_of(self.http.clone(), &context), &self.prefix).await);
        }
        names
    }

    /// The store of the suite, as one caller uses it.
    pub(super) async fn view(&self) -> SwiftStore {
        let store = self.store(|_| ());
        store.used_by(Caller::of(&self.demo().await.context, &store.config.endpoint).unwrap())
    }
}

async fn view(store: &SwiftStore, tenant: &Tenant) -> Arc<dyn Store> {
    store.for_caller(&tenant.context).await.unwrap().unwrap()
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let used = std::mem::take(self.used.get_mut().unwrap());
        let prefix = self.prefix.clone();
        // On a runtime and connections of its own: those of the test stand still while this is dropped.
        let gone = async move {
            let http = Client::new(&Tls::default(), Deadlines::default()).unwrap();
            for context in used {
                remove_all(&client_of(http.clone(), &context), &prefix).await;
            }
        };
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime().block_on(gone)).join().unwrap_or_default();
    }
}

/// The account of a caller.
fn client_of(http: Client, context: &RequestContext) -> Swift {
    let caller = Caller::of(context, &Endpoint::default()).unwrap();
    let own = caller.grant(caller.storage().unwrap()).unwrap();
    Swift::new(http, Arc::new(OneToken(Arc::new(own))), 1000)
}

/// The containers of an account whose names begin so.
async fn containers(swift: &Swift, prefix: &str) -> Vec<String> {
    let list = |grant: &auth::Grant| {
        let url = grant.storage.below([]).with_query([("prefix", prefix), ("format", "plain")]);
        Request::new(Method::GET, url)
    };
    let answer = swift.call("listing containers", list).await.unwrap();
    if !answer.status.is_success() {
        // Somebody who only reads has none.
        return Vec::new();
    }
    let text = answer.read(1 << 20).await.unwrap();
    String::from_utf8(text.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

async fn remove_all(swift: &Swift, prefix: &str) {
    for container in containers(swift, prefix).await {
        swift.delete_listed(&container, "").await.unwrap();
        let remove = |grant: &auth::Grant| client::at(grant, Method::DELETE, [container.as_str()]);
        let _ = swift.call("removing a container", remove).await;
    }
}

fn is_denied<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Denied { .. }))
}

#[tokio::test]
async fn a_container_comes_and_goes_with_its_image() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let (demo, store) = (cloud.demo().await, cloud.store(|_| ()));
    let mine = view(&store, &demo).await;
    let id = ImageId::random();
    let put = mine.write(id, noise(700_000)).await.unwrap();
    let catalog = demo.context.service_catalog.as_ref().unwrap();
    let storage = catalog.endpoint("object-store", "public", None).unwrap();
    let place = format!("swift+{storage}/{}_{id}/{id}", cloud.prefix);
    assert_eq!(put.location.expose(), place);
    assert_eq!(mine.destination(id), Some(put.location.clone()));
    assert!(store.holds(&put.location) && !store.is_for_clients(id, &put.location));
    assert_eq!(containers(&demo.swift, &cloud.prefix).await, [format!("{}_{id}", cloud.prefix)]);
    assert!(mine.read(&put.location, ByteRange { start: 5, end: None }).await.unwrap() == noise(700_000)[5..]);
    mine.delete(&put.location).await.unwrap();
    assert!(containers(&demo.swift, &cloud.prefix).await.is_empty());
    assert!(matches!(mine.delete(&put.location).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn an_upload_that_fails_leaves_no_container() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let demo = cloud.demo().await;
    let mine = view(&cloud.store(|_| ()), &demo).await;
    for len in [0, 1, 700_000] {
        let put = mine.put(ImageId::random(), None, broken(&noise(len))).await;
        assert!(matches!(put, Err(StoreError::Source { .. })), "{put:?}");
        assert_eq!(containers(&demo.swift, &cloud.prefix).await, [""; 0], "{len}");
    }
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_no_container() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let store = cloud.view().await;
    let part = usize::try_from(SEGMENT).unwrap();
    let given_up = GivenUp { uploads: 120, part, looks: 100, pause: Duration::from_millis(1) };
    given_up.leave_nothing(&store, async || cloud.names().await).await;
}

#[tokio::test]
async fn others_read_what_they_are_let_read() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let (demo, other) = (cloud.demo().await, cloud.alt_demo().await);
    let reader = cloud.tenant("demo_reader", "demo", "demo").await;
    let store = cloud.store(|_| ());
    let (mine, theirs) = (view(&store, &demo).await, view(&store, &other).await);
    let read_only = view(&store, &reader).await;
    let at = mine.write(ImageId::random(), noise(700_000)).await.unwrap().location;
    let reads = async |view: &Arc<dyn Store>| match view.read(&at, ByteRange::ALL).await {
        Ok(data) => data == noise(700_000),
        refused if is_denied(&refused) => false,
        error => panic!("{error:?}"),
    };
    let some = |projects: &[String]| Readers::Projects(projects.to_vec());
    for (readers, expected) in [
        (some(&[]), (false, false)),
        (some(&[other.project()]), (true, false)),
        (some(&[demo.project()]), (false, true)),
        (some(&[other.project(), demo.project()]), (true, true)),
        (some(&["*".to_owned(), ".r:*".to_owned()]), (false, false)),
        (Readers::Everybody, (true, true)),
        (some(&[]), (false, false)),
    ] {
        mine.set_readers(&at, &readers).await.unwrap();
        assert_eq!((reads(&theirs).await, reads(&read_only).await), expected, "{readers:?}");
        assert!(reads(&mine).await);
    }
    // To read is not to write, and neither is to share.
    mine.set_readers(&at, &Readers::Everybody).await.unwrap();
    assert!(is_denied(&theirs.set_readers(&at, &some(&[])).await));
    assert!(is_denied(&theirs.delete(&at).await));
    // The server may do both.
    store.set_readers(&at, &some(&[])).await.unwrap();
    assert!(!reads(&theirs).await);
    mine.delete(&at).await.unwrap();
    assert!(matches!(mine.set_readers(&at, &some(&[])).await, Err(StoreError::NotFound { .. })));
}

/// What a process that was killed in the middle of an upload leaves.
async fn killed_upload(mine: &Arc<dyn Store>, demo: &Tenant) -> (ImageId, Location) {
    let id = ImageId::random();
    let at = mine.write(id, noise(700_000)).await.unwrap().location;
    let container = Place::parse(at.expose()).unwrap().container;
    demo.swift.delete(&container, id.as_str()).await.unwrap();
    (id, at)
}

#[tokio::test]
async fn the_server_removes_what_callers_leave_behind() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let demo = cloud.demo().await;
    let store = cloud.store(|_| ());
    let mine = view(&store, &demo).await;
    let (id, at) = killed_upload(&mine, &demo).await;
    store.discard_at(id, &at).await.unwrap();
    assert!(containers(&demo.swift, &cloud.prefix).await.is_empty());
    store.discard_at(id, &at).await.unwrap();
    let at = mine.write(id, noise(700_000)).await.unwrap().location;
    let elsewhere = Location::new(at.expose().replace(id.as_str(), ImageId::random().as_str()));
    assert!(matches!(store.discard_at(id, &elsewhere).await, Err(StoreError::BadLocation { .. })));
    store.delete(&at).await.unwrap();
    assert!(containers(&demo.swift, &cloud.prefix).await.is_empty());
}

#[tokio::test]
async fn a_server_of_an_admin_project_needs_no_role_for_all_of_swift() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let (demo, other) = (cloud.demo().await, cloud.alt_demo().await);
    for let_in in [true, false] {
        let store = cloud.store(|config| {
            let credentials = Credentials::User { name: "alt_demo:alt_demo".to_owned(), key: Key::new("demo") };
            config.accounts.accounts[0].1.credentials = credentials;
            let admin_projects = let_in.then(|| other.project()).into_iter().collect();
            config.multi_tenant = Some(MultiTenant { admin_projects, ..MultiTenant::default() });
        });
        let mine = view(&store, &demo).await;
        let (id, at) = killed_upload(&mine, &demo).await;
        let discarded = store.discard_at(id, &at).await;
        let container = Place::parse(at.expose()).unwrap().container;
        let left = demo.swift.list(&container, "", "").await.unwrap();
        if let_in {
            discarded.unwrap();
            assert!(left.is_empty(), "{left:?}");
            mine.write(id, noise(10)).await.unwrap();
            mine.set_readers(&at, &Readers::Projects(Vec::new())).await.unwrap();
            store.delete(&at).await.unwrap();
        } else {
            assert!(is_denied(&discarded), "{discarded:?}");
            assert!(!left.is_empty());
        }
    }
}

#[tokio::test]
async fn without_an_account_of_its_own_the_server_can_do_nothing() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let demo = cloud.demo().await;
    let store = cloud.store(|config| config.accounts.accounts.clear());
    let mine = view(&store, &demo).await;
    let id = ImageId::random();
    let at = mine.write(id, noise(10)).await.unwrap().location;
    assert!(is_denied(&store.delete(&at).await));
    assert!(is_denied(&store.discard_at(id, &at).await));
    assert!(is_denied(&store.size(&at).await));
    assert!(is_denied(&store.write(ImageId::random(), noise(10)).await));
    mine.delete(&at).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_followed_by_a_trust_that_goes_with_the_upload() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    // A user that no other test logs in: uploads of demo have trusts at any time.
    let trustor = cloud.tenant("trustor", "demo", "demo").await;
    // No token lasts that long.
    let store = cloud.store(|config| config.expire_soon = Duration::from_secs(30 * 86_400));
    let caller = Caller::of(&trustor.context, &store.config.endpoint).unwrap();
    let own = Arc::new(caller.grant(caller.storage().unwrap()).unwrap());
    let trusts = store.known.trusts().unwrap();
    let lasting = Lasting::new(Arc::clone(&own), Arc::clone(trusts), store.config.expire_soon);
    let granted = lasting.grant().await.unwrap();
    assert!(granted.token != own.token && granted.storage == own.storage);
    let told = cloud.keystone().validate(granted.token.to_str().unwrap(), false).await.unwrap().unwrap();
    assert_eq!((&told.user, &told.project), (&trustor.token.user, &trustor.token.project));
    // Keystone tells roles in any order.
    let roles = |token: &Token| BTreeSet::from_iter(token.roles.clone());
    assert_eq!(roles(&told), roles(&trustor.token));
    assert!(lasting.renewed(&granted).await.unwrap().token != granted.token);
    drop(lasting);
    until_no_trust_is_left(&cloud, &trustor).await;

    let mine = view(&store, &trustor).await;
    let data = noise(1_000_000);
    let at = mine.put(ImageId::random(), None, chunks(&data)).await.unwrap().location;
    assert!(mine.read(&at, ByteRange::ALL).await.unwrap() == data);
    until_no_trust_is_left(&cloud, &trustor).await;
}

#[tokio::test]
async fn an_upload_goes_on_with_its_callers_token_where_there_can_be_no_trust() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let demo = cloud.demo().await;
    let store = cloud.store(|config| {
        config.expire_soon = Duration::from_secs(30 * 86_400);
        let nobody = Credentials::User { name: "service:glance".to_owned(), key: Key::new("wrong") };
        config.accounts.accounts[0].1.credentials = nobody;
    });
    let mine = view(&store, &demo).await;
    let data = noise(1_000_000);
    let at = mine.put(ImageId::random(), None, chunks(&data)).await.unwrap().location;
    assert!(mine.read(&at, ByteRange::ALL).await.unwrap() == data);
}

#[tokio::test]
async fn uploads_that_begin_together_have_a_trust_each() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let demo = cloud.demo().await;
    let store = cloud.store(|config| config.expire_soon = Duration::from_secs(30 * 86_400));
    let caller = Caller::of(&demo.context, &store.config.endpoint).unwrap();
    let own = Arc::new(caller.grant(caller.storage().unwrap()).unwrap());
    let trusts = store.known.trusts().unwrap();
    let uploads: Vec<_> =
        (0..6).map(|_| Lasting::new(Arc::clone(&own), Arc::clone(trusts), store.config.expire_soon)).collect();
    for granted in futures::future::join_all(uploads.iter().map(Lasting::grant)).await {
        assert!(granted.unwrap().token != own.token);
    }
}

/// Trusts are revoked a moment after they are dropped.
async fn until_no_trust_is_left(cloud: &Cloud, trustor: &Tenant) {
    let address = OperatorUrl::parse(&cloud.backend.get("auth")).unwrap();
    let url = address.below(["OS-TRUST", "trusts"]).with_query([("trustor_user_id", trustor.token.user.id.as_str())]);
    let token = keystone::token_header(trustor.context.auth_token.as_deref().unwrap()).unwrap();
    for _ in 0..500 {
        let request = Request::new(Method::GET, url.clone()).header("x-auth-token", token.clone());
        let answer = cloud.http.send(request).await.unwrap();
        assert!(answer.status.is_success(), "{}", answer.status);
        let told: serde_json::Value = serde_json::from_slice(&answer.read(1 << 20).await.unwrap()).unwrap();
        if told["trusts"].as_array().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a trust is left");
}

#[tokio::test]
async fn a_token_is_not_shown_to_servers_that_a_location_names() {
    let Some(settings) = backend(VARIABLE) else { return };
    let cloud = Cloud::new(&settings);
    let (demo, store) = (cloud.demo().await, cloud.store(|_| ()));
    let mine = view(&store, &demo).await;
    let thief = crate::outbound::testing::Web::new(|_| panic!("somebody was asked")).await;
    let storage = thief.url("/v1/AUTH_x");
    let id = ImageId::random();
    let at = Location::new(format!("swift+{storage}/{}_{id}/{id}", cloud.prefix));
    let read = mine.read(&at, ByteRange::ALL).await;
    assert!(matches!(read, Err(StoreError::BadLocation { .. })), "{read:?}");
    assert!(is_denied(&store.delete(&at).await));
    assert!(thief.requests().is_empty());
}
