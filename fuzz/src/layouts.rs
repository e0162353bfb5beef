//! What each format looks at.

use crate::layout::Layout;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Header, extensions of the header, and the length that tables need.
pub const QCOW2: Layout =
    Layout { name: "qcow2", signature: (0, b"QFI\xfb"), stretches: &[(0, 1024)], ending: 0, mend: as_is };

/// Copy of the footer, header, footer.
pub const VHD: Layout =
    Layout { name: "vhd", signature: (0, b""), stretches: &[(0, 1536)], ending: 512, mend: sum_of_vhd };

/// Two headers, two region tables, a table of metadata and its items.
pub const VHDX: Layout = Layout {
    name: "vhdx",
    signature: (0, b"vhdxfile"),
    stretches: &[
        (64 * KIB, 80),
        (128 * KIB, 80),
        (192 * KIB, 16 + 3 * 32),
        (256 * KIB, 16 + 3 * 32),
        (MIB, 32 + 4 * 32),
        (MIB + 64 * KIB, 48),
    ],
    ending: 0,
    mend: as_is,
};

/// Header, descriptor and footer, or a descriptor alone.
pub const VMDK: Layout =
    Layout { name: "vmdk", signature: (0, b""), stretches: &[(0, 512 + 1024)], ending: 1536, mend: as_is };

/// Header.
pub const VDI: Layout =
    Layout { name: "vdi", signature: (64, b"\x7f\x10\xda\xbe"), stretches: &[(64, 448)], ending: 0, mend: as_is };

/// Header.
pub const QED: Layout = Layout { name: "qed", signature: (0, b"QED\0"), stretches: &[(0, 64)], ending: 0, mend: as_is };

/// The numbers of three descriptors.
pub const ISO: Layout = Layout {
    name: "iso",
    signature: (0, b""),
    stretches: &[(32 * KIB, 136), (34 * KIB, 136), (36 * KIB, 136)],
    ending: 0,
    mend: as_is,
};

/// What tells FAT apart, the table, the GPT's header, and what tells kernels apart.
pub const GPT: Layout = Layout {
    name: "gpt",
    signature: (510, b"\x55\xaa"),
    stretches: &[(16, 8), (446, 64), (512, 96)],
    ending: 0,
    mend: as_is,
};

/// Header of version 1 with its keys.
pub const LUKS: Layout =
    Layout { name: "luks", signature: (0, b"LUKS\xba\xbe"), stretches: &[(0, 592)], ending: 0, mend: as_is };

/// Members with short data.
pub const TAR: Layout =
    Layout { name: "tar", signature: (257, b"ustar"), stretches: &[(0, 6 * KIB)], ending: 0, mend: sums_of_tar };

/// Something of everything.
pub const DETECTOR: Layout = Layout {
    name: "detector",
    signature: (0, b""),
    stretches: &[
        (0, 1024),
        (32 * KIB, 136),
        (64 * KIB, 80),
        (192 * KIB, 16 + 2 * 32),
        (MIB, 32 + 2 * 32),
        (MIB + 64 * KIB, 32),
    ],
    ending: 1536,
    mend: as_is,
};

/// Every layout.
pub const ALL: [&Layout; 11] = [&DETECTOR, &GPT, &ISO, &LUKS, &QCOW2, &QED, &TAR, &VDI, &VHD, &VHDX, &VMDK];

fn as_is(_data: &mut [u8]) {}

/// The checksum of a footer at the end, which is none without it where nothing else says VHD.
fn sum_of_vhd(data: &mut [u8]) {
    let start = data.len().saturating_sub(512);
    if let Some(footer) = data.get_mut(start..).filter(|footer| footer.len() == 512 && footer.starts_with(b"conectix"))
    {
        footer[64..68].fill(0);
        let sum = !footer.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
        footer[64..68].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The checksums of the blocks that look like members.
fn sums_of_tar(data: &mut [u8]) {
    for header in data.chunks_exact_mut(512).take(16).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        header[154] = 0;
    }
}
