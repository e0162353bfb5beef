//! What the measurement can be asked for.

use std::path::PathBuf;

use clap::Parser;

use crate::throughput::Size;

/// Starts a server on loopback and measures uploads, downloads, memory, start and requests, each
/// beside its opponent: the digests alone, nginx with sendfile, Python Glance if it is named.
///
/// 1 MB is 1,000,000 bytes, 1 MiB is 1,048,576. FOLDER needs room for STREAMS × LARGE.
#[derive(Debug, Parser)]
#[command(name = "server-speed")]
pub struct Options {
    /// The program to measure, built with optimisations [default: glance-server beside this one].
    pub server: Option<PathBuf>,
    /// Where the temporary folder with the data goes; nginx serves the same file from there.
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// Length of the images whose upload and download are timed.
    #[arg(long, default_value = "1GiB")]
    pub size: Size,
    /// Length of the images that move at once while memory is watched.
    #[arg(long, default_value = "2GiB")]
    pub large: Size,
    /// Images and clients at once, where there are several.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub streams: u16,
    /// Rounds; in each, every opponent has one turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// A virtual environment with Python Glance and uWSGI: uploads and requests are measured beside it.
    #[arg(long, value_name = "FOLDER")]
    pub python_glance: Option<PathBuf>,
    /// Connections that ask at once while requests are counted.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// Images in the database while requests are counted.
    #[arg(long, default_value_t = 50_000)]
    pub images: u32,
    /// Seconds for each sort of request.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// What to measure; may repeat [default: all].
    #[arg(long, value_enum)]
    pub only: Vec<Part>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Time from the start of the process to its first answer.
    Start,
    /// Most memory, idle and while images move.
    Memory,
    /// Downloads beside nginx.
    Download,
    /// Uploads beside the digests alone.
    Upload,
    /// Requests per second, counted by `wrk`.
    Requests,
}

impl Options {
    pub(super) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
