//! VHDX images.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const SIZE: u64 = 8 << 20;

const FIRST_TABLE: usize = 192 << 10;
const SECOND_TABLE: usize = 256 << 10;
const METADATA: usize = 1 << 20;
const BLOCKS: usize = 2 << 20;
const LENGTH: usize = 3 << 20;

// GUIDs as they lie in a file.
const METADATA_REGION: [u8; 16] = hex(0x06A2_7C8B_9047_9A4B_B8FE_575F_050F_886E);
const BLOCKS_REGION: [u8; 16] = hex(0x6677_C22D_23F6_0042_9D64_115E_9BFD_4A08);
const FILE_PARAMETERS: [u8; 16] = hex(0x3767_A1CA_36FA_434D_B3B6_33F0_AA44_E76B);
const VIRTUAL_DISK_SIZE: [u8; 16] = hex(0x2442_A52F_1BCD_7648_B211_5DBE_D83B_F4B8);
const PARENT_LOCATOR: [u8; 16] = hex(0x2D5F_D3A8_0BB3_4D45_ABF7_D3D8_4834_AB0C);

const fn hex(guid: u128) -> [u8; 16] {
    guid.to_be_bytes()
}

fn region(guid: [u8; 16], at: u64, length: u32, required: bool) -> Vec<u8> {
    [&guid[..], &at.to_le_bytes(), &length.to_le_bytes(), &u32::from(required).to_le_bytes()].concat()
}

fn item(guid: [u8; 16], at: u32, length: u32, flags: u32) -> Vec<u8> {
    [&guid[..], &at.to_le_bytes(), &length.to_le_bytes(), &flags.to_le_bytes(), &[0; 4]].concat()
}

fn place(at: usize) -> u64 {
    at as u64
}

fn regions() -> Vec<Vec<u8>> {
    vec![region(METADATA_REGION, place(METADATA), 1 << 20, true), region(BLOCKS_REGION, place(BLOCKS), 1 << 20, true)]
}

fn region_table(regions: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(regions.len()).unwrap();
    [b"regi\0\0\0\0", &count.to_le_bytes()[..], &[0; 4], &regions.concat()].concat()
}

fn items() -> Vec<Vec<u8>> {
    vec![item(FILE_PARAMETERS, 0x10000, 8, 4), item(VIRTUAL_DISK_SIZE, 0x10008, 8, 6)]
}

fn metadata_table(items: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(items.len()).unwrap();
    [b"metadata\0\0", &count.to_le_bytes()[..], &[0; 20], &items.concat()].concat()
}

fn assembled(regions: &[Vec<u8>], items: &[Vec<u8>]) -> Vec<u8> {
    let mut data = vec![0; LENGTH];
    set(&mut data, 0, b"vhdxfile");
    for header in [64 << 10, 128 << 10] {
        set(&mut data, header, b"head");
    }
    for table in [FIRST_TABLE, SECOND_TABLE] {
        set(&mut data, table, &region_table(regions));
    }
    set(&mut data, METADATA, &metadata_table(items));
    set(&mut data, METADATA + 0x10000, &(1_u32 << 20).to_le_bytes());
    set(&mut data, METADATA + 0x10008, &SIZE.to_le_bytes());
    data
}

/// An empty disk.
pub(super) fn image() -> Vec<u8> {
    assembled(&regions(), &items())
}

