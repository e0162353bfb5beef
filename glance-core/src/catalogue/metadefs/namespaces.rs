//! Namespaces.

use std::collections::HashSet;

use super::super::create::now;
use super::{Metadefs, SHOW, gone, no_namespace, recorded, refuse_protected};
use crate::database::{
    Direction, ItemChange, ListedNamespace, MetadefChange, NamespaceQuery, NamespaceSortKey, RepoError,
};
use crate::error::Error;
use crate::events::{EventType, Payload};
use crate::metadefs::{Definition, Named, Namespace, NamespaceVisibility, NewNamespace, Recorded, WholeNamespace};

/// Which namespaces to list, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRequest {
    /// The page begins behind the namespace of this name.
    pub marker: Option<String>,
    /// Namespaces on the page; `None` for the default. More than the maximum means the maximum.
    pub limit: Option<usize>,
    /// The first key, and the direction of all.
    pub sort: (NamespaceSortKey, Direction),
    /// One visibility only.
    pub visibility: Option<NamespaceVisibility>,
    /// Only what is for one of these resource types.
    pub resource_types: Option<Vec<String>>,
}

impl Default for NamespaceRequest {
    fn default() -> Self {
        Self {
            marker: None,
            limit: None,
            sort: (NamespaceSortKey::CreatedAt, Direction::Descending),
            visibility: None,
            resource_types: None,
        }
    }
}

/// Some namespaces of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespacePage {
    /// The namespaces, in order.
    pub namespaces: Vec<ListedNamespace>,
    /// The marker of the next page; `None` if this page was not full
    /// or policy hid some of it.
    pub next: Option<String>,
}

