//! Requests per second, counted by `wrk`.

use std::path::Path;
use std::process::{Command, Stdio};

use glance_core::store::BoxError;

use super::options::Options;
use super::python::Python;
use super::report::Requests;
use super::server::Server;
use crate::population;

/// Threads of `wrk`, and how long one of them waits for an answer.
const THREADS: &str = "1";
const PATIENCE: &str = "60s";

const CREATE: &str = "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n\
     wrk.body = '{\"name\": \"speed\", \"disk_format\": \"qcow2\", \"container_format\": \"bare\"}'\n";

/// Whether `wrk` is there.
pub(super) fn available() -> bool {
    Command::new("wrk").arg("-v").stdin(Stdio::null()).output().is_ok()
}

/// Counts what the server answers over a database of images, and what Python Glance answers over a copy of it.
pub(super) fn requests(options: &Options, program: &Path, folder: &Path) -> Result<Vec<Requests>, BoxError> {
    let images = options.images;
    let data = ["requests", "requests-python"].map(|name| folder.join(name));
    let databases = data.each_ref().map(|data| data.join("glance.db"));
    std::fs::create_dir_all(&data[0])?;
    population::populate(&databases[0], images)?;
    let mut servers = Vec::new();
    if let Some(environment) = &options.python_glance {
        std::fs::create_dir_all(&data[1])?;
        std::fs::copy(&databases[0], &databases[1])?;
        servers.push(("python", Python(environment).start(&data[1])?));
    }
    servers.insert(0, ("glance", Server::start(program, &data[0])?));
    for (who, server) in &servers {
        page_is_full(server, images).map_err(|error| format!("{who}: {error}"))?;
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
    let mut counted = Vec::new();
    for (name, path, script) in sorts {
        for (who, server) in &servers {
            let cpu = server.process.cpu()?;
            let said = wrk(&format!("http://{}{path}", server.address), script, options)?;
            let used = server.process.cpu()?.saturating_sub(cpu);
            counted.push(Requests::read(name, who, &said, used)?);
        }
    }
    Ok(counted)
}

/// Whether the newest images are listed, twenty of them.
fn page_is_full(server: &Server, images: u32) -> Result<(), BoxError> {
    let page = server.answer("GET", "/v2/images?limit=20", "", 200)?;
    let listed: Vec<_> = page["images"].as_array().into_iter().flatten().map(|image| image["id"].as_str()).collect();
    let newest: Vec<_> = (0..images).rev().take(20).map(population::id).collect();
    if listed == newest.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>() {
        return Ok(());
    }
    Err("a page of 20 does not list the newest images".into())
}

fn wrk(url: &str, script: Option<&Path>, options: &Options) -> Result<String, BoxError> {
    let (connections, seconds) = (options.connections.to_string(), format!("{}s", options.seconds));
    let mut command = Command::new("wrk");
    command.args(["-t", THREADS, "-c", &connections, "--latency", "--timeout", PATIENCE, "-d", &seconds]);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let done = command.arg(url).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8(done.stdout)?)
}
