//! The data of one object on its way to Swift, and its checksum.

use std::path::Path;

use bytes::Bytes;
use futures::stream;
use glance_core::digest::{HashAlgorithm, Lane};
use glance_core::store::{ByteStream, StoreError};

use super::buffer::Buffer;
use crate::data::pump::{Ahead, size_of};
use crate::data::swift::client::KIND;

const HASHING: &str = "hashing data";

/// The beginning of an object's data; all of it, if it is short.
pub(super) struct Part {
    head: Vec<Bytes>,
    /// Bytes taken so far.
    taken: u64,
    /// Bytes it may have.
    limit: u64,
    sum: Lane,
}

/// An object that Swift has, or is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) md5: String,
}

/// Data that can be read as often as need be.
#[derive(Clone)]
pub(super) enum Kept {
    Memory(Vec<Bytes>),
    Disk(Buffer),
}

impl Part {
    /// Takes the beginning of the next object of at most `limit` bytes, `head` bytes of it at least.
    pub(super) async fn begin(data: &mut Ahead, limit: u64, head: u64) -> Result<Self, StoreError> {
        let mut part = Self { head: Vec::new(), taken: 0, limit, sum: Lane::new(HashAlgorithm::Md5) };
        while part.taken < head {
            let Some(batch) = part.next(data).await? else { break };
            part.head.extend(batch);
        }
        Ok(part)
    }

    /// Whether its data ends where it has been taken to.
    pub(super) fn is_whole(&self, data: &Ahead) -> bool {
        self.taken >= self.limit || data.has_ended()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// What was taken to begin with.
    pub(super) fn head(&self) -> &[Bytes] {
        &self.head
    }

    /// From here on there is no going back to its beginning.
    pub(super) fn forget_head(&mut self) {
        self.head = Vec::new();
    }

    /// Takes the next batch; `None` at the end of the object.
    pub(super) async fn next(&mut self, data: &mut Ahead) -> Result<Option<Vec<Bytes>>, StoreError> {
        if self.taken >= self.limit {
            return Ok(None);
        }
        let Some(batch) = data.next().await? else { return Ok(None) };
        self.taken += size_of(&batch);
        self.sum.push(&batch).await.map_err(StoreError::failed(KIND, HASHING))?;
        Ok(Some(batch))
    }

    /// What has been taken, which is all of it.
    pub(super) async fn end(self) -> Result<Sent, StoreError> {
        let md5 = self.sum.finish().await.map_err(StoreError::failed(KIND, HASHING))?;
        Ok(Sent { bytes: self.taken, md5 })
    }

    /// Keeps what has been taken, which is all of it.
    pub(super) async fn in_memory(mut self) -> Result<(Sent, Kept), StoreError> {
        let kept = Kept::Memory(std::mem::take(&mut self.head));
        Ok((self.end().await?, kept))
    }

    /// Takes all of the object, and keeps it in a folder.
    pub(super) async fn on_disk(mut self, data: &mut Ahead, folder: &Path) -> Result<(Sent, Kept), StoreError> {
        let buffer = Buffer::new(folder).await.map_err(StoreError::failed(KIND, "making a buffer"))?;
        let mut batch = Some(std::mem::take(&mut self.head));
        while let Some(taken) = batch {
            buffer.push(taken).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::StorageFull => StoreError::Full { store: KIND },
                _ => StoreError::failed(KIND, "filling a buffer")(error),
            })?;
            batch = self.next(data).await?;
        }
        Ok((self.end().await?, Kept::Disk(buffer)))
    }
}

impl Kept {
    pub(super) fn read(&self) -> ByteStream {
        match self {
            Self::Memory(chunks) => Box::pin(stream::iter(chunks.clone().into_iter().map(Ok))),
            Self::Disk(buffer) => buffer.read(),
        }
    }
}
