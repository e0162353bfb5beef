//! Metadata definitions hold no locations: they pass as they are.

use async_trait::async_trait;
use glance_core::database::{ListedNamespace, MetadefChange, MetadefRepo, NamespaceQuery, RepoError, TagQuery, Within};
use glance_core::metadefs::{Association, Namespace, Object, Property, Recorded, ResourceType, Tag, WholeNamespace};

use super::EncryptedLocations;

#[async_trait]
impl MetadefRepo for EncryptedLocations {
    async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<ListedNamespace>, RepoError> {
        self.inner.namespaces(query).await
    }

    async fn namespace(&self, name: &str) -> Result<Recorded<Namespace>, RepoError> {
        self.inner.namespace(name).await
    }

    async fn whole_namespace(&self, name: &str) -> Result<WholeNamespace, RepoError> {
        self.inner.whole_namespace(name).await
    }

    async fn associations(&self, namespace: &str) -> Result<Within<Vec<Recorded<Association>>>, RepoError> {
        self.inner.associations(namespace).await
    }

    async fn objects(&self, namespace: &str) -> Result<Within<Vec<Recorded<Object>>>, RepoError> {
        self.inner.objects(namespace).await
    }

    async fn object(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Object>>>, RepoError> {
        self.inner.object(namespace, name).await
    }

    async fn properties(&self, namespace: &str) -> Result<Within<Vec<Recorded<Property>>>, RepoError> {
        self.inner.properties(namespace).await
    }

    async fn property(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Property>>>, RepoError> {
        self.inner.property(namespace, name).await
    }

    async fn metadef_tags(
        &self,
        namespace: &str,
        query: &TagQuery,
    ) -> Result<Within<Option<Vec<Recorded<Tag>>>>, RepoError> {
        self.inner.metadef_tags(namespace, query).await
    }

    async fn metadef_tag(&self, namespace: &str, name: &str) -> Result<Within<Option<Recorded<Tag>>>, RepoError> {
        self.inner.metadef_tag(namespace, name).await
    }

    async fn resource_types(&self) -> Result<Vec<Recorded<ResourceType>>, RepoError> {
        self.inner.resource_types().await
    }

    async fn change_metadefs(&self, changes: &[MetadefChange]) -> Result<(), RepoError> {
        self.inner.change_metadefs(changes).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use glance_core::memory::MemoryDatabase;

    use crate::database::encryption::{EncryptedLocations, LocationKey};

    glance_core::metadef_conformance!(|| {
        let key = LocationKey::new("0123456789abcdef").unwrap();
        ((), Arc::new(EncryptedLocations::new(Arc::new(MemoryDatabase::new()), key)))
    });
}
