//! Drives any store at full speed and prints how fast it was: `store-throughput --help`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use glance_benches::throughput::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    match throughput::run(&Options::parse()).await {
        Ok(report) => match std::io::stdout().write_all(report.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let mut message = format!("store-throughput: {error}");
            let mut cause = error.source();
            while let Some(deeper) = cause {
                message = format!("{message}: {deeper}");
                cause = deeper.source();
            }
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}
