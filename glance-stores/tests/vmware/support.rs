//! The simulator of a vCenter, and stores in it with a folder of their own.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use glance_stores::data::vmware::{Datastore, VmwareStore, VmwareStoreBuilder};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Request, Tls, Trust};

/// What the variable `GLANCE_TEST_VMWARE` names a file of.
#[derive(Clone)]
pub(crate) struct Simulator(BTreeMap<String, String>);

impl Simulator {
    pub(crate) fn at(file: &str) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        Self(text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.0[name]
    }

    pub(crate) fn ca(&self) -> Trust {
        Trust::CaFile(PathBuf::from(self.get("ca_file")))
    }

    /// Its datastores, `weights` in their order.
    pub(crate) fn datastores(&self, weights: &[i32]) -> Vec<Datastore> {
        let names = self.get("datastores").split(',').zip(weights);
        names.map(|(name, weight)| format!("{}:{name}:{weight}", self.get("datacenter")).parse().unwrap()).collect()
    }

    /// A store in a folder that is removed with the guard, to be changed and opened.
    pub(crate) fn builder(&self) -> (Folder, VmwareStoreBuilder) {
        let folder = Folder { simulator: self.clone(), name: format!("test/{}", ImageId::random()) };
        let builder = VmwareStore::on(self.get("host"), self.get("username"), self.get("password"))
            .image_dir(format!("/{}/", folder.name))
            .trust(self.ca())
            .api_retry_count(3)
            .task_poll_interval(Duration::from_secs(1));
        (folder, builder)
    }

    pub(crate) fn store(&self) -> (Folder, VmwareStore) {
        let (folder, builder) = self.builder();
        (folder, builder.datastores(self.datastores(&[100, 50])).open().unwrap())
    }

    /// Asks something of the simulator itself.
    pub(crate) async fn control(&self, request: &str) -> String {
        let tls = Tls { trust: self.ca(), identity: None };
        let client = Client::new(&tls, Deadlines::default()).unwrap();
        let url = OperatorUrl::parse(&format!("https://{}/control/{request}", self.get("host"))).unwrap();
        let answer = client.send(Request::new(http::Method::POST, url)).await.unwrap();
        assert!(answer.status.is_success(), "{request}: {}", answer.status);
        String::from_utf8(answer.read(1 << 20).await.unwrap().to_vec()).unwrap()
    }
}

/// A folder in all datastores, which goes with this.
pub(crate) struct Folder {
    pub(crate) simulator: Simulator,
    pub(crate) name: String,
}

impl Folder {
    /// The files in it, finished or not.
    pub(crate) async fn files(&self) -> Vec<String> {
        let files = self.simulator.control(&format!("files?under={}", self.name)).await;
        files.lines().map(str::to_owned).collect()
    }

    /// Waits until nothing is there, which clean-up that nobody waits for may take a while to reach.
    pub(crate) async fn settles(&self) {
        let mut files = self.files().await;
        for _ in 0..600 {
            if files.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            files = self.files().await;
        }
        panic!("left behind: {files:?}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let (simulator, name) = (self.simulator.clone(), self.name.clone());
        let forget = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(simulator.control(&format!("forget?under={name}")));
        };
        // On a thread of its own, since the test's own runtime may be running here.
        let _ = std::thread::spawn(forget).join();
    }
}

/// `len` bytes that differ by their place.
pub(crate) fn noise(len: usize) -> Bytes {
    (0..len).map(|at| (at * 31 + at / 251).to_le_bytes()[0]).collect::<Vec<u8>>().into()
}

/// Asserts that neither an error nor any of its causes holds something secret.
pub(crate) fn assert_discreet(error: &StoreError, secrets: &[&str]) {
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        let printed = format!("{error} {error:?}");
        assert!(secrets.iter().all(|secret| !printed.contains(secret)), "{printed}");
        next = error.source();
    }
}
