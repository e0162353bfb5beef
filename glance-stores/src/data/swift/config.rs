//! How a store in Swift is set up.

use std::path::PathBuf;
use std::time::Duration;

use glance_core::image::ImageId;

use super::account::{Account, AccountError, Accounts};
use crate::outbound::{Deadlines, OperatorUrl, Tls};

/// What `swift_store_large_object_size` and its like count in.
pub const UNIT: u64 = 1000 * 1024;

/// Which of the URLs that Keystone's catalogue has for Swift is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interface {
    /// `publicURL`.
    #[default]
    Public,
    /// `internalURL`.
    Internal,
    /// `adminURL`.
    Admin,
}

impl Interface {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// How Swift itself is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The storage URL, whatever a catalogue says.
    pub fixed: Option<String>,
    /// The type of service in the catalogue.
    pub service_type: String,
    /// The interface in the catalogue.
    pub interface: Interface,
    /// The region in the catalogue; `None` takes the first.
    pub region: Option<String>,
}

impl Default for Endpoint {
    fn default() -> Self {
        let service_type = "object-store".to_owned();
        Self { fixed: None, service_type, interface: Interface::default(), region: None }
    }
}

/// How a store in Swift is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwiftConfig {
    /// Whose data it is.
    pub accounts: Accounts,
    /// How Swift is found.
    pub endpoint: Endpoint,
    /// The container, or the beginning of the names of several.
    pub container: String,
    /// Of how many characters of an image's id the rest of a container's name is made; 0: there is
    /// one container.
    pub container_seed: usize,
    /// Whether data in other containers of the accounts is this store's as well, so that it outlives
    /// a change of `container`. Not where several stores share an account.
    pub any_container: bool,
    /// Whether a container that is missing is made.
    pub create_container: bool,
    /// Data of this many bytes and more goes in segments.
    pub large_object_size: u64,
    /// Bytes of a segment.
    pub segment_size: u64,
    /// Where a segment, or data that goes as one object, is kept until Swift has it, so that it can be sent again.
    /// `None`: nowhere; of more than 8 MiB only the first can be sent again, from memory, and a connection that breaks
    /// later fails the upload.
    pub buffer_dir: Option<PathBuf>,
    /// How often a download that breaks is taken up again.
    pub retry_get_count: u32,
    /// A token is renewed this long before it expires.
    pub expire_soon: Duration,
    /// How servers are verified.
    pub tls: Tls,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Entries of a container asked for at a time.
    pub page: usize,
    /// Keeps data in the accounts of callers, in a container for each image. The account in `accounts`, if there is one,
    /// then is that of the server itself.
    pub multi_tenant: Option<MultiTenant>,
}

/// How data is kept in the accounts of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiTenant {
    /// The ids of projects that may read and write all of it: that of the server's own account should be one.
    pub admin_projects: Vec<String>,
    /// Whether an upload that outlives its caller's token goes on with a trust of Keystone's.
    pub use_trusts: bool,
}

impl Default for MultiTenant {
    fn default() -> Self {
        Self { admin_projects: Vec::new(), use_trusts: true }
    }
}

impl SwiftConfig {
    /// A store in the container `glance` of one account, which new locations hold the credentials of.
    #[must_use]
    pub fn new(account: Account) -> Self {
        let default = "ref1".to_owned();
        Self::with_accounts(Accounts {
            accounts: vec![(default.clone(), account)],
            default,
            referenced: false,
            broken: Vec::new(),
        })
    }

    /// A store in the container `glance` of the default of `accounts`.
    #[must_use]
    pub fn with_accounts(accounts: Accounts) -> Self {
        Self {
            accounts,
            endpoint: Endpoint::default(),
            container: "glance".to_owned(),
            container_seed: 0,
            any_container: false,
            create_container: false,
            large_object_size: 5120 * UNIT,
            segment_size: 200 * UNIT,
            buffer_dir: None,
            retry_get_count: 3,
            expire_soon: Duration::from_secs(60),
            tls: Tls::default(),
            deadlines: Deadlines::default(),
            page: 1000,
            multi_tenant: None,
        }
    }

    /// The container of an image.
    pub(super) fn container_of(&self, id: &str) -> String {
        if self.multi_tenant.is_some() {
            return format!("{}_{id}", self.container);
        }
        if self.container_seed == 0 {
            return self.container.clone();
        }
        // Dashes among the first characters are kept, and not counted.
        let dashes = id.bytes().take(self.container_seed).filter(|byte| *byte == b'-').count();
        let suffix: String = id.chars().take(self.container_seed + dashes).collect();
        format!("{}_{}", self.container, suffix.to_lowercase())
    }

    /// Whether images may lie in a container of this name, as the store is set up now.
    pub(super) fn may_be_container(&self, name: &str) -> bool {
        if self.multi_tenant.is_some() {
            let rest = name.strip_prefix(self.container.as_str()).and_then(|rest| rest.strip_prefix('_'));
            return rest.is_some_and(|id| id.parse::<ImageId>().is_ok());
        }
        if self.container_seed == 0 {
            return name == self.container;
        }
        let suffix = name.strip_prefix(self.container.as_str()).and_then(|rest| rest.strip_prefix('_'));
        suffix.is_some_and(|suffix| suffix.bytes().filter(|byte| *byte != b'-').count() <= self.container_seed)
    }
}

