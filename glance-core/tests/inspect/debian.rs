//! Images that Debian 12 ships in packages: `grub-rescue-pc`, `ipxe`, `memtest86+` and `seabios`.

use std::sync::LazyLock;

use glance_core::image::inspect::Format;

use crate::support::{Accepted, Bench, judge};

const VARIABLE: &str = "GLANCE_TEST_DEBIAN_IMAGES";

/// Where the packages put discs, all of which start from a stick as well.
const DISCS: [&str; 5] = [
    "/usr/lib/grub-rescue/grub-rescue-cdrom.iso",
    "/usr/lib/grub-rescue/grub-rescue-floppy.img",
    "/usr/lib/ipxe/ipxe.iso",
    "/usr/lib/memtest86+/memtest86+ia32.iso",
    "/usr/lib/memtest86+/memtest86+x64.iso",
];

const KERNELS: [&str; 3] = ["/boot/ipxe.lkrn", "/boot/memtest86+x64.bin", "/boot/memtest86+ia32.bin"];

const FIRMWARE: [&str; 3] =
    ["/usr/share/seabios/bios.bin", "/usr/share/seabios/bios-256k.bin", "/usr/share/seabios/vgabios-stdvga.bin"];

pub(crate) static IMAGES: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for path in DISCS {
        disc(&bench, path);
    }
    for path in KERNELS {
        kernel(&bench, path);
    }
    for path in FIRMWARE {
        firmware(&bench, path);
    }
    Some(bench.accepted())
});

#[test]
fn images_in_packages_of_debian_are_accepted() {
    LazyLock::force(&IMAGES);
}

/// To `qemu-img` a disc is raw and as long as its file; its volume may be shorter.
fn disc(bench: &Bench, path: &str) {
    let report = bench.look(path);
    assert_eq!(report.formats(), [Format::Iso, Format::Gpt], "{path}");
    let volume = judge("iso", &report).unwrap().unwrap();
    assert!(volume <= report.length, "{path}: {volume}");
    assert_eq!(bench.qemu_info(path, ""), ("raw".to_owned(), report.length), "{path}");
    bench.count();
}

/// Kernels have no size of a disk.
fn kernel(bench: &Bench, path: &str) {
    let report = bench.look(path);
    assert!(report.kernel, "{path}");
    assert_eq!(judge("aki", &report), Ok(None), "{path}");
    bench.count();
}

fn firmware(bench: &Bench, path: &str) {
    let report = bench.look(path);
    let (format, size) = bench.qemu_info(path, "");
    assert_eq!(format, "raw", "{path}");
    let accepted = judge("raw", &report).unwrap().unwrap();
    // QEMU counts whole sectors.
    assert_eq!(accepted.next_multiple_of(512), size, "{path}");
    bench.count();
}
