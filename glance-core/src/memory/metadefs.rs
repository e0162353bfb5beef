//! Metadata definitions in memory.

use std::cmp::Ordering;

use async_trait::async_trait;

use super::MemoryDatabase;
use crate::database::{
    Direction, ItemChange, ListedNamespace, MetadefChange, MetadefRepo, NamespaceQuery, NamespaceSortKey, RepoError,
    TagQuery, TagSortKey, Within,
};
use crate::metadefs::{
    Association, Contents, Named, Namespace, NamespaceVisibility, Object, Property, Recorded, ResourceType, Tag,
    WholeNamespace, can_see,
};

/// All definitions, each kind in the order in which they are listed.
#[derive(Debug, Default, Clone)]
pub(super) struct Metadefs {
    namespaces: Vec<WholeNamespace>,
    types: Vec<Recorded<ResourceType>>,
}

#[async_trait]
impl MetadefRepo for MemoryDatabase {
    async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError> {
        self.lock().metadefs.list(query)
    }

    async fn namespace(&self, name: &str) -> Result<Recorded<Namespace>, RepoError> {
        self.lock().metadefs.find(name).map(|whole| whole.namespace.clone())
    }

    async fn whole_namespace(&self, name: &str) -> Result<WholeNamespace, RepoError> {
        self.lock().metadefs.find(name).cloned()
    }

    async fn associations(&self, namespace: &str) -> Result<Within<Vec<Recorded<Association>>>, RepoError> {
        self.within(namespace, |contents| contents.associations.clone())
    }

    async fn objects(&self, namespace: &str) -> Result<Within<Vec<Recorded<Object>>>, RepoError> {
        self.within(namespace, |contents| contents.objects.clone())
    }

