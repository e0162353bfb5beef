//! VMDK images.

use super::{Honest, Hostile, Spoiler, patched, set};
use crate::image::inspect::Finding;

const SIZE: u64 = 1 << 20;
const SECTORS: u64 = SIZE / 512;
const DIRECTORY: u64 = 24;
const AT_END: u64 = u64::MAX;

const SPARSE: &str = "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n\
                      createType=\"monolithicSparse\"\n\n# Extent description\nRW 2048 SPARSE \"disk.vmdk\"\n\n\
                      # The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"4\"\nddb.adapterType = \"ide\"\n";

fn header(directory: u64) -> Vec<u8> {
    let mut data = vec![0; 512];
    set(&mut data, 0, b"KDMV");
    set(&mut data, 4, &1_u32.to_le_bytes());
    set(&mut data, 8, &3_u32.to_le_bytes());
    set(&mut data, 12, &SECTORS.to_le_bytes());
    set(&mut data, 20, &128_u64.to_le_bytes());
    set(&mut data, 28, &1_u64.to_le_bytes());
    set(&mut data, 36, &20_u64.to_le_bytes());
    set(&mut data, 44, &512_u32.to_le_bytes());
    set(&mut data, 56, &directory.to_le_bytes());
    data
}

fn assembled(header: &[u8], descriptor: &str) -> Vec<u8> {
    let mut data = vec![0; 64 << 10];
    set(&mut data, 0, header);
    set(&mut data, 512, descriptor.as_bytes());
    data
}

/// An empty disk in one file.
pub(super) fn image() -> Vec<u8> {
    assembled(&header(DIRECTORY), SPARSE)
}

fn marker(kind: u32) -> Vec<u8> {
    let mut data = vec![0; 512];
    set(&mut data, 12, &kind.to_le_bytes());
    data
}

fn streamed(footer: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let descriptor = SPARSE.replace("monolithicSparse", "streamOptimized");
    [&assembled(&header(AT_END), &descriptor), before, footer, after].concat()
}

fn stream() -> Vec<u8> {
    streamed(&header(DIRECTORY), &marker(3), &marker(0))
}

