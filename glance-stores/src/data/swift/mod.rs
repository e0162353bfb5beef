//! Image data in OpenStack Object Storage (Swift), in the account of one or several projects of the operator's, or each
//! image's in the account of the project that brings it in ([`MultiTenant`]).
//!
//! Objects are named by image id; their locations are described in `location`, and what an upload makes and
//! holds in memory in `upload`. A download holds what the connection has read ahead.
//!
//! Credentials in a location are used with the configured auth addresses and no others: a location does not make
//! this program talk to a host that its operator did not name. Nor does it have the token of a caller shown to a server
//! that the caller's catalogue does not name as Swift.
//!
//! In the accounts of callers an image has a container to itself, `<container>_<image id>`, since it is containers that
//! others can be let into. The server's own account, if there is one, removes what callers leave behind. It has to
//! be let into those containers, by [`MultiTenant::admin_projects`] or by a role for all of Swift.

mod access;
mod account;
mod accounts;
mod auth;
mod caller;
mod client;
mod config;
mod known;
mod lasting;
mod location;
mod read;
mod remove;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use glance_core::RequestContext;
use glance_core::image::{ImageId, Readers};
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use serde_json::Map;
use tokio::time::timeout;

use self::access::Access;
pub use self::account::{Account, AccountError, Accounts, Credentials, Domain, Key, Protocol};
pub use self::accounts::protocol;
use self::auth::Tokens;
use self::caller::{Caller, OneToken};
use self::client::{KIND, Swift};
pub use self::config::{Endpoint, Interface, MultiTenant, SwiftConfig, SwiftError, UNIT};
use self::known::KnownAccounts;
use self::lasting::Lasting;
use self::location::{Owner, Place};
use self::read::Object;
use self::upload::Upload;
use super::claims::{Claims, TAKING_BACK};
use super::intake::Intake;

