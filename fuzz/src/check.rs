//! What has to hold for every input.

use glance_core::image::inspect::{Detector, Finding, Format, FormatRules, Report, Weight};

use crate::{Layout, MEMORY};

/// Where every finding is explained. A name that is not there is none that programs may rely on.
const DOCUMENTATION: &str = include_str!("../../docs/inspection.md");

/// Names that images are declared by: every format, and some that no data is held to.
const OTHERS: [&str; 4] = ["ami", "aki", "ploop", ""];

/// Looks at the image that `input` stands for.
///
/// # Panics
///
/// If the verdict depends on how the data is cut, a finding is not documented, more memory is held
/// than promised, or a rule does not hold.
pub fn check(layout: &Layout, input: &[u8]) {
    let sample = layout.expand(input);
    let report = look(&sample.data, [].into_iter());
    let in_pieces = look(&sample.data, lengths(sample.split));
    assert_eq!(report, in_pieces, "chunks make a difference");
    assert_eq!(report.length, sample.data.len() as u64);
    for found in report.matches.iter().chain(&report.envelope) {
        found.findings.iter().for_each(is_documented);
        assert!(found.virtual_size.is_none_or(|bytes| i64::try_from(bytes).is_ok()), "{found:?}");
    }
    let mut formats = report.formats();
    formats.sort_unstable();
    formats.dedup();
    assert_eq!(formats.len(), report.formats().len(), "a format twice");
    let declared = Format::DISKS.iter().map(|format| format.as_str()).chain(OTHERS);
    declared.for_each(|declared| is_judged(declared, &report));
}

/// Looks at data in chunks of these lengths and the rest at once, and counts the memory.
fn look(data: &[u8], lengths: impl Iterator<Item = usize>) -> Report {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut detector = Detector::new();
    let mut rest = data;
    for length in lengths {
        let (chunk, others) = rest.split_at(length.min(rest.len()));
        detector.look_at(chunk);
        assert!(detector.held() <= Detector::MOST_HELD, "{} bytes held", detector.held());
        rest = others;
    }
    detector.look_at(rest);
    let report = detector.finish();
    let most = MEMORY.peak_usage().saturating_sub(before);
    assert!(most <= Detector::MOST_HELD, "{most} bytes taken");
    report
}

/// Lengths of up to 48 chunks: some of a few bytes, some of a header, some of many headers.
fn lengths(seed: u16) -> impl Iterator<Item = usize> {
    const LONGEST: [usize; 4] = [8, 300, 5_000, 150_000];
    let mut state = u32::from(seed) + 1;
    std::iter::repeat_with(move || {
        // xorshift32, Marsaglia 2003
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 2) as usize % LONGEST[(state & 3) as usize]
    })
    .take(48)
}

fn is_documented(finding: Finding) {
    let name = format!("`{}`", finding.as_str());
    assert!(DOCUMENTATION.contains(&name), "{name} is not documented");
}

fn is_judged(declared: &str, report: &Report) {
    let strict = FormatRules::default().judge(declared, report);
    let lax = FormatRules { require_match: false, ..FormatRules::default() }.judge(declared, report);
    if strict.is_ok() {
        assert_eq!(strict, lax, "as {declared:?}");
    }
    if report.matches.iter().any(|found| !found.findings.of(Weight::Reference).is_empty()) {
        assert!(lax.is_err(), "a reference passes as {declared:?}");
    }
}
