//! Measures what the inspection of image data costs an upload: `inspection-cost --help`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use glance_benches::inspection_cost::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let (text, code) = match inspection_cost::run(&Options::parse()).await {
        Ok(report) => (report, ExitCode::SUCCESS),
        Err(error) => (format!("inspection-cost: {error}\n"), ExitCode::FAILURE),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
