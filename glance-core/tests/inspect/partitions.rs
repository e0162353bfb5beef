//! Disks partitioned by sfdisk and sgdisk.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use glance_core::image::inspect::Format;

use crate::support::{Accepted, Bench, judge};

const VARIABLE: &str = "GLANCE_TEST_PARTITION_TOOLS";
const DISK: u64 = 64 << 20;

fn sfdisk(bench: &Bench, name: &str, script: &str) {
    let mut child =
        Command::new("/usr/sbin/sfdisk").arg("-q").arg(bench.path(name)).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{script}");
}

pub(crate) static BY_SFDISK: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for (name, script) in [
        ("dos", "label: dos\n,,L,*\n"),
        ("dos-four", "label: dos\n,8M\n,8M\n,8M\n,8M\n"),
        ("dos-extended", "label: dos\n,8M\n,,E\n,8M\n,8M\n"),
        ("gpt", "label: gpt\n,8M\n,\n"),
        ("gpt-many", "label: gpt\n,1M\n,1M\n,1M\n,1M\n,1M\n,1M\n"),
        ("gpt-empty", "label: gpt\n"),
        ("gpt-short", "label: gpt\ntable-length: 8\n,8M\n"),
    ] {
        bench.blank(name, DISK);
        sfdisk(&bench, name, script);
        accepted(&bench, name);
    }
    Some(bench.accepted())
});

#[test]
fn partitioned_disks_are_accepted_as_raw_and_as_gpt() {
    LazyLock::force(&BY_SFDISK);
}

pub(crate) static BY_SGDISK: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for (name, options) in [
        ("plain", "-n 1:0:0"),
        ("bios", "-n 1:0:+1M -t 1:ef02 -n 2:0:0"),
        ("efi", "-n 1:0:+8M -t 1:ef00 -n 2:0:0 -A 2:set:2"),
        ("aligned", "-a 8 -n 1:0:+4M"),
    ] {
        bench.blank(name, DISK);
        bench.run(&format!("sgdisk -o {options} {name}"));
        accepted(&bench, name);
    }
    Some(bench.accepted())
});

#[test]
fn disks_by_sgdisk_are_accepted() {
    LazyLock::force(&BY_SGDISK);
}

fn accepted(bench: &Bench, name: &str) {
    let report = bench.look(name);
    assert_eq!(report.formats(), [Format::Gpt], "{name}");
    for declared in ["raw", "gpt"] {
        assert_eq!(judge(declared, &report), Ok(Some(DISK)), "{name} as {declared}: {report:?}");
    }
    bench.count();
}
