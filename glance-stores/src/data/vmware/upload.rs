//! Bringing data into a datastore, and taking back what did not get there whole.
//!
//! A server replaces files without a word and keeps half of one whose data breaks off. Therefore
//! data goes to a name of its own first, and the server gives it the image's name at the end, which it
//! refuses where something has that name. That last step runs as a task of its own, which removes
//! the file if nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteStream, StoreError};
use http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::KIND;
use super::error::Failure;
use super::inventory::{Room, choose};
use super::location::DatastoreFile;
use super::passing::Passing;
use super::vsphere::Vsphere;
use crate::data::intake::Intake;
use crate::outbound::Payload;

/// Bytes that are handed on at once. One batch is held back, one waits, one is being sent.
const BATCH: usize = 256 * 1024;
/// What the names of unfinished files end with.
const UNFINISHED: &str = ".part";

/// One put.
pub(super) struct Upload {
    vsphere: Arc<Vsphere>,
    id: ImageId,
}

impl Upload {
    pub(super) fn new(vsphere: Arc<Vsphere>, id: ImageId) -> Self {
        Self { vsphere, id }
    }

    /// Takes all of the data in and says where it lies.
    pub(super) async fn run(self, data: &mut Intake, size: Option<u64>) -> Result<DatastoreFile, StoreError> {
        // A put that was given up may still be taking its file back.
        drop(self.vsphere.naming.lock(self.id).await);
        let rooms = self.vsphere.rooms().await.map_err(failed("looking at the datastores"))?;
        self.refuse_double(&rooms).await?;
        let room = choose(&rooms, size.unwrap_or_default()).ok_or(StoreError::Full { store: KIND })?;
        let file = self.vsphere.file_of(self.id, &room.found);
        let datacenter = room.found.datacenter.clone();
        let made = self.vsphere.make_folder(&file.folder(), &datacenter).await;
        made.map_err(failed("making the folder for images"))?;
        let first = data.batch(BATCH).await?;
        let unfinished = format!("{}.{:032x}{UNFINISHED}", self.id, uuid::Uuid::new_v4().as_u128());
        let unfinished = Passing::new(&self.vsphere, file.beside(&unfinished), datacenter, None);
        if let Err(error) = self.write(&unfinished.file, first, data, size).await {
            unfinished.remove().await;
            return Err(error);
        }
        // Closed as soon as nobody waits any more.
        let (waiting, _waits) = oneshot::channel();
        let made = tokio::spawn(self.finish(unfinished, file.clone(), rooms, waiting)).await;
        made.map_err(StoreError::failed(KIND, "ending an upload"))??.keep();
        Ok(file)
    }

    /// Sends the data, of which the `first` batch has come.
    async fn write(
        &self,
        unfinished: &DatastoreFile,
        first: Vec<Bytes>,
        data: &mut Intake,
        size: Option<u64>,
    ) -> Result<(), StoreError> {
        // A batch that is not full is all there is.
        let complete = first.iter().map(Bytes::len).sum::<usize>() < BATCH;
        let length = if complete { Some(data.received()) } else { size };
        let (sender, batches) = mpsc::channel(1);
        let ended = AtomicBool::new(false);
        let feeding = feed(sender, first, data, &ended);
        let url = unfinished.url(&self.vsphere.server);
        let sending = self.vsphere.client.write(&url, Payload::Stream(body(batches), length));
        let answer = {
            let (mut feeding, mut sending) = (std::pin::pin!(feeding), std::pin::pin!(sending));
            tokio::select! {
                fed = &mut feeding => { fed?; sending.await }
                answer = &mut sending => answer,
            }
        };
        match answer.map_err(failed("sending the data"))? {
            StatusCode::CONFLICT => return Err(StoreError::Exists { store: KIND, id: self.id }),
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT if ended.load(Ordering::Acquire) => {}
            status => return Err(Failure::Status(status).doing("sending the data")),
        }
        let kept = self.vsphere.length(unfinished).await.map_err(failed("looking at the data that was sent"))?;
        if kept == Some(data.received()) {
            return Ok(());
        }
        Err(StoreError::failed(KIND, "sending the data")("the server kept another number of bytes than it was sent"))
    }

    async fn refuse_double(&self, rooms: &[Room]) -> Result<(), StoreError> {
        for room in rooms {
            let there = self.vsphere.length(&self.vsphere.file_of(self.id, &room.found)).await;
            if there.map_err(failed("looking for the image"))?.is_some() {
                return Err(StoreError::Exists { store: KIND, id: self.id });
            }
        }
        Ok(())
    }

