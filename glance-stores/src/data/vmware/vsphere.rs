//! What is done to files through the server: looked at, searched, moved, removed.

use std::sync::Arc;
use std::time::Duration;

use glance_core::image::ImageId;
use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::client::{Client, Repeat};
use super::error::Failure;
use super::inventory::{Found, Inventory, Room, datacenter, properties};
use super::location::{DatastoreFile, Server};
use super::session::Services;
use super::soap::{Call, Object, TaskState};
use super::xml::{BadAnswer, Element};
use crate::data::claims::Claims;
use crate::outbound::Response;

/// The first pause between two looks at a task; each is twice as long as the one before.
const POLL: Duration = Duration::from_millis(20);
/// How long a task is waited for.
const TASK: Duration = Duration::from_secs(300);

/// A server, the datastores behind it, and what this process is writing there.
#[derive(Debug)]
pub(super) struct Vsphere {
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) inventory: Inventory,
    pub(super) image_dir: Vec<String>,
    /// The longest pause between two looks at a task.
    pub(super) poll: Duration,
    pub(super) claims: Arc<Claims>,
}

impl Vsphere {
    /// The datastores that can be used now, with the room they have.
    ///
    /// # Errors
    ///
    /// [`Failure::NoDatastore`] if there is none.
    pub(super) async fn rooms(&self) -> Result<Vec<Room>, Failure> {
        let mut rooms = self.inventory.rooms(&self.client).await?;
        rooms.retain(|room| room.accessible);
        if rooms.is_empty() { Err(Failure::NoDatastore) } else { Ok(rooms) }
    }

    /// The file that holds the data of `id` in a datastore, if it is there.
    pub(super) fn file_of(&self, id: ImageId, found: &Found) -> DatastoreFile {
        DatastoreFile::of(id, &self.image_dir, &found.datastore.name, &found.datastore.datacenter)
    }

    /// Asks for a file or about it; `None` if it is not there.
    pub(super) async fn ask(
        &self,
        method: Method,
        file: &DatastoreFile,
        range: Option<&HeaderValue>,
    ) -> Result<Option<Response>, Failure> {
        let answer = self.client.file(method, &file.url(&self.server), range).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(Some(answer)),
            status => Err(Failure::Status(status)),
        }
    }

    /// The length of a file in bytes; `None` if it is not there.
    pub(super) async fn length(&self, file: &DatastoreFile) -> Result<Option<u64>, Failure> {
        let Some(answer) = self.ask(Method::HEAD, file, None).await? else { return Ok(None) };
        let length = answer.content_length().ok_or(BadAnswer("it does not say how long the file is"))?;
        Ok(Some(length))
    }

    /// The datacenter that a file lies in, as its location says it.
    ///
    /// # Errors
    ///
    /// [`Failure::Fault`] with `FileNotFound` if there is no such datacenter.
    pub(super) async fn datacenter_of(&self, file: &DatastoreFile) -> Result<Option<Object>, Failure> {
        let Some(path) = &file.datacenter else { return Ok(None) };
        match datacenter(&self.client, path).await? {
            Some(found) => Ok(Some(found)),
            None => Err(Failure::not_found()),
        }
    }

    /// Removes a file.
    pub(super) async fn remove(&self, file: &DatastoreFile, datacenter: Option<&Object>) -> Result<(), Failure> {
        let call = |services: &Services| {
            let call = Call::new("DeleteDatastoreFile_Task", &services.files).text("name", &file.datastore_path());
            in_datacenter(call, "datacenter", datacenter)
        };
        self.done(self.client.call(Repeat::IfRefused, call).await?).await.map(drop)
    }

    /// Gives a file another name, unless something has that name.
    pub(super) async fn rename(
        &self,
        from: &DatastoreFile,
        to: &DatastoreFile,
        datacenter: &Object,
    ) -> Result<(), Failure> {
        let call = |services: &Services| {
            Call::new("MoveDatastoreFile_Task", &services.files)
                .text("sourceName", &from.datastore_path())
                .object("sourceDatacenter", datacenter)
                .text("destinationName", &to.datastore_path())
                .object("destinationDatacenter", datacenter)
                .text("force", "false")
        };
        self.done(self.client.call(Repeat::IfRefused, call).await?).await.map(drop)
    }

    /// Makes a folder, unless it is there or only the operator can make it: those at the top of a
    /// vSAN datastore are not made like others. Where one is missing, writing into it tells.
    pub(super) async fn make_folder(&self, folder: &DatastoreFile, datacenter: &Object) -> Result<(), Failure> {
        let call = |services: &Services| {
            Call::new("MakeDirectory", &services.files)
                .text("name", &folder.datastore_path())
                .object("datacenter", datacenter)
                .text("createParentDirectories", "true")
        };
        let passed_over = ["FileAlreadyExists", "CannotCreateFile", "NotSupported"];
        match self.client.call(Repeat::Always, call).await {
            Err(failure) if !passed_over.iter().any(|fault| failure.is_fault(fault)) => Err(failure),
            _ => Ok(()),
        }
    }

    /// The names of the files in a folder that begin with `begin`.
    pub(super) async fn search(
        &self,
        found: &Found,
        folder: &DatastoreFile,
        begin: &str,
    ) -> Result<Vec<String>, Failure> {
        let call = |_: &Services| {
            Call::new("SearchDatastore_Task", &found.browser)
                .text("datastorePath", &folder.datastore_path())
                .nested("searchSpec", |spec| spec.text("matchPattern", &format!("{begin}*")))
        };
        let info = match self.client.call(Repeat::Always, call).await {
            Ok(task) => self.done(task).await,
            Err(failure) => Err(failure),
        };
        match info {
            Ok(info) => {
                let files = info.child("result").into_iter().flat_map(|result| result.children_called("file"));
                Ok(files.map(|file| file.text_of("path").to_owned()).filter(|name| name.starts_with(begin)).collect())
            }
            // Nobody has made the folder yet.
            Err(failure) if failure.is_fault("FileNotFound") => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Waits for the task that an answer names, and gives its property `info`.
    async fn done(&self, answer: Element) -> Result<Element, Failure> {
        let task = answer.child("returnval").ok_or(BadAnswer("it names no task")).and_then(Object::of)?;
        let (until, mut pause) = (Instant::now() + TASK, POLL);
        loop {
            let described = properties(&self.client, std::slice::from_ref(&task), "Task", &["info"]).await;
            // A fault of this question says nothing about the task.
            let described = described.map_err(|failure| match failure {
                Failure::Fault(fault) => Failure::Lost(fault),
                failure => failure,
            })?;
            let info = described.into_iter().next().and_then(|task| task.into_value("info"));
            let info = info.ok_or(BadAnswer("it says nothing of the task"))?;
            match TaskState::of(&info)? {
                TaskState::Done => return Ok(info),
                TaskState::Failed(fault) => return Err(fault.into()),
                TaskState::Running if Instant::now() >= until => return Err(Failure::Endless(TASK)),
                TaskState::Running => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(self.poll);
        }
    }
}

fn in_datacenter(call: Call, name: &str, datacenter: Option<&Object>) -> Call {
    match datacenter {
        Some(datacenter) => call.object(name, datacenter),
        None => call,
    }
}