/// A store of objects in Swift.
pub struct SwiftStore {
    config: Arc<SwiftConfig>,
    known: Arc<KnownAccounts>,
    claims: Arc<Claims>,
    /// Who uses the store, where callers have accounts of their own; `None`: the server itself.
    caller: Option<Caller>,
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
        let known = Arc::new(KnownAccounts::new(&config)?);
        Ok(Self { config: Arc::new(config), known, claims: Arc::default(), caller: None })
    }

    fn used_by(&self, caller: Caller) -> Self {
        let (config, known, claims) = (Arc::clone(&self.config), Arc::clone(&self.known), Arc::clone(&self.claims));
        Self { config, known, claims, caller: Some(caller) }
    }

    fn place(&self, at: &Location) -> Result<(Arc<Swift>, Place), StoreError> {
        let place = Place::parse(at.expose());
        if let Some(Place { owner: owner @ Owner::Reference(account), .. }) = &place
            && let Some(cause) = self.known.broken(owner)
        {
            tracing::warn!(account, %cause, "data lies in an account that cannot be used");
        }
        let Some(place) = place else { return Err(bad_location(at)) };
        match self.account(&place.owner) {
            Some(account) => Ok((account, place)),
            // Right as it is, for those who are let in.
            None if self.caller.is_none() && self.is_callers(&place) => Err(StoreError::Denied { store: KIND }),
            None => Err(bad_location(at)),
        }
    }

    /// The account, as the one who uses the store may use it; `None` if that is none of this store's.
    fn account(&self, owner: &Owner) -> Option<Arc<Swift>> {
        match (owner, &self.caller) {
            (Owner::Bare { address }, Some(caller)) => {
                Some(self.known.with(Arc::new(OneToken(Arc::new(caller.grant(address)?)))))
            }
            (Owner::Bare { address }, None) if self.config.multi_tenant.is_some() => self.known.elsewhere(address),
            _ => self.known.of(owner),
        }
    }

    /// Where new data of image `id` goes; `None` if whoever uses the store has no account for it.
    fn target(&self, id: ImageId) -> Option<Place> {
        let owner = match (&self.config.multi_tenant, &self.caller) {
            (None, _) => self.known.default()?.1,
            (Some(_), caller) => Owner::Bare { address: caller.as_ref()?.storage()?.to_owned() },
        };
        Some(Place { owner, container: self.config.container_of(id.as_str()), object: id.to_string() })
    }

    /// The account of new data, for an upload of so many bytes.
    fn account_for(&self, place: &Place, size: Option<u64>) -> Option<Arc<Swift>> {
        let (Owner::Bare { address }, Some(caller)) = (&place.owner, &self.caller) else {
            return self.account(&place.owner);
        };
        let own = Arc::new(caller.grant(address)?);
        let tokens: Arc<dyn Tokens> = match self.known.trusts() {
            Some(trusts) if size.is_none_or(|size| size >= self.config.large_object_size) => {
                Arc::new(Lasting::new(own, Arc::clone(trusts), self.config.expire_soon))
            }
            _ => Arc::new(OneToken(own)),
        };
        Some(self.known.with(tokens))
    }

    /// Whether the place is in the account of a caller.
    fn is_callers(&self, place: &Place) -> bool {
        matches!(place.owner, Owner::Bare { .. }) && self.config.multi_tenant.is_some()
    }

    /// Whether the container is one that goes with its object.
    fn goes_with(&self, place: &Place) -> bool {
        self.is_callers(place) && place.container.ends_with(&format!("_{}", place.object))
    }

    /// Removes whatever uploads left at a place.
    async fn clear(&self, swift: &Swift, place: &Place) -> Result<(), StoreError> {
        swift.discard(&place.container, &place.object).await?;
        if self.goes_with(place) {
            swift.remove_container(&place.container, Some(&place.object)).await?;
        }
        Ok(())
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

fn bad_location(at: &Location) -> StoreError {
    StoreError::BadLocation { store: KIND, location: at.clone() }
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
        here && (self.is_callers(&place) || self.known.knows(&place.owner))
    }

    fn is_for_clients(&self, _: ImageId, at: &Location) -> bool {
        Place::parse(at.expose()).is_some_and(|place| matches!(place.owner, Owner::User { .. }))
    }

    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        if self.config.multi_tenant.is_none() {
            return Ok(None);
        }
        let Some(caller) = Caller::of(context, &self.config.endpoint) else {
            tracing::warn!("a call without a token reaches no data in the accounts of callers in Swift");
            return Err(StoreError::Denied { store: KIND });
        };
        Ok(Some(Arc::new(self.used_by(caller))))
    }

    fn destination(&self, id: ImageId) -> Option<Location> {
        self.config.multi_tenant.as_ref()?;
        self.target(id).map(|place| Location::new(place.url()))
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let account = self.target(id).and_then(|place| Some((self.account_for(&place, size)?, place)));
        let Some((swift, place)) = account else {
            tracing::warn!(
                "the catalogue of a caller's token has no Swift of the configured type, interface and region"
            );
            return Err(StoreError::Denied { store: KIND });
        };
        let upload = Upload::new(swift, Arc::clone(&self.config), id, place.container.clone());
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
        let found = swift.remove(&place.container, &place.object).await?;
        if self.goes_with(&place) {
            // Also where nothing was found: a removal that broke off may have got that far.
            swift.remove_container(&place.container, Some(&place.object)).await?;
        }
        if found { Ok(()) } else { Err(not_found(at)) }
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        // What is being taken back here may as well be waited for.
        let _ = timeout(TAKING_BACK, self.claims.settled(id)).await;
        // Whoever has no account has written nothing.
        let Some(place) = self.target(id) else { return Ok(()) };
        let swift = self.account(&place.owner).ok_or(StoreError::Denied { store: KIND })?;
        self.clear(&swift, &place).await
    }

    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        let _ = timeout(TAKING_BACK, self.claims.settled(id)).await;
        let (swift, place) = self.place(destination)?;
        if place.object != id.as_str() {
            return Err(bad_location(destination));
        }
        self.clear(&swift, &place).await
    }

    fn has_readers(&self) -> bool {
        self.config.multi_tenant.is_some()
    }

    async fn set_readers(&self, at: &Location, readers: &Readers) -> Result<(), StoreError> {
        let (swift, place) = self.place(at)?;
        let Some(tenants) = self.config.multi_tenant.as_ref().filter(|_| self.goes_with(&place)) else {
            return Ok(());
        };
        let access = Access::of(readers, &tenants.admin_projects);
        if swift.set_access(&place.container, &access).await? { Ok(()) } else { Err(not_found(at)) }
    }
}

#[cfg(test)]
mod tests;
