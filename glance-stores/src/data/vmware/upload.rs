//! Bringing data into a datastore, and taking back what did not get there whole.
//!
//! A server replaces files without a word and keeps half of one whose data breaks off. Therefore
//! data goes to a name of its own first, and the server gives it the image's name at the end, which it
//! refuses where something has that name. That last step is not cut off: where no answer says what came
//! of it, the names that there are tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use glance_core::image::ImageId;
use glance_core::store::{BoxError, ByteStream, StoreError};
use http::StatusCode;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::KIND;
use super::draft::{Draft, Files, Stage};
use super::error::Failure;
use super::inventory::{Room, choose};
use super::location::DatastoreFile;
use super::vsphere::Vsphere;
use crate::data::intake::Intake;
use crate::data::last_step::to_its_end;
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
        let claim = self.vsphere.claims.claim(KIND, self.id).await?;
        let _interest = claim.interest();
        let rooms = self.vsphere.rooms().await.map_err(failed("looking at the datastores"))?;
        self.refuse_double(&rooms).await?;
        let room = choose(&rooms, size.unwrap_or_default()).ok_or(StoreError::Full { store: KIND })?;
        let files = self.files_in(room);
        let made = self.vsphere.make_folder(&files.finished.folder(), &files.datacenter).await;
        made.map_err(failed("making the folder for images"))?;
        let first = data.batch(BATCH).await?;
        let mut draft = Draft::new(files, claim);
        if let Err(error) = self.write(&mut draft.files, first, data, size).await {
            return Err(draft.fail(error).await);
        }
        let length = data.received();
        let finished = to_its_end(KIND, "ending an upload", self.finish(draft, rooms, length)).await?;
        Ok(finished.keep())
    }

    /// What this put is going to make.
    fn files_in(&self, room: &Room) -> Files {
        let finished = self.vsphere.file_of(self.id, &room.found);
        let unfinished = format!("{}.{:032x}{UNFINISHED}", self.id, uuid::Uuid::new_v4().as_u128());
        Files {
            vsphere: Arc::clone(&self.vsphere),
            unfinished: finished.beside(&unfinished),
            finished,
            datacenter: room.found.datacenter.clone(),
            stage: Stage::Writing,
        }
    }

    /// Sends the data, of which the `first` batch has come.
    async fn write(
        &self,
        files: &mut Files,
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
        let url = files.unfinished.url(&self.vsphere.server);
        let sending = self.vsphere.client.write(&url, Payload::Stream(body(batches), length));
        let answer = {
            let (mut feeding, mut sending) = (std::pin::pin!(feeding), std::pin::pin!(sending));
            tokio::select! {
                fed = &mut feeding => { fed?; sending.await }
                answer = &mut sending => answer,
            }
        };
        let over = match &answer {
            // Something between here and the server may have lost patience, which says nothing of the server.
            Ok(status) => !status.is_server_error() || Failure::Status(*status).is_refusal(),
            Err(failure) => failure.is_refusal(),
        };
        if over {
            files.stage = Stage::Written;
        }
        match answer.map_err(failed("sending the data"))? {
            StatusCode::CONFLICT => return Err(StoreError::Exists { store: KIND, id: self.id }),
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT if ended.load(Ordering::Acquire) => {}
            status => return Err(Failure::Status(status).doing("sending the data")),
        }
        let kept = self.vsphere.length(&files.unfinished).await;
        if kept.map_err(failed("looking at the data that was sent"))? == Some(data.received()) {
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

    /// Gives the unfinished file of `length` bytes the name of the image, unless the image has data.
    async fn finish(self, mut draft: Draft, rooms: Vec<Room>, length: u64) -> Result<Draft, StoreError> {
        if let Err(error) = self.refuse_double(&rooms).await {
            return Err(draft.fail(error).await);
        }
        let Files { unfinished, finished, datacenter, stage, .. } = &mut draft.files;
        // From here on it may have it, whatever the answer.
        *stage = Stage::Renaming;
        let failure = match self.vsphere.rename(unfinished, finished, datacenter).await {
            Ok(()) => {
                *stage = Stage::Renamed;
                return Ok(draft);
            }
            Err(failure) => failure,
        };
        if failure.is_refusal() {
            *stage = Stage::Written;
        } else if timeout_at(draft.leave(), draft.files.came_about(length)).await == Ok(true) {
            draft.files.stage = Stage::Renamed;
            return Ok(draft);
        }
        let exists = failure.is_fault("FileAlreadyExists");
        let error = StoreError::Exists { store: KIND, id: self.id };
        Err(draft.fail(if exists { error } else { failure.doing("giving the file its name") }).await)
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
