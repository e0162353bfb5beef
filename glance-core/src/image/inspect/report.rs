//! What was seen in a stream.

use super::finding::{Finding, Findings};
use super::format::Format;

/// A format that data was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The format.
    pub format: Format,
    /// Size of the disk it describes, in bytes; `None` if it describes none, or one of no size.
    pub virtual_size: Option<u64>,
    /// What is wrong with it.
    pub findings: Findings,
    /// Whether only the end of the data says so. Any disk may end like a fixed VHD, so this counts
    /// only where that format is declared, and where the end refers to another file.
    pub at_end_only: bool,
}

impl Match {
    pub(super) fn of(format: Format) -> Self {
        Self { format, virtual_size: None, findings: Findings::default(), at_end_only: false }
    }

    /// The same with a disk of `bytes`, which have to fit where sizes are kept.
    pub(super) fn sized(mut self, bytes: Option<u64>) -> Self {
        let Some(bytes) = bytes else { return self };
        if i64::try_from(bytes).is_err() {
            self.findings.add(Finding::VirtualSize);
        } else {
            self.virtual_size = Some(bytes).filter(|bytes| *bytes > 0);
        }
        self
    }

    pub(super) fn found(mut self, wrong: bool, finding: Finding) -> Self {
        self.findings.add_if(wrong, finding);
        self
    }

    pub(super) fn with(mut self, findings: Findings) -> Self {
        self.findings.extend(findings);
        self
    }
}

/// All that was seen in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Bytes in all.
    pub length: u64,
    /// The disk formats it was recognised as, each once; none for raw data.
    pub matches: Vec<Match>,
    /// The archive it is. Archives are no disk format: to everybody who asks for a disk, this is
    /// raw data.
    pub envelope: Option<Match>,
    /// Whether it begins like a Linux kernel, whose boot sector is easily taken for a partition
    /// table.
    pub kernel: bool,
}

impl Report {
    /// The match with `format`.
    #[must_use]
    pub fn matched(&self, format: Format) -> Option<&Match> {
        self.matches.iter().find(|seen| seen.format == format)
    }

    /// The formats by the beginning of the data: what it would be taken for by somebody who is told
    /// nothing. [`Format::Raw`] alone if it is none in particular.
    #[must_use]
    pub fn formats(&self) -> Vec<Format> {
        let seen: Vec<_> = self.matches.iter().filter(|seen| !seen.at_end_only).map(|seen| seen.format).collect();
        if seen.is_empty() { vec![Format::Raw] } else { seen }
    }
}
