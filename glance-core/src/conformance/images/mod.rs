//! Image data made up for tests: honest, and hostile in every way that is known.
//!
//! Each format has a file with a small honest image and the ways to spoil it. All of it is made
//! here, byte by byte; nothing is copied from anywhere.

mod archives;
mod disks;
mod iso;
mod polyglot;
mod qcow2;
mod tables;
mod vhd;
mod vhdx;
mod vmdk;

use std::sync::LazyLock;

use bytes::Bytes;

use crate::image::inspect::{Finding, FormatRules, Refusal, Weight};

pub use archives::{Archive, archives, tar};

/// Data that must not become active.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What it is, for people.
    pub name: String,
    /// The disk format it is uploaded as.
    pub declared: &'static str,
    /// The data.
    pub data: Bytes,
    /// Why it is refused.
    pub reason: Reason,
}

/// Why data is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// This is wrong with it, whatever else may be.
    Found(Finding),
    /// It is in several formats at once.
    Ambiguous,
    /// It is not what it is declared to be.
    Mismatch,
}

impl Reason {
    /// Whether `refusal` is for this reason.
    #[must_use]
    pub fn explains(self, refusal: &Refusal) -> bool {
        match (self, refusal) {
            (Self::Found(finding), Refusal::Unsafe { findings, .. }) => findings.contains(finding),
            (Self::Ambiguous, Refusal::Ambiguous { .. }) | (Self::Mismatch, Refusal::Mismatch { .. }) => true,
            _ => false,
        }
    }
}

/// Data that has to be accepted.
#[derive(Debug, Clone)]
pub struct Honest {
    /// What it is, for people.
    pub name: String,
    /// The disk format it is uploaded as.
    pub declared: &'static str,
    /// The data.
    pub data: Bytes,
    /// The size of the disk inside, in bytes.
    pub virtual_size: Option<u64>,
}

impl Honest {
    fn new(name: &str, declared: &'static str, data: Vec<u8>, virtual_size: u64) -> Self {
        Self { name: name.to_owned(), declared, data: data.into(), virtual_size: Some(virtual_size) }
    }
}

/// Every kind of hostile data, each under the format it is in; where it refers to another file,
/// under others as well.
#[must_use]
pub fn hostile() -> &'static [Hostile] {
    static HOSTILE: LazyLock<Vec<Hostile>> = LazyLock::new(|| {
        let lists = [
            qcow2::hostile(),
            vhd::hostile(),
            vhdx::hostile(),
            vmdk::hostile(),
            disks::hostile(),
            iso::hostile(),
            tables::hostile(),
            polyglot::hostile(),
        ];
        lists.into_iter().flatten().collect()
    });
    &HOSTILE
}

/// Small honest data in every format.
#[must_use]
pub fn honest() -> &'static [Honest] {
    static HONEST: LazyLock<Vec<Honest>> = LazyLock::new(|| {
        let lists = [
            qcow2::honest(),
            vhd::honest(),
            vhdx::honest(),
            vmdk::honest(),
            disks::honest(),
            iso::honest(),
            tables::honest(),
        ];
        lists.into_iter().flatten().collect()
    });
    &HONEST
}

/// The rules of an operator who does not ask for formats to match.
#[must_use]
pub fn lax() -> FormatRules {
    FormatRules { require_match: false, gpt_nonfatal: Vec::new() }
}

/// Collects the ways to spoil an image of one format.
struct Spoiler {
    format: &'static str,
    base: Vec<u8>,
    spoiled: Vec<Hostile>,
}

impl Spoiler {
    fn of(format: &'static str, base: Vec<u8>) -> Self {
        Self { format, base, spoiled: Vec::new() }
    }

    /// The base with `bytes` at `at`.
    fn with(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        patched(&self.base, at, bytes)
    }

    /// The base with `bytes` at `at` is refused for `finding`.
    fn patch(&mut self, name: &str, at: usize, bytes: &[u8], finding: Finding) {
        self.whole(name, self.with(at, bytes), finding);
    }

    /// `data` is refused for `finding`: under its own format, and if the finding weighs enough as
    /// raw and under a format that is not looked for.
    fn whole(&mut self, name: &str, data: impl Into<Bytes>, finding: Finding) {
        let data = data.into();
        let declared = match finding.weight() {
            Weight::Structure => vec![self.format],
            Weight::Unsafe => vec![self.format, "raw"],
            Weight::Reference => vec![self.format, "raw", "ami"],
        };
        for declared in declared {
            let name = format!("{} {name} as {declared}", self.format);
            self.spoiled.push(Hostile { name, declared, data: data.clone(), reason: Reason::Found(finding) });
        }
    }
}

fn patched(base: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut data = base.to_vec();
    data.resize(data.len().max(at + bytes.len()), 0);
    data[at..at + bytes.len()].copy_from_slice(bytes);
    data
}

fn set(data: &mut [u8], at: usize, bytes: &[u8]) {
    data[at..at + bytes.len()].copy_from_slice(bytes);
}