    /// Gives the unfinished file the name of the image, unless the image has data.
    async fn finish(
        self,
        unfinished: Passing,
        file: DatastoreFile,
        rooms: Vec<Room>,
        waiting: oneshot::Sender<()>,
    ) -> Result<Passing, StoreError> {
        let naming = self.vsphere.naming.lock(self.id).await;
        let free = match self.refuse_double(&rooms).await {
            Ok(()) if waiting.is_closed() => Err(StoreError::failed(KIND, "ending an upload")("nobody waits for it")),
            free => free,
        };
        if let Err(error) = free {
            unfinished.remove().await;
            return Err(error);
        }
        let made = Passing::new(&self.vsphere, file, unfinished.datacenter.clone(), Some(naming));
        match self.vsphere.rename(&unfinished.file, &made.file, &made.datacenter).await {
            Ok(()) => {
                unfinished.keep();
                Ok(made)
            }
            Err(failure) => {
                // What the server says it did not do, it did not. Otherwise the file may be there,
                // or be there soon.
                if matches!(failure, Failure::Fault(_)) {
                    made.keep();
                } else {
                    made.remove().await;
                }
                unfinished.remove().await;
                let exists = failure.is_fault("FileAlreadyExists");
                let error = StoreError::Exists { store: KIND, id: self.id };
                Err(if exists { error } else { failure.doing("giving the file its name") })
            }
        }
    }
}

/// For `map_err`: what a store says of a failure.
pub(super) fn failed(doing: &'static str) -> impl FnOnce(Failure) -> StoreError {
    move |failure| failure.doing(doing)
}

/// Whether a file is what an upload of `id` may leave.
pub(super) fn is_of(name: &str, id: ImageId) -> bool {
    let Some(rest) = name.strip_prefix(id.as_str()) else { return false };
    let unfinished = rest.strip_prefix('.').and_then(|rest| rest.strip_suffix(UNFINISHED));
    rest.is_empty()
        || unfinished.is_some_and(|mark| mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Hands the data on. The last batch is held back until the data has come to a good end, so that the
/// server never has all of data that is taken back.
async fn feed(
    sender: mpsc::Sender<Option<Vec<Bytes>>>,
    first: Vec<Bytes>,
    data: &mut Intake,
    ended: &AtomicBool,
) -> Result<(), StoreError> {
    let mut held = first;
    loop {
        let next = data.batch(BATCH).await?;
        if next.is_empty() {
            ended.store(true, Ordering::Release);
        }
        // Nobody takes it any more when the request has failed, which its answer says.
        let taken = sender.send(Some(held)).await.is_ok();
        if next.is_empty() {
            let _ = sender.send(None).await;
        }
        if next.is_empty() || !taken {
            return Ok(());
        }
        held = next;
    }
}

/// The data as the request carries it. It ends with `None`; without, whoever sent it has gone, and the
/// request must not look complete.
fn body(batches: mpsc::Receiver<Option<Vec<Bytes>>>) -> ByteStream {
    let batches = stream::unfold(Some(batches), |batches| async {
        let mut batches = batches?;
        match batches.recv().await {
            Some(Some(batch)) => Some((Ok(batch), Some(batches))),
            Some(None) => None,
            None => Some((Err(BoxError::from("the upload was given up")), None)),
        }
    });
    let chunks = batches.flat_map(|batch| match batch {
        Ok(chunks) => stream::iter(chunks.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(error)]),
    });
    Box::pin(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upload_may_leave_is_known_by_its_name() {
        let id: ImageId = "71c675ab-d94f-49cd-a114-e12490b328d9".parse().unwrap();
        let mark = "0123456789abcdef0123456789abcdef";
        assert!(is_of(id.as_str(), id));
        assert!(is_of(&format!("{id}.{mark}.part"), id));
        for other in
            [format!("{id}.vmdk"), format!("{id}-flat.vmdk"), format!("{id}.x.part"), format!("x{id}"), mark.into()]
        {
            assert!(!is_of(&other, id), "{other}");
        }
    }

    #[tokio::test]
    async fn a_request_whose_sender_has_gone_does_not_look_complete() {
        let (sender, batches) = mpsc::channel(2);
        sender.send(Some(vec![Bytes::from_static(b"x")])).await.unwrap();
        drop(sender);
        let chunks: Vec<_> = body(batches).collect().await;
        assert!(matches!(&chunks[..], [Ok(_), Err(_)]));
    }
}
