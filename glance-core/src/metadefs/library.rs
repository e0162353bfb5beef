//! All definitions at once: loaded from files, emptied, and exported.

use std::collections::HashSet;

use jiff::Timestamp;

use super::record::{Definition, Recorded, ResourceType, WholeNamespace};
use crate::database::{
    Direction, ItemChange, MetadefChange, MetadefRepo, NamespaceQuery, NamespaceSortKey, RepoError, Viewer,
};

/// What becomes of a namespace that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadMode {
    /// It stays as it is.
    #[default]
    Skip,
    /// It gets what it has not.
    Merge,
    /// It gets what it has not, and what it has becomes what the file says. What the file does not say stays.
    PreferNew,
    /// It goes with all that is in it, and the file's comes in its place.
    Overwrite,
}

/// What became of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// The namespace is new.
    Created,
    /// The namespace was there and stayed as it was.
    Skipped,
    /// The namespace was there and changed.
    Changed,
}

/// Namespaces read at once.
const PAGE: usize = 100;

/// The most namespaces that are for one resource type and are looked at.
const MOST_CHECKED: usize = 10_000;

/// Records one definition, all of it or nothing.
///
/// # Errors
///
/// [`RepoError::Exists`] if the definition names something twice, or another writer was first.
pub async fn load(
    database: &dyn MetadefRepo,
    definition: &Definition,
    mode: LoadMode,
    now: Timestamp,
) -> Result<Loaded, RepoError> {
    let present = match database.whole_namespace(&definition.namespace.name).await {
        Ok(present) => Some(present),
        Err(RepoError::NotFound) => None,
        Err(error) => return Err(error),
    };
    if present.is_some() && mode == LoadMode::Skip {
        return Ok(Loaded::Skipped);
    }
    let types: HashSet<String> = database.resource_types().await?.into_iter().map(|known| known.item.name).collect();
    let changes = changes(definition, present.as_ref(), &types, mode, now);
    database.change_metadefs(&changes).await?;
    Ok(if present.is_some() { Loaded::Changed } else { Loaded::Created })
}

/// Removes every definition and resource type.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub async fn unload(database: &dyn MetadefRepo) -> Result<(), RepoError> {
    let all = [MetadefChange::Namespace(ItemChange::RemoveAll), MetadefChange::ResourceType(ItemChange::RemoveAll)];
    database.change_metadefs(&all).await
}

/// Every definition, in the order of the names of their namespaces.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub async fn export(database: &dyn MetadefRepo) -> Result<Vec<Definition>, RepoError> {
    let mut query = NamespaceQuery {
        viewer: Viewer { admin: true, project: None },
        visibility: None,
        resource_types: None,
        sort: (NamespaceSortKey::Name, Direction::Ascending),
        marker: None,
        limit: PAGE,
    };
    let mut definitions = Vec::new();
    loop {
        let page = database.namespaces(&query).await?;
        for listed in &page {
            match database.whole_namespace(&listed.namespace.name).await {
                Ok(whole) => definitions.push(whole.into_definition()),
                // Removed meanwhile.
                Err(RepoError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => query.marker = Some(last.namespace.item.name.clone()),
            _ => return Ok(definitions),
        }
    }
}

/// The namespaces that `viewer` sees and that are for resources of the type `resource_type`, in the order of their
/// names: what [`check`](fn@super::check) takes.
///
/// # Errors
///
/// [`RepoError::Failed`].
pub async fn definitions_for(
    database: &dyn MetadefRepo,
    viewer: Viewer,
    resource_type: &str,
) -> Result<Vec<WholeNamespace>, RepoError> {
    let query = NamespaceQuery {
        viewer,
        visibility: None,
        resource_types: Some(vec![resource_type.to_owned()]),
        sort: (NamespaceSortKey::Name, Direction::Ascending),
        marker: None,
        limit: MOST_CHECKED,
    };
    let mut definitions = Vec::new();
    for listed in database.namespaces(&query).await? {
        match database.whole_namespace(&listed.namespace.name).await {
            Ok(whole) => definitions.push(whole),
            // Removed meanwhile.
            Err(RepoError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(definitions)
}

/// What has to change so that `definition` is recorded over `present`.
fn changes(
    definition: &Definition,
    present: Option<&WholeNamespace>,
    types: &HashSet<String>,
    mode: LoadMode,
    now: Timestamp,
) -> Vec<MetadefChange> {
    let name = &definition.namespace.name;
    let plan = Plan { now, prefer_new: mode == LoadMode::PreferNew };
    let mut changes = Vec::new();
    if mode == LoadMode::Overwrite && present.is_some() {
        changes.push(MetadefChange::Namespace(ItemChange::Remove(name.clone())));
    }
    let kept = present.filter(|_| mode != LoadMode::Overwrite);
    let before: Vec<&str> = kept.iter().map(|_| name.as_str()).collect();
    plan.apply(&before, name, &definition.namespace, &mut changes, MetadefChange::Namespace);
    let known_types: Vec<&str> = types.iter().map(String::as_str).collect();
    let contents = kept.map(|whole| whole.contents.clone()).unwrap_or_default();
    let before: Vec<&str> = contents.associations.iter().map(|known| known.resource_type.as_str()).collect();
    for association in &definition.associations {
        let kind = ResourceType { name: association.resource_type.clone(), protected: true };
        plan.apply(&known_types, &kind.name, &kind, &mut changes, MetadefChange::ResourceType);
        let wrap = |change| MetadefChange::Association(name.clone(), change);
        plan.apply(&before, &association.resource_type, association, &mut changes, wrap);
    }
    let before: Vec<&str> = contents.properties.iter().map(|known| known.name.as_str()).collect();
    for property in &definition.properties {
        let wrap = |change| MetadefChange::Property(name.clone(), change);
        plan.apply(&before, &property.name, property, &mut changes, wrap);
    }
    let before: Vec<&str> = contents.objects.iter().map(|known| known.name.as_str()).collect();
    for object in &definition.objects {
        let wrap = |change| MetadefChange::Object(name.clone(), change);
        plan.apply(&before, &object.name, object, &mut changes, wrap);
    }
    let before: Vec<&str> = contents.tags.iter().map(|known| known.name.as_str()).collect();
    for tag in &definition.tags {
        plan.apply(&before, &tag.name, tag, &mut changes, |change| MetadefChange::Tag(name.clone(), change));
    }
    changes
}

struct Plan {
    now: Timestamp,
    prefer_new: bool,
}

impl Plan {
    /// Adds the change that brings `item`, called `name`, to those which are there `before`, if there is one.
    fn apply<T: Clone>(
        &self,
        before: &[&str],
        name: &str,
        item: &T,
        changes: &mut Vec<MetadefChange>,
        wrap: impl Fn(ItemChange<T>) -> MetadefChange,
    ) {
        if !before.contains(&name) {
            // As the Python server's loader leaves it: what was never changed has no time of a change.
            changes.push(wrap(ItemChange::Add(Recorded {
                item: item.clone(),
                created_at: self.now,
                updated_at: None,
            })));
        } else if self.prefer_new {
            changes.push(wrap(ItemChange::Set { name: name.to_owned(), to: item.clone(), at: self.now }));
        }
    }
}