pub(super) fn honest() -> Vec<Honest> {
    let crlf = assembled(&header(DIRECTORY), &SPARSE.replace('\n', "\r\n"));
    let upper = assembled(&header(DIRECTORY), &SPARSE.replace("monolithicSparse", "MONOLITHICSPARSE"));
    let three = patched(&image(), 4, &[3]);
    vec![
        Honest::new("vmdk, monolithicSparse", "vmdk", image(), SIZE),
        Honest::new("vmdk, streamOptimized", "vmdk", stream(), SIZE),
        Honest::new("vmdk, version 3", "vmdk", three, SIZE),
        Honest::new("vmdk with Windows lines", "vmdk", crlf, SIZE),
        Honest::new("vmdk in capitals", "vmdk", upper, SIZE),
        Honest::new("vmdk as raw", "raw", image(), 64 << 10),
        Honest::new("bytes that speak of descriptors", "raw", b"\xff\ncreateType=\"vmfs\"\n".repeat(40), 800),
        Honest::new("text of no descriptor", "raw", b"version control is good for you\n".repeat(40), 1280),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Spoiler::of("vmdk", image());
    references(&mut list);
    descriptors(&mut list);
    headers(&mut list);
    footers(&mut list);
    texts(&mut list);
    list.spoiled
}

fn references(list: &mut Spoiler) {
    let mut with = |name: &str, from: &str, to: &str, finding| {
        list.whole(name, assembled(&header(DIRECTORY), &SPARSE.replace(from, to)), finding);
    };
    for (name, file) in [
        ("absolute path", "/etc/passwd"),
        ("relative path", "../disk"),
        ("path into a folder", "a/b"),
        ("Windows path", "..\\\\disk"),
        ("drive", "C:disk"),
        ("protocol", "nbd:localhost:1"),
        ("datastore", "[other] disk"),
        ("parent folder", ".."),
    ] {
        with(name, "disk.vmdk", file, Finding::ExtentPath);
    }
    for kind in ["FLAT", "ZERO", "VMFS", "VMFSSPARSE", "VMFSRDM", "VMFSRAW", "SESPARSE"] {
        with(&format!("extent {kind}"), "SPARSE", kind, Finding::ExternalExtent);
    }
    let tabs = "RW\t2048\tFLAT\t\"a=b\"\t0";
    with("extent between tabs", "RW 2048 SPARSE \"disk.vmdk\"", tabs, Finding::ExternalExtent);
    with("path between tabs", "disk.vmdk\"", "disk.vmdk\"\nRW\t1\tFLAT\t\"/etc/a=b\"\t0", Finding::ExtentPath);
    with("parent CID", "parentCID=ffffffff", "parentCID=11111111", Finding::Parent);
    with("parent CID with blanks", "parentCID=ffffffff", "parentCID = 11111111", Finding::Parent);
    with("parent hint", "CID=12", "parentFileNameHint=\"p\"\nCID=12", Finding::Parent);
    with("parent hint in capitals", "CID=12", "PARENTFILENAMEHINT=\"p\"\nCID=12", Finding::Parent);
    with("parent hint in a comment", "#DDB", "# parentFileNameHint=\"/etc/passwd\"", Finding::Parent);
    with("parent hint in the database", "#DDB", "ddb.parentFileNameHint=\"/etc/passwd\"", Finding::Parent);
    with("change tracking", "CID=12", "changeTrackPath=\"x-ctk.vmdk\"\nCID=12", Finding::SideFile);
    with("digest file", "CID=12", "digestFilename=\"x\"\nCID=12", Finding::SideFile);
    with("line that nobody knows", "#DDB", "what is this", Finding::DescriptorLine);
    with("key with a blank", "#DDB", "a key = value", Finding::DescriptorLine);
    with("access that nobody knows", "RW 2048", "RX 2048", Finding::DescriptorLine);
    let long = format!("#{}\n", "x".repeat(5000));
    with("line without end", "#DDB", &long, Finding::DescriptorLine);
    with("carriage return", "#DDB", "# x\rRW 1 FLAT \"/etc/passwd\" 0", Finding::DescriptorText);
    with("letters beyond ASCII", "#DDB", "# ü", Finding::DescriptorText);
    with("escape", "#DDB", "# \u{1b}[2J", Finding::DescriptorText);
}

fn descriptors(list: &mut Spoiler) {
    let mut with = |name: &str, from: &str, to: &str, finding| {
        list.whole(name, assembled(&header(DIRECTORY), &SPARSE.replace(from, to)), finding);
    };
    for kind in [
        "monolithicFlat",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat",
        "vmfs",
        "vmfsSparse",
        "fullDevice",
        "partitionedDevice",
        "custom",
        "",
        "monolithicSparse ",
    ] {
        with(&format!("type {kind:?}"), "monolithicSparse", kind, Finding::CreateType);
    }
    with("no type", "createType", "type", Finding::CreateType);
    with("type without quotes", "\"monolithicSparse\"", "monolithicSparse", Finding::CreateType);
    with("type without end", "\"monolithicSparse\"", "\"monolithicSparse", Finding::CreateType);
    with("type of many letters", "monolithicSparse", &"x".repeat(64), Finding::CreateType);
    let second = "createType=\"monolithicSparse\"\ncreateType=\"monolithicFlat\"";
    with("second type", "createType=\"monolithicSparse\"", second, Finding::SeveralCreateTypes);
    with("type in a comment", "#DDB", "# createType=\"monolithicSparse\"", Finding::SeveralCreateTypes);
    with("no extent", "RW 2048 SPARSE \"disk.vmdk\"", "", Finding::NoExtent);
    let second = "RW 2048 SPARSE \"disk.vmdk\"\nRW 2048 SPARSE \"other.vmdk\"";
    with("second extent", "RW 2048 SPARSE \"disk.vmdk\"", second, Finding::SeveralExtents);
    list.whole("empty descriptor", assembled(&header(DIRECTORY), ""), Finding::DescriptorMissing);
}

fn headers(list: &mut Spoiler) {
    for version in [0_u32, 4, u32::MAX] {
        list.patch(&format!("version {version}"), 4, &version.to_le_bytes(), Finding::Version);
    }
    for sectors in [1_u64 << 54, 1 << 55, u64::MAX] {
        list.patch(&format!("{sectors} sectors"), 12, &sectors.to_le_bytes(), Finding::VirtualSize);
    }
    list.patch("no sectors", 12, &[0; 8], Finding::ExternalExtent);
    for place in [0_u64, 2, 1 << 40, u64::MAX] {
        list.patch(&format!("descriptor at {place}"), 28, &place.to_le_bytes(), Finding::DescriptorPlace);
    }
    for length in [2048_u64, u64::MAX] {
        list.patch(&format!("descriptor of {length} sectors"), 36, &length.to_le_bytes(), Finding::DescriptorPlace);
    }
    let none = patched(&list.with(28, &[0; 8]), 36, &[0; 8]);
    list.whole("no descriptor", none, Finding::DescriptorMissing);
    list.patch("grain of no power of two", 20, &3_u64.to_le_bytes(), Finding::Malformed);
    list.patch("directory in the descriptor", 56, &2_u64.to_le_bytes(), Finding::Overlap);
    list.patch("directory behind the end", 56, &(1_u64 << 40).to_le_bytes(), Finding::Truncated);
    list.patch("directory at the end of the world", 56, &(u64::MAX - 1).to_le_bytes(), Finding::Truncated);
    list.whole("of ESX", patched(&list.base, 0, b"COWD"), Finding::Version);
    for length in [4, 63, 600] {
        list.whole(&format!("of {length} bytes"), list.base[..length].to_vec(), Finding::Truncated);
    }
}

fn footers(list: &mut Spoiler) {
    let good = header(DIRECTORY);
    let mut with_footer = |name: &str, footer: &[u8], before: &[u8], after: &[u8]| {
        list.whole(&format!("footer: {name}"), streamed(footer, before, after), Finding::Footer);
    };
    for (name, at) in [
        ("signature", 0),
        ("version", 4),
        ("capacity", 12),
        ("grain", 20),
        ("descriptor", 28),
        ("descriptor length", 36),
    ] {
        with_footer(name, &patched(&good, at, &[0x55]), &marker(3), &marker(0));
    }
    with_footer("another one", &header(AT_END), &marker(3), &marker(0));
    with_footer("marker of another kind", &good, &marker(2), &marker(0));
    with_footer("marker with a size", &good, &patched(&marker(3), 8, &[1]), &marker(0));
    with_footer("marker with data", &good, &patched(&marker(3), 511, &[1]), &marker(0));
    with_footer("end of another kind", &good, &marker(3), &marker(1));
    with_footer("end with a value", &good, &marker(3), &patched(&marker(0), 0, &[1]));
    with_footer("end with data", &good, &marker(3), &patched(&marker(0), 300, &[1]));
    let mut cut = stream();
    cut.truncate(cut.len() - 512);
    list.whole("footer: cut off", cut, Finding::Footer);
    list.whole("footer: nothing but a header", header(AT_END), Finding::Footer);
}

fn texts(list: &mut Spoiler) {
    let flat =
        SPARSE.replace("monolithicSparse", "monolithicFlat").replace("SPARSE \"disk.vmdk\"", "FLAT \"d-flat\" 0");
    list.whole("text, flat", flat.clone().into_bytes(), Finding::ExternalExtent);
    list.whole("text, sparse", SPARSE.as_bytes().to_vec(), Finding::ExternalExtent);
    list.whole("text with a path", SPARSE.replace("disk.vmdk", "/etc/passwd").into_bytes(), Finding::ExtentPath);
    list.whole("text with a parent", flat.replace("=ffffffff", "=0").into_bytes(), Finding::Parent);
    let late = format!("{}{flat}", "# nothing to see\n".repeat(40_000));
    list.whole("text behind comments", late.into_bytes(), Finding::ExternalExtent);
    let bytes = [b"# \xff\xfe\x80\n \n", flat.as_bytes()].concat();
    list.whole("text behind a comment of bytes", bytes, Finding::ExternalExtent);
    let bare = flat.replace("createType=\"", "createType='\"");
    list.whole("text with an odd type", bare.into_bytes(), Finding::ExternalExtent);
    let bytes = flat.replace("# Disk DescriptorFile\nversion=1", "\u{1}\u{ff}");
    list.whole("bytes that are a descriptor to who is told so", bytes.into_bytes(), Finding::ExternalExtent);
    let tabs = flat.replace("RW 2048 FLAT \"d-flat\" 0", "RW\t2048\tFLAT\t\"a=b\"\t0");
    list.whole("text, flat between tabs", tabs.into_bytes(), Finding::ExternalExtent);
    let none = flat.replace("RW 2048 FLAT", "# RW 2048 FLAT");
    list.whole("text without extents", none.into_bytes(), Finding::NoExtent);
}
