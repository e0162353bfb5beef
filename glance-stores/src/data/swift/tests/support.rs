//! Stores in containers of their own, which go when the test is over.

use std::collections::HashMap;

use bytes::Bytes;
use futures::StreamExt;
use glance_core::store::{BoxError, ByteStream};

use super::super::*;

/// What a variable such as `GLANCE_TEST_SWIFT` says: `name=value` between commas.
#[derive(Debug, Clone)]
pub(super) struct Backend(HashMap<String, String>);

impl Backend {
    pub(super) fn of(settings: &str) -> Self {
        Self(settings.split(',').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect())
    }

    pub(super) fn get(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| panic!("the settings of the backend have no {name}"))
    }

    pub(super) fn user(&self) -> Credentials {
        Credentials::User { name: self.get("user"), key: Key::new(self.get("key")) }
    }

    /// The account of Swift's own users.
    pub(super) fn plain(&self) -> Account {
        self.plain_at(&self.get("auth"))
    }

    pub(super) fn plain_at(&self, address: &str) -> Account {
        Account { protocol: Protocol::V1, ..Account::new(address, self.user()) }
    }

    /// The account by password.
    pub(super) fn password(&self) -> Account {
        Account::new(self.get("auth"), self.user())
    }

    /// The account by application credential.
    pub(super) fn application(&self) -> Account {
        let credentials = Credentials::Application { id: self.get("id"), secret: Key::new(self.get("secret")) };
        Account::new(self.get("auth"), credentials)
    }
}

/// Segments of an odd length, so that hardly anything in the suite ends where one does.
pub(super) const SEGMENT: u64 = 300_007;

/// A container that is removed with all it holds.
pub(super) struct Container {
    pub(super) swift: Arc<Swift>,
    pub(super) name: String,
    pub(super) account: Account,
}

impl Container {
    /// What it holds.
    pub(super) async fn names(&self) -> Vec<String> {
        let page = self.swift.list(&self.name, "", "").await.unwrap();
        page.into_iter().map(|entry| entry.name).collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let (account, name) = (self.account.clone(), self.name.clone());
        // On a runtime and connections of its own: those of the test stand still while it is dropped.
        let gone = async move {
            let swift = client(account);
            swift.delete_listed(&name, "").await.unwrap();
            let remove = |grant: &auth::Grant| client::at(grant, http::Method::DELETE, [name.as_str()]);
            let _ = swift.call("removing a container", remove).await;
        };
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime().block_on(gone)).join().unwrap_or_default();
    }
}

fn client(account: Account) -> Arc<Swift> {
    KnownAccounts::new(&SwiftConfig::new(account)).unwrap().default().unwrap().0
}

/// A store of small segments in a container of its own; `change` is the last to say how it is set up.
pub(super) async fn store_with(account: Account, change: impl FnOnce(&mut SwiftConfig)) -> (Container, SwiftStore) {
    let mut config = SwiftConfig::new(account.clone());
    config.container = format!("test-{}", ImageId::random());
    config.create_container = true;
    config.segment_size = SEGMENT;
    config.large_object_size = 1;
    change(&mut config);
    let container = Container { swift: client(account.clone()), name: config.container.clone(), account };
    container.swift.make_container(&container.name, &Access::unsaid()).await.unwrap();
    (container, SwiftStore::open(config).unwrap())
}

/// `len` bytes that do not repeat soon.
pub(super) fn noise(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from((at * 31 + at / 251 * 7 + at / 65_537) % 256).unwrap()).collect::<Vec<_>>().into()
}

/// `data` in chunks of 64 KiB.
pub(super) fn chunks(data: &Bytes) -> ByteStream {
    let data = data.clone();
    let starts = (0..data.len()).step_by(64 * 1024);
    let chunks: Vec<_> = starts.map(|at| Ok(data.slice(at..data.len().min(at + 64 * 1024)))).collect();
    Box::pin(futures::stream::iter(chunks))
}

/// `data`, and then an error.
pub(super) fn broken(data: &Bytes) -> ByteStream {
    Box::pin(chunks(data).chain(futures::stream::iter([Err(BoxError::from("the client is gone"))])))
}
