//! The registry as an embedder holds it: every call checked, every rule applied.
//!
//! ```
//! # async fn example(glance: glance_core::Glance) -> Result<(), glance_core::Error> {
//! use glance_core::image::NewImage;
//! use glance_core::store::stream_of;
//! use glance_core::RequestContext;
//!
//! let caller = RequestContext::admin("my-project");
//! let images = glance.images(&caller);
//! let image = images.create(NewImage::named("cirros", "raw", "bare")).await?;
//! images.upload(image.id, stream_of("the data".into()), Default::default()).await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod create;
mod data;
mod delete;
mod housekeeping;
mod list;
mod locations;
mod members;
mod metadefs;
mod settings;
mod tags;
mod target;
mod update;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::database::Database;
use crate::policy::Policy;
use crate::stores::Stores;

pub use data::{Download, DownloadOptions, UploadOptions, Wanted};
pub use housekeeping::Recovered;
pub use list::{ListRequest, Page, VisibilityWish};
pub use metadefs::{Metadefs, NamespacePage, NamespaceRequest};
pub use settings::Settings;

/// A registry of images: records in a database, data in stores, and the rules between them.
///
/// Cheap to clone; all clones are one registry. Calls need a Tokio runtime, because uploads hash
/// and write on several threads.
#[derive(Debug, Clone)]
pub struct Glance(Arc<Registry>);

#[derive(Debug)]
struct Registry {
    database: Arc<dyn Database>,
    stores: Stores,
    policy: ArcSwap<Policy>,
    settings: Settings,
    /// Names this process in the journal.
    process: String,
    under_way: housekeeping::UnderWay,
}

/// Puts a registry together.
#[derive(Debug)]
pub struct Builder {
    database: Arc<dyn Database>,
    stores: Stores,
    policy: Policy,
    settings: Settings,
    process: Option<String>,
}

impl Glance {
    /// Begins a registry on `database` and `stores` with the default policy and settings.
    pub fn builder(database: Arc<dyn Database>, stores: Stores) -> Builder {
        Builder { database, stores, policy: Policy::defaults(), settings: Settings::default(), process: None }
    }

    /// The images as `context` may see and change them.
    #[must_use]
    pub fn images<'a>(&'a self, context: &'a RequestContext) -> Images<'a> {
        Images { registry: &self.0, context, admin: self.policy().is_admin(context) }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.0.policy.load_full()
    }

    /// Puts another policy in force, for calls that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.0.policy.store(Arc::new(policy));
    }

    /// The stores of this registry.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.0.stores
    }

    /// The settings of this registry.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

impl Builder {
    /// Decides by `policy` instead of the defaults.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Works by `settings` instead of the defaults.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Names this process in the journal of uploads and removals. The name must be new for every
    /// start of a program; by default it is random. A name from which others can tell whether the
    /// process still lives lets [`Glance::recover`] act at once instead of waiting for leases.
    #[must_use]
    pub fn process(mut self, name: impl Into<String>) -> Self {
        self.process = Some(name.into());
        self
    }

    /// The registry.
    #[must_use]
    pub fn build(self) -> Glance {
        Glance(Arc::new(Registry {
            database: self.database,
            stores: self.stores,
            policy: ArcSwap::from_pointee(self.policy),
            settings: self.settings,
            process: self.process.unwrap_or_else(|| Uuid::new_v4().to_string()),
            under_way: housekeeping::UnderWay::new(Instant::now()),
        }))
    }
}

/// The images of a registry, as one caller may see and change them.
///
/// Images that leave through here are fit to be shown to the caller: locations in the order they
/// are tried, none of a deactivated image unless the caller is an administrator, no book-keeping.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    registry: &'a Arc<Registry>,
    context: &'a RequestContext,
    admin: bool,
}

impl Registry {
    fn lease_end(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(jiff::SignedDuration::try_from(self.settings.lease).unwrap_or(jiff::SignedDuration::ZERO))
            .unwrap_or(now)
    }
}

/// How often a change is tried again when other writers move the image between reading and writing.
const TRIES: usize = 20;
