//! Encrypted volumes made by cryptsetup, in files and without a device.

use std::fs;
use std::sync::LazyLock;

use glance_core::image::inspect::{Finding, Refusal};

use crate::support::{Accepted, Bench, judge};

const VARIABLE: &str = "GLANCE_TEST_CRYPTSETUP";
const VOLUME: u64 = 32 << 20;

fn format(bench: &Bench, name: &str, options: &str) {
    fs::write(bench.path("key"), "a key for tests").unwrap();
    bench.blank(name, VOLUME);
    bench.run(&format!("cryptsetup -q luksFormat {options} --key-file key {name}"));
}

pub(crate) static VERSION_1: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for (name, options) in [
        ("plain", "--type luks1 --pbkdf-force-iterations 1000"),
        ("aes", "--type luks1 --pbkdf-force-iterations 1000 --cipher aes-cbc-essiv:sha256 --key-size 256"),
        ("aligned", "--type luks1 --pbkdf-force-iterations 1000 --align-payload 8192"),
    ] {
        format(&bench, name, options);
        let report = bench.look(name);
        let size = judge("luks", &report).unwrap().unwrap();
        let dump = bench.run(&format!("cryptsetup luksDump {name}"));
        let offset = dump.lines().find_map(|line| line.strip_prefix("Payload offset:")).unwrap();
        assert_eq!(size, VOLUME - offset.trim().parse::<u64>().unwrap() * 512, "{name}");
        assert_eq!(judge("raw", &report), Ok(Some(VOLUME)), "{name}");
        bench.count();
    }
    Some(bench.accepted())
});

#[test]
fn volumes_of_version_1_are_accepted() {
    LazyLock::force(&VERSION_1);
}

#[test]
fn volumes_of_version_2_are_refused() {
    let Some(bench) = Bench::with(VARIABLE) else { return };
    format(&bench, "two", "--type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000");
    for declared in ["luks", "raw"] {
        let judged = judge(declared, &bench.look("two"));
        let found = matches!(&judged, Err(Refusal::Unsafe { findings, .. }) if findings.contains(Finding::Version));
        assert!(found, "{declared}: {judged:?}");
    }
}
