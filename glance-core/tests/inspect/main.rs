//! Images made by the tools that people use: what they are and how large is what `qemu-img` says.
//!
//! Each family of tools runs where its environment variable is set, to anything:
//! `GLANCE_TEST_QEMU_IMG`, `GLANCE_TEST_ISO_TOOLS` (xorriso and genisoimage),
//! `GLANCE_TEST_PARTITION_TOOLS` (sfdisk and sgdisk) and `GLANCE_TEST_CRYPTSETUP`. What they are
//! looked for with belongs to the feature `conformance`, which tests of the whole workspace have.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod isos;
mod partitions;
mod qemu;
mod support;
mod volumes;
