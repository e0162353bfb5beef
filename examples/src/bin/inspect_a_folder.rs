//! Who keeps disk images without a registry can still tell the bad ones: looks through a folder and
//! says of each file what format it is in, how large the disk inside is, and why it had better not
//! be used.
//!
//! Ends with a failure if any file is not safe.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use glance_core::image::inspect::{Detector, FormatRules, Report};

fn main() -> io::Result<ExitCode> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let mut bad = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let report = look(File::open(&path)?)?;
            bad += usize::from(!show(&path, &report));
        }
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(mut data: impl Read) -> io::Result<Report> {
    let mut detector = Detector::new();
    let mut chunk = vec![0; 256 << 10];
    loop {
        match data.read(&mut chunk)? {
            0 => return Ok(detector.finish()),
            count => detector.look_at(&chunk[..count]),
        }
    }
}

/// Says what was seen, and whether the file may be used as what it is.
fn show(path: &Path, report: &Report) -> bool {
    let name = path.file_name().unwrap_or_default().display();
    let format = report.formats()[0];
    let judged = FormatRules::default().judge(format.as_str(), report);
    match &judged {
        Ok(Some(bytes)) => println!("{name}: {format}, a disk of {bytes} bytes"),
        Ok(None) => println!("{name}: {format}"),
        Err(refusal) => println!("{name}: {refusal}"),
    }
    judged.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_and_unsafe_files_are_told_apart() {
        let usable = |data: &[u8]| show(Path::new("file"), &look(data).unwrap());
        assert!(usable(b"any data is raw data"));
        assert!(!usable(b"QED\0, which nobody should use"));
    }
}
