//! Folders.

use glance_stores::data::file::FileStore;

use crate::python::Python;
use crate::{LENGTHS, exchange};

#[tokio::test]
async fn files_are_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let options = format!("filesystem_store_datadir = {}", folder.path().display());
    let Some(python) = Python::with("file", &options) else { return };
    let store = FileStore::builder(folder.path()).open().unwrap();
    exchange(&store, &python, &LENGTHS).await;
}
