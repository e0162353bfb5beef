//! VHD images.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const SIZE: u64 = 2 << 20;

/// A footer with its checksum.
fn footer(kind: u32, data_offset: u64, size: u64) -> Vec<u8> {
    let mut data = vec![0; 512];
    set(&mut data, 0, b"conectix");
    set(&mut data, 8, &2_u32.to_be_bytes());
    set(&mut data, 12, &0x0001_0000_u32.to_be_bytes());
    set(&mut data, 16, &data_offset.to_be_bytes());
    set(&mut data, 40, &size.to_be_bytes());
    set(&mut data, 48, &size.to_be_bytes());
    set(&mut data, 60, &kind.to_be_bytes());
    summed(data, 64)
}

fn header() -> Vec<u8> {
    let mut data = vec![0; 1024];
    set(&mut data, 0, b"cxsparse");
    set(&mut data, 8, &u64::MAX.to_be_bytes());
    set(&mut data, 16, &1536_u64.to_be_bytes());
    set(&mut data, 24, &0x0001_0000_u32.to_be_bytes());
    set(&mut data, 28, &1_u32.to_be_bytes());
    set(&mut data, 32, &(2_u32 << 20).to_be_bytes());
    summed(data, 36)
}

fn summed(mut data: Vec<u8>, at: usize) -> Vec<u8> {
    set(&mut data, at, &[0; 4]);
    let sum = !data.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    set(&mut data, at, &sum.to_be_bytes());
    data
}

/// An empty disk: copy of the footer, header, table, footer.
pub(super) fn dynamic() -> Vec<u8> {
    assembled(&footer(3, 512, SIZE), &header(), &footer(3, 512, SIZE))
}

fn assembled(copy: &[u8], header: &[u8], footer: &[u8]) -> Vec<u8> {
    [copy, header, &[0xFF; 512], footer].concat()
}

/// A disk that is noise to its end.
pub(super) fn fixed() -> Vec<u8> {
    [vec![7; 1 << 20], footer(2, u64::MAX, 1 << 20)].concat()
}

pub(super) fn honest() -> Vec<Honest> {
    let mut simplest = vec![0; 1024];
    set(&mut simplest, 0, b"conectix");
    set(&mut simplest, 40, &SIZE.to_be_bytes());
    vec![
        Honest::new("vhd, dynamic", "vhd", dynamic(), SIZE),
        Honest::new("vhd, fixed", "vhd", fixed(), 1 << 20),
        Honest::new("vhd, fixed, with partitions", "vhd", patched(&fixed(), 0, &super::tables::mbr()), 1 << 20),
        Honest::new("vhd, fixed, as raw", "raw", fixed(), (1 << 20) + 512),
        Honest::new("vhd by the simplest of writers", "vhd", simplest, SIZE),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("vhd", dynamic());
    parents(&mut list);
    let parts = |copy: &[u8]| assembled(copy, &header(), copy);
    for size in [1_u64 << 63, u64::MAX] {
        list.whole(&format!("of {size} bytes"), parts(&footer(3, 512, size)), Finding::VirtualSize);
    }
    list.whole(
        "footer of another size",
        assembled(&footer(3, 512, SIZE), &header(), &footer(3, 512, SIZE * 2)),
        Finding::Footer,
    );
    list.whole(
        "footer of another kind",
        assembled(&footer(3, 512, SIZE), &header(), &footer(2, u64::MAX, SIZE)),
        Finding::Footer,
    );
    for kind in [1, 5, 6, u32::MAX] {
        list.whole(&format!("kind {kind}"), parts(&footer(kind, 512, SIZE)), Finding::Malformed);
    }
    let version = summed(patched(&footer(3, 512, SIZE), 12, &[9]), 64);
    list.whole("version", parts(&version), Finding::Version);
    list.patch("checksum of the copy", 100, &[1], Finding::Checksum);
    structure(&mut list);
    list.spoiled
}

fn parents(list: &mut Spoiler) {
    let copy = footer(3, 512, SIZE);
    let differencing = footer(4, 512, SIZE);
    list.whole("differencing", assembled(&differencing, &header(), &differencing), Finding::Parent);
    list.whole("footer of a differencing disk", assembled(&copy, &header(), &differencing), Finding::Parent);
    list.whole("footer of a differencing disk alone", [vec![0; 4096], differencing].concat(), Finding::Parent);
    for (name, at) in
        [("UUID", 40), ("name", 64), ("last letter of the name", 575), ("locator", 576), ("last locator", 767)]
    {
        let header = summed(patched(&header(), at, &[1]), 36);
        list.whole(&format!("parent's {name}"), assembled(&copy, &header, &copy), Finding::Parent);
    }
    let far = footer(3, 1 << 20, SIZE);
    let header = summed(patched(&header(), 40, &[1]), 36);
    let data = [patched(&far, (1 << 20) - 1, &[0]), header, vec![0xFF; 512], far].concat();
    list.whole("parent in a header far away", data, Finding::Parent);
}

fn structure(list: &mut Spoiler) {
    let copy = footer(3, 512, SIZE);
    let mut header_with = |name: &str, at, bytes: &[u8], finding| {
        let header = summed(patched(&header(), at, bytes), 36);
        list.whole(name, assembled(&copy, &header, &copy), finding);
    };
    header_with("cookie", 0, b"x", Finding::Malformed);
    header_with("version of the header", 24, &[9], Finding::Version);
    header_with("block of no power of two", 32, &3_000_000_u32.to_be_bytes(), Finding::Malformed);
    header_with("block of nothing", 32, &[0; 4], Finding::Malformed);
    header_with("too few blocks", 28, &[0; 4], Finding::Malformed);
    header_with("table in the header", 16, &600_u64.to_be_bytes(), Finding::Overlap);
    header_with("table behind the end", 16, &(1_u64 << 40).to_be_bytes(), Finding::Truncated);
    header_with("table at the end of the world", 16, &u64::MAX.to_be_bytes(), Finding::Truncated);
    header_with("more blocks than there can be", 28, &u32::MAX.to_be_bytes(), Finding::Truncated);
    list.patch("checksum of the header", 512 + 900, &[1], Finding::Checksum);
    for (name, offset) in [("behind the end", 1_u64 << 40), ("at the end of the world", u64::MAX - 1)] {
        let copy = footer(3, offset, SIZE);
        list.whole(&format!("header {name}"), assembled(&copy, &header(), &copy), Finding::Truncated);
    }
    let inside = footer(3, 8, SIZE);
    list.whole("header in the footer's copy", assembled(&inside, &header(), &inside), Finding::Overlap);
    list.whole("fixed, cut short", [vec![7; 4096], footer(2, u64::MAX, 1 << 20)].concat(), Finding::Truncated);
    for length in [8, 100, 511] {
        list.whole(&format!("of {length} bytes"), list.base[..length].to_vec(), Finding::Truncated);
    }
}
