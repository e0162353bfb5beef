//! The accounts that a store may use, and which of them a location means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::account::{Account, AccountError, Credentials, Key, Protocol};
use super::auth::{Session, Tokens, login};
use super::caller::Elsewhere;
use super::client::Swift;
use super::config::{SwiftConfig, SwiftError};
use super::location::Owner;
use crate::keystone::Trusts;
use crate::outbound::{Client, OperatorUrl};

/// Accounts that only locations name and that are kept logged in to.
const KEPT: usize = 64;

/// The configured accounts, and those at the same addresses that locations have credentials of.
pub(super) struct KnownAccounts {
    http: Client,
    config: SwiftConfig,
    configured: Vec<Configured>,
    /// The one of new data, or of the server itself where callers have accounts of their own.
    default: Option<usize>,
    /// By what a location says.
    named: Mutex<HashMap<Account, Arc<Swift>>>,
    trusts: Option<Arc<Trusts>>,
}

struct Configured {
    reference: String,
    account: Account,
    address: OperatorUrl,
    tokens: Arc<dyn Tokens>,
    swift: Arc<Swift>,
}

impl KnownAccounts {
    pub(super) fn new(config: &SwiftConfig) -> Result<Self, SwiftError> {
        let http = Client::new(&config.tls, config.deadlines)?;
        let accounts = &config.accounts;
        let configured = accounts.accounts.iter().map(|(reference, account)| {
            let tokens = session(&http, config, account);
            Ok(Configured {
                reference: reference.clone(),
                account: account.clone(),
                address: address(&account.address()).ok_or_else(|| SwiftError::Account {
                    reference: reference.clone(),
                    cause: AccountError::Address,
                })?,
                swift: Arc::new(Swift::new(http.clone(), Arc::clone(&tokens), config.page)),
                tokens,
            })
        });
        let configured: Vec<_> = configured.collect::<Result<_, SwiftError>>()?;
        let default = configured.iter().position(|known| known.reference == accounts.default);
        if default.is_none() && config.multi_tenant.is_none() {
            return Err(SwiftError::NoAccount(accounts.default.clone()));
        }
        let own = default.map(|at| &configured[at]).filter(|own| own.account.protocol == Protocol::Keystone);
        let trusting = own.filter(|_| config.multi_tenant.as_ref().is_some_and(|tenants| tenants.use_trusts));
        let trusts = trusting.and_then(|own| Trusts::new(http.clone(), login(&own.account, own.address.clone())));
        let trusts = trusts.map(Arc::new);
        Ok(Self { trusts, http, config: config.clone(), configured, default, named: Mutex::default() })
    }

    /// The account of new data, and what its locations say; `None` where every caller has another.
    pub(super) fn default(&self) -> Option<(Arc<Swift>, Owner)> {
        let known = &self.configured[self.default?];
        let owner = match &known.account.credentials {
            _ if self.config.accounts.referenced => Owner::Reference(known.reference.clone()),
            Credentials::User { name, key } => {
                Owner::User { address: known.account.address(), user: name.clone(), key: key.clone() }
            }
            Credentials::Application { .. } => Owner::Bare { address: known.account.address() },
        };
        Some((Arc::clone(&known.swift), owner))
    }

    /// Somebody else's account as the server itself may use it; `None` without an account of its own.
    pub(super) fn elsewhere(&self, storage: &str) -> Option<Arc<Swift>> {
        let own = Arc::clone(&self.configured[self.default?].tokens);
        let storage = address(storage)?;
        Some(self.with(Arc::new(Elsewhere { own, storage })))
    }

    /// An account as the holder of these tokens uses it.
    pub(super) fn with(&self, tokens: Arc<dyn Tokens>) -> Arc<Swift> {
        Arc::new(Swift::new(self.http.clone(), tokens, self.config.page))
    }

    /// What makes tokens last; `None` if nothing does.
    pub(super) fn trusts(&self) -> Option<&Arc<Trusts>> {
        self.trusts.as_ref()
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
        let swift = self.with(session(&self.http, &self.config, &account));
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

fn session(http: &Client, config: &SwiftConfig, account: &Account) -> Arc<dyn Tokens> {
    Arc::new(Session::new(http.clone(), account.clone(), config.endpoint.clone(), config.expire_soon))
}

/// An address in the one spelling that compares.
fn address(text: &str) -> Option<OperatorUrl> {
    OperatorUrl::parse(text.trim_end_matches('/')).ok()
}
