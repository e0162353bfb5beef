//! Who keeps the data: accounts, and what is logged in to them with.

use std::fmt;

pub use crate::keystone::{Domain, Key};
use crate::outbound::OperatorUrl;

/// How an account is logged in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// With Keystone's API v3.
    #[default]
    Keystone,
    /// With Swift's own `/auth/v1.0`, for installations without Keystone.
    V1,
}

/// What an account is logged in to with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// A user and a password. For Keystone the user is `project:user`.
    User {
        /// The user.
        name: String,
        /// The password.
        key: Key,
    },
    /// An application credential of Keystone, which knows its project.
    Application {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Key,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User { .. } => "User",
            Self::Application { .. } => "Application",
        })
    }
}

/// Who keeps the data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Where to log in, such as `https://keystone.example:5000/v3`; without a scheme, `https`.
    pub auth_address: String,
    /// How to log in.
    pub protocol: Protocol,
    /// With what.
    pub credentials: Credentials,
    /// The domain of the user.
    pub user_domain: Domain,
    /// The domain of the project.
    pub project_domain: Domain,
}

impl Account {
    /// An account in the domains whose id is `default`.
    pub fn new(auth_address: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            auth_address: auth_address.into(),
            protocol: Protocol::default(),
            credentials,
            user_domain: Domain::default(),
            project_domain: Domain::default(),
        }
    }

    /// Whether it can be logged in to, as far as that shows without trying.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub fn check(&self) -> Result<(), AccountError> {
        OperatorUrl::parse(&self.address()).map_err(|_| AccountError::Address)?;
        match (self.protocol, &self.credentials) {
            (Protocol::Keystone, Credentials::User { name, .. }) if !name.contains(':') => Err(AccountError::User),
            _ => Ok(()),
        }
    }

    /// The address with a scheme and without a slash at its end.
    pub(super) fn address(&self) -> String {
        let address = self.auth_address.trim().trim_end_matches('/');
        let scheme = if address.contains("://") { "" } else { "https://" };
        format!("{scheme}{address}")
    }
}

/// The accounts of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Each with the reference that locations call it by.
    pub accounts: Vec<(String, Account)>,
    /// The reference of the one that takes new data.
    pub default: String,
    /// Whether new locations name the reference rather than hold the credentials.
    pub referenced: bool,
    /// What is configured and cannot be used, by its reference: its data cannot be read, and the others' can.
    pub broken: Vec<(String, AccountError)>,
}

/// Why an account cannot be used. No message shows what was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Something is not there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The address is none.
    #[error("the auth address is not an http or https URL with a host")]
    Address,
    /// A Keystone user without a project.
    #[error("the user is not in the form project:user")]
    User,
}
