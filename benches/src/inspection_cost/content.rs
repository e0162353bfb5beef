//! Data that inspection has little to do with, and data that keeps it busy to the end.

use bytes::Bytes;

/// Bytes of one member of the archive, its header included: as dear as archives of small files get.
const MEMBER: usize = 4 << 10;

/// Data of one kind.
pub(super) struct Content {
    pub(super) name: &'static str,
    /// The disk format it is uploaded as.
    pub(super) declared: &'static str,
    pub(super) data: Bytes,
    /// What an upload has to record, in bytes.
    pub(super) virtual_size: Option<u64>,
}

/// Every kind, each of `length` bytes.
pub(super) fn all(length: usize) -> [Content; 4] {
    let noise = crate::throughput::noise(length);
    let raw = |name, data: Bytes| Content { name, declared: "raw", virtual_size: Some(data.len() as u64), data };
    [
        raw("noise", noise.clone()),
        Content { name: "qcow2", declared: "qcow2", data: qcow2(&noise), virtual_size: Some(1 << 30) },
        raw("text", b"All work and no play makes an image a dull one.\n".repeat(length.div_ceil(48)).into()),
        raw("archive", archive(&noise)),
    ]
}

/// An image of 1 GiB: header, a table of each kind behind it, and noise.
fn qcow2(noise: &Bytes) -> Bytes {
    let mut data = noise.to_vec();
    data[..0x20000].fill(0);
    data[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    data[20..24].copy_from_slice(&16_u32.to_be_bytes());
    data[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
    data[36..40].copy_from_slice(&2_u32.to_be_bytes());
    data[40..48].copy_from_slice(&0x20000_u64.to_be_bytes());
    data[48..56].copy_from_slice(&0x10000_u64.to_be_bytes());
    data[56..60].copy_from_slice(&1_u32.to_be_bytes());
    data[96..100].copy_from_slice(&4_u32.to_be_bytes());
    data[100..104].copy_from_slice(&104_u32.to_be_bytes());
    data.into()
}

fn archive(noise: &Bytes) -> Bytes {
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"file");
    header[124..135].copy_from_slice(format!("{:011o}", MEMBER - 512).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    header[154] = 0;
    let mut data = noise.to_vec();
    for member in data.chunks_exact_mut(MEMBER) {
        member[..512].copy_from_slice(&header);
    }
    data.into()
}
