//! Image data as files in the datastores of vSphere
//! (`vsphere://<host>/folder/<image dir>/<id>?dsName=<datastore>&dcPath=<datacenter>`).
//!
//! Files go over HTTPS to and from `/folder/`; all else is asked of the vSphere API. At most 1 MiB of each
//! upload is in memory, and of each download what one connection buffers.
//!
//! Differs from Python Glance: data comes under its name at the end and never replaces other data;
//! any byte range can be read; locations of other servers, and files outside of the folder for
//! images, are refused, since the session's cookie would open every file of every machine.

mod client;
mod config;
mod error;
mod files;
mod inventory;
mod location;
mod read;
mod retry;
mod session;
mod soap;
mod upload;
mod vsphere;
mod xml;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Capabilities, Reading, Store, StoreError, Stored};
use serde_json::Map;

pub use self::config::{Datastore, VmwareConfigError, VmwareStoreBuilder};
use self::error::Failure;
use self::location::DatastoreFile;
use self::upload::{Upload, failed, is_of};
use self::vsphere::Vsphere;
use super::intake::Intake;

const KIND: &str = "vmware";

/// A store in the datastores of a vCenter or a single ESX host.
pub struct VmwareStore {
    vsphere: Arc<Vsphere>,
}

impl VmwareStore {
    /// Begins to set up a store on the server called `host`, with `:port` if it is not 443. The
    /// account needs the privileges to browse the datastores and to manage files in them.
    pub fn on(host: &str, username: &str, password: &str) -> VmwareStoreBuilder {
        VmwareStoreBuilder::new(host, username, password)
    }

    fn file(&self, at: &Location) -> Result<DatastoreFile, StoreError> {
        let file = DatastoreFile::at(at.expose(), &self.vsphere.server, &self.vsphere.image_dir);
        file.ok_or_else(|| StoreError::BadLocation { store: KIND, location: at.clone() })
    }

    async fn discard_in(&self, id: ImageId, found: &inventory::Found) -> Result<(), Failure> {
        let file = self.vsphere.file_of(id, found);
        let left = self.vsphere.search(found, &file.folder(), id.as_str()).await?;
        for name in left.iter().filter(|name| is_of(name, id)) {
            match self.vsphere.remove(&file.beside(name), Some(&found.datacenter)).await {
                Err(failure) if !failure.is_fault("FileNotFound") => return Err(failure),
                _ => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for VmwareStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VmwareStore").field("server", &self.vsphere.server.url).finish_non_exhaustive()
    }
}

fn not_found(at: &Location) -> StoreError {
    StoreError::NotFound { store: KIND, location: at.clone() }
}

#[async_trait]
impl Store for VmwareStore {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { write: true, delete: true }
    }

    fn holds(&self, at: &Location) -> bool {
        self.file(at).is_ok()
    }

    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError> {
        let data = Intake::new(KIND, data, size);
        let (file, received) = Upload::new(Arc::clone(&self.vsphere), id).run(data, size).await?;
        let location = Location::new(file.location(&self.vsphere.server));
        Ok(Stored { location, size: received, metadata: Map::new() })
    }

    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError> {
        read::open(&self.vsphere, &self.file(at)?, range).await?.ok_or_else(|| not_found(at))
    }

    async fn size(&self, at: &Location) -> Result<u64, StoreError> {
        let length = self.vsphere.length(&self.file(at)?).await;
        length.map_err(failed("looking at a file"))?.ok_or_else(|| not_found(at))
    }

    async fn delete(&self, at: &Location) -> Result<(), StoreError> {
        let file = self.file(at)?;
        let deleted = match self.vsphere.datacenter_of(&file).await {
            Ok(datacenter) => self.vsphere.remove(&file, datacenter.as_ref()).await,
            Err(failure) => Err(failure),
        };
        match deleted {
            Err(failure) if failure.is_fault("FileNotFound") => Err(not_found(at)),
            // A running machine has it for a disk.
            Err(failure) if failure.is_fault("FileLocked") => {
                Err(StoreError::InUse { store: KIND, location: at.clone() })
            }
            deleted => deleted.map_err(failed("deleting a file")),
        }
    }

    async fn discard(&self, id: ImageId) -> Result<(), StoreError> {
        self.vsphere.claims.settled(id).await;
        let rooms = self.vsphere.inventory.rooms(&self.vsphere.client).await;
        for room in rooms.map_err(failed("looking at the datastores"))? {
            if !room.accessible {
                return Err(Failure::NoDatastore.doing("discarding data"));
            }
            self.discard_in(id, &room.found).await.map_err(failed("discarding data"))?;
        }
        Ok(())
    }
}
