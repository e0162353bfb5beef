//! Metadata definitions: the tables `metadef_…`.

mod associations;
#[cfg(test)]
mod cost;
mod items;
mod list;
mod table;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use glance_core::database::{
    ItemChange, ListedNamespace, MetadefChange, MetadefRepo, NamespaceQuery, RepoError, TagQuery, Within,
};
use glance_core::metadefs::{
    Association, Contents, Namespace, Object, Property, Recorded, ResourceType, Tag, WholeNamespace,
};
use rusqlite::{Connection, params};

use super::Sqlite;
use super::row::{execute, one};
use table::Table;

#[async_trait]
impl MetadefRepo for Sqlite {
    async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError> {
        let query = query.clone();
        self.pool.read("listing namespaces", move |db| list::namespaces(db, &query)).await
    }

    async fn namespace(&self, name: &str) -> Result<Recorded<Namespace>, RepoError> {
        const DOING: &str = "reading a namespace";
        let name = name.to_owned();
        self.pool.read(DOING, move |db| items::find(db, DOING, None, &name)).await
    }

    async fn whole_namespace(&self, name: &str) -> Result<WholeNamespace, RepoError> {
        const DOING: &str = "reading what is in a namespace";
        let name = name.to_owned();
        self.pool
            .read(DOING, move |db| {
                let namespace = items::find(db, DOING, None, &name)?;
                let id = id_of(db, DOING, &name)?;
                let contents = Contents {
                    associations: associations::of(db, DOING, id)?,
                    properties: items::all(db, DOING, Some(id))?,
                    objects: items::all(db, DOING, Some(id))?,
                    tags: items::all(db, DOING, Some(id))?,
                };
                Ok(WholeNamespace { namespace, contents })
            })
            .await
    }

    async fn associations(&self, namespace: &str) -> Result<Within<Vec<Recorded<Association>>>, RepoError> {
        const DOING: &str = "reading associations";
        let namespace = namespace.to_owned();
        self.pool.read(DOING, move |db| within(db, DOING, &namespace, |id| associations::of(db, DOING, id))).await
    }

    async fn objects(&self, namespace: &str) -> Result<Within<Vec<Recorded<Object>>>, RepoError> {
        self.all_in("reading objects", namespace).await
    }

    async fn object(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Object>>>, RepoError> {
        self.one_in("reading an object", namespace, name).await
    }

    async fn properties(&self, namespace: &str) -> Result<Within<Vec<Recorded<Property>>>, RepoError> {
        self.all_in("reading properties", namespace).await
    }

    async fn property(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Property>>>, RepoError> {
        self.one_in("reading a property", namespace, name).await
    }

    async fn metadef_tags(
        &self,
        namespace: &str,
        query: &TagQuery,
    ) -> Result<Within<Option<Vec<Recorded<Tag>>>>, RepoError> {
        const DOING: &str = "listing tags";
        let (namespace, query) = (namespace.to_owned(), query.clone());
        let listed = |found| match found {
            Err(RepoError::NotFound) => Ok(None),
            found => found.map(Some),
        };
        self.pool.read(DOING, move |db| within(db, DOING, &namespace, |id| listed(list::tags(db, id, &query)))).await
    }

    async fn metadef_tag(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Tag>>>, RepoError> {
        self.one_in("reading a tag", namespace, name).await
    }

    async fn resource_types(&self) -> Result<Vec<Recorded<ResourceType>>, RepoError> {
        const DOING: &str = "reading resource types";
        self.pool.read(DOING, move |db| items::all(db, DOING, None)).await
    }

    async fn change_metadefs(&self, changes: &[MetadefChange]) -> Result<(), RepoError> {
        const DOING: &str = "changing metadata definitions";
        let changes = changes.to_vec();
        self.pool.write(DOING, move |db| changes.iter().try_for_each(|one| change(db, DOING, one))).await
    }
}

impl Sqlite {
    async fn all_in<T: Table>(
        &self,
        doing: &'static str,
        namespace: &str,
    ) -> Result<Within<Vec<Recorded<T>>>, RepoError> {
        let namespace = namespace.to_owned();
        self.pool.read(doing, move |db| within(db, doing, &namespace, |id| items::all(db, doing, Some(id)))).await
    }

    async fn one_in<T: Table>(
        &self,
        doing: &'static str,
        namespace: &str,
        name: &str,
    ) -> Result<Within<Option<Recorded<T>>>, RepoError> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let found = |found| match found {
            Err(RepoError::NotFound) => Ok(None),
            found => found.map(Some),
        };
        self.pool
            .read(doing, move |db| within(db, doing, &namespace, |id| found(items::find(db, doing, Some(id), &name))))
            .await
    }
}

/// What `find` finds in the namespace, to be called with a connection on which nothing changes meanwhile.
fn within<T>(
    db: &Connection,
    doing: &'static str,
    namespace: &str,
    find: impl FnOnce(i64) -> Result<T, RepoError>,
) -> Result<Within<T>, RepoError> {
    let seen = items::find(db, doing, None, namespace)?;
    Ok(Within { namespace: seen, found: find(id_of(db, doing, namespace)?)? })
}

/// The key by which other tables know a namespace.
fn id_of(db: &Connection, doing: &'static str, namespace: &str) -> Result<i64, RepoError> {
    one(db, doing, "SELECT id FROM metadef_namespaces WHERE namespace = ?1", [namespace])?.ok_or(RepoError::NotFound)
}

fn change(db: &Connection, doing: &'static str, change: &MetadefChange) -> Result<(), RepoError> {
    let id = |namespace: &str| id_of(db, doing, namespace).map(Some);
    match change {
        MetadefChange::Expect(seen) => {
            let is_guarded = items::find::<Namespace>(db, doing, None, &seen.name)?.is_guarded_as(seen);
            if is_guarded { Ok(()) } else { Err(RepoError::Changed) }
        }
        MetadefChange::Namespace(change) => {
            empty(db, doing, change)?;
            items::change(db, doing, None, change)
        }
        MetadefChange::Object(namespace, change) => items::change(db, doing, id(namespace)?, change),
        MetadefChange::Property(namespace, change) => items::change(db, doing, id(namespace)?, change),
        MetadefChange::Tag(namespace, change) => items::change(db, doing, id(namespace)?, change),
        MetadefChange::Association(namespace, change) => {
            associations::change(db, doing, id_of(db, doing, namespace)?, change)
        }
        MetadefChange::ResourceType(change) => {
            associations::release(db, doing, change)?;
            items::change(db, doing, None, change)
        }
    }
}

/// Removes what is in namespaces that are about to be removed: rows must not point at what is not there.
fn empty(db: &Connection, doing: &'static str, change: &ItemChange<Namespace>) -> Result<(), RepoError> {
    const TABLES: [&str; 4] =
        ["metadef_tags", "metadef_objects", "metadef_properties", "metadef_namespace_resource_types"];
    for table in TABLES {
        match change {
            ItemChange::Remove(name) => {
                let id = id_of(db, doing, name)?;
                execute(db, doing, &format!("DELETE FROM {table} WHERE namespace_id = ?1"), params![id])?;
            }
            ItemChange::RemoveAll => {
                execute(db, doing, &format!("DELETE FROM {table}"), [])?;
            }
            ItemChange::Add(_) | ItemChange::Set { .. } => {}
        }
    }
    Ok(())
}
