//! Metadata definitions, as one caller may see and change them.

mod associations;
mod namespaces;
mod objects;
mod properties;
mod tags;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Glance, Registry};
use crate::context::RequestContext;
use crate::database::{ItemChange, MetadefChange, MetadefRepo, RepoError, Viewer};
use crate::error::Error;
use crate::metadefs::{Finding, Namespace, NamespaceVisibility, Recorded, can_see, check, definitions_for};
use crate::policy::{Target, Value};

pub use namespaces::{NamespacePage, NamespaceRequest};

/// The metadata definitions of a registry, as one caller may see and change them.
///
/// A namespace that the caller does not see is not there, whatever is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Metadefs<'a> {
    registry: &'a Arc<Registry>,
    context: &'a RequestContext,
    admin: bool,
}

/// The rules that let a caller see a namespace with all that is in it.
const SHOW: [&str; 5] = [
    "get_metadef_namespace",
    "list_metadef_resource_types",
    "get_metadef_objects",
    "get_metadef_properties",
    "get_metadef_tags",
];

impl Glance {
    /// The metadata definitions as `context` may see and change them.
    #[must_use]
    pub fn metadefs<'a>(&'a self, context: &'a RequestContext) -> Metadefs<'a> {
        Metadefs { registry: &self.0, context, admin: self.policy().is_admin(context) }
    }
}

impl Metadefs<'_> {
    /// What is wrong with `properties` of a resource of the type `resource_type`, by the definitions that the caller
    /// sees: see [`check`](fn@check).
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] by policy.
    pub async fn check(
        &self,
        resource_type: &str,
        target: Option<&str>,
        properties: &Map<String, Json>,
    ) -> Result<Vec<Finding>, Error> {
        self.allow_call("get_metadef_namespaces")?;
        let mut definitions = definitions_for(self.database(), self.viewer(), resource_type).await?;
        definitions.retain(|whole| SHOW.iter().all(|rule| self.allow(rule, &whole.namespace).is_ok()));
        Ok(check(resource_type, target, properties, &definitions))
    }

    fn database(&self) -> &dyn MetadefRepo {
        &*self.registry.database
    }

    fn project(&self) -> Option<&str> {
        self.context.project_id.as_deref()
    }

    fn viewer(&self) -> Viewer {
        Viewer { admin: self.admin, project: self.context.project_id.clone() }
    }

    /// The namespace called `name`, if the caller sees it.
    async fn seen(&self, name: &str) -> Result<Recorded<Namespace>, Error> {
        match self.database().namespace(name).await {
            Ok(namespace) if can_see(&namespace, self.admin, self.project()) => Ok(namespace),
            Ok(_) | Err(RepoError::NotFound) => Err(no_namespace(name)),
            Err(error) => Err(error.into()),
        }
    }

    /// The namespace called `name`, if the caller sees it and policy allows the call `rule` on it.
    async fn allowed(&self, rule: &str, name: &str) -> Result<Recorded<Namespace>, Error> {
        let namespace = self.seen(name).await?;
        self.allow(rule, &namespace)?;
        Ok(namespace)
    }

    /// As [`Metadefs::allowed`], for a call that changes something.
    async fn changeable(&self, rule: &str, name: &str) -> Result<Recorded<Namespace>, Error> {
        self.refuse_read_only()?;
        self.allowed(rule, name).await
    }

    fn allow(&self, rule: &str, namespace: &Namespace) -> Result<(), Error> {
        let target = [
            ("project_id", Value::from(namespace.owner.as_str())),
            ("visibility", namespace.visibility.map(NamespaceVisibility::as_str).into()),
        ];
        self.enforce(rule, &target).map_err(|error| match error {
            Error::NotFound(_) => no_namespace(&namespace.name),
            error => error,
        })
    }

    /// Whether policy allows the call `rule`, which is about no namespace that there is.
    fn allow_call(&self, rule: &str) -> Result<(), Error> {
        self.enforce(rule, &[("project_id", Value::from(self.project()))])
    }

    /// To those who may not even look at a namespace, it is not there.
    fn enforce(&self, rule: &str, target: &dyn Target) -> Result<(), Error> {
        const LOOK: &str = "get_metadef_namespace";
        let policy = self.registry.policy.load();
        let Err(denied) = policy.enforce(rule, target, self.context) else { return Ok(()) };
        if rule == LOOK || policy.enforce(LOOK, target, self.context).is_err() {
            return Err(Error::NotFound("The resource could not be found.".to_owned()));
        }
        Err(Error::Forbidden(denied.to_string()))
    }

    fn refuse_read_only(&self) -> Result<(), Error> {
        if self.context.read_only {
            return Err(Error::Forbidden("anonymous callers have read-only access".to_owned()));
        }
        Ok(())
    }

    /// Makes one change; `exists` says what is wrong if a name is taken, and `missing` if something is not there.
    async fn change(
        &self,
        change: MetadefChange,
        exists: impl FnOnce() -> String,
        missing: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        self.database().change_metadefs(&[change]).await.map_err(|error| match error {
            RepoError::Exists => Error::Conflict(exists()),
            RepoError::NotFound => Error::NotFound(missing()),
            error => error.into(),
        })
    }

    /// Makes a change after which no name can be taken.
    async fn remove(&self, change: MetadefChange, missing: impl FnOnce() -> String) -> Result<(), Error> {
        self.change(change, String::new, missing).await
    }
}

fn no_namespace(name: &str) -> Error {
    Error::NotFound(format!("Namespace {name} not found"))
}

/// Refuses to delete `what` of a protected namespace.
fn refuse_protected(namespace: &Namespace, what: &str, name: &str) -> Result<(), Error> {
    if namespace.is_protected() {
        return Err(Error::Forbidden(format!("Metadata definition {what} {name} is protected and cannot be deleted.")));
    }
    Ok(())
}

/// A thing that a client records now.
fn recorded<T>(item: T) -> Recorded<T> {
    let now = super::create::now();
    Recorded { item, created_at: now, updated_at: Some(now) }
}

fn add<T>(item: T) -> ItemChange<T> {
    ItemChange::Add(recorded(item))
}

fn set<T>(name: &str, to: T) -> ItemChange<T> {
    ItemChange::Set { name: name.to_owned(), to, at: super::create::now() }
}
