//! qcow2 images.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const SIZE: u64 = 1 << 20;

/// An empty disk: header, refcount table and L1 table, a cluster each.
pub(super) fn image(version: u32) -> Vec<u8> {
    let mut data = vec![0; 4 << 16];
    set(&mut data, 0, b"QFI\xfb");
    set(&mut data, 4, &version.to_be_bytes());
    set(&mut data, 20, &16_u32.to_be_bytes());
    set(&mut data, 24, &SIZE.to_be_bytes());
    set(&mut data, 36, &1_u32.to_be_bytes());
    set(&mut data, 40, &0x30000_u64.to_be_bytes());
    set(&mut data, 48, &0x10000_u64.to_be_bytes());
    set(&mut data, 56, &1_u32.to_be_bytes());
    if version > 2 {
        set(&mut data, 96, &4_u32.to_be_bytes());
        set(&mut data, 100, &104_u32.to_be_bytes());
    }
    data
}

fn extension(kind: u32, length: u32) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(length.to_be_bytes());
    bytes.resize(8 + (length as usize).next_multiple_of(8).min(1 << 16), b'x');
    bytes
}

pub(super) fn honest() -> Vec<Honest> {
    let three = image(3);
    let named = [extension(0x6803_F857, 48), extension(0, 0)].concat();
    vec![
        Honest::new("qcow2 version 2", "qcow2", image(2), SIZE),
        Honest::new("qcow2 version 3", "qcow2", three.clone(), SIZE),
        Honest::new("qcow2 with compressed clusters", "qcow2", patched(&three, 79, &[8]), SIZE),
        Honest::new("qcow2 that was not closed", "qcow2", patched(&three, 79, &[3]), SIZE),
        Honest::new("qcow2 with named features", "qcow2", patched(&three, 104, &named), SIZE),
        Honest::new("qcow2 with future compatible features", "qcow2", patched(&three, 80, &[0xFF; 16]), SIZE),
        Honest::new("qcow2 as raw", "raw", three.clone(), three.len() as u64),
        Honest::new("qcow2 cut short, as raw", "raw", three[..300].to_vec(), 300),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("qcow2", image(3));
    references(&mut list);
    header(&mut list);
    for bit in 4..64 {
        let name = format!("feature {bit}");
        list.patch(&name, 72, &(1_u64 << bit).to_be_bytes(), Finding::UnknownFeatures);
    }
    structure(&mut list);
    list.spoiled
}

fn references(list: &mut Spoiler) {
    list.patch("backing file", 8, &512_u64.to_be_bytes(), Finding::BackingFile);
    list.patch("backing file far away", 8, &u64::MAX.to_be_bytes(), Finding::BackingFile);
    list.whole("backing file, version 2", patched(&image(2), 8, &512_u64.to_be_bytes()), Finding::BackingFile);
    list.whole("backing file, version 1", patched(&image(1), 8, &48_u64.to_be_bytes()), Finding::BackingFile);
    let short = list.with(8, &512_u64.to_be_bytes())[..120].to_vec();
    list.whole("backing file, cut short", short, Finding::BackingFile);
    list.patch("data file", 79, &[4], Finding::DataFile);
    list.patch("data file and all else", 72, &[0xFF; 8], Finding::DataFile);
    list.patch("name of a data file", 104, &extension(0x4441_5441, 12), Finding::DataFile);
    let second = [extension(0x6803_F857, 480), extension(0x4441_5441, 12)].concat();
    list.patch("name of a data file behind others", 104, &second, Finding::DataFile);
    list.whole("data file in version 2", patched(&image(2), 72, &extension(0x4441_5441, 8)), Finding::DataFile);
}

fn header(list: &mut Spoiler) {
    for version in [0_u32, 1, 4, 255, u32::MAX] {
        list.patch(&format!("version {version}"), 4, &version.to_be_bytes(), Finding::Version);
    }
    for size in [1_u64 << 63, u64::MAX] {
        list.patch(&format!("size {size}"), 24, &size.to_be_bytes(), Finding::VirtualSize);
    }
    let many = extension(0x6803_F857, 0).repeat(60_000);
    let clusters = list.with(20, &21_u32.to_be_bytes());
    list.whole("extensions without end", patched(&clusters, 104, &many), Finding::UnknownFeatures);
}

fn structure(list: &mut Spoiler) {
    use Finding::{Malformed, Overlap, Truncated};
    for bits in [0_u32, 8, 22, 63, u32::MAX] {
        list.patch(&format!("cluster bits {bits}"), 20, &bits.to_be_bytes(), Malformed);
    }
    for length in [0_u32, 72, 105, 1 << 20, u32::MAX] {
        list.patch(&format!("header length {length}"), 100, &length.to_be_bytes(), Malformed);
    }
    list.patch("refcount order", 96, &7_u32.to_be_bytes(), Malformed);
    list.patch("encryption", 32, &3_u32.to_be_bytes(), Malformed);
    list.patch("L1 table off the grid", 40, &0x30008_u64.to_be_bytes(), Malformed);
    list.patch("refcounts off the grid", 48, &0x10001_u64.to_be_bytes(), Malformed);
    list.patch("L1 table too small", 24, &(1_u64 << 40).to_be_bytes(), Malformed);
    list.patch("extension too long", 104, &extension(0x6803_F857, u32::MAX), Malformed);
    list.patch("tables on each other", 40, &0x10000_u64.to_be_bytes(), Overlap);
    list.patch("L1 table behind the end", 40, &0x7FFF_0000_u64.to_be_bytes(), Truncated);
    list.patch("L1 table at the end of the world", 40, &0xFFFF_FFFF_FFFF_0000_u64.to_be_bytes(), Truncated);
    list.patch("refcounts behind the end", 48, &0x7FFF_0000_u64.to_be_bytes(), Truncated);
    list.patch("L1 table too large", 36, &u32::MAX.to_be_bytes(), Truncated);
    for length in [4, 8, 72, 104, 511] {
        list.whole(&format!("of {length} bytes"), list.base[..length].to_vec(), Truncated);
    }
}
