//! Bringing data into a datastore, and taking back what did not get there whole.
//!
//! A server replaces files without a word and keeps half of one whose data breaks off. Therefore
//! data goes to a name of its own first, and the server gives it the image's name at the end, which it
//! refuses where something has that name. That last step is not cut off: where no answer says what came
//! of it, the names that there are tell.

use std::sync::Arc;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::store::StoreError;
use http::StatusCode;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::KIND;
use super::error::Failure;
use super::files::{Files, Stage};
use super::inventory::{Room, choose};
use super::location::DatastoreFile;
use super::vsphere::Vsphere;
use crate::data::intake::Intake;
use crate::data::last_step::to_its_end;
use crate::data::pump::{self, Ahead, Piece};
use crate::data::unfinished::Draft;
use crate::outbound::Payload;

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

    /// Takes all of the data in and says where it lies and how much it was.
    pub(super) async fn run(self, data: Intake, size: Option<u64>) -> Result<(DatastoreFile, u64), StoreError> {
        let claim = self.vsphere.claims.claim(KIND, self.id).await?;
        let _interest = claim.interest();
        let rooms = self.vsphere.rooms().await.map_err(failed("looking at the datastores"))?;
        self.refuse_double(&rooms).await?;
        let room = choose(&rooms, size.unwrap_or_default()).ok_or(StoreError::Full { store: KIND })?;
        let files = self.files_in(room);
        let made = self.vsphere.make_folder(&files.finished.folder(), &files.datacenter).await;
        made.map_err(failed("making the folder for images"))?;
        let mut ahead = Ahead::open(data, u64::MAX).await?;
        let mut draft = Draft::new(files, claim);
        if let Err(error) = self.write(&mut draft.made, &mut ahead, size).await {
            return Err(draft.fail(KIND, error).await);
        }
        let length = ahead.received();
        let finished = to_its_end(KIND, "ending an upload", self.finish(draft, rooms, length)).await?;
        Ok((finished.keep().finished, length))
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

    /// Sends the data.
    async fn write(&self, files: &mut Files, ahead: &mut Ahead, size: Option<u64>) -> Result<(), StoreError> {
        let first = ahead.next().await?;
        let length = if ahead.has_ended() { Some(ahead.received()) } else { size };
        let (sender, body) = pump::body();
        let url = files.unfinished.url(&self.vsphere.server);
        let answer = {
            let mut feeding = std::pin::pin!(feed(sender, first, ahead));
            let mut sending = std::pin::pin!(self.vsphere.client.write(&url, Payload::Stream(body, length)));
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
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT if ahead.has_ended() => {}
            status => return Err(Failure::Status(status).doing("sending the data")),
        }
        let kept = self.vsphere.length(&files.unfinished).await;
        if kept.map_err(failed("looking at the data that was sent"))? == Some(ahead.received()) {
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
    async fn finish(self, mut draft: Draft<Files>, rooms: Vec<Room>, length: u64) -> Result<Draft<Files>, StoreError> {
        if let Err(error) = self.refuse_double(&rooms).await {
            return Err(draft.fail(KIND, error).await);
        }
        let Files { unfinished, finished, datacenter, stage, .. } = &mut draft.made;
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
        } else if timeout_at(draft.leave(), draft.made.came_about(length)).await == Ok(true) {
            draft.made.stage = Stage::Renamed;
            return Ok(draft);
        }
        let error = if failure.is_fault("FileAlreadyExists") {
            StoreError::Exists { store: KIND, id: self.id }
        } else {
            failure.doing("giving the file its name")
        };
        Err(draft.fail(KIND, error).await)
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

/// Hands the data on. A failure of it drops the sender, and so the request never looks complete.
async fn feed(sender: mpsc::Sender<Piece>, first: Option<Vec<Bytes>>, ahead: &mut Ahead) -> Result<(), StoreError> {
    let mut next = first;
    while let Some(batch) = next {
        // Nobody takes it any more when the request has failed, which its answer says.
        if sender.send(Piece::Data(batch)).await.is_err() {
            return Ok(());
        }
        next = ahead.next().await?;
    }
    let _ = sender.send(Piece::End).await;
    Ok(())
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
}