pub(super) fn honest() -> Vec<Honest> {
    let other = [9; 16];
    let more_items = [vec![item(other, 0x10020, 8, 0)], items()].concat();
    let more_regions = [regions(), vec![region(other, 3 << 20, 1 << 20, false)]].concat();
    vec![
        Honest::new("vhdx", "vhdx", image(), SIZE),
        Honest::new("vhdx with an optional item of somebody", "vhdx", assembled(&regions(), &more_items), SIZE),
        Honest::new("vhdx with an optional region of somebody", "vhdx", assembled(&more_regions, &items()), SIZE),
        Honest::new("vhdx with a second table only", "vhdx", patched(&image(), FIRST_TABLE, &[0; 4]), SIZE),
        Honest::new("vhdx as raw", "raw", image(), LENGTH as u64),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("vhdx", image());
    list.patch("flag of a parent", METADATA + 0x10004, &[2], Finding::Parent);
    let locator = [items(), vec![item(PARENT_LOCATOR, 0x10020, 64, 4)]].concat();
    list.whole("parent locator", assembled(&regions(), &locator), Finding::Parent);
    let inside = assembled(&regions(), &[item(FILE_PARAMETERS, 0x8000, 8, 4), items().remove(1)]);
    list.whole("flag of a parent in the table", patched(&inside, METADATA + 0x8004, &[2]), Finding::Parent);
    for header in [64 << 10, 128 << 10] {
        list.patch(&format!("log of the header at {header}"), header + 48, &[1], Finding::PendingLog);
    }
    for size in [1_u64 << 63, u64::MAX] {
        list.patch(&format!("size {size}"), METADATA + 0x10008, &size.to_le_bytes(), Finding::VirtualSize);
    }
    let region_of_somebody = [regions(), vec![region([9; 16], 3 << 20, 1 << 20, true)]].concat();
    list.whole("required region", assembled(&region_of_somebody, &items()), Finding::UnknownFeatures);
    let item_of_somebody = [items(), vec![item([9; 16], 0x10020, 8, 4)]].concat();
    list.whole("required item", assembled(&regions(), &item_of_somebody), Finding::UnknownFeatures);
    contradictions(&mut list);
    structure(&mut list);
    truncated(&mut list);
    list.spoiled
}

fn contradictions(list: &mut Spoiler) {
    let elsewhere = region_table(&[region(METADATA_REGION, 3 << 20, 1 << 20, true)]);
    list.patch("second table", SECOND_TABLE, &elsewhere, Finding::Contradiction);
    let regions_twice = [regions(), vec![region(METADATA_REGION, 3 << 20, 1 << 20, true)]].concat();
    list.whole("two metadata regions", assembled(&regions_twice, &items()), Finding::Contradiction);
    let size_twice = [items(), vec![item(VIRTUAL_DISK_SIZE, 0x10020, 8, 6)]].concat();
    list.whole("two sizes", assembled(&regions(), &size_twice), Finding::Contradiction);
    let parameters_twice = [items(), vec![item(FILE_PARAMETERS, 0x10020, 8, 6)]].concat();
    list.whole("two sets of parameters", assembled(&regions(), &parameters_twice), Finding::Contradiction);
}

fn structure(list: &mut Spoiler) {
    use Finding::{Malformed, Overlap};
    let mut with_region = |name: &str, at: u64, length, finding| {
        let regions = [region(METADATA_REGION, at, length, true), regions().remove(1)];
        list.whole(name, assembled(&regions, &items()), finding);
    };
    with_region("metadata over the headers", 64 << 10, 1 << 20, Overlap);
    with_region("metadata at the beginning", 0, 1 << 20, Overlap);
    with_region("metadata over the blocks", place(BLOCKS), 1 << 20, Overlap);
    with_region("metadata off the grid", place(METADATA) + 4096, 1 << 20, Malformed);
    with_region("metadata of an odd length", place(METADATA), 1000, Malformed);
    with_region("metadata behind the end", 1 << 40, 1 << 20, Finding::Truncated);
    with_region("metadata at the end of the world", 0xFFFF_FFFF_FFF0_0000, 1 << 20, Finding::Truncated);
    let mut with_item = |name: &str, at, length, finding| {
        list.whole(name, assembled(&regions(), &[items().remove(0), item(VIRTUAL_DISK_SIZE, at, length, 6)]), finding);
    };
    with_item("size in the table", 64, 8, Overlap);
    with_item("size behind the region", 2 << 20, 8, Malformed);
    with_item("size at the end of the world", u32::MAX, 8, Malformed);
    with_item("size of a wrong length", 0x10008, 4, Malformed);
    with_item("size of an absurd length", 0x10008, u32::MAX, Malformed);
    list.whole("no size", assembled(&regions(), &items()[..1]), Malformed);
    list.whole("no parameters", assembled(&regions(), &items()[1..]), Malformed);
    list.whole("no metadata", assembled(&regions()[1..], &items()), Malformed);
    list.patch("no metadata table", METADATA, b"x", Malformed);
    for count in [2048_u32, u32::MAX] {
        list.patch(&format!("{count} regions"), FIRST_TABLE + 8, &count.to_le_bytes(), Malformed);
    }
    for count in [2048_u16, u16::MAX] {
        list.patch(&format!("{count} items"), METADATA + 10, &count.to_le_bytes(), Malformed);
    }
    let tables = patched(&list.with(FIRST_TABLE, &[0; 4]), SECOND_TABLE, &[0; 4]);
    list.whole("no region table", tables, Malformed);
    let headers = patched(&list.with(64 << 10, &[0; 4]), 128 << 10, &[0; 4]);
    list.whole("no header", headers, Malformed);
}

fn truncated(list: &mut Spoiler) {
    for length in [8, 70 << 10, 200 << 10, METADATA + 100, METADATA + 0x10008] {
        list.whole(&format!("of {length} bytes"), list.base[..length].to_vec(), Finding::Truncated);
    }
}
