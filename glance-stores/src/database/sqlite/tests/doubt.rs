//! Changes whose end nobody knows, because the database failed at the last step.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use glance_core::catalogue::UploadOptions;
use glance_core::database::RepoError;
use glance_core::image::{NewImage, Status};
use glance_core::location::Location;
use glance_core::memory::MemoryStore;
use glance_core::store::{ByteRange, Store as _, StoreExt as _};
use glance_core::{Error, Glance, RequestContext, Stores};
use rusqlite::Connection;

use super::{SqliteOptions, Synchronous};

/// What keeps the record of an upload from being written, and how it ends.
struct Obstacle {
    put: &'static str,
    remove: &'static str,
    is_so: fn(&RepoError) -> bool,
}

const OBSTACLES: [Obstacle; 2] = [
    Obstacle {
        put: "CREATE TRIGGER fails BEFORE UPDATE ON images WHEN NEW.status = 'active' \
              BEGIN SELECT RAISE(FAIL, 'it broke'); END",
        remove: "DROP TRIGGER fails",
        is_so: |error| matches!(error, RepoError::Failed { .. }),
    },
    Obstacle {
        put: "BEGIN IMMEDIATE",
        remove: "ROLLBACK",
        is_so: |error| matches!(error, RepoError::Unavailable { .. }),
    },
];

#[tokio::test]
async fn data_of_an_upload_that_may_be_recorded_stays_until_that_is_known() {
    for Obstacle { put, remove, is_so } in OBSTACLES {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("glance.sqlite");
        let options = SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::default() };
        let database = options.synchronous(Synchronous::Off).open(&place).unwrap();
        let other = Connection::open(&place).unwrap();
        let store = Arc::new(MemoryStore::new("one"));
        let glance = Glance::builder(Arc::new(database), Stores::single(store.clone())).build();
        let caller = RequestContext::admin("p");
        let images = glance.images(&caller);
        let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
        // The obstacle is there when all data has come.
        let data = stream::iter([Ok(Bytes::from_static(b"all of it")), Ok(Bytes::new())]);
        let mut pieces = 0;
        let connection = Arc::new(std::sync::Mutex::new(other));
        let late = Arc::clone(&connection);
        let data = futures::StreamExt::inspect(data, move |_| {
            pieces += 1;
            if pieces == 2 {
                late.lock().unwrap().execute_batch(put).unwrap();
            }
        });
        let ended = images.upload(image.id, Box::pin(data), UploadOptions::default()).await.unwrap_err();
        assert!(matches!(&ended, Error::Database(error) if is_so(error)), "{put}: {ended:?}");
        connection.lock().unwrap().execute_batch(remove).unwrap();
        let at = Location::new(format!("memory://one/{}", image.id));
        assert_eq!(store.read(&at, ByteRange::ALL).await.unwrap(), "all of it", "{put}");
        assert_eq!(images.get(image.id).await.unwrap().status, Status::Saving);
        glance.recover(|_| true).await.unwrap();
        assert_eq!(images.get(image.id).await.unwrap().status, Status::Queued);
        assert!(store.size(&at).await.is_err());
    }
}
