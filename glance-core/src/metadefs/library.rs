//! All definitions at once: loaded from files, emptied, and exported.

use std::collections::HashSet;

use jiff::Timestamp;

use super::can_see;
use super::record::{Definition, Named, Namespace, Object, Recorded, ResourceType, WholeNamespace};
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

/// How often a list begins anew because the namespace at which a page ended was removed meanwhile.
const ATTEMPTS: usize = 3;

/// Records one definition, all of it or nothing. What stands in it twice counts once, as the Python server has it: the
/// first time, or with [`LoadMode::PreferNew`] the last time.
///
/// # Errors
///
/// [`RepoError::Exists`] if another writer was first.
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
    let types = database.resource_types().await?;
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
    let everybody = Viewer { admin: true, project: None };
    let namespaces = all_whole(database, &everybody, None, |_| true).await?;
    Ok(namespaces.into_iter().map(WholeNamespace::into_definition).collect())
}

/// The namespaces that `viewer` sees, that `is_shown` lets through and that are for resources of the type
/// `resource_type`, in the order of their names: what [`check`](fn@super::check) takes.
///
/// # Errors
///
/// [`RepoError::Failed`]; [`RepoError::NotFound`] if namespaces go away faster than they are listed.
pub async fn definitions_for(
    database: &dyn MetadefRepo,
    viewer: &Viewer,
    resource_type: &str,
    is_shown: impl Fn(&Namespace) -> bool + Sync,
) -> Result<Vec<WholeNamespace>, RepoError> {
    all_whole(database, viewer, Some(resource_type), is_shown).await
}

/// All namespaces for a resource type, or for any, in the order of their names.
async fn all_whole(
    database: &dyn MetadefRepo,
    viewer: &Viewer,
    resource_type: Option<&str>,
    is_shown: impl Fn(&Namespace) -> bool + Sync,
) -> Result<Vec<WholeNamespace>, RepoError> {
    let query = NamespaceQuery {
        viewer: viewer.clone(),
        visibility: None,
        resource_types: resource_type.map(|name| vec![name.to_owned()]),
        sort: (NamespaceSortKey::Name, Direction::Ascending),
        marker: None,
        limit: PAGE,
    };
    let mut whole = Vec::new();
    for name in names(database, query, &is_shown).await? {
        match database.whole_namespace(&name).await {
            // It may have changed since it was listed.
            Ok(found)
                if can_see(&found.namespace, viewer.admin, viewer.project.as_deref()) && is_shown(&found.namespace) =>
            {
                whole.push(found);
            }
            Ok(_) | Err(RepoError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(whole)
}

/// The names of all namespaces of a list, however many pages it has.
async fn names(
    database: &dyn MetadefRepo,
    mut query: NamespaceQuery,
    is_shown: &(impl Fn(&Namespace) -> bool + Sync),
) -> Result<Vec<String>, RepoError> {
    let mut attempts = 0;
    let mut names = Vec::new();
    loop {
        let page = match database.namespaces(&query).await {
            Err(RepoError::NotFound) if attempts < ATTEMPTS => {
                attempts += 1;
                names.clear();
                query.marker = None;
                continue;
            }
            page => page?,
        };
        let shown = page.iter().map(|listed| &listed.namespace.item).filter(|namespace| is_shown(namespace));
        names.extend(shown.map(|namespace| namespace.name.clone()));
        match page.last() {
            Some(last) if page.len() == query.limit => query.marker = Some(last.namespace.item.name.clone()),
            _ => return Ok(names),
        }
    }
}

/// What has to change so that `definition` is recorded over `present`.
fn changes(
    definition: &Definition,
    present: Option<&WholeNamespace>,
    types: &[Recorded<ResourceType>],
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
    let before: Vec<_> = kept.iter().map(|whole| whole.namespace.clone()).collect();
    plan.apply(&before, [definition.namespace.clone()], &mut changes, MetadefChange::Namespace);
    let contents = kept.map(|whole| whole.contents.clone()).unwrap_or_default();
    let kinds = definition.associations.iter().map(|known| kind(types, &known.resource_type));
    plan.apply(types, kinds, &mut changes, MetadefChange::ResourceType);
    let wrap = |change| MetadefChange::Association(name.clone(), change);
    plan.apply(&contents.associations, definition.associations.iter().cloned(), &mut changes, wrap);
    let wrap = |change| MetadefChange::Property(name.clone(), change);
    plan.apply(&contents.properties, definition.properties.iter().cloned(), &mut changes, wrap);
    let objects = definition.objects.iter().map(|object| with_needs(object, &contents.objects));
    let wrap = |change| MetadefChange::Object(name.clone(), change);
    plan.apply(&contents.objects, objects, &mut changes, wrap);
    let wrap = |change| MetadefChange::Tag(name.clone(), change);
    plan.apply(&contents.tags, definition.tags.iter().cloned(), &mut changes, wrap);
    changes
}

/// The resource type of this name as it is, or as a file makes it.
fn kind(types: &[Recorded<ResourceType>], name: &str) -> ResourceType {
    let known = types.iter().find(|known| known.name == name).map(|known| known.item.clone());
    known.unwrap_or_else(|| ResourceType { name: name.to_owned(), protected: true })
}

/// An object of a file. Where it says nothing of what is required, what was required stays: the Python server's loader
/// never writes that.
fn with_needs(object: &Object, before: &[Recorded<Object>]) -> Object {
    let present = before.iter().find(|known| known.name == object.name).filter(|_| object.required.is_empty());
    let required = present.map_or_else(|| object.required.clone(), |present| present.required.clone());
    Object { required, ..object.clone() }
}

struct Plan {
    now: Timestamp,
    prefer_new: bool,
}

impl Plan {
    /// Adds the changes that bring `items` to those which are there `before`.
    fn apply<T: Named>(
        &self,
        before: &[Recorded<T>],
        items: impl IntoIterator<Item = T>,
        changes: &mut Vec<MetadefChange>,
        wrap: impl Fn(ItemChange<T>) -> MetadefChange,
    ) {
        let mut known: HashSet<String> = before.iter().map(|known| known.item.name().to_owned()).collect();
        for item in items {
            let name = item.name().to_owned();
            if known.insert(name.clone()) {
                // As the Python server's loader leaves it: what was never changed has no time of a change.
                let added = Recorded { item, created_at: self.now, updated_at: None };
                changes.push(wrap(ItemChange::Add(added)));
            } else if self.prefer_new {
                changes.push(wrap(ItemChange::Set { name, to: item, at: self.now }));
            }
        }
    }
}
