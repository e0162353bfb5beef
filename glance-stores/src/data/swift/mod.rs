//! Image data in OpenStack Object Storage (Swift), in the account of one or several projects of the operator's.
//!
//! Objects are named by image id; their locations are described in `location`, and what an upload makes and
//! holds in memory in `upload`. A download holds what the connection has read ahead.
//!
//! Credentials in a location are used with the configured auth addresses and no others: a location does not make
//! this program talk to a host that its operator did not name.

mod account;
mod accounts;
mod auth;
mod client;
mod config;
mod known;
mod location;
mod read;
mod remove;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use serde_json::Map;
use tokio::time::timeout;

pub use self::account::{Account, AccountError, Accounts, Credentials, Domain, Key, Protocol};
pub use self::accounts::protocol;
use self::client::{KIND, Swift};
pub use self::config::{Endpoint, Interface, SwiftConfig, SwiftError, UNIT};
use self::known::KnownAccounts;
use self::location::{Owner, Place};
use self::read::Object;
use self::upload::Upload;
use super::claims::{Claims, TAKING_BACK};
use super::intake::Intake;

/// A store of objects in Swift.
pub struct SwiftStore {
    config: Arc<SwiftConfig>,
    known: KnownAccounts,
    claims: Arc<Claims>,
}

impl SwiftStore {
    /// Opens a store. Nothing is connected to before it is used.
    ///
    /// # Errors
    ///
    /// [`SwiftError`].
    pub fn open(config: SwiftConfig) -> Result<Self, SwiftError> {
        config.check()?;
        for (account, cause) in &config.accounts.broken {
            tracing::error!(account, %cause, "an account in Swift cannot be used: its data is not read, the others' is");
        }
        let known = KnownAccounts::new(&config)?;
        Ok(Self { config: Arc::new(config), known, claims: Arc::default() })
    }

    fn place(&self, at: &Location) -> Result<(Arc<Swift>, Place), StoreError> {
        let place = Place::parse(at.expose());
        if let Some(Place { owner: owner @ Owner::Reference(account), .. }) = &place
            && let Some(cause) = self.known.broken(owner)
        {
            tracing::warn!(account, %cause, "data lies in an account that cannot be used");
        }
        let found = place.and_then(|place| Some((self.known.of(&place.owner)?, place)));
        found.ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    fn object(&self, at: &Location) -> Result<Object, StoreError> {
        let (swift, Place { container, object, .. }) = self.place(at)?;
        Ok(Object { swift, container, name: object, retries: self.config.retry_get_count })
    }
}

impl fmt::Debug for SwiftStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwiftStore").field("container", &self.config.container).finish_non_exhaustive()
    }
}

fn not_found(at: &Location) -> StoreError {
    StoreError::NotFound { store: KIND, location: at.clone() }
}

#[async_trait]
impl Store for SwiftStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: true, delete: true }
    }

    fn holds(&self, at: &Location) -> bool {
        let Some(place) = Place::parse(at.expose()) else { return false };
        let here = self.config.any_container || self.config.may_be_container(&place.container);
        here && self.known.knows(&place.owner)
    }

    fn is_for_clients(&self, _: ImageId, at: &Location) -> bool {
        Place::parse(at.expose()).is_some_and(|place| matches!(place.owner, Owner::User { .. }))
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let container = self.config.container_of(id.as_str());
        let (swift, owner) = self.known.default();
        let place = Place { owner, container: container.clone(), object: id.to_string() };
        let upload = Upload::new(swift, Arc::clone(&self.config), id, container);
        let size = upload.run(&self.claims, Intake::new(KIND, data, size), size).await?;
        Ok(Stored { location: Location::new(place.url()), size, metadata: Map::new() })
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        self.object(at)?.open(range).await?.ok_or_else(|| not_found(at))
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        self.object(at)?.size().await?.ok_or_else(|| not_found(at))
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let (swift, place) = self.place(at)?;
        if swift.remove(&place.container, &place.object).await? { Ok(()) } else { Err(not_found(at)) }
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        // What is being taken back here may as well be waited for.
        let _ = timeout(TAKING_BACK, self.claims.settled(id)).await;
        let (swift, _) = self.known.default();
        swift.discard(&self.config.container_of(id.as_str()), id.as_str()).await
    }
}

#[cfg(test)]
mod tests;
