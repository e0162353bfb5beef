//! Requests per second, counted by `wrk`.

use std::path::Path;
use std::process::{Command, Stdio};

use glance_core::store::BoxError;

use super::report::Requests;
use super::server::Server;
use crate::population;

/// Connections that ask at once, and threads of `wrk`.
const CONNECTIONS: &str = "8";
const THREADS: &str = "1";

const CREATE: &str = "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n\
     wrk.body = '{\"name\": \"speed\", \"disk_format\": \"qcow2\", \"container_format\": \"bare\"}'\n";

/// Whether `wrk` is there.
pub(super) fn available() -> bool {
    Command::new("wrk").arg("-v").stdin(Stdio::null()).output().is_ok()
}

/// Counts what the server answers over a database of `images` images.
pub(super) fn requests(
    program: &Path,
    folder: &Path,
    (images, seconds): (u32, u16),
) -> Result<Vec<Requests>, BoxError> {
    let data = folder.join("requests");
    std::fs::create_dir_all(&data)?;
    population::populate(&data.join("glance.db"), images)?;
    let server = Server::start(program, &data)?;
    let page = server.answer("GET", "/v2/images?limit=20", "", 200)?;
    let full = usize::try_from(images)?.min(20);
    if page["images"].as_array().map(Vec::len) != Some(full) {
        return Err("a page of 20 is not full".into());
    }
    let script = folder.join("create.lua");
    std::fs::write(&script, CREATE)?;
    let some = population::id(images / 2);
    let sorts = [
        ("GET /v2/images?limit=20", "/v2/images?limit=20".to_owned(), None),
        ("the same, from the middle on", format!("/v2/images?limit=20&marker={some}"), None),
        ("GET /v2/images/{id}", format!("/v2/images/{some}"), None),
        ("POST /v2/images", "/v2/images".to_owned(), Some(script.as_path())),
    ];
    sorts
        .into_iter()
        .map(|(name, path, script)| {
            let cpu = server.process.cpu()?;
            let said = wrk(&format!("http://{}{path}", server.address), script, seconds)?;
            let used = server.process.cpu()?.saturating_sub(cpu);
            Requests::read(name, &said, used)
        })
        .collect()
}

fn wrk(url: &str, script: Option<&Path>, seconds: u16) -> Result<String, BoxError> {
    let mut command = Command::new("wrk");
    command.args(["-t", THREADS, "-c", CONNECTIONS, "--latency", "-d", &format!("{seconds}s")]);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let done = command.arg(url).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8(done.stdout)?)
}