    async fn object(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Object>>>, RepoError> {
        self.within(namespace, |contents| named(&contents.objects, name))
    }

    async fn properties(&self, namespace: &str) -> Result<Within<Vec<Recorded<Property>>>, RepoError> {
        self.within(namespace, |contents| contents.properties.clone())
    }

    async fn property(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Property>>>, RepoError> {
        self.within(namespace, |contents| named(&contents.properties, name))
    }

    async fn metadef_tags(
        &self,
        namespace: &str,
        query: &TagQuery,
    ) -> Result<Within<Option<Vec<Recorded<Tag>>>>, RepoError> {
        let in_order = |a: &Recorded<Tag>, b: &Recorded<Tag>| {
            match query.sort.0 {
                TagSortKey::Name => a.name.cmp(&b.name),
                TagSortKey::CreatedAt => Ordering::Equal,
                TagSortKey::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            }
            .then(a.created_at.cmp(&b.created_at))
        };
        let limit = query.limit.unwrap_or(usize::MAX);
        let listed = |contents: &Contents| {
            page(contents.tags.clone(), query.sort.1, query.marker.as_deref(), limit, in_order).ok()
        };
        self.within(namespace, listed)
    }

    async fn metadef_tag(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Tag>>>, RepoError> {
        self.within(namespace, |contents| named(&contents.tags, name))
    }

    async fn resource_types(&self) -> Result<Vec<Recorded<ResourceType>>, RepoError> {
        Ok(self.lock().metadefs.types.clone())
    }

    async fn change_metadefs(&self, changes: &[MetadefChange]) -> Result<(), RepoError> {
        let mut state = self.lock();
        let mut after = state.metadefs.clone();
        changes.iter().try_for_each(|change| after.change(change))?;
        state.metadefs = after;
        Ok(())
    }
}

impl MemoryDatabase {
    /// What `find` finds in a namespace.
    fn within<T>(&self, namespace: &str, find: impl FnOnce(&Contents) -> T) -> Result<Within<T>, RepoError> {
        let state = self.lock();
        let whole = state.metadefs.find(namespace)?;
        Ok(Within { namespace: whole.namespace.clone(), found: find(&whole.contents) })
    }
}

impl Metadefs {
    fn find(&self, name: &str) -> Result<&WholeNamespace, RepoError> {
        self.namespaces.iter().find(|whole| whole.namespace.name == name).ok_or(RepoError::NotFound)
    }

    fn contents(&mut self, name: &str) -> Result<&mut Contents, RepoError> {
        let found = self.namespaces.iter_mut().find(|whole| whole.namespace.name == name);
        found.map(|whole| &mut whole.contents).ok_or(RepoError::NotFound)
    }

    fn list(&self, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError> {
        let viewer = &query.viewer;
        let is_for = |whole: &WholeNamespace, types: &Vec<String>| {
            whole.contents.associations.iter().any(|association| types.contains(&association.resource_type))
        };
        let listed = |whole: &&WholeNamespace| {
            can_see(&whole.namespace, viewer.admin, viewer.project.as_deref())
                && query.visibility.is_none_or(|wanted| whole.namespace.visibility == Some(wanted))
                && query.resource_types.as_ref().is_none_or(|types| is_for(whole, types))
        };
        if let Some(marker) = &query.marker {
            self.find(marker)?;
        }
        // The marker is sorted among them whether it is listed or not.
        let is_marker = |whole: &&WholeNamespace| query.marker.as_ref() == Some(&whole.namespace.name);
        let candidates = self.namespaces.iter().filter(|whole| listed(whole) || is_marker(whole));
        let candidates: Vec<Recorded<Namespace>> = candidates.map(|whole| whole.namespace.clone()).collect();
        let in_order = |a: &Recorded<Namespace>, b: &Recorded<Namespace>| by_key(a, b, query.sort.0);
        let found = page(candidates, query.sort.1, query.marker.as_deref(), query.limit, in_order)?;
        found
            .into_iter()
            .map(|namespace| {
                let associations = self.find(&namespace.name)?.contents.associations.clone();
                Ok(ListedNamespace { namespace, associations })
            })
            .collect()
    }

    fn change(&mut self, change: &MetadefChange) -> Result<(), RepoError> {
        match change {
            MetadefChange::Expect(seen) => {
                let is_guarded = self.find(&seen.name)?.namespace.is_guarded_as(seen);
                if is_guarded { Ok(()) } else { Err(RepoError::Changed) }
            }
            MetadefChange::Namespace(change) => self.change_namespace(change),
            MetadefChange::Object(namespace, change) => alter_sorted(&mut self.contents(namespace)?.objects, change),
            MetadefChange::Property(namespace, change) => {
                alter_sorted(&mut self.contents(namespace)?.properties, change)
            }
            MetadefChange::Tag(namespace, change) => alter(&mut self.contents(namespace)?.tags, change),
            MetadefChange::Association(namespace, change) => {
                alter(&mut self.contents(namespace)?.associations, change)?;
                if let ItemChange::Add(added) = change
                    && named(&self.types, &added.resource_type).is_none()
                {
                    let item = ResourceType { name: added.resource_type.clone(), protected: false };
                    self.types.push(Recorded { item, created_at: added.created_at, updated_at: added.updated_at });
                }
                Ok(())
            }
            MetadefChange::ResourceType(change) => alter(&mut self.types, change),
        }
    }

    fn change_namespace(&mut self, change: &ItemChange<Namespace>) -> Result<(), RepoError> {
        let mut alone: Vec<_> = self.namespaces.iter().map(|whole| whole.namespace.clone()).collect();
        alter(&mut alone, change)?;
        match change {
            ItemChange::Add(added) => {
                self.namespaces.push(WholeNamespace { namespace: added.clone(), contents: Contents::default() });
            }
            ItemChange::Set { .. } => {
                self.namespaces.iter_mut().zip(alone).for_each(|(whole, namespace)| whole.namespace = namespace);
            }
            ItemChange::Remove(name) => self.namespaces.retain(|whole| whole.namespace.name != *name),
            ItemChange::RemoveAll => self.namespaces.clear(),
        }
        Ok(())
    }
}

fn named<T: Named + Clone>(items: &[Recorded<T>], name: &str) -> Option<Recorded<T>> {
    items.iter().find(|known| known.item.name() == name).cloned()
}

fn alter<T: Named + Clone>(items: &mut Vec<Recorded<T>>, change: &ItemChange<T>) -> Result<(), RepoError> {
    let position = |items: &[Recorded<T>], name: &str| items.iter().position(|known| known.item.name() == name);
    match change {
        ItemChange::Add(added) if position(items, added.item.name()).is_some() => return Err(RepoError::Exists),
        ItemChange::Add(added) => items.push(added.clone()),
        ItemChange::Set { name, to, at } => {
            let present = position(items, name).ok_or(RepoError::NotFound)?;
            if position(items, to.name()).is_some_and(|taken| taken != present) {
                return Err(RepoError::Exists);
            }
            items[present] =
                Recorded { item: to.clone(), created_at: items[present].created_at, updated_at: Some(*at) };
        }
        ItemChange::Remove(name) => {
            items.remove(position(items, name).ok_or(RepoError::NotFound)?);
        }
        ItemChange::RemoveAll => items.clear(),
    }
    Ok(())
}

/// As [`alter`], for things that are listed by their names.
fn alter_sorted<T: Named + Clone>(items: &mut Vec<Recorded<T>>, change: &ItemChange<T>) -> Result<(), RepoError> {
    alter(items, change)?;
    items.sort_by(|a, b| a.item.name().cmp(b.item.name()));
    Ok(())
}

fn by_key(a: &Recorded<Namespace>, b: &Recorded<Namespace>, key: NamespaceSortKey) -> Ordering {
    let visibility = |namespace: &Namespace| namespace.visibility.map(NamespaceVisibility::as_str);
    match key {
        NamespaceSortKey::Name => a.name.cmp(&b.name),
        NamespaceSortKey::DisplayName => a.display_name.cmp(&b.display_name),
        NamespaceSortKey::Description => a.description.cmp(&b.description),
        NamespaceSortKey::Visibility => visibility(a).cmp(&visibility(b)),
        NamespaceSortKey::Protected => a.protected.cmp(&b.protected),
        NamespaceSortKey::Owner => a.owner.cmp(&b.owner),
        NamespaceSortKey::CreatedAt => Ordering::Equal,
        NamespaceSortKey::UpdatedAt => a.updated_at.cmp(&b.updated_at),
    }
    .then(a.created_at.cmp(&b.created_at))
}

/// What comes after the `marker`, in the order of `compare` and then of `items`, or both the other way round.
fn page<T: Named + Clone>(
    mut items: Vec<Recorded<T>>,
    direction: Direction,
    marker: Option<&str>,
    limit: usize,
    compare: impl Fn(&Recorded<T>, &Recorded<T>) -> Ordering,
) -> Result<Vec<Recorded<T>>, RepoError> {
    items.sort_by(&compare);
    if direction == Direction::Descending {
        items.reverse();
    }
    if let Some(marker) = marker {
        let at = items.iter().position(|known| known.item.name() == marker).ok_or(RepoError::NotFound)?;
        items.drain(..=at);
    }
    items.truncate(limit);
    Ok(items)
}
