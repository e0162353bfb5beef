//! OpenStack Object Storage, in the accounts of callers.

use std::collections::HashMap;
use std::sync::Arc;

use glance_core::RequestContext;
use glance_core::conformance;
use glance_core::context::ServiceCatalog;
use glance_core::image::{ImageId, Readers};
use glance_core::location::Location;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt};
use glance_stores::data::swift::{Account, Credentials, Key, MultiTenant, SwiftConfig, SwiftStore};
use glance_stores::keystone::{self, Domain, Login, Project, Scope, User};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Request, Response, Tls};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::noise;
use crate::python::Python;
use crate::swift::{UNIT, exchange_all};

/// Keystone and Swift, and the containers of one test.
struct Cloud {
    settings: HashMap<String, String>,
    http: Client,
    container: String,
    /// Ids of the projects that are let into all containers.
    admins: Vec<String>,
}

impl Cloud {
    /// `None` where there is none.
    fn new() -> Option<Self> {
        let settings = conformance::backend("GLANCE_TEST_SWIFT_V3")?;
        let pairs = settings.split(',').filter_map(|pair| pair.split_once('='));
        let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let http = Client::new(&Tls::default(), Deadlines::default()).unwrap();
        Some(Self { settings, http, container: format!("exchange-{}", ImageId::random()), admins: Vec::new() })
    }

    /// The user of a project of the same name, with both programs; `None` where there is no Python Glance.
    async fn tenant(&self, name: &str) -> Option<Tenant> {
        let login = self.login(name).await;
        let python = Python::with("swift", &self.options())?.used_by(&login);
        let context = context_of(&login);
        let store = self.store().for_caller(&context).await.unwrap().unwrap();
        Some(Tenant { store, python, context, http: self.http.clone() })
    }

    /// What Keystone answers the user with, and the token in it.
    async fn login(&self, name: &str) -> Value {
        let named = || (name.to_owned(), Domain::default());
        let ((user, domain), (project, of)) = (named(), named());
        let login = Login {
            address: OperatorUrl::parse(&self.settings["auth"]).unwrap(),
            credentials: keystone::Credentials::Password(User::Name(user, domain), Key::new("demo")),
            scope: Scope::Project(Project::Name(project, of)),
        };
        let answer = self.http.send(login.request()).await.unwrap();
        let token = answer.header("x-subject-token").unwrap().to_owned();
        let mut told: Value = serde_json::from_slice(&answer.read(1 << 20).await.unwrap()).unwrap();
        told["token"]["id"] = json!(token);
        told
    }

    fn options(&self) -> String {
        let [auth, user, key] = ["auth", "user", "key"].map(|name| &self.settings[name]);
        format!(
            "swift_store_multi_tenant = true\nswift_store_auth_address = {auth}\nswift_store_user = {user}\n\
             swift_store_key = {key}\nswift_store_container = {}\nswift_store_create_container_on_put = true\n\
             swift_store_admin_tenants = {}\n\
             swift_store_large_object_size = 2\nswift_store_large_object_chunk_size = 1",
            self.container,
            self.admins.join(",")
        )
    }

    fn store(&self) -> SwiftStore {
        let [auth, name, key] = ["auth", "user", "key"].map(|name| self.settings[name].clone());
        let account = Account::new(auth, Credentials::User { name, key: Key::new(key) });
        let config = SwiftConfig {
            container: self.container.clone(),
            large_object_size: 2 * UNIT,
            segment_size: UNIT,
            multi_tenant: Some(MultiTenant { admin_projects: self.admins.clone(), ..MultiTenant::default() }),
            ..SwiftConfig::new(account)
        };
        SwiftStore::open(config).unwrap()
    }
}

