//! Every committed input holds, also where no fuzzer runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use glance_core::image::inspect::{Detector, Format};
use glance_fuzz::{Layout, check, layouts};

fn inputs(layout: &Layout) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(layout.name);
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// One test, since it counts the memory of the process.
#[test]
fn committed_inputs_hold_and_reach_their_format() {
    for layout in layouts::ALL {
        let inputs = inputs(layout);
        assert!(!inputs.is_empty(), "{}", layout.name);
        let mut recognised = 0;
        for input in inputs {
            check(layout, &input);
            let mut detector = Detector::new();
            detector.look_at(&layout.expand(&input).data);
            let report = detector.finish();
            let formats = report.matches.iter().chain(&report.envelope).map(|found| found.format);
            recognised += usize::from(formats.map(Format::as_str).any(|name| name == layout.name));
        }
        assert!(recognised >= 3 || layout.name == "detector", "{}: {recognised}", layout.name);
    }
}