/// Why a store cannot be set up so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwiftError {
    /// The reference of new data is none of the accounts'.
    #[error("no account has the reference {0}")]
    NoAccount(String),
    /// An account cannot be used.
    #[error("account {reference}: {cause}")]
    Account {
        /// Its reference.
        reference: String,
        /// The cause.
        cause: AccountError,
    },
    /// The storage URL is none.
    #[error("the endpoint is not an http or https URL with a host")]
    Endpoint,
    /// A size of nothing.
    #[error("a segment has at least one byte")]
    SegmentSize,
    /// TLS cannot be spoken so.
    #[error(transparent)]
    Tls(#[from] crate::outbound::TlsError),
}

impl SwiftConfig {
    /// Whether a store can be opened so, as far as that shows without one. Of the accounts in
    /// [`Accounts::broken`] only the default is missed.
    ///
    /// # Errors
    ///
    /// [`SwiftError`].
    pub fn check(&self) -> Result<(), SwiftError> {
        let Accounts { accounts, default, broken, .. } = &self.accounts;
        let told = |reference: &String, cause| SwiftError::Account { reference: reference.clone(), cause };
        let needs_one = self.multi_tenant.is_none() || !accounts.is_empty();
        if needs_one && !accounts.iter().any(|(reference, _)| reference == default) {
            let broken = broken.iter().find(|(reference, _)| reference == default);
            return Err(match broken {
                Some((reference, cause)) => told(reference, *cause),
                None => SwiftError::NoAccount(default.clone()),
            });
        }
        for (reference, account) in accounts {
            account.check().map_err(|cause| told(reference, cause))?;
        }
        if let Some(fixed) = &self.endpoint.fixed {
            OperatorUrl::parse(fixed).map_err(|_| SwiftError::Endpoint)?;
        }
        if self.segment_size == 0 { Err(SwiftError::SegmentSize) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::swift::{Credentials, Key};

    fn config() -> SwiftConfig {
        let credentials = Credentials::User { name: "t:canary".to_owned(), key: Key::new("canary") };
        SwiftConfig::new(Account::new("auth.example/v3/", credentials))
    }

    #[test]
    fn containers_are_named_as_glance_names_them() {
        let id = "FDA1B2C3-4e5f-6789-abcd-0123456789ab";
        for (seed, container) in [
            (0, "glance"),
            (1, "glance_f"),
            (8, "glance_fda1b2c3"),
            (9, "glance_fda1b2c3-4"),
            (32, "glance_fda1b2c3-4e5f-6789-abcd-0123456789ab"),
        ] {
            let config = SwiftConfig { container_seed: seed, ..config() };
            assert_eq!(config.container_of(id), container, "seed {seed}");
            assert!(config.may_be_container(container));
            assert!(!config.may_be_container("other"));
        }
    }

    #[test]
    fn each_image_has_a_container_in_the_account_of_its_caller() {
        let config = SwiftConfig { multi_tenant: Some(MultiTenant::default()), ..config() };
        let id = "fda1b2c3-4e5f-6789-abcd-0123456789ab";
        assert_eq!(config.container_of(id), format!("glance_{id}"));
        assert!(config.may_be_container(&format!("glance_{id}")));
        for other in ["glance", "glance_", "glance_photos", &format!("other_{id}")] {
            assert!(!config.may_be_container(other), "{other}");
        }
    }

    #[test]
    fn the_server_needs_no_account_of_its_own_where_callers_have_theirs() {
        let mut config = SwiftConfig { multi_tenant: Some(MultiTenant::default()), ..config() };
        config.accounts.accounts.clear();
        config.check().unwrap();
        config.multi_tenant = None;
        assert!(matches!(config.check(), Err(SwiftError::NoAccount(_))));
    }

    #[test]
    fn an_address_without_a_scheme_is_https() {
        assert_eq!(config().accounts.accounts[0].1.address(), "https://auth.example/v3");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        config().check().unwrap();
        let with = |change: fn(&mut SwiftConfig)| {
            let mut config = config();
            change(&mut config);
            config.check()
        };
        let unknown = with(|config| config.accounts.default = "other".to_owned());
        assert!(matches!(unknown, Err(SwiftError::NoAccount(_))));
        let address = with(|config| config.accounts.accounts[0].1.auth_address = "ftp://x".to_owned());
        assert!(matches!(address, Err(SwiftError::Account { cause: AccountError::Address, .. })));
        let endpoint = with(|config| config.endpoint.fixed = Some("nonsense".to_owned()));
        assert!(matches!(endpoint, Err(SwiftError::Endpoint)));
        let size = with(|config| config.segment_size = 0);
        assert!(matches!(size, Err(SwiftError::SegmentSize)));
        let key = Key::new("k");
        let user = Credentials::User { name: "no-project".to_owned(), key };
        let user = SwiftConfig::new(Account::new("https://a", user)).check();
        assert!(matches!(user, Err(SwiftError::Account { cause: AccountError::User, .. })));
    }

    #[test]
    fn of_broken_accounts_only_the_default_is_missed() {
        let with = |reference: &str| {
            let mut config = config();
            config.accounts.default = "ref1".to_owned();
            config.accounts.broken = vec![(reference.to_owned(), AccountError::User)];
            config.accounts.accounts.retain(|(known, _)| known != reference);
            config.check()
        };
        with("ref2").unwrap();
        let told = with("ref1").unwrap_err().to_string();
        assert_eq!(told, "account ref1: the user is not in the form project:user");
    }

    #[test]
    fn no_key_is_printed() {
        let printed = format!("{:?}", config());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
