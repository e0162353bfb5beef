//! The opponent of downloads: nginx with sendfile on the same files.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use glance_core::store::BoxError;

use super::client;
use super::process::Process;
use super::server::free_address;

/// A running nginx.
#[derive(Debug)]
pub(super) struct Nginx {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
    /// As it names itself.
    pub(super) version: String,
}

impl Nginx {
    /// Serves the files in `files`; `None` if nginx is not installed.
    pub(super) fn start(files: &Path, folder: &Path) -> Result<Option<Self>, BoxError> {
        let Ok(said) = Command::new("nginx").arg("-v").stdin(Stdio::null()).output() else { return Ok(None) };
        let version = String::from_utf8_lossy(&said.stderr).trim().trim_start_matches("nginx version: ").to_owned();
        let address = free_address()?;
        let folder = std::path::absolute(folder)?;
        let configuration = folder.join("nginx.conf");
        std::fs::write(&configuration, config(address, &std::path::absolute(files)?, &folder))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&configuration).arg("-e").arg(folder.join("nginx-errors.log"));
        let mut process = Process::start(&mut command, &folder.join("nginx.log"))?;
        process
            .wait_until(|| client::call(address, "GET", "/", "").is_ok())
            .map_err(|error| format!("nginx {error}: see {}", folder.display()))?;
        Ok(Some(Self { process, address, version }))
    }
}

/// What nginx is advised to have for large files, and no log of requests.
fn config(address: SocketAddr, files: &Path, folder: &Path) -> String {
    // The files are readable for their owner alone.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let (files, folder) = (files.display(), folder.display());
    format!(
        "{user}daemon off;\nworker_processes auto;\npid {folder}/nginx.pid;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  default_type application/octet-stream;\n  \
         server {{ listen {address}; location / {{ root {files}; }} }}\n}}\n"
    )
}
