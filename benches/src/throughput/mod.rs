//! The store throughput harness: writes and reads image data of one size, so many at once, and
//! measures what it took.
//!
//! It measures stores alone: no digests, no quota, no HTTP, no records. A sample of the data is
//! checked by digest before anything is timed.

mod against;
mod data;
mod load;
mod options;
mod report;
mod stores;

pub use options::{Mix, Options, Size};

use glance_core::location::Location;
use glance_core::store::BoxError;

pub(crate) use self::data::noise;
pub(crate) use self::load::cpu_time;

use self::against::{Contest, Tool, Writing};
use self::data::Source;
use self::load::{Load, Stored};
use self::stores::Opened;

/// Does what the options ask for and returns the report, as a table or JSON. What was written is
/// removed again, also after an error.
///
/// # Errors
///
/// If the store does not open, loses data or fails.
pub async fn run(options: &Options) -> Result<String, BoxError> {
    let opened = Opened::open(options)?;
    let mut options = options.clone();
    let stored = match &options.location {
        Some(url) => Some(Stored::at(&*opened.store(), Location::new(url)).await?),
        None => None,
    };
    if let Some(stored) = &stored {
        options.size = Size(stored.size);
    }
    let source = Source::new(options.size.0, options.chunk.0);
    if let Some(tool) = tool(&options) {
        let stored = stored.map(|stored| (stored.location, stored.digest));
        let contest = Contest::new(opened.store(), tool, &source, stored)?;
        return report::of_contest(&options, &contest.run(options.count).await?);
    }
    let load = Load::new(opened.store(), source, stored, &options);
    let measured = load.run().await;
    let removed = load.remove().await;
    let report = report::of(&options, &measured?)?;
    removed?;
    Ok(report)
}

fn tool(options: &Options) -> Option<Tool> {
    let Options { tool_write, tool_read, tool_remove, .. } = options.clone();
    let writing = tool_write.zip(tool_remove).map(|(write, remove)| Writing { write, remove });
    Some(Tool { writing, read: tool_read? })
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
    fn a_configured_store_is_driven_beside_a_tool() {
        let folder = tempfile::tempdir().unwrap();
        let (config, data) = (folder.path().join("glance-api.conf"), folder.path().join("data"));
        let text = format!(
            "[DEFAULT]\nenabled_backends = a:file, b:file\n[glance_store]\ndefault_backend = a\n\
             [a]\nfilesystem_store_datadir = /proc/nowhere\n[b]\nfilesystem_store_datadir = {}\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let store = format!("config:{}#b", config.display());
        let place = folder.path().join("{name}").display().to_string();
        let tool = [
            ("--tool-write", format!("cp {{file}} {place}")),
            ("--tool-read", format!("cp {place} {{out}}")),
            ("--tool-remove", format!("rm {place}")),
        ];
        let tool = tool.iter().flat_map(|(option, command)| [*option, command]);
        let arguments = ["--store", &store, "--size", "1MiB", "--count", "2", "--json"];
        let report = run_with(&arguments.into_iter().chain(tool).collect::<Vec<_>>()).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["rounds"], 2);
        assert!(report["write"]["store"]["best_mb_per_s"].as_f64().unwrap() > 0.0, "{report}");
        assert_eq!(std::fs::read_dir(data).unwrap().count(), 0);
    }

    #[test]
    fn what_is_there_is_read_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (config, image) = (folder.path().join("glance-api.conf"), folder.path().join("image"));
        std::fs::write(&image, vec![7; 100_000]).unwrap();
        let text = format!("[glance_store]\nfilesystem_store_datadir = {}\n", folder.path().display());
        std::fs::write(&config, text).unwrap();
        let (store, url) = (format!("config:{}", config.display()), format!("file://{}", image.display()));
        let there = ["--store", &store, "--location", &url, "--count", "3", "--json"];
        let report: serde_json::Value = serde_json::from_str(&run_with(&there).unwrap()).unwrap();
        assert_eq!((&report["bytes"], &report["read"]["images"]), (&300_000.into(), &3.into()));
        let beside = |read: &str| run_with(&[&there[..], &["--tool-read", read]].concat());
        let report = beside(&format!("cp {} {{out}}", image.display())).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&report["rounds"], report.get("write")), (&3.into(), None));
        assert!(beside("echo other >{out}").is_err());
        assert!(run_with(&["--store", "memory", "--tool-read", "cp a {out}"]).is_err(), "nobody writes what is read");
        assert_eq!(std::fs::read(&image).unwrap(), vec![7; 100_000]);
    }

    #[test]
    fn a_store_that_does_not_exist_is_an_error() {
        for store in ["", "tape", "file", "file:", "object-local:", "config:/nowhere"] {
            assert!(run_with(&["--store", store]).is_err(), "{store:?}");
        }
    }
}
