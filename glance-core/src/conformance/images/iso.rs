//! ISO 9660 images.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const DESCRIPTORS: usize = 32 << 10;
const SIZE: u64 = 40 << 10;

fn primary() -> Vec<u8> {
    let mut data = vec![0; 2048];
    set(&mut data, 0, b"\x01CD001\x01");
    set(&mut data, 80, &20_u32.to_le_bytes());
    set(&mut data, 84, &20_u32.to_be_bytes());
    set(&mut data, 128, &2048_u16.to_le_bytes());
    set(&mut data, 130, &2048_u16.to_be_bytes());
    data
}

/// A volume of twenty sectors.
pub(super) fn image() -> Vec<u8> {
    let mut data = vec![0; 40 << 10];
    set(&mut data, DESCRIPTORS, &primary());
    set(&mut data, DESCRIPTORS + 2048, b"\xffCD001\x01");
    data
}

pub(super) fn honest() -> Vec<Honest> {
    let start = patched(&image(), 0, &super::tables::mbr());
    let bytes = image().len() as u64;
    let udf = |signature: &[u8]| {
        let data = patched(&vec![0; 40 << 10], DESCRIPTORS + 1, signature);
        Honest { virtual_size: None, ..Honest::new("UDF", "iso", data, 0) }
    };
    let swapped = patched(&patched(&image(), DESCRIPTORS + 84, &[0; 4]), DESCRIPTORS + 130, &[0; 2]);
    vec![
        Honest::new("iso", "iso", image(), SIZE),
        Honest::new("iso that starts from a stick", "iso", start, SIZE),
        Honest::new("iso by the simplest of writers", "iso", swapped, SIZE),
        Honest::new("iso as raw", "raw", image(), bytes),
        Honest::new("archive in front of an iso", "iso", patched(&image(), 0, &super::tar("a")), SIZE),
        udf(b"NSR02"),
        udf(b"NSR03"),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("iso", image());
    list.patch("other number of blocks", DESCRIPTORS + 84, &[9], Finding::Contradiction);
    list.patch("other size of blocks", DESCRIPTORS + 130, &[9], Finding::Contradiction);
    let second = [patched(&primary(), 80, &[9]), vec![0xFF; 1], b"CD001".to_vec()].concat();
    list.patch("second volume", DESCRIPTORS + 2048, &second, Finding::Contradiction);
    for size in [1_u16, 3, 256, 2047, u16::MAX] {
        let blocks = list.with(DESCRIPTORS + 128, &size.to_le_bytes());
        list.whole(&format!("blocks of {size}"), patched(&blocks, DESCRIPTORS + 130, &[0; 2]), Finding::Malformed);
    }
    list.spoiled
}
