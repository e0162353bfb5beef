//! `glance-server inspect`: what an upload of some data would come to, without a server.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::PathBuf;

use clap::Args;
use glance_core::image::Formats;
use glance_core::image::inspect::{Detector, Finding, Findings, Format, FormatRules, Match, Refusal, Report};
use serde_json::{Value, json};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Bytes between two signs of life.
const PROGRESS: u64 = 256 << 20;

/// What data is to be looked at, and as what.
#[derive(Debug, Args)]
pub(super) struct InspectOptions {
    /// The file with the data; `-` reads standard input.
    file: PathBuf,
    /// Judge it as an image with this `disk_format` [default: the format it is in].
    #[arg(long = "as", value_name = "FORMAT")]
    declared: Option<String>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Data that was looked at to its end.
pub(super) struct Inspected {
    declared: String,
    report: Report,
    judged: Result<Option<u64>, Refusal>,
}

impl InspectOptions {
    /// Looks at the data and says on `out` what it is.
    ///
    /// # Errors
    ///
    /// If the data cannot be read, or `out` not written.
    pub(super) fn run(self, out: &mut dyn Write) -> io::Result<Inspected> {
        if let Some(declared) = self.declared.as_ref().filter(|declared| !Formats::default().disk.contains(declared)) {
            let known = Formats::default().disk.join(", ");
            let message = format!("{declared} is none of the disk formats {known}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let inspected = if self.file.as_os_str() == "-" {
            inspect(io::stdin().lock(), None, self.declared)?
        } else {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.file.display()));
            let file = File::open(&self.file).map_err(named)?;
            let length = file.metadata().map_err(named)?.len();
            inspect(file, Some(length), self.declared).map_err(named)?
        };
        if self.json {
            writeln!(out, "{}", inspected.to_json())?;
        } else {
            inspected.write(out)?;
        }
        Ok(inspected)
    }
}

/// Reads `data` to its end; `length` is for the progress alone.
fn inspect(mut data: impl Read, length: Option<u64>, declared: Option<String>) -> io::Result<Inspected> {
    let mut detector = Detector::new();
    let mut buffer = vec![0; CHUNK];
    let mut progress = Progress::of(length);
    loop {
        let count = match data.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        detector.look_at(&buffer[..count]);
        progress.add(count as u64);
    }
    progress.end();
    let report = detector.finish();
    let declared = declared.unwrap_or_else(|| own_format(&report).to_string());
    let judged = FormatRules::default().judge(&declared, &report);
    Ok(Inspected { declared, report, judged })
}

/// What somebody who knows the data would declare it to be.
fn own_format(report: &Report) -> Format {
    match report.formats()[..] {
        [Format::Raw] if report.matched(Format::Vhd).is_some() => Format::Vhd,
        // Not a disk format of Glance's unless somebody adds it.
        [Format::Gpt] | [] => Format::Raw,
        [first, ..] => first,
    }
}

impl Inspected {
    pub(super) fn is_accepted(&self) -> bool {
        self.judged.is_ok()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let formats: Vec<_> = self.report.formats().iter().map(|format| format.as_str()).collect();
        writeln!(out, "format: {}", formats.join(", "))?;
        writeln!(out, "size: {}", self.report.length)?;
        for seen in self.report.matches.iter().chain(&self.report.envelope) {
            write_match(seen, out)?;
        }
        match &self.judged {
            Ok(Some(bytes)) => writeln!(out, "accepted as {}, virtual size {bytes}", self.declared),
            Ok(None) => writeln!(out, "accepted as {}", self.declared),
            Err(refusal) => writeln!(out, "refused as {} ({}): {refusal}", self.declared, refusal.as_str()),
        }
    }

    fn to_json(&self) -> Value {
        let refusal = self.judged.as_ref().err();
        json!({
            "size": self.report.length,
            "formats": self.report.formats().iter().map(|format| format.as_str()).collect::<Vec<_>>(),
            "matches": self.report.matches.iter().map(match_json).collect::<Vec<_>>(),
            "archive": self.report.envelope.as_ref().map(match_json),
            "declared": self.declared,
            "accepted": self.is_accepted(),
            "virtual_size": self.judged.as_ref().ok().copied().flatten(),
            "refusal": refusal.map(|refusal| json!({"reason": refusal.as_str(), "message": refusal.to_string()})),
        })
    }
}

fn write_match(seen: &Match, out: &mut dyn Write) -> io::Result<()> {
    if let Some(bytes) = seen.virtual_size {
        writeln!(out, "{}: virtual size {bytes}", seen.format)?;
    }
    seen.findings.iter().try_for_each(|finding| writeln!(out, "{}: {finding}", seen.format))
}

fn match_json(seen: &Match) -> Value {
    json!({
        "format": seen.format.as_str(),
        "virtual_size": seen.virtual_size,
        "at_end_only": seen.at_end_only,
        "findings": names(seen.findings),
    })
}

fn names(findings: Findings) -> Vec<&'static str> {
    findings.iter().map(Finding::as_str).collect()
}

/// Tells people at a terminal how far it is.
struct Progress {
    length: Option<u64>,
    done: u64,
    shown: u64,
    is_watched: bool,
}

impl Progress {
    fn of(length: Option<u64>) -> Self {
        Self { length, done: 0, shown: 0, is_watched: io::stderr().is_terminal() }
    }

    fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.is_watched && self.done - self.shown >= PROGRESS {
            self.shown = self.done;
            let done = self.done >> 20;
            // Nothing is lost where nobody can be told.
            let _ = match self.length {
                Some(length) => write!(io::stderr(), "\r{done} of {} MiB", length >> 20),
                None => write!(io::stderr(), "\r{done} MiB"),
            };
        }
    }

    fn end(&self) {
        if self.shown > 0 {
            let _ = writeln!(io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(data: &[u8], declared: Option<&str>) -> Inspected {
        inspect(data, None, declared.map(str::to_owned)).unwrap()
    }

    fn text(inspected: &Inspected) -> String {
        let mut out = Vec::new();
        inspected.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn data_is_judged_as_what_it_is_unless_told_otherwise() {
        let banned = [&b"QED\0"[..], &[0; 512]].concat();
        assert_eq!(
            text(&look(&banned, None)),
            "format: qed\nsize: 516\nqed: banned (QEMU's abandoned format)\n\
             refused as qed (unsafe): the data is not safe as qed: banned (QEMU's abandoned format)\n"
        );
        assert_eq!(text(&look(b"text", None)), "format: raw\nsize: 4\naccepted as raw, virtual size 4\n");
        assert_eq!(text(&look(b"text", Some("ami"))), "format: raw\nsize: 4\naccepted as ami\n");
        assert!(!look(b"text", Some("qcow2")).is_accepted());
    }

    #[test]
    fn json_names_everything_that_was_seen() {
        let banned = [&b"QED\0"[..], &[0; 512]].concat();
        let seen = look(&banned, Some("raw")).to_json();
        assert_eq!(seen["matches"][0]["findings"], json!(["banned"]));
        assert_eq!((&seen["accepted"], &seen["refusal"]["reason"]), (&json!(false), &json!("unsafe")));
        let raw = look(b"text", None).to_json();
        assert_eq!((&raw["virtual_size"], &raw["refusal"], &raw["declared"]), (&json!(4), &json!(null), &json!("raw")));
    }
}
