//! Optical discs made by xorriso and genisoimage.

use std::fs;
use std::sync::LazyLock;

use glance_core::image::inspect::Format;

use crate::support::{Accepted, Bench, judge};

const VARIABLE: &str = "GLANCE_TEST_ISO_TOOLS";

/// A folder with something to put on a disc, and with something to boot.
fn bench() -> Option<Bench> {
    let bench = Bench::with(VARIABLE)?;
    fs::create_dir_all(bench.path("tree/folder")).unwrap();
    fs::write(bench.path("tree/folder/file"), vec![7; 100_000]).unwrap();
    fs::write(bench.path("tree/boot"), [0; 2048]).unwrap();
    Some(bench)
}

pub(crate) static DISCS: Accepted = LazyLock::new(|| {
    let bench = bench()?;
    for (name, line) in [
        ("plain", "genisoimage -quiet"),
        ("joliet", "genisoimage -quiet -J -R -V Name"),
        ("udf", "genisoimage -quiet -udf"),
        ("unpadded", "genisoimage -quiet -no-pad"),
        ("bootable", "genisoimage -quiet -b boot -no-emul-boot"),
        ("xorriso", "xorriso -report_about SORRY -as mkisofs"),
        ("xorriso-joliet", "xorriso -report_about SORRY -as mkisofs -J -R"),
        ("xorriso-bootable", "xorriso -report_about SORRY -as mkisofs -b boot -no-emul-boot"),
    ] {
        bench.run(&format!("{line} -o {name}.iso tree"));
        let report = bench.look(&format!("{name}.iso"));
        assert_eq!(report.formats(), [Format::Iso], "{name}");
        let size = judge("iso", &report).unwrap().unwrap();
        assert!(size <= report.length && size >= 100_000, "{name}: {size} of {}", report.length);
        assert_eq!(judge("raw", &report), Ok(Some(report.length)), "{name}");
        bench.count();
    }
    Some(bench.accepted())
});

#[test]
fn discs_of_every_kind_are_accepted() {
    LazyLock::force(&DISCS);
}

pub(crate) static STICKS: Accepted = LazyLock::new(|| {
    let bench = bench()?;
    for (name, options) in [
        ("mbr", "-partition_offset 16"),
        ("mbr-type", "-iso_mbr_part_type 0x83 -partition_offset 16"),
        ("gpt", "-append_partition 2 0xef tree/boot -appended_part_as_gpt"),
        ("appended", "-append_partition 2 0xef tree/boot"),
    ] {
        bench.run(&format!("xorriso -report_about SORRY -as mkisofs {options} -o {name}.iso tree"));
        let report = bench.look(&format!("{name}.iso"));
        assert_eq!(report.formats(), [Format::Iso, Format::Gpt], "{name}");
        assert!(judge("iso", &report).is_ok(), "{name}");
        assert!(judge("raw", &report).is_err() && judge("qcow2", &report).is_err(), "{name}");
        bench.count();
    }
    Some(bench.accepted())
});

#[test]
fn discs_that_start_from_a_stick_are_discs_and_nothing_else() {
    LazyLock::force(&STICKS);
}
