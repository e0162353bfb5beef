//! Images made by `qemu-img`.

use std::sync::LazyLock;

use glance_core::image::inspect::{Finding, Refusal};

use crate::support::{Accepted, Bench, judge};

const VARIABLE: &str = "GLANCE_TEST_QEMU_IMG";

/// Format as `disk_format` has it, and options for `qemu-img`.
const HONEST: &[(&str, &str)] = &[
    ("qcow2", "-f qcow2"),
    ("qcow2", "-f qcow2 -o compat=0.10"),
    ("qcow2", "-f qcow2 -o cluster_size=512"),
    ("qcow2", "-f qcow2 -o cluster_size=2M"),
    ("qcow2", "-f qcow2 -o lazy_refcounts=on"),
    ("qcow2", "-f qcow2 -o refcount_bits=1"),
    ("qcow2", "-f qcow2 -o refcount_bits=64"),
    ("qcow2", "-f qcow2 -o compression_type=zstd"),
    ("qcow2", "-f qcow2 -o preallocation=metadata"),
    ("vmdk", "-f vmdk"),
    ("vmdk", "-f vmdk -o compat6=on"),
    ("vmdk", "-f vmdk -o adapter_type=lsilogic"),
    ("vmdk", "-f vmdk -o subformat=monolithicSparse"),
    ("vdi", "-f vdi"),
    ("vdi", "-f vdi -o static=on"),
    ("vhd", "-f vpc"),
    ("vhd", "-f vpc -o force_size=on"),
    ("vhd", "-f vpc -o subformat=fixed"),
    ("vhd", "-f vpc -o subformat=fixed,force_size=on"),
    ("vhdx", "-f vhdx"),
    ("vhdx", "-f vhdx -o block_size=1M"),
    ("vhdx", "-f vhdx -o subformat=fixed"),
];

pub(crate) static EMPTY: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for (count, (format, options)) in HONEST.iter().enumerate() {
        for size in ["4M", "17M"] {
            let name = format!("{count}-{size}.img");
            bench.run(&format!("qemu-img create -q {options} {name} {size}"));
            bench.agrees(&name, format);
        }
    }
    Some(bench.accepted())
});

#[test]
fn empty_disks_are_what_qemu_says() {
    LazyLock::force(&EMPTY);
}

/// Formats and options that a disk with data is converted to.
const CONVERTED: &[(&str, &str)] = &[
    ("qcow2", "-O qcow2"),
    ("qcow2", "-c -O qcow2"),
    ("qcow2", "-c -O qcow2 -o compression_type=zstd"),
    ("qcow2", "-O qcow2 -o compat=0.10"),
    ("vmdk", "-O vmdk"),
    ("vmdk", "-O vmdk -o subformat=streamOptimized"),
    ("vdi", "-O vdi"),
    ("vhd", "-O vpc"),
    ("vhd", "-O vpc -o subformat=fixed,force_size=on"),
    ("vhdx", "-O vhdx"),
];

pub(crate) static WITH_DATA: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    let data: Vec<_> = (0..8_u32 << 18).flat_map(|number| number.wrapping_mul(0x9E37_79B9).to_le_bytes()).collect();
    std::fs::write(bench.path("data"), data).unwrap();
    for (count, (format, options)) in CONVERTED.iter().enumerate() {
        let name = format!("{count}.img");
        bench.run(&format!("qemu-img convert -f raw {options} data {name}"));
        bench.agrees(&name, format);
    }
    Some(bench.accepted())
});

#[test]
fn disks_with_data_are_what_qemu_says() {
    LazyLock::force(&WITH_DATA);
}

pub(crate) static LARGE: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    for (format, options) in
        [("qcow2", "-f qcow2"), ("vmdk", "-f vmdk"), ("vdi", "-f vdi"), ("vhd", "-f vpc"), ("vhdx", "-f vhdx")]
    {
        for size in ["1G", "100G", "1500G"] {
            let name = format!("{format}-{size}");
            bench.run(&format!("qemu-img create -q {options} {name} {size}"));
            bench.agrees(&name, format);
        }
    }
    Some(bench.accepted())
});

#[test]
fn large_disks_have_their_size() {
    LazyLock::force(&LARGE);
}

pub(crate) static WITH_SNAPSHOTS: Accepted = LazyLock::new(|| {
    let bench = Bench::with(VARIABLE)?;
    bench.run("qemu-img create -q -f qcow2 disk 8M");
    bench.run("qemu-img snapshot -c first disk");
    bench.run("qemu-img bitmap --add disk changes");
    bench.agrees("disk", "qcow2");
    Some(bench.accepted())
});

#[test]
fn snapshots_and_bitmaps_do_no_harm() {
    LazyLock::force(&WITH_SNAPSHOTS);
}

#[test]
fn what_builds_on_another_file_is_refused() {
    let Some(bench) = Bench::with(VARIABLE) else { return };
    bench.run("qemu-img create -q -f qcow2 base 8M");
    bench.run("qemu-img create -q -f vmdk base.vmdk 8M");
    let lines = [
        ("qcow2", "-f qcow2 -b base -F qcow2", Finding::BackingFile),
        ("qcow2", "-f qcow2 -o compat=0.10 -b base -F qcow2", Finding::BackingFile),
        ("qcow2", "-f qcow2 -o data_file=data.raw", Finding::DataFile),
        ("qcow2", "-f qcow2 -o data_file=data2.raw,data_file_raw=on", Finding::DataFile),
        ("qcow2", "-f qcow2 -o extended_l2=on", Finding::UnknownFeatures),
        ("qed", "-f qed", Finding::Banned),
        ("qed", "-f qed -b base -F qcow2", Finding::BackingFile),
        ("vmdk", "-f vmdk -b base.vmdk -F vmdk", Finding::Parent),
        ("vmdk", "-f vmdk -o subformat=monolithicFlat", Finding::ExternalExtent),
        ("vmdk", "-f vmdk -o subformat=twoGbMaxExtentSparse", Finding::ExternalExtent),
        ("vmdk", "-f vmdk -o subformat=twoGbMaxExtentFlat", Finding::ExternalExtent),
    ];
    for (count, (format, options, finding)) in lines.into_iter().enumerate() {
        let name = format!("{count}.img");
        bench.run(&format!("qemu-img create -q {options} {name} 8M"));
        for declared in [format, "raw"] {
            let judged = judge(declared, &bench.look(&name));
            let found = matches!(&judged, Err(Refusal::Unsafe { findings, .. }) if findings.contains(finding));
            assert!(found, "{options} as {declared}: {judged:?}");
        }
    }
}
