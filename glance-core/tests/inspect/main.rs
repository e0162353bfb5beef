//! Images made by the tools that people use: what they are and how large is what `qemu-img` says.
//!
//! Each family of tools runs where its environment variable is set, to anything:
//! `GLANCE_TEST_QEMU_IMG`, `GLANCE_TEST_ISO_TOOLS` (xorriso and genisoimage),
//! `GLANCE_TEST_PARTITION_TOOLS` (sfdisk and sgdisk), `GLANCE_TEST_CRYPTSETUP`, and
//! `GLANCE_TEST_DEBIAN_IMAGES` for the images in Debian's packages. The tests need the feature
//! `conformance`, which tests of the whole workspace have.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod debian;
mod isos;
mod partitions;
mod qemu;
mod support;
mod volumes;

use std::io::Write as _;

use support::Accepted;

#[test]
fn fifty_images_by_tools_are_accepted() {
    let kinds: [(&str, &Accepted); 10] = [
        ("by qemu-img, empty", &qemu::EMPTY),
        ("with data", &qemu::WITH_DATA),
        ("large", &qemu::LARGE),
        ("with snapshots", &qemu::WITH_SNAPSHOTS),
        ("discs", &isos::DISCS),
        ("discs for sticks", &isos::STICKS),
        ("by sfdisk", &partitions::BY_SFDISK),
        ("by sgdisk", &partitions::BY_SGDISK),
        ("volumes", &volumes::VERSION_1),
        ("in packages of Debian", &debian::IMAGES),
    ];
    let counted: Vec<_> = kinds.iter().filter_map(|(kind, accepted)| Some((kind, (***accepted)?))).collect();
    if counted.len() < kinds.len() {
        return; // Which tools are missing was said.
    }
    assert!(counted.iter().all(|(_, accepted)| *accepted > 0), "{counted:?}");
    let all: usize = counted.iter().map(|(_, accepted)| accepted).sum();
    let list: Vec<_> = counted.iter().map(|(kind, accepted)| format!("{accepted} {kind}")).collect();
    // Not `println`, which test runners keep to themselves when a test passes.
    writeln!(std::io::stderr(), "{all} images by tools accepted: {}", list.join(", ")).unwrap();
    assert!(all >= 50, "{all} are too few");
}
