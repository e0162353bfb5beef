//! Every image that is made up for tests, and properties of what looks at them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::conformance::images::{self, Hostile};

fn look(data: &[u8], chunks: impl IntoIterator<Item = usize>) -> Report {
    let mut detector = Detector::new();
    let mut rest = data;
    for length in chunks {
        let (chunk, others) = rest.split_at(length.min(rest.len()));
        detector.look_at(chunk);
        assert!(detector.held() <= Detector::MOST_HELD, "{} bytes held", detector.held());
        rest = others;
        if rest.is_empty() {
            break;
        }
    }
    detector.look_at(rest);
    detector.finish()
}

fn whole(data: &[u8]) -> Report {
    look(data, [])
}

#[test]
fn hostile_data_is_refused_and_the_finding_named() {
    let rules = FormatRules::default();
    let hostile = images::hostile();
    for Hostile { name, declared, data, reason } in hostile {
        let judged = rules.judge(declared, &whole(data));
        assert!(judged.as_ref().is_err_and(|refusal| reason.explains(refusal)), "{name}: {reason:?}, but {judged:?}");
    }
    let different: BTreeSet<_> = hostile.iter().map(|image| &image.data).collect();
    assert!(different.len() >= 150, "{} are too few", different.len());
    // Not `println`, which test runners keep to themselves when a test passes.
    let refused = format!("{} hostile images refused, under {} declarations", different.len(), hostile.len());
    writeln!(std::io::stderr(), "{refused}").unwrap();
}

#[test]
fn names_of_made_up_images_are_their_own() {
    let names: Vec<_> = images::hostile().iter().map(|image| &image.name).collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn every_finding_on_a_disk_is_found_in_some_hostile_image() {
    let found: Findings = images::hostile()
        .iter()
        .filter_map(|image| match image.reason {
            images::Reason::Found(finding) => Some(finding),
            _ => None,
        })
        .collect();
    let missing: Vec<_> = Finding::ALL.iter().filter(|finding| !found.contains(**finding)).collect();
    assert_eq!(missing, [&Finding::MemberPath, &Finding::MemberLink, &Finding::MemberName]);
}

#[test]
fn honest_data_is_accepted_and_measured() {
    for image in images::honest() {
        let report = whole(&image.data);
        let judged = FormatRules::default().judge(image.declared, &report);
        assert_eq!(judged, Ok(image.virtual_size), "{}: {report:?}", image.name);
    }
}

#[test]
fn what_refers_to_other_files_is_refused_where_formats_need_not_match() {
    for Hostile { name, declared, data, reason } in images::hostile() {
        let judged = images::lax().judge(declared, &whole(data));
        match reason {
            images::Reason::Found(finding) if finding.weight() == Weight::Reference => {
                assert!(judged.is_err_and(|refusal| reason.explains(&refusal)), "{name}");
            }
            images::Reason::Ambiguous => {
                assert!(judged == Ok(None) || matches!(judged, Err(Refusal::Unsafe { .. })), "{name}: {judged:?}");
            }
            images::Reason::Mismatch => assert_eq!(judged, Ok(None), "{name}"),
            images::Reason::Found(_) => {}
        }
    }
}

#[test]
fn partition_tables_that_do_not_count_pass() {
    let rules = FormatRules { gpt_nonfatal: vec!["mbr".to_owned()], ..FormatRules::default() };
    for Hostile { name, declared, data, reason } in images::hostile() {
        let images::Reason::Found(finding) = reason else { continue };
        if finding.check() == "mbr" && *declared == "raw" {
            assert_eq!(rules.judge(declared, &whole(data)), Ok(Some(data.len() as u64)), "{name}");
        }
    }
}

#[test]
fn members_of_archives_are_looked_at() {
    let archives = images::archives();
    for images::Archive { name, data, finding } in &archives {
        let report = whole(data);
        let found = report.envelope.unwrap_or_else(|| panic!("{name} is no archive")).findings;
        match finding {
            Some(finding) => assert!(found.contains(*finding), "{name}: {finding:?}, but {found:?}"),
            None => assert!(found.is_empty(), "{name}: {found:?}"),
        }
        assert_eq!(FormatRules::default().judge("raw", &report), Ok(Some(data.len() as u64)), "{name}");
    }
    let honest = archives.iter().filter(|archive| archive.finding.is_none()).count();
    assert!(honest >= 8 && archives.len() - honest >= 50, "{honest} of {}", archives.len());
}

#[test]
fn disks_are_the_same_to_those_who_look_for_no_archives() {
    for (data, name) in every_image() {
        let mut detector = Detector::for_disks();
        detector.look_at(&data);
        assert_eq!(detector.finish(), Report { envelope: None, ..whole(&data) }, "{name}");
    }
}

#[test]
fn names_of_findings_are_their_own_and_words() {
    let names: BTreeSet<_> = Finding::ALL.iter().map(|finding| finding.as_str()).collect();
    assert_eq!(names.len(), Finding::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    assert!(Finding::ALL.len() < 64, "a set of findings has a bit for each");
}

/// Where formats change their mind: the ends of structures, and of what is kept.
const EDGES: [usize; 12] = [1, 7, 63, 64, 511, 512, 513, 4095, 65_536, 327_679, 327_680, 327_681];

/// Each image that is made up, once, with a name it has.
fn every_image() -> BTreeMap<Bytes, String> {
    let hostile = images::hostile().iter().map(|image| (image.data.clone(), image.name.clone()));
    let honest = images::honest().iter().map(|image| (image.data.clone(), image.name.clone()));
    let archives = images::archives().into_iter().map(|archive| (archive.data, archive.name));
    hostile.chain(honest).chain(archives).collect()
}

#[test]
fn edges_of_chunks_make_no_difference() {
    for (data, name) in every_image() {
        let expected = whole(&data);
        for length in EDGES {
            let chunks = std::iter::repeat_n(length, if length < 512 { 2000 } else { usize::MAX });
            assert_eq!(look(&data, chunks), expected, "{name} in chunks of {length}");
        }
    }
}

fn any_image() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<_> = every_image().into_keys().collect();
    (proptest::sample::select(all), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..16))
        .prop_map(|(data, changes)| {
            let mut data = data.to_vec();
            for (place, byte) in changes {
                // Most of what matters lies at the beginning.
                let reach = data.len().min(700);
                if reach > 0 {
                    data[place.index(reach)] = byte;
                }
            }
            data
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_every_image_gives_the_same_report(chunks in prop::collection::vec(1_usize..60_000, 1..60)) {
        for (data, name) in every_image() {
            prop_assert_eq!(look(&data, chunks.iter().copied()), whole(&data), "{}", name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_changed_images_gives_the_same_report(data in any_image(), chunks in prop::collection::vec(1_usize..200_000, 0..20)) {
        let expected = whole(&data);
        prop_assert_eq!(look(&data, chunks), expected);
    }

    #[test]
    fn any_bytes_are_taken_within_the_memory(data in prop::collection::vec(any::<u8>(), 0..3000), magic in 0_usize..9) {
        let magic = [&b""[..], b"QFI\xfb", b"KDMV", b"conectix", b"vhdxfile", b"QED\0", b"LUKS\xba\xbe", b"COWD", b"#\n"][magic];
        let data = [magic, &data].concat();
        let report = look(&data, [1, 2, 3, 100, 1000]);
        prop_assert_eq!(report.length, data.len() as u64);
        for declared in ["raw", "qcow2", "vmdk", "ami"] {
            let _ = FormatRules::default().judge(declared, &report);
        }
    }
}