impl Metadefs<'_> {
    /// One page of the namespaces that the caller sees and `request` asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] by policy; [`Error::NotFound`] if the caller sees no namespace of
    /// the marker's name.
    pub async fn list(&self, request: &NamespaceRequest) -> Result<NamespacePage, Error> {
        self.allow_call("get_metadef_namespaces")?;
        self.allow_call("list_metadef_resource_types")?;
        if let Some(marker) = &request.marker {
            self.allowed("get_metadef_namespace", marker).await?;
        }
        let settings = &self.registry.settings;
        let limit = request.limit.unwrap_or(settings.limit_param_default).min(settings.api_limit_max);
        if limit == 0 {
            return Ok(NamespacePage { namespaces: Vec::new(), next: None });
        }
        let query = NamespaceQuery {
            viewer: self.viewer(),
            visibility: request.visibility,
            resource_types: request.resource_types.clone(),
            sort: request.sort,
            marker: request.marker.clone(),
            limit,
        };
        let mut namespaces = match self.database().namespaces(&query).await {
            Err(RepoError::NotFound) => return Err(no_namespace(request.marker.as_deref().unwrap_or_default())),
            found => found?,
        };
        namespaces.retain(|listed| self.allow("get_metadef_namespace", &listed.namespace).is_ok());
        // As in the Python server, what policy hides ends the list: a marker must not tell its name.
        let next = namespaces.last().filter(|_| namespaces.len() == limit).map(|last| last.namespace.name.clone());
        Ok(NamespacePage { namespaces, next })
    }

    /// One namespace with all that is in it, as a resource of the type `resource_type` knows it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy.
    pub async fn namespace(&self, name: &str, resource_type: Option<&str>) -> Result<WholeNamespace, Error> {
        let whole = self.database().whole_namespace(name).await.map_err(|error| gone(error, name))?;
        self.refuse_hidden(&whole.namespace)?;
        SHOW.iter().try_for_each(|rule| self.allow(rule, &whole.namespace))?;
        Ok(match resource_type {
            Some(resource_type) => whole.prefixed(resource_type),
            None => whole,
        })
    }

    /// Records a namespace with all that is in it, and returns it as it was recorded.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] by policy; [`Error::Forbidden`] for a caller without a project who
    /// names no owner; [`Error::Conflict`] if the name is taken, or a name in it stands twice.
    pub async fn create_namespace(&self, new: NewNamespace) -> Result<(Recorded<Namespace>, Definition), Error> {
        self.refuse_read_only()?;
        let NewNamespace { owner, mut definition } = new;
        self.allow_call("add_metadef_namespace")?;
        for (rule, is_asked) in [
            ("add_metadef_resource_type_association", !definition.associations.is_empty()),
            ("add_metadef_object", !definition.objects.is_empty()),
            ("add_metadef_property", !definition.properties.is_empty()),
            ("add_metadef_tag", !definition.tags.is_empty()),
        ] {
            if is_asked {
                self.allow_call(rule)?;
            }
        }
        definition.namespace.owner = self.owner(owner)?;
        refuse_twice(&definition)?;
        let namespace = recorded(definition.namespace.clone());
        let changes = additions(&definition, &namespace);
        match self.database().change_metadefs(&changes).await {
            Ok(()) => {
                self.tell_created(&changes);
                Ok((namespace, definition))
            }
            Err(RepoError::Exists) => {
                let name = &namespace.name;
                Err(Error::Conflict(format!("The metadata definition namespace={name} already exists.")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records `new` in the place of the namespace called `name`, whose contents stay. An owner that is not named
    /// becomes the caller's project. Returns the namespace with the time when it was last changed before this.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] if the new name is taken.
    pub async fn update_namespace(&self, name: &str, new: NewNamespace) -> Result<Recorded<Namespace>, Error> {
        let present = self.changeable("modify_metadef_namespace", name).await?;
        let to = Namespace { owner: self.owner(new.owner)?, ..new.definition.namespace };
        let taken = to.name.clone();
        let at = now();
        let change = ItemChange::Set { name: name.to_owned(), to: to.clone(), at };
        self.change(
            &present,
            [MetadefChange::Namespace(change)],
            || {
                format!(
                    "Invalid update. It would result in a duplicate metadata definition namespace with the same \
                     name of {taken}"
                )
            },
            || no_namespace(name).to_string(),
        )
        .await?;
        self.registry.events.info(EventType::NamespaceUpdate, || {
            let updated = Recorded { item: to.clone(), created_at: present.created_at, updated_at: Some(at) };
            Payload::namespace(&updated, name, None)
        });
        // As the Python server answers: with the time of the change before this one.
        Ok(Recorded { item: to, ..present })
    }

    /// Deletes a namespace with all that is in it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if it is protected.
    pub async fn delete_namespace(&self, name: &str) -> Result<(), Error> {
        let namespace = self.changeable("delete_metadef_namespace", name).await?;
        refuse_protected(&namespace, "namespace", name)?;
        let change = MetadefChange::Namespace(ItemChange::Remove(name.to_owned()));
        self.remove(&namespace, change, || no_namespace(name).to_string()).await?;
        let events = &self.registry.events;
        events.info(EventType::NamespaceDelete, || Payload::namespace(&namespace, name, Some(now())));
        Ok(())
    }

    /// Tells of a namespace and all that was recorded in it, one by one.
    fn tell_created(&self, changes: &[MetadefChange]) {
        let events = &self.registry.events;
        for change in changes {
            match change {
                MetadefChange::Namespace(ItemChange::Add(one)) => {
                    events.info(EventType::NamespaceCreate, || Payload::namespace(one, &one.name, None));
                }
                MetadefChange::Association(namespace, ItemChange::Add(one)) => {
                    events.info(EventType::ResourceTypeCreate, || Payload::resource_type(namespace, one, None));
                }
                MetadefChange::Object(namespace, ItemChange::Add(one)) => self.tell_added(namespace, one),
                MetadefChange::Tag(namespace, ItemChange::Add(one)) => self.tell_added(namespace, one),
                MetadefChange::Property(namespace, ItemChange::Add(one)) => self.tell_added(namespace, one),
                _ => {}
            }
        }
    }

    /// Who owns what the caller records.
    fn owner(&self, named: Option<String>) -> Result<String, Error> {
        named
            .or_else(|| self.context.project_id.clone())
            .ok_or_else(|| Error::Forbidden("callers without a project must name the owner of a namespace".to_owned()))
    }
}

fn additions(definition: &Definition, namespace: &Recorded<Namespace>) -> Vec<MetadefChange> {
    fn add<T: Clone>(item: &T) -> ItemChange<T> {
        ItemChange::Add(recorded(item.clone()))
    }
    let name = || namespace.name.clone();
    let mut changes = vec![MetadefChange::Namespace(ItemChange::Add(namespace.clone()))];
    changes.extend(definition.associations.iter().map(|one| MetadefChange::Association(name(), add(one))));
    changes.extend(definition.objects.iter().map(|one| MetadefChange::Object(name(), add(one))));
    changes.extend(definition.tags.iter().map(|one| MetadefChange::Tag(name(), add(one))));
    changes.extend(definition.properties.iter().map(|one| MetadefChange::Property(name(), add(one))));
    changes
}

/// So that a name that is taken can only be that of the namespace.
fn refuse_twice(definition: &Definition) -> Result<(), Error> {
    fn check<T: Named>(what: &str, items: &[T]) -> Result<(), Error> {
        let mut seen = HashSet::new();
        match items.iter().find(|item| !seen.insert(item.name())) {
            Some(twice) => Err(Error::Conflict(format!("The {what} {:?} stands twice in the request.", twice.name()))),
            None => Ok(()),
        }
    }
    check("resource type", &definition.associations)?;
    check("object", &definition.objects)?;
    check("tag", &definition.tags)
}

/// Everything of one kind in a namespace.
impl Metadefs<'_> {
    /// Deletes all objects of a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the namespace is protected.
    pub async fn delete_objects(&self, namespace: &str) -> Result<(), Error> {
        let change = MetadefChange::Object(namespace.to_owned(), ItemChange::RemoveAll);
        self.empty(namespace, &["delete_metadef_namespace"], change, EventType::NamespaceDeleteObjects).await
    }

    /// Deletes all properties of a namespace.
    ///
    /// # Errors
    ///
    /// As [`Metadefs::delete_objects`].
    pub async fn delete_properties(&self, namespace: &str) -> Result<(), Error> {
        let change = MetadefChange::Property(namespace.to_owned(), ItemChange::RemoveAll);
        self.empty(namespace, &["delete_metadef_namespace"], change, EventType::NamespaceDeleteProperties).await
    }

    /// Deletes all tags of a namespace.
    ///
    /// # Errors
    ///
    /// As [`Metadefs::delete_objects`].
    pub async fn delete_tags(&self, namespace: &str) -> Result<(), Error> {
        let change = MetadefChange::Tag(namespace.to_owned(), ItemChange::RemoveAll);
        let rules = ["delete_metadef_namespace", "delete_metadef_tags"];
        self.empty(namespace, &rules, change, EventType::NamespaceDeleteTags).await
    }

    async fn empty(&self, name: &str, rules: &[&str], change: MetadefChange, event: EventType) -> Result<(), Error> {
        self.refuse_read_only()?;
        let namespace = self.seen(name).await?;
        rules.iter().try_for_each(|rule| self.allow(rule, &namespace))?;
        refuse_protected(&namespace, "namespace", name)?;
        self.remove(&namespace, change, || no_namespace(name).to_string()).await?;
        self.registry.events.info(event, || Payload::namespace(&namespace, name, None));
        Ok(())
    }
}