fn context_of(login: &Value) -> RequestContext {
    let token = &login["token"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let roles = token["roles"].as_array().unwrap().iter().map(|role| text(&role["name"]));
    let mut context = RequestContext::new(text(&token["user"]["id"]), text(&token["project"]["id"]), roles);
    context.auth_token = Some(text(&token["id"]));
    let catalog: ServiceCatalog = serde_json::from_value(token["catalog"].clone()).unwrap();
    context.service_catalog = Some(Arc::new(catalog));
    context
}

/// A user, with the store and the Python driver as they are for that user.
struct Tenant {
    store: Arc<dyn Store>,
    python: Python,
    context: RequestContext,
    http: Client,
}

impl Tenant {
    fn project(&self) -> &str {
        self.context.project_id.as_deref().unwrap()
    }

    /// Who may read and who may write in the container of an image, as Swift has it.
    async fn access(&self, at: &Location) -> [String; 2] {
        let (container, _) = at.expose().strip_prefix("swift+").unwrap().rsplit_once('/').unwrap();
        let answer = self.ask(Method::HEAD, OperatorUrl::parse(container).unwrap()).await;
        ["x-container-read", "x-container-write"].map(|name| answer.header(name).unwrap_or_default().to_owned())
    }

    /// The names of containers of this account that begin so, a line each.
    async fn containers(&self, prefix: &str) -> String {
        let catalog = self.context.service_catalog.as_ref().unwrap();
        let account = OperatorUrl::parse(catalog.endpoint("object-store", "public", None).unwrap()).unwrap();
        let answer = self.ask(Method::GET, account.below([]).with_query([("prefix", prefix)])).await;
        String::from_utf8(answer.read(1 << 20).await.unwrap().to_vec()).unwrap()
    }

    async fn ask(&self, method: Method, url: OperatorUrl) -> Response {
        let token = HeaderValue::try_from(self.context.auth_token.as_deref().unwrap()).unwrap();
        let answer = self.http.send(Request::new(method, url).header("x-auth-token", token)).await.unwrap();
        assert!(answer.status.is_success(), "{}", answer.status);
        answer
    }

    /// Lets `readers` read the data and nobody else, with one program or the other.
    async fn share(&self, program: Program, at: &Location, readers: &Readers) {
        match (program, readers) {
            (Program::Ours, _) => self.store.set_readers(at, readers).await.unwrap(),
            (Program::Python, Readers::Everybody) => self.python.share(at.expose(), &["*"]),
            (Program::Python, Readers::Projects(projects)) => {
                self.python.share(at.expose(), &projects.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Program {
    Ours,
    Python,
}

const PROGRAMS: [Program; 2] = [Program::Ours, Program::Python];

fn projects(ids: &[&str]) -> Readers {
    Readers::Projects(ids.iter().map(|&id| id.to_owned()).collect())
}

#[tokio::test]
async fn data_in_the_accounts_of_callers_is_exchanged() {
    let Some(cloud) = Cloud::new() else { return };
    let Some(demo) = cloud.tenant("demo").await else { return };
    let id = ImageId::random();
    let theirs = Location::new(demo.python.put(id, &noise(1)));
    assert_eq!(demo.store.destination(id), Some(theirs.clone()), "the same image lies at the same place");
    demo.store.delete(&theirs).await.unwrap();
    exchange_all(&*demo.store, &demo.python).await;
    assert_eq!(demo.containers(&cloud.container).await, "", "each takes the container of the image away as well");
}

#[tokio::test]
async fn whom_one_program_lets_read_the_other_lets_read() {
    let Some(cloud) = Cloud::new() else { return };
    let Some(demo) = cloud.tenant("demo").await else { return };
    let other = cloud.tenant("alt_demo").await.unwrap();
    // Segments, which a reader has to be able to list.
    let data = noise(3 * 1_024_000);
    for writer in PROGRAMS {
        let id = ImageId::random();
        let at = match writer {
            Program::Ours => demo.store.write(id, data.clone()).await.unwrap().location,
            Program::Python => Location::new(demo.python.put(id, &data)),
        };
        for (readers, list, let_in) in [
            (Readers::Everybody, "*:*".to_owned(), true),
            (projects(&[]), String::new(), false),
            (projects(&["other", other.project()]), format!("other:*,{}:*", other.project()), true),
        ] {
            for sharer in PROGRAMS {
                // So that the list is seen to come from the call that follows.
                demo.share(Program::Ours, &at, &projects(&["nobody"])).await;
                demo.share(sharer, &at, &readers).await;
                assert_eq!(demo.access(&at).await, [list.clone(), String::new()], "{sharer:?}, {readers:?}");
            }
            let read = other.store.read(&at, ByteRange::ALL).await;
            let read_there = other.python.get(at.expose());
            if let_in {
                assert!(read.unwrap() == data && read_there.unwrap() == data, "{writer:?}, {readers:?}");
            } else {
                assert!(matches!(read, Err(StoreError::Denied { .. })), "{read:?}");
                assert!(read_there.is_none());
            }
        }
        demo.store.delete(&at).await.unwrap();
    }
}

#[tokio::test]
async fn projects_of_administrators_may_write_for_both_programs_and_read_for_ours() {
    let Some(mut cloud) = Cloud::new() else { return };
    cloud.admins = vec!["first".to_owned(), "second".to_owned()];
    let Some(demo) = cloud.tenant("demo").await else { return };
    let at = demo.store.write(ImageId::random(), noise(1)).await.unwrap().location;
    let write = "first:*,second:*".to_owned();
    for (readers, theirs, ours) in [
        (Readers::Everybody, "*:*", "*:*"),
        (projects(&[]), "", "first:*,second:*"),
        (projects(&["member", "second"]), "member:*,second:*", "first:*,second:*,member:*"),
    ] {
        for (program, read) in [(Program::Python, theirs), (Program::Ours, ours)] {
            demo.share(program, &at, &readers).await;
            assert_eq!(demo.access(&at).await, [read.to_owned(), write.clone()], "{program:?}, {readers:?}");
        }
    }
    demo.python.delete(at.expose());
    assert_eq!(demo.containers(&cloud.container).await, "");
}
