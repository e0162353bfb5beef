//! How a store in vSphere is set up.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::VmwareStore;
use super::client::Client;
use super::inventory::Inventory;
use super::location::{Server, is_datastore, is_name};
use super::session::Account;
use super::vsphere::Vsphere;
use crate::data::claims::Claims;
use crate::outbound::{self, Deadlines, Tls, TlsError, Trust};

/// The folder for images, unless configured.
const IMAGE_DIR: &str = "/openstack_glance";
const RETRIES: u32 = 10;
const POLL: Duration = Duration::from_secs(5);

/// A datastore that takes images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datastore {
    /// The path of its datacenter in the inventory.
    pub datacenter: String,
    /// Its name.
    pub name: String,
    /// Those of the highest weight are filled first.
    pub weight: i32,
}

/// What a store cannot be made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VmwareConfigError {
    /// The server is not named by a host.
    #[error("the server is to be named by its host name or address, with :port if need be")]
    BadHost,
    /// A line does not name a datastore.
    #[error("a datastore is to be <datacenter path>:<datastore>, with :<weight> if need be")]
    BadDatastore,
    /// There is no datastore, or one twice.
    #[error("there has to be a datastore, and none twice")]
    Datastores,
    /// The folder for images cannot be written into a location.
    #[error("the folder for images needs a name without the characters % ? # \\ and without . and .. on the way")]
    BadImageDir,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl FromStr for Datastore {
    type Err = VmwareConfigError;

    /// Reads `<datacenter path>:<datastore>[:<weight>]`, split from the right: paths may hold colons.
    fn from_str(text: &str) -> Result<Self, VmwareConfigError> {
        let parts: Vec<&str> = text.rsplitn(3, ':').map(str::trim).collect();
        let (weight, name, datacenter) = match parts[..] {
            [weight, name, datacenter] => (weight, name, datacenter),
            [name, datacenter] => ("", name, datacenter),
            _ => return Err(VmwareConfigError::BadDatastore),
        };
        let weight = if weight.is_empty() { Some(0) } else { weight.parse().ok() };
        match weight {
            Some(weight) if is_datastore(name) && !datacenter.is_empty() => {
                Ok(Self { datacenter: datacenter.to_owned(), name: name.to_owned(), weight })
            }
            _ => Err(VmwareConfigError::BadDatastore),
        }
    }
}

/// The settings of a store, to be opened.
#[derive(Debug, Clone)]
#[must_use]
pub struct VmwareStoreBuilder {
    host: String,
    account: Account,
    datastores: Vec<Datastore>,
    image_dir: String,
    retries: u32,
    poll: Duration,
    trust: Trust,
    deadlines: Deadlines,
}

impl VmwareStoreBuilder {
    pub(super) fn new(host: &str, username: &str, password: &str) -> Self {
        Self {
            host: host.to_owned(),
            account: Account { username: username.to_owned(), password: password.to_owned() },
            datastores: Vec::new(),
            image_dir: IMAGE_DIR.to_owned(),
            retries: RETRIES,
            poll: POLL,
            trust: Trust::System,
            deadlines: Deadlines::default(),
        }
    }

    /// Adds datastores that take images. There has to be one.
    pub fn datastores(mut self, datastores: impl IntoIterator<Item = Datastore>) -> Self {
        self.datastores.extend(datastores);
        self
    }

    /// The folder for images in each datastore: `/openstack_glance` by default.
    pub fn image_dir(self, path: impl Into<String>) -> Self {
        Self { image_dir: path.into(), ..self }
    }

    /// How often a request is made again, at most, when the server is busy or the session ended: 10
    /// times by default, and not after a minute.
    pub fn api_retry_count(self, count: u32) -> Self {
        Self { retries: count, ..self }
    }

    /// The longest pause between two looks at a task of the server: 5 seconds by default. The first
    /// looks follow each other faster.
    pub fn task_poll_interval(self, interval: Duration) -> Self {
        Self { poll: interval, ..self }
    }

    /// Which servers are believed: those the operating system trusts, by default.
    pub fn trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// How long the server is waited for.
    pub fn deadlines(self, deadlines: Deadlines) -> Self {
        Self { deadlines, ..self }
    }

