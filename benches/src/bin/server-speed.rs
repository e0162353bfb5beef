//! Measures a running server, against nginx and the digests: `server-speed --help`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use glance_benches::server_speed::{self, Options};

fn main() -> ExitCode {
    match server_speed::run(&Options::parse()) {
        Ok(report) => match std::io::stdout().write_all(report.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let causes = std::iter::successors(error.source(), |cause| (*cause as &dyn Error).source());
            let message = causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"));
            let _ = writeln!(std::io::stderr(), "server-speed: {message}");
            ExitCode::FAILURE
        }
    }
}
