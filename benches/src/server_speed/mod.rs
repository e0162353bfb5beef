//! How fast a running server is: started here, on loopback, with each opponent measured in turns
//! with it, and all answers checked before they are timed.

mod client;
mod data;
mod memory;
mod nginx;
mod options;
mod process;
mod python;
mod report;
mod requests;
mod server;
mod transfers;

use std::path::{Path, PathBuf};

use glance_core::store::BoxError;

pub use options::{Options, Part};

use self::data::Data;
use self::nginx::Nginx;
use self::python::Python;
use self::report::Report;
use self::server::Server;

/// Measures what the options ask for and returns the report, as a table or JSON. Processes and data
/// are gone when it returns.
///
/// # Errors
///
/// If a server does not start, does not answer, or answers with something else than it should.
pub fn run(options: &Options) -> Result<String, BoxError> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => beside_this()?,
    };
    let folder = tempfile::Builder::new().prefix("server-speed-").tempdir_in(&options.folder)?;
    let report = measure(options, &program, folder.path())?;
    folder.close()?;
    Ok(if options.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.table() })
}

fn measure(options: &Options, program: &Path, folder: &Path) -> Result<Report, BoxError> {
    let mut report = Report::default();
    if options.wants(Part::Start) {
        report.start = Some(memory::start(program, folder, options.rounds)?);
    }
    if options.wants(Part::Requests) {
        if requests::available() {
            report.requests = requests::requests(options, program, folder)?;
        } else {
            report.missing.push("wrk is not installed: no requests were counted");
        }
    }
    if options.wants(Part::Upload) || options.wants(Part::Download) {
        transfers(options, program, folder, &mut report)?;
    }
    if options.wants(Part::Memory) {
        let data = Data::new(folder, options.large.0)?;
        report.memory = Some(memory::memory(program, &folder.join("memory"), &data, options.streams)?);
    }
    Ok(report)
}

fn transfers(options: &Options, program: &Path, folder: &Path, report: &mut Report) -> Result<(), BoxError> {
    let data = Data::new(folder, options.size.0)?;
    let server = Server::start(program, &folder.join("transfers"))?;
    if options.wants(Part::Upload) {
        let environment = options.python_glance.as_deref().map(Python);
        let python = environment.map(|python| python.start(&folder.join("python"))).transpose()?;
        report.transfers.extend(transfers::uploads(&server, python.as_ref(), &data, options.rounds)?);
    }
    if options.wants(Part::Download) {
        let nginx = Nginx::start(&server.images(), folder)?;
        match &nginx {
            Some(nginx) => report.nginx = Some(nginx.version.clone()),
            None => report.missing.push("nginx is not installed: downloads have no opponent"),
        }
        let often = (options.streams, options.rounds);
        report.transfers.extend(transfers::downloads(&server, nginx.as_ref(), &data, often)?);
    }
    Ok(())
}

fn beside_this() -> Result<PathBuf, BoxError> {
    let program = std::env::current_exe()?.with_file_name("glance-server");
    if program.is_file() {
        return Ok(program);
    }
    Err("no glance-server beside this program: build it with --release, or name it".into())
}
