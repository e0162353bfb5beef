//! The server that is measured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use glance_core::digest::HashAlgorithm;
use glance_core::store::BoxError;
use serde_json::{Value, json};

use super::client::{self, Source};
use super::process::Process;

/// A running server with a data folder of its own.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
    data: PathBuf,
}

impl Server {
    /// Starts `program` on the data folder `data` and returns when it has answered.
    pub(super) fn start(program: &Path, data: &Path) -> Result<Self, BoxError> {
        std::fs::create_dir_all(data)?;
        let address = free_address()?;
        let log = data.with_extension("log");
        let mut command = Command::new(program);
        command.args(["api", "--bind", &address.to_string(), "--data-dir"]).arg(data);
        // A configuration of this machine is none of ours.
        command.arg("--config-dir").arg(data);
        Self::when_it_answers(Process::start(&mut command, &log)?, address, data)
    }

    /// The server that `process` will be at `address`, as soon as it has answered. Its log lies beside `data`.
    pub(super) fn when_it_answers(mut process: Process, address: SocketAddr, data: &Path) -> Result<Self, BoxError> {
        process
            .wait_until(|| {
                client::call(address, "GET", "/versions", "").is_ok_and(|answer| matches!(answer.status, 200 | 300))
            })
            .map_err(|error| format!("the server {error}: see {}", data.with_extension("log").display()))?;
        Ok(Self { process, address, data: data.to_owned() })
    }

    /// Registers an image and returns its id.
    pub(super) fn create(&self) -> Result<String, BoxError> {
        let image = json!({"name": "speed", "disk_format": "raw", "container_format": "bare"}).to_string();
        let created = self.answer("POST", "/v2/images", &image, 201)?;
        Ok(created["id"].as_str().ok_or("an image without an id")?.to_owned())
    }

    /// Registers an image and uploads its data.
    pub(super) fn upload(&self, source: &Source<'_>, chunked: bool) -> Result<String, BoxError> {
        let id = self.create()?;
        client::upload(self.address, &file_of(&id), source, chunked)?;
        Ok(id)
    }

    pub(super) fn delete(&self, id: &str) -> Result<(), BoxError> {
        match client::call(self.address, "DELETE", &format!("/v2/images/{id}"), "")?.status {
            204 => Ok(()),
            status => Err(format!("a removal was answered {status}").into()),
        }
    }

    /// Whether the image has the digests it should have, on record and when it is downloaded.
    pub(super) fn check(&self, id: &str, md5: &str, sha512: &str) -> Result<(), BoxError> {
        let image = self.answer("GET", &format!("/v2/images/{id}"), "", 200)?;
        let came_back = client::digest(self.address, &file_of(id), HashAlgorithm::Md5)?;
        if image["checksum"] == md5 && image["os_hash_value"] == sha512 && came_back == md5 {
            return Ok(());
        }
        Err(format!("other data than was sent lies in image {id}").into())
    }

    /// The JSON that a request is answered with.
    pub(super) fn answer(&self, method: &str, path: &str, body: &str, status: u16) -> Result<Value, BoxError> {
        let answer = client::call(self.address, method, path, body)?;
        if answer.status != status {
            return Err(format!("{method} {path} was answered {}", answer.status).into());
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The folder that holds a file for each image, named by its id.
    pub(super) fn images(&self) -> PathBuf {
        self.data.join("images")
    }
}

/// Where the data of an image is served.
pub(super) fn file_of(id: &str) -> String {
    format!("/v2/images/{id}/file")
}

/// An address on loopback that was free a moment ago.
pub(super) fn free_address() -> Result<SocketAddr, BoxError> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
