//! Partition tables and kernels.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const DISK: usize = 64 << 10;

fn entry(flag: u8, kind: u8, start: u32, count: u32) -> Vec<u8> {
    let mut entry = vec![flag, 0, 2, 0, kind, 0xFF, 0xFF, 0xFF];
    entry.extend(start.to_le_bytes());
    entry.extend(count.to_le_bytes());
    entry
}

fn boot_sector(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut data = vec![0; 512];
    set(&mut data, 446, &entries.concat());
    set(&mut data, 510, b"\x55\xaa");
    data
}

fn disk(sector: &[u8]) -> Vec<u8> {
    patched(&vec![0; DISK], 0, sector)
}

/// A boot sector with one partition.
pub(super) fn mbr() -> Vec<u8> {
    boot_sector(&[entry(0x80, 0x83, 8, 100)])
}

/// The end of a boot sector whose only partition is the second: what the first would be is left to
/// others.
pub(super) fn second_partition() -> Vec<u8> {
    boot_sector(&[vec![0; 16], entry(0x80, 0x83, 8, 100)])[462..].to_vec()
}

/// A disk with an empty GPT.
fn gpt() -> Vec<u8> {
    let mut data = disk(&boot_sector(&[entry(0, 0xEE, 1, 127)]));
    set(&mut data, 512, b"EFI PART\0\0\x01\0\x5c\0\0\0");
    for (at, sector) in [(24, 1_u64), (32, 127), (40, 34), (48, 94), (72, 2)] {
        set(&mut data, 512 + at, &sector.to_le_bytes());
    }
    set(&mut data, 512 + 80, &128_u32.to_le_bytes());
    set(&mut data, 512 + 84, &128_u32.to_le_bytes());
    summed(data)
}

fn summed(mut data: Vec<u8>) -> Vec<u8> {
    set(&mut data, 512 + 16, &[0; 4]);
    let sum = crc32(&data[512..512 + 92]);
    set(&mut data, 512 + 16, &sum.to_le_bytes());
    data
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for bit in data.iter().flat_map(|byte| (0..8).map(move |bit| u32::from(byte >> bit & 1))) {
        crc = crc >> 1 ^ if (crc ^ bit) & 1 == 1 { 0xEDB8_8320 } else { 0 };
    }
    !crc
}

pub(super) fn honest() -> Vec<Honest> {
    let bytes = DISK as u64;
    let fat = patched(&patched(&disk(&boot_sector(&[])), 0x10, &[2]), 0x15, &[0xF8]);
    let kernel = patched(&disk(&boot_sector(&[vec![0x31; 64]])), 0x202, b"HdrS");
    let big_sectors = patched(&disk(&boot_sector(&[entry(0, 0xEE, 1, 15)])), 4096, &gpt()[512..1024]);
    vec![
        Honest::new("disk with an MBR", "raw", disk(&mbr()), bytes),
        Honest::new("disk with an MBR, as gpt", "gpt", disk(&mbr()), bytes),
        Honest::new("disk with a GPT", "raw", gpt(), bytes),
        Honest::new("disk with a GPT, as gpt", "gpt", gpt(), bytes),
        Honest::new("disk with a GPT in sectors of 4 KiB", "gpt", big_sectors, bytes),
        Honest::new("FAT file system", "raw", fat, bytes),
        Honest { virtual_size: None, ..Honest::new("kernel", "aki", kernel, 0) },
        Honest::new("archive", "raw", super::tar("a"), 1536),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("gpt", gpt());
    let mut sector = |name: &str, entries: &[Vec<u8>], finding| {
        list.whole(name, disk(&boot_sector(entries)), finding);
    };
    let one = || entry(0, 0x83, 8, 100);
    sector("without partitions", &[], Finding::MbrEmpty);
    for flag in [1, 5, 0x7F, 0x81, 0xFF] {
        sector(&format!("boot flag {flag}"), &[entry(flag, 0x83, 8, 100)], Finding::MbrBootFlag);
        sector(&format!("boot flag {flag} of no partition"), &[one(), one(), one(), vec![flag]], Finding::MbrBootFlag);
    }
    for start in [0, 2, u32::MAX] {
        sector(&format!("protective from {start}"), &[entry(0, 0xEE, start, 1)], Finding::MbrProtective);
    }
    for at in 1..4 {
        let displaced = patched(&entry(0, 0xEE, 1, 1), at, &[9]);
        sector(&format!("protective cylinder {at}"), &[displaced], Finding::MbrProtective);
    }
    let protective = || entry(0, 0xEE, 1, 127);
    sector("partition beside the protective one", &[protective(), one()], Finding::MbrExtraPartition);
    sector("two protective ones", &[protective(), protective()], Finding::MbrExtraPartition);
    sector("protective one second", &[one(), protective()], Finding::MbrExtraPartition);
    sector("protective one last", &[vec![0; 48], protective()], Finding::MbrExtraPartition);
    sector("partitions on each other", &[one(), entry(0, 0x83, 50, 10)], Finding::Overlap);
    let all = |_| entry(0, 0x83, 1, u32::MAX);
    sector("four disks in one", &[0, 1, 2, 3].map(all), Finding::Overlap);
    header(&mut list);
    list.spoiled
}

fn header(list: &mut Spoiler) {
    let mut with = |name: &str, at: usize, bytes: &[u8], finding| {
        list.whole(name, summed(patched(&gpt(), 512 + at, bytes)), finding);
    };
    with("version", 8, &[9], Finding::Version);
    with("header of no length", 12, &[0; 4], Finding::Malformed);
    with("header of absurd length", 12, &[0xFF; 4], Finding::Malformed);
    with("header elsewhere", 24, &[9], Finding::Malformed);
    with("last sector before the first", 48, &[1], Finding::Malformed);
    with("entries of no size", 84, &[0; 4], Finding::Malformed);
    with("entries of an odd size", 84, &[129], Finding::Malformed);
    with("table in the header", 72, &[1], Finding::Overlap);
    with("table in the partitions", 72, &[40], Finding::Overlap);
    with("absurd number of entries", 80, &[0xFF; 4], Finding::Overlap);
    list.patch("checksum", 512 + 16, &[0; 4], Finding::Checksum);
}
