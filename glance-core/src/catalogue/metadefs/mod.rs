//! Metadata definitions, as one caller may see and change them.

mod associations;
mod items;
mod namespaces;
mod objects;
mod properties;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Glance, Registry};
use crate::context::RequestContext;
use crate::database::{MetadefChange, MetadefRepo, RepoError, Viewer, Within};
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
        let is_shown = |namespace: &Namespace| SHOW.iter().all(|rule| self.allow(rule, namespace).is_ok());
        let definitions = definitions_for(self.database(), &self.viewer(), resource_type, is_shown).await?;
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
        let namespace = self.database().namespace(name).await.map_err(|error| gone(error, name))?;
        self.refuse_hidden(&namespace)?;
        Ok(namespace)
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

    /// What was read of the namespace called `name`, if the caller sees the namespace and policy allows the call
    /// `rule` on it, both as it was when that was read.
    fn shown<T>(&self, rule: &str, name: &str, read: Result<Within<T>, RepoError>) -> Result<Within<T>, Error> {
        let within = read.map_err(|error| gone(error, name))?;
        self.refuse_hidden(&within.namespace)?;
        self.allow(rule, &within.namespace)?;
        Ok(within)
    }

    fn refuse_hidden(&self, namespace: &Namespace) -> Result<(), Error> {
        if can_see(namespace, self.admin, self.project()) { Ok(()) } else { Err(no_namespace(&namespace.name)) }
    }

    fn allow(&self, rule: &str, namespace: &Namespace) -> Result<(), Error> {
        let visibility = namespace.visibility.unwrap_or(NamespaceVisibility::Private);
        let target =
            [("project_id", Value::from(namespace.owner.as_str())), ("visibility", visibility.as_str().into())];
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

    /// Makes changes that are allowed on the namespace as it was `seen`; `exists` says what is wrong if a name is
    /// taken, and `missing` if something is not there.
    async fn change(
        &self,
        seen: &Recorded<Namespace>,
        changes: impl IntoIterator<Item = MetadefChange>,
        exists: impl FnOnce() -> String,
        missing: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let changes: Vec<_> = [MetadefChange::Expect(seen.clone())].into_iter().chain(changes).collect();
        self.database().change_metadefs(&changes).await.map_err(|error| match error {
            RepoError::Exists => Error::Conflict(exists()),
            RepoError::NotFound => Error::NotFound(missing()),
            RepoError::Changed => Error::Conflict(format!("Namespace {} was changed meanwhile", seen.name)),
            error => error.into(),
        })
    }

    /// Makes a change after which no name can be taken.
    async fn remove(
        &self,
        seen: &Recorded<Namespace>,
        change: MetadefChange,
        missing: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        self.change(seen, [change], String::new, missing).await
    }
}

fn no_namespace(name: &str) -> Error {
    Error::NotFound(format!("Namespace {name} not found"))
}

fn gone(error: RepoError, name: &str) -> Error {
    match error {
        RepoError::NotFound => no_namespace(name),
        error => error.into(),
    }
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
