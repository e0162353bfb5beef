//! The stores that are driven, each with credentials in its configuration and in its locations.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use glance_core::RequestContext;
use glance_core::location::Location;
use glance_core::store::Store;
use glance_stores::data::azure::{self, AzureConfig};
use glance_stores::data::gcs::{self, GcsConfig};
use glance_stores::data::http::HttpStore;
use glance_stores::data::s3::{S3Config, S3Store};
use glance_stores::data::swift::{Account, Accounts, Credentials, Key, MultiTenant, SwiftConfig, SwiftStore};
use glance_stores::data::vmware::VmwareStore;
use glance_stores::outbound::{Client, Deadlines, Guard, Proxies, Tls, Trust};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::SECRET;
use crate::heard::base64;
use crate::server::Server;

/// A store, and what is asked of it.
pub(crate) struct Driven {
    /// Part of all the paths that it asks for.
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn Store>,
    /// Locations besides those that it makes itself.
    pub(crate) locations: Vec<Location>,
    /// What else can be shown: its configuration.
    pub(crate) shown: Box<dyn Debug>,
}

impl Driven {
    fn new(name: &'static str, store: impl Store, shown: impl Debug + 'static, locations: &[String]) -> Self {
        let locations = locations.iter().map(Location::new).collect();
        Self { name, store: Arc::new(store), locations, shown: Box::new(shown) }
    }
}

/// The table: what a scripted server can stand in for.
pub(crate) fn scripted(server: &Server) -> Vec<Driven> {
    vec![
        swift(server),
        swift_by_reference(server),
        swift_of_callers(server),
        s3(server),
        gcs(server),
        azure(server),
        http(server),
        proxied(server),
        vmware(server),
    ]
}

const DEADLINES: Deadlines = Deadlines { connect: Duration::from_secs(5), idle: Duration::from_secs(5) };

fn client() -> Client {
    Client::new(&Tls::default(), DEADLINES).unwrap()
}

fn quoted() -> String {
    utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string()
}

fn account(server: &Server) -> Account {
    let credentials = Credentials::User { name: "project:user".to_owned(), key: Key::new(SECRET) };
    Account::new(format!("http://{}/v3", server.plain), credentials)
}

fn swift(server: &Server) -> Driven {
    let config = SwiftConfig { deadlines: DEADLINES, retry_get_count: 1, ..SwiftConfig::new(account(server)) };
    let at = |credentials: &str| format!("swift+http://{credentials}@{}/v3/glance/object", server.plain);
    let locations = [
        at(&format!("project%3Auser:{}", quoted())),
        at(&format!("other:{}", quoted())),
        format!("swift+http://u:{}@127.0.0.2/v3/glance/object", quoted()),
    ];
    Driven::new("swift/glance", SwiftStore::open(config.clone()).unwrap(), config, &locations)
}

fn swift_by_reference(server: &Server) -> Driven {
    let file = format!(
        "[ref1]\napplication_credential_id = id\napplication_credential_secret = {SECRET}\n\
         auth_address = http://{}/v3\n[ref2]\nuser = {SECRET}\nkey = {SECRET}\nauth_address = {SECRET}\n",
        server.plain
    );
    let mut config = SwiftConfig::with_accounts(Accounts::of_file(&file, "ref1"));
    (config.container, config.large_object_size) = ("segments".to_owned(), 1);
    (config.deadlines, config.retry_get_count) = (DEADLINES, 1);
    let locations = ["ref1", "ref2"].map(|reference| format!("swift+config://{reference}/segments/object"));
    Driven::new("swift/segments", SwiftStore::open(config.clone()).unwrap(), config, &locations)
}

