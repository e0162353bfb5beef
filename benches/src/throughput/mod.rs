//! The store throughput harness: writes and reads image data of one size, so many at once, and
//! measures what it took.
//!
//! It measures stores alone: no digests, no quota, no HTTP, no records. A sample of the data is
//! checked by digest before anything is timed.

mod data;
mod load;
mod options;
mod report;
mod stores;

pub use options::{Mix, Options, Size};

use glance_core::store::BoxError;

pub(crate) use self::data::noise;

use self::data::Source;
use self::load::Load;
use self::stores::Opened;

/// Does what the options ask for and returns the report, as a table or JSON. What was written is
/// removed again, also after an error.
///
/// # Errors
///
/// If the store does not open, loses data or fails.
pub async fn run(options: &Options) -> Result<String, BoxError> {
    let opened = Opened::open(options)?;
    let load = Load::new(opened.store(), Source::new(options.size.0, options.chunk.0), options);
    let measured = load.run().await;
    let removed = load.remove().await;
    let report = report::of(options, &measured?)?;
    removed?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn run_with(arguments: &[&str]) -> Result<String, BoxError> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let arguments = ["store-throughput"].iter().chain(arguments);
        runtime.block_on(run(&Options::try_parse_from(arguments)?))
    }

    #[test]
    fn every_store_is_driven_and_left_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        for store in ["memory", "object-memory", &format!("file:{path}"), &format!("object-local:{path}")] {
            for mix in ["write", "read", "70:30"] {
                let arguments =
                    ["--store", store, "--size", "100KiB", "--count", "10", "--concurrency", "3", "--mix", mix];
                let report = run_with(&[arguments.as_slice(), &["--verify", "--thin", "--json"]].concat()).unwrap();
                let report: serde_json::Value = serde_json::from_str(&report).unwrap();
                let count = |kind: &str| report[kind]["images"].as_u64().unwrap_or(0);
                let expected = match mix {
                    "write" => (10, 0),
                    "read" => (0, 10),
                    _ => (3, 7),
                };
                assert_eq!((count("write"), count("read")), expected, "{store} {mix}");
                assert_eq!(report["bytes"], 10 * 102_400);
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_store_that_does_not_exist_is_an_error() {
        for store in ["", "tape", "file", "file:", "object-local:"] {
            assert!(run_with(&["--store", store]).is_err(), "{store:?}");
        }
    }
}
