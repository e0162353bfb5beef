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
mod activity;
mod callers;
mod create;
mod delete;
mod download;
mod housekeeping;
mod limits;
mod list;
mod locations;
mod members;
mod metadefs;
mod protected;
mod readers;
mod registration;
mod settings;
mod tags;
mod target;
mod update;
mod upload;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::database::Database;
use crate::events::{Emitter, Notifier};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::protection::PropertyProtections;
use crate::stores::Stores;

pub use activity::{Activity, JournalCounts};
pub use download::{Download, DownloadOptions, Wanted};
pub use housekeeping::Recovered;
pub use limits::Held;
pub use list::{ListRequest, Page, VisibilityWish};
pub use metadefs::{Metadefs, NamespacePage, NamespaceRequest};
pub use settings::Settings;
pub use upload::UploadOptions;

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
    protections: ArcSwapOption<PropertyProtections>,
    settings: Settings,
    limits: Option<Arc<dyn Limits>>,
    events: Emitter,
    /// Names this process in the journal.
    process: String,
    under_way: housekeeping::UnderWay,
    counts: activity::Counts,
    /// Turns at reading data that was registered.
    digesting: registration::Turns,
}

/// Puts a registry together.
#[derive(Debug)]
pub struct Builder {
    database: Arc<dyn Database>,
    stores: Stores,
    policy: Policy,
    protections: Option<PropertyProtections>,
    settings: Settings,
    limits: Option<Arc<dyn Limits>>,
    process: Option<String>,
    notifier: Option<Arc<dyn Notifier>>,
}

impl Glance {
    /// Begins a registry on `database` and `stores` with the default policy and settings.
    pub fn builder(database: Arc<dyn Database>, stores: Stores) -> Builder {
        Builder {
            database,
            stores,
            policy: Policy::defaults(),
            protections: None,
            settings: Settings::default(),
            limits: None,
            process: None,
            notifier: None,
        }
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

    /// Puts other property protections in force, for calls that begin from now on; `None`: whoever may change an
    /// image may change all of its custom properties.
    pub fn set_protections(&self, protections: Option<PropertyProtections>) {
        self.0.protections.store(protections.map(Arc::new));
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

    /// Protects custom properties by `protections`; without, whoever may change an image may change all of them.
    #[must_use]
    pub fn protections(mut self, protections: PropertyProtections) -> Self {
        self.protections = Some(protections);
        self
    }

    /// Works by `settings` instead of the defaults.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Holds every project to what `limits` says of it, in place of [`Settings::user_storage_quota`].
    #[must_use]
    pub fn limits(mut self, limits: Arc<dyn Limits>) -> Self {
        self.limits = Some(limits);
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

    /// Tells `notifier` what happens, but for what [`Settings::disabled_notifications`] names. Without one, nobody is told.
    #[must_use]
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// The registry.
    #[must_use]
    pub fn build(self) -> Glance {
        let disabled = &self.settings.disabled_notifications;
        let events = self.notifier.map(|notifier| Emitter::new(notifier, disabled)).unwrap_or_default();
        Glance(Arc::new(Registry {
            database: self.database,
            stores: self.stores,
            policy: ArcSwap::from_pointee(self.policy),
            protections: ArcSwapOption::from_pointee(self.protections),
            settings: self.settings,
            limits: self.limits,
            events,
            process: self.process.unwrap_or_else(|| Uuid::new_v4().to_string()),
            under_way: housekeeping::UnderWay::new(Instant::now()),
            counts: activity::Counts::default(),
            digesting: registration::Turns::new(),
        }))
    }
}

/// The images of a registry, as one caller may see and change them.
///
/// Images that leave through here are fit to be shown to the caller: locations in the order they
/// are tried, none of a deactivated image unless the caller is an administrator, no book-keeping, and of
/// protected properties those that the caller may read.
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