/// In the account of a caller whose token is a secret. Uploads of unknown length ask Keystone about it.
fn swift_of_callers(server: &Server) -> Driven {
    let mut config = SwiftConfig { deadlines: DEADLINES, retry_get_count: 1, ..SwiftConfig::new(account(server)) };
    (config.container, config.multi_tenant) = ("callers".to_owned(), Some(MultiTenant::default()));
    config.endpoint.fixed = Some(format!("http://{}/swift", server.plain));
    let mut context = RequestContext::new("user", "project", ["member"]);
    context.auth_token = Some(SECRET.to_owned());
    let store = SwiftStore::open(config.clone()).unwrap();
    let view = store.for_caller(&context).now_or_never().unwrap().unwrap().unwrap();
    let locations = [
        format!("swift+http://{}/swift/callers_object/object", server.plain),
        format!("swift+http://127.0.0.2/{}/callers_object/object", quoted()),
    ];
    let shown: Box<dyn Debug> = Box::new((config, context, store));
    Driven { name: "swift/callers", store: view, locations: locations.map(Location::new).into(), shown }
}

fn s3(server: &Server) -> Driven {
    let config = S3Config::new(&format!("http://{}", server.plain), "buckets3", "key-id", SECRET).unwrap();
    let config = config.credentials_in_locations(true).checksums(true);
    let locations = [
        format!("s3://key-id:{SECRET}@{}/buckets3/object", server.plain),
        format!("s3+http://key-id:{}@{}/other/object", quoted(), server.plain),
    ];
    Driven::new("buckets3", S3Store::new(config.clone(), client()).unwrap(), config, &locations)
}

fn gcs(server: &Server) -> Driven {
    let config = GcsConfig {
        bucket: "bucketgcs".to_owned(),
        credentials_file: None,
        endpoint: Some(format!("http://{}", server.plain)),
    };
    let locations = [format!("gs://bucketgcs/object?{SECRET}"), format!("gs://{SECRET}@bucketgcs/object")];
    Driven::new("bucketgcs", gcs::open(&config, client()).unwrap(), config, &locations)
}

fn azure(server: &Server) -> Driven {
    let config = AzureConfig {
        account: "account".to_owned(),
        key: base64(SECRET.as_bytes()),
        container: "containerazure".to_owned(),
        endpoint: Some(format!("http://{}/account", server.plain)),
    };
    let locations = [
        format!("azure://account:{}@account/containerazure/object", quoted()),
        format!("azure://account/containerazure/object?sig={}", quoted()),
    ];
    Driven::new("containerazure", azure::open(&config, client()).unwrap(), config, &locations)
}

fn http(server: &Server) -> Driven {
    let guard = Guard::default().except("127.0.0.0/8".parse().unwrap());
    let client = Client::builder(Tls::default()).deadlines(DEADLINES).guard(guard).build().unwrap();
    let locations = [
        format!("http://user:{}@{}/direct/data?signature={}", quoted(), server.plain, quoted()),
        format!("https://user:{}@{}/direct/data", quoted(), server.tls),
        format!("http://user:{}@[fe80::1]/direct/data", quoted()),
        format!("http://user:{}@127.0.0.1:x/direct/data", quoted()),
    ];
    Driven::new("/direct", HttpStore::new(client.clone()), client, &locations)
}

fn proxied(server: &Server) -> Driven {
    let proxy = format!("http://user:{}@{}", quoted(), server.plain);
    let proxies = Proxies::default().with("http", &proxy).unwrap().with("https", &proxy).unwrap();
    let guard = Guard::default().except("127.0.0.0/8".parse().unwrap());
    let client = Client::builder(Tls::default()).deadlines(DEADLINES).guard(guard).proxies(proxies.clone());
    let locations = ["http", "https"].map(|scheme| format!("{scheme}://127.0.0.1:1/proxied/data?token={}", quoted()));
    Driven::new("/proxied", HttpStore::new(client.build().unwrap()), proxies, &locations)
}

fn vmware(server: &Server) -> Driven {
    let builder = VmwareStore::on(&server.tls, "user", SECRET)
        .datastores(["centre:store".parse().unwrap()])
        .api_retry_count(1)
        .deadlines(DEADLINES)
        .trust(Trust::Anyone);
    let locations = [
        format!("vsphere://{}/folder/images/object?dsName=store&dcPath=centre", server.tls),
        format!("vsphere://user:{}@{}/folder/images/object?dsName=store&dcPath=centre", quoted(), server.tls),
    ];
    Driven::new("/sdk", builder.clone().open().unwrap(), builder, &locations)
}
