//! Whether data may be what an image says it is.

use std::fmt;

use super::finding::{Finding, Findings, Weight};
use super::format::Format;
use super::report::{Match, Report};

/// The disk format of kernels, which have a boot sector and no partitions.
const KERNEL: &str = "aki";

/// What an operator decides about image data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatRules {
    /// Whether data has to be of the format its image declares (`require_image_format_match`).
    pub require_match: bool,
    /// Checks of partition tables that do not count (`gpt_safety_checks_nonfatal`), by their names
    /// in Python Glance, of which `mbr` is the only one, or by the names of findings.
    pub gpt_nonfatal: Vec<String>,
}

impl Default for FormatRules {
    fn default() -> Self {
        Self { require_match: true, gpt_nonfatal: Vec::new() }
    }
}

/// Why data may not be what an image says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is in several formats at once.
    Ambiguous {
        /// All of them.
        formats: Vec<Format>,
    },
    /// It is in another format.
    Mismatch {
        /// What the image says.
        declared: String,
        /// What it is.
        found: Format,
    },
    /// It is not safe to use.
    Unsafe {
        /// What it is.
        format: Format,
        /// What is wrong with it.
        findings: Findings,
    },
}

impl Refusal {
    /// The kind of refusal, in a word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "ambiguous",
            Self::Mismatch { .. } => "mismatch",
            Self::Unsafe { .. } => "unsafe",
        }
    }
}

impl FormatRules {
    /// The virtual size to record for data that `report` tells of, if an image with the disk format
    /// `declared` may have it.
    ///
    /// Follows Python Glance, with one difference: data that refers to another file is refused even
    /// where formats need not match.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn judge(&self, declared: &str, report: &Report) -> Result<Option<u64>, Refusal> {
        if let Some(seen) = report.matches.iter().find(|seen| !seen.findings.of(Weight::Reference).is_empty()) {
            return Err(Refusal::Unsafe { format: seen.format, findings: seen.findings });
        }
        match self.held_to(declared, report) {
            Ok(judged) => judged,
            Err(mismatch) if self.require_match => Err(mismatch),
            Err(_) => Ok(None),
        }
    }

    /// The judgement on data that may be what is declared; the error is for what may not, if formats
    /// have to match.
    fn held_to(&self, declared: &str, report: &Report) -> Result<Result<Option<u64>, Refusal>, Refusal> {
        let seen = match sole(declared, report)? {
            Some(seen) => seen,
            None if declared == Format::Raw.as_str() => return Ok(Ok(some_size(report.length))),
            None if Format::declared(declared).is_none() => return Ok(Ok(None)),
            None => return Err(mismatch(declared, Format::Raw)),
        };
        if declared == seen.format.as_str() {
            return Ok(safe(seen, self.fatal(seen)).map(|()| seen.virtual_size));
        }
        if declared == Format::Raw.as_str() {
            return Ok(safe(seen, self.fatal(seen).of(Weight::Unsafe)).map(|()| some_size(report.length)));
        }
        if declared == KERNEL && report.kernel && seen.format == Format::Gpt {
            return Ok(Ok(None));
        }
        Err(mismatch(declared, seen.format))
    }

    fn fatal(&self, seen: &Match) -> Findings {
        let nonfatal = |finding: Finding| {
            seen.format == Format::Gpt
                && self.gpt_nonfatal.iter().any(|name| name == finding.check() || name == finding.as_str())
        };
        seen.findings.without(nonfatal)
    }
}

/// The one format the data is in; `None` if it is raw.
///
/// Images of optical discs may begin with a partition table, so that they start from a stick as
/// well: these are ISO, except to those who ask for raw data, which may not be two things at once.
fn sole<'a>(declared: &str, report: &'a Report) -> Result<Option<&'a Match>, Refusal> {
    let vhd = declared == Format::Vhd.as_str();
    if let Some(fixed) = report.matches.iter().find(|seen| vhd && seen.at_end_only) {
        return sole_at_end(report, fixed).map(Some);
    }
    let seen: Vec<_> = report.matches.iter().filter(|seen| !seen.at_end_only).collect();
    match seen[..] {
        [] => Ok(None),
        [seen] => Ok(Some(seen)),
        [iso, gpt] if (iso.format, gpt.format) == (Format::Iso, Format::Gpt) && declared != Format::Raw.as_str() => {
            Ok(Some(iso))
        }
        _ => Err(Refusal::Ambiguous { formats: report.formats() }),
    }
}

/// A fixed VHD begins with the disk it holds: a partition table or file system there is its own
/// affair, another format is not.
fn sole_at_end<'a>(report: &Report, fixed: &'a Match) -> Result<&'a Match, Refusal> {
    match report.formats()[..] {
        [Format::Raw | Format::Gpt] => Ok(fixed),
        ref others => Err(Refusal::Ambiguous { formats: others.iter().copied().chain([Format::Vhd]).collect() }),
    }
}

fn safe(seen: &Match, findings: Findings) -> Result<(), Refusal> {
    if findings.is_empty() { Ok(()) } else { Err(Refusal::Unsafe { format: seen.format, findings }) }
}

fn mismatch(declared: &str, found: Format) -> Refusal {
    Refusal::Mismatch { declared: declared.to_owned(), found }
}

fn some_size(bytes: u64) -> Option<u64> {
    Some(bytes).filter(|bytes| *bytes > 0)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ambiguous { formats } => {
                let names: Vec<_> = formats.iter().map(|format| format.as_str()).collect();
                write!(f, "the data is in several formats at once: {}", names.join(", "))
            }
            Self::Mismatch { declared, found } => {
                write!(f, "the image's disk_format is {declared:?}, but the data is {found}")
            }
            Self::Unsafe { format, findings } => write!(f, "the data is not safe as {format}: {findings}"),
        }
    }
}

impl std::error::Error for Refusal {}
