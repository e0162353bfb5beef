//! What consumers that mount the same file system are told about it
//! (`filesystem_store_metadata_file`).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::FileStoreError;

/// The shares the folders lie on.
#[derive(Debug, Default)]
pub(super) struct Mounts(Vec<Mount>);

#[derive(Debug)]
struct Mount {
    point: PathBuf,
    metadata: Map<String, Value>,
}

impl Mounts {
    /// Reads what a metadata file holds: one object with the texts `id` and `mountpoint`, or a list
    /// of them. Further keys are handed on; their values are texts, lists and objects of these.
    pub(super) fn parse(metadata: Value) -> Result<Self, FileStoreError> {
        let entries = match metadata {
            Value::Array(entries) => entries,
            entry => vec![entry],
        };
        entries.into_iter().map(Mount::parse).collect::<Result<_, _>>().map(Self)
    }

    /// The metadata of a location: the first entry whose mount point the path lies under.
    pub(super) fn metadata_of(&self, path: &Path) -> Map<String, Value> {
        let found = self.0.iter().find(|mount| path.starts_with(&mount.point));
        if found.is_none() && !self.0.is_empty() {
            tracing::error!(path = %path.display(), "no mount point in filesystem_store_metadata_file leads to the data");
        }
        found.map(|mount| mount.metadata.clone()).unwrap_or_default()
    }
}

impl Mount {
    fn parse(entry: Value) -> Result<Self, FileStoreError> {
        let Value::Object(metadata) = entry else {
            return Err(FileStoreError::Metadata("an entry is no object"));
        };
        if !metadata.get("id").is_some_and(Value::is_string) {
            return Err(FileStoreError::Metadata("an entry has no text `id`"));
        }
        let Some(point) = metadata.get("mountpoint").and_then(Value::as_str) else {
            return Err(FileStoreError::Metadata("an entry has no text `mountpoint`"));
        };
        if !metadata.values().all(is_location_metadata) {
            return Err(FileStoreError::Metadata("a value is neither text nor made of texts"));
        }
        Ok(Self { point: PathBuf::from(point), metadata })
    }
}

/// What the reference lets into the metadata of a location.
fn is_location_metadata(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(values) => values.iter().all(is_location_metadata),
        Value::Object(values) => values.values().all(is_location_metadata),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_gets_the_metadata_of_the_first_mount_it_lies_under() {
        let mounts = json!([
            {"id": "a", "mountpoint": "/srv/a"},
            {"id": "b", "mountpoint": "/srv", "extra": {"x": ["y"]}},
        ]);
        let mounts = Mounts::parse(mounts).unwrap();
        let id = |path: &str| mounts.metadata_of(Path::new(path)).get("id").cloned();
        assert_eq!(id("/srv/a/images/1"), Some("a".into()));
        assert_eq!(id("/srv/ab/1"), Some("b".into()));
        assert_eq!(id("/var/1"), None);
        assert_eq!(mounts.metadata_of(Path::new("/srv/1"))["extra"], json!({"x": ["y"]}));
    }

    #[test]
    fn one_object_is_a_list_of_one() {
        let mounts = Mounts::parse(json!({"id": "a", "mountpoint": "/"})).unwrap();
        assert_eq!(
            mounts.metadata_of(Path::new("/x")),
            json!({"id": "a", "mountpoint": "/"}).as_object().unwrap().clone()
        );
        assert_eq!(Mounts::default().metadata_of(Path::new("/x")), Map::new());
    }

    #[test]
    fn incomplete_entries_are_refused() {
        for metadata in [
            json!(null),
            json!("text"),
            json!([["id", "mountpoint"]]),
            json!({"id": "a"}),
            json!({"mountpoint": "/"}),
            json!({"id": 1, "mountpoint": "/"}),
            json!({"id": "a", "mountpoint": "/", "weight": 3}),
        ] {
            assert!(matches!(Mounts::parse(metadata.clone()), Err(FileStoreError::Metadata(_))), "{metadata}");
        }
    }
}
