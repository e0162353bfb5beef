//! A segment kept on disk until Swift has it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteStream};

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// A file that has no name any more: it goes with the process, however that ends.
#[derive(Debug, Clone)]
pub(super) struct Buffer(Arc<File>);

impl Buffer {
    /// An empty buffer in `folder`.
    pub(super) async fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("glance-swift-{}", ImageId::random()));
        blocking(move || {
            let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(Self(Arc::new(file)))
        })
        .await
    }

    pub(super) async fn push(&self, batch: Vec<Bytes>) -> io::Result<()> {
        let file = Arc::clone(&self.0);
        blocking(move || batch.iter().try_for_each(|data| (&*file).write_all(data))).await
    }

    /// What was pushed, from its beginning.
    pub(super) fn read(&self) -> ByteStream {
        Box::pin(stream::try_unfold((Arc::clone(&self.0), 0), |(file, at)| async move {
            let (chunk, file) = blocking(move || {
                let mut chunk = vec![0; CHUNK];
                let read = file.read_at(&mut chunk, at)?;
                chunk.truncate(read);
                Ok((Bytes::from(chunk), file))
            })
            .await
            .map_err(BoxError::from)?;
            let next = at + chunk.len() as u64;
            Ok((!chunk.is_empty()).then_some((chunk, (file, next))))
        }))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
