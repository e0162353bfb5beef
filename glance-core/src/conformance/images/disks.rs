//! VDI, QED and LUKS images, and data of no format.

use super::{Honest, Hostile, Spoiler, set};
use crate::image::inspect::Finding;

const SIZE: u64 = 4 << 20;

/// An empty VDI of four blocks.
pub(super) fn vdi() -> Vec<u8> {
    let mut data = vec![0; 4096];
    let mut number = |at, number: u32| set(&mut data, at, &number.to_le_bytes());
    number(64, 0xBEDA_107F);
    number(68, 0x0001_0001);
    number(72, 400);
    number(76, 1);
    number(340, 512);
    number(344, 1024);
    number(360, 512);
    number(376, 1 << 20);
    number(384, 4);
    set(&mut data, 368, &SIZE.to_le_bytes());
    data
}

pub(super) fn qed() -> Vec<u8> {
    let mut data = vec![0; 4096];
    set(&mut data, 0, b"QED\0");
    set(&mut data, 4, &65536_u32.to_le_bytes());
    set(&mut data, 48, &SIZE.to_le_bytes());
    data
}

/// A volume of version 1 with one key.
pub(super) fn luks() -> Vec<u8> {
    let mut data = vec![0; 8192];
    let mut number = |at, number: u32| set(&mut data, at, &number.to_be_bytes());
    number(104, 8);
    number(108, 32);
    number(208, 0x00AC_71F3);
    number(248, 4);
    number(252, 60);
    set(&mut data, 0, b"LUKS\xba\xbe\x00\x01");
    data
}

pub(super) fn honest() -> Vec<Honest> {
    let mut simplest = vec![0; 1024];
    set(&mut simplest, 64, &0xBEDA_107F_u32.to_le_bytes());
    set(&mut simplest, 368, &SIZE.to_le_bytes());
    let nothing =
        |declared, data: Vec<u8>| Honest { virtual_size: None, ..Honest::new("data of no format", declared, data, 0) };
    vec![
        Honest::new("vdi", "vdi", vdi(), SIZE),
        Honest::new("vdi by the simplest of writers", "vdi", simplest, SIZE),
        Honest::new("luks", "luks", luks(), 4096),
        Honest::new("luks as raw", "raw", luks(), 8192),
        Honest::new("data of no format", "raw", vec![7; 1000], 1000),
        nothing("raw", Vec::new()),
        nothing("ami", vec![7; 1000]),
        nothing("ari", vec![7; 1000]),
        nothing("aki", vec![7; 1000]),
        nothing("ploop", vec![7; 1000]),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("vdi", vdi());
    for (name, kind) in [("undo", 3_u32), ("differencing", 4)] {
        list.patch(name, 76, &kind.to_le_bytes(), Finding::Parent);
    }
    list.patch("link", 424, &[1], Finding::Parent);
    list.patch("parent", 455, &[1], Finding::Parent);
    for version in [1_u32, 0x0001_0000, 0x0002_0001] {
        list.patch(&format!("version {version:x}"), 68, &version.to_le_bytes(), Finding::Version);
    }
    for size in [1_u64 << 63, u64::MAX] {
        list.patch(&format!("size {size}"), 368, &size.to_le_bytes(), Finding::VirtualSize);
    }
    list.patch("kind", 76, &[9], Finding::Malformed);
    list.patch("too few blocks", 384, &[1], Finding::Malformed);
    list.patch("more blocks than there are", 388, &[5], Finding::Malformed);
    list.patch("sector", 360, &[9], Finding::Malformed);
    list.patch("map in the header", 340, &100_u32.to_le_bytes(), Finding::Overlap);
    list.patch("blocks in the map", 344, &520_u32.to_le_bytes(), Finding::Overlap);
    list.patch("map behind the end", 340, &u32::MAX.to_le_bytes(), Finding::Truncated);
    list.patch("blocks behind the end", 388, &[4], Finding::Truncated);
    list.whole("of 400 bytes", list.base[..400].to_vec(), Finding::Truncated);
    list.spoiled.into_iter().chain(hostile_qed()).chain(hostile_luks()).collect()
}

fn hostile_qed() -> Vec<Hostile> {
    let mut list = Spoiler::of("qed", qed());
    list.whole("at all", qed(), Finding::Banned);
    list.patch("backing file", 16, &[1], Finding::BackingFile);
    list.patch("name of a backing file", 60, &[9], Finding::BackingFile);
    list.patch("features", 20, &[1], Finding::UnknownFeatures);
    list.patch("size", 48, &[0xFF; 8], Finding::VirtualSize);
    list.whole("cut short", qed()[..4].to_vec(), Finding::Truncated);
    list.spoiled
}

fn hostile_luks() -> Vec<Hostile> {
    let mut list = Spoiler::of("luks", luks());
    for version in [0_u16, 2, 3, u16::MAX] {
        list.patch(&format!("version {version}"), 6, &version.to_be_bytes(), Finding::Version);
    }
    list.whole("of six bytes", luks()[..6].to_vec(), Finding::Version);
    list.patch("payload in the header", 104, &1_u32.to_be_bytes(), Finding::Overlap);
    list.patch("key in the header", 248, &1_u32.to_be_bytes(), Finding::Overlap);
    list.patch("key in the payload", 252, &600_u32.to_be_bytes(), Finding::Overlap);
    list.patch("key of absurd length", 108, &[0xFF; 4], Finding::Overlap);
    list.patch("payload behind the end", 104, &u32::MAX.to_be_bytes(), Finding::Truncated);
    list.whole("cut short", luks()[..500].to_vec(), Finding::Truncated);
    list.spoiled
}