    /// Makes the store. Nothing is connected to before it is needed.
    ///
    /// # Errors
    ///
    /// [`VmwareConfigError`].
    pub fn open(self) -> Result<VmwareStore, VmwareConfigError> {
        let server = Server::named(&self.host).ok_or(VmwareConfigError::BadHost)?;
        let image_dir = folder(&self.image_dir).ok_or(VmwareConfigError::BadImageDir)?;
        let twice = |at: usize, one: &Datastore| {
            self.datastores[..at].iter().any(|other| (&other.datacenter, &other.name) == (&one.datacenter, &one.name))
        };
        if self.datastores.is_empty() || self.datastores.iter().enumerate().any(|(at, one)| twice(at, one)) {
            return Err(VmwareConfigError::Datastores);
        }
        let http = outbound::Client::new(&Tls { trust: self.trust, identity: None }, self.deadlines)?;
        let client = Client::new(http, server.url.clone(), self.account, self.retries);
        let inventory = Inventory::new(self.datastores);
        let vsphere =
            Vsphere { server, client, inventory, image_dir, poll: self.poll, claims: Arc::new(Claims::default()) };
        Ok(VmwareStore { vsphere: Arc::new(vsphere) })
    }
}

/// The names that make up the path of the folder for images.
fn folder(path: &str) -> Option<Vec<String>> {
    let names: Vec<String> = path.trim_matches('/').split('/').map(str::to_owned).collect();
    // Locations hold the folder as it is, as those of Python Glance do.
    let plain = names.iter().all(|name| is_name(name) && !name.contains(['%', '?', '#']));
    plain.then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String, i32)> {
        text.parse().ok().map(|one: Datastore| (one.datacenter, one.name, one.weight))
    }

    #[test]
    fn a_datastore_is_split_from_the_right() {
        let expected = |dc: &str, name: &str, weight| Some((dc.to_owned(), name.to_owned(), weight));
        assert_eq!(read("dc:ds"), expected("dc", "ds", 0));
        assert_eq!(read("dc:ds:"), expected("dc", "ds", 0));
        assert_eq!(read(" f/dc : d s : 100 "), expected("f/dc", "d s", 100));
        assert_eq!(read("a:b:ds:-7"), expected("a:b", "ds", -7));
        for bad in ["", "ds", ":ds", "dc:", "dc::1", "dc:ds:high", "dc:ds:99999999999", "dc:a]b", "dc:a/b", "::"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    fn builder() -> VmwareStoreBuilder {
        VmwareStoreBuilder::new("vc", "user", "canary").datastores(["dc:ds".parse().unwrap()])
    }

    #[test]
    fn a_store_opens_without_its_server() {
        let store = builder().trust(Trust::Anyone).open().unwrap();
        assert!(!format!("{store:?} {:?}", builder()).contains("canary"));
    }

    #[test]
    fn settings_that_make_no_store_are_refused() {
        let refused = |builder: VmwareStoreBuilder| builder.trust(Trust::Anyone).open().unwrap_err();
        for dir in ["", "/", "a//b", "../a", "a/..", "a%20b", "a?b", "a#b", "a\nb", "a\\b"] {
            assert!(matches!(refused(builder().image_dir(dir)), VmwareConfigError::BadImageDir), "{dir}");
        }
        let none = VmwareStoreBuilder::new("vc", "user", "pass");
        assert!(matches!(refused(none), VmwareConfigError::Datastores));
        let twice = builder().datastores(["dc:ds:5".parse().unwrap()]);
        assert!(matches!(refused(twice), VmwareConfigError::Datastores));
        let host = VmwareStoreBuilder::new("https://vc", "u", "p").datastores(["dc:ds".parse().unwrap()]);
        assert!(matches!(refused(host), VmwareConfigError::BadHost));
        let pinned = builder().trust(Trust::Thumbprint("nonsense".into())).open();
        assert!(matches!(pinned, Err(VmwareConfigError::Tls(TlsError::BadThumbprint))));
    }
}
