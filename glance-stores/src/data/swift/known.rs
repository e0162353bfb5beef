//! The accounts that a store may use, and which of them a location means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::account::{Account, AccountError, Credentials, Key};
use super::auth::Session;
use super::client::Swift;
use super::config::{SwiftConfig, SwiftError};
use super::location::Owner;
use crate::outbound::{Client, OperatorUrl};

/// Accounts that only locations name and that are kept logged in to.
const KEPT: usize = 64;

/// The configured accounts, and those at the same addresses that locations have credentials of.
pub(super) struct KnownAccounts {
    http: Client,
    config: SwiftConfig,
    configured: Vec<Configured>,
    default: usize,
    /// By what a location says.
    named: Mutex<HashMap<Account, Arc<Swift>>>,
}

struct Configured {
    reference: String,
    account: Account,
    address: OperatorUrl,
    swift: Arc<Swift>,
}

impl KnownAccounts {
    pub(super) fn new(config: &SwiftConfig) -> Result<Self, SwiftError> {
        let http = Client::new(&config.tls, config.deadlines)?;
        let accounts = &config.accounts;
        let configured = accounts.accounts.iter().map(|(reference, account)| {
            Ok(Configured {
                reference: reference.clone(),
                account: account.clone(),
                address: address(&account.address()).ok_or_else(|| SwiftError::Account {
                    reference: reference.clone(),
                    cause: AccountError::Address,
                })?,
                swift: session(&http, config, account),
            })
        });
        let configured: Vec<_> = configured.collect::<Result<_, SwiftError>>()?;
        let default = configured.iter().position(|known| known.reference == accounts.default);
        let default = default.ok_or_else(|| SwiftError::NoAccount(accounts.default.clone()))?;
        Ok(Self { http, config: config.clone(), configured, default, named: Mutex::default() })
    }

    /// The account of new data, and what its locations say.
    pub(super) fn default(&self) -> (Arc<Swift>, Owner) {
        let known = &self.configured[self.default];
        let owner = match &known.account.credentials {
            _ if self.config.accounts.referenced => Owner::Reference(known.reference.clone()),
            Credentials::User { name, key } => {
                Owner::User { address: known.account.address(), user: name.clone(), key: key.clone() }
            }
            Credentials::Application { .. } => Owner::Bare { address: known.account.address() },
        };
        (Arc::clone(&known.swift), owner)
    }

    /// Whether the account is one that this store may use, or could if it were set up rightly.
    pub(super) fn knows(&self, owner: &Owner) -> bool {
        match owner {
            Owner::User { address, .. } => self.at(address).next().is_some(),
            owner => self.configured_one(owner).is_some() || self.broken(owner).is_some(),
        }
    }

    /// Why an account that is configured cannot be used; `None` if that is not so.
    pub(super) fn broken(&self, owner: &Owner) -> Option<AccountError> {
        let Owner::Reference(reference) = owner else { return None };
        let mut broken = self.config.accounts.broken.iter();
        broken.find(|(known, _)| known == reference).map(|(_, cause)| *cause)
    }

    /// The account; `None` if it is not at an address that the operator named.
    pub(super) fn of(&self, owner: &Owner) -> Option<Arc<Swift>> {
        if let Some(known) = self.configured_one(owner) {
            return Some(Arc::clone(&known.swift));
        }
        let Owner::User { address, user, key } = owner else { return None };
        let credentials = Credentials::User { name: user.clone(), key: key.clone() };
        let like = self.at(address).next()?;
        Some(self.named(Account { credentials, ..like.account.clone() }))
    }

    fn configured_one(&self, owner: &Owner) -> Option<&Configured> {
        match owner {
            Owner::Reference(reference) => self.configured.iter().find(|known| known.reference == *reference),
            Owner::User { address, user, key } => self.at(address).find(|known| known.is_user(user, key)),
            Owner::Bare { address } => self.at(address).find(|known| known.is_application()),
        }
    }

    fn at(&self, text: &str) -> impl Iterator<Item = &Configured> {
        let wanted = address(text);
        self.configured.iter().filter(move |known| wanted.as_ref() == Some(&known.address))
    }

    fn named(&self, account: Account) -> Arc<Swift> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(swift) = named.get(&account) {
            return Arc::clone(swift);
        }
        if named.len() >= KEPT {
            named.clear();
        }
        let swift = session(&self.http, &self.config, &account);
        named.insert(account, Arc::clone(&swift));
        swift
    }
}

impl Configured {
    fn is_user(&self, user: &str, key: &Key) -> bool {
        matches!(&self.account.credentials, Credentials::User { name, key: known } if name == user && known == key)
    }

    fn is_application(&self) -> bool {
        matches!(self.account.credentials, Credentials::Application { .. })
    }
}

fn session(http: &Client, config: &SwiftConfig, account: &Account) -> Arc<Swift> {
    let session = Session::new(http.clone(), account.clone(), config.endpoint.clone(), config.expire_soon);
    Arc::new(Swift::new(http.clone(), session, config.page))
}

/// An address in the one spelling that compares.
fn address(text: &str) -> Option<OperatorUrl> {
    OperatorUrl::parse(text.trim_end_matches('/')).ok()
}
