//! Running tools, and looking at what they made.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use glance_core::image::inspect::{Detector, FormatRules, Refusal, Report};
use tempfile::TempDir;

/// How many images of some kind were made and accepted, looked at once whatever tests ask for it;
/// `None` where the tools are not to be used.
pub(crate) type Accepted = LazyLock<Option<usize>>;

/// A folder that tools work in.
pub(crate) struct Bench {
    folder: TempDir,
    accepted: Cell<usize>,
}

impl Bench {
    /// A folder, if the tools behind `variable` are to be used.
    pub(crate) fn with(variable: &'static str) -> Option<Self> {
        glance_core::conformance::backend(variable)
            .map(|_| Self { folder: tempfile::tempdir().unwrap(), accepted: Cell::new(0) })
    }

    /// Counts an image that was accepted.
    pub(crate) fn count(&self) {
        self.accepted.set(self.accepted.get() + 1);
    }

    /// How many were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a line of words in the folder, and gives back what it printed.
    pub(crate) fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap();
        let mut command = Command::new(program);
        // Tools for disks live where only administrators look.
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let done = command.args(words).current_dir(self.folder.path()).env("PATH", path).output();
        let done = done.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// A file of `bytes` without data.
    pub(crate) fn blank(&self, name: &str, bytes: u64) {
        File::create(self.path(name)).unwrap().set_len(bytes).unwrap();
    }

    /// The format and virtual size that `qemu-img` reports.
    pub(crate) fn qemu_info(&self, name: &str, options: &str) -> (String, u64) {
        let text = self.run(&format!("qemu-img info --output=json {options} {name}"));
        let info: serde_json::Value = serde_json::from_str(&text).unwrap();
        (info["format"].as_str().unwrap().to_owned(), info["virtual-size"].as_u64().unwrap())
    }

    pub(crate) fn look(&self, name: &str) -> Report {
        look(&self.path(name))
    }

    /// Holds the file `name` to be an image of format `declared` and of the size that `qemu-img`
    /// reports, told the format or left to find it.
    pub(crate) fn agrees(&self, name: &str, declared: &str) {
        let qemu = if declared == "vhd" { "vpc" } else { declared };
        let told = if qemu == "vpc" { "-f vpc" } else { "" };
        let (format, size) = self.qemu_info(name, told);
        assert_eq!(format, qemu, "{name}");
        let report = self.look(name);
        assert_eq!(judge(declared, &report), Ok(Some(size)), "{name}: {report:?}");
        let length = fs::metadata(self.path(name)).unwrap().len();
        assert_eq!(judge("raw", &report), Ok(Some(length)), "{name} as raw: {report:?}");
        self.count();
    }
}

pub(crate) fn judge(declared: &str, report: &Report) -> Result<Option<u64>, Refusal> {
    FormatRules::default().judge(declared, report)
}

fn look(path: &Path) -> Report {
    let mut file = File::open(path).unwrap();
    let mut detector = Detector::new();
    // No power of two: edges fall where nobody expects them.
    let mut buffer = vec![0; 100_003];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return detector.finish(),
            count => detector.look_at(&buffer[..count]),
        }
    }
}
