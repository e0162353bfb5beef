//! Data that is in two formats at once, for every pair whose signatures have room beside each other,
//! and data that is not what it is declared to be.

use super::{Hostile, Reason, disks, iso, patched, qcow2, tables, vhd, vhdx, vmdk};

type Layer = (&'static str, usize, Vec<u8>);

/// Formats whose signature is at the very beginning: no two of them fit into one file.
fn bases() -> [(&'static str, Vec<u8>); 6] {
    [
        ("qcow2", qcow2::image(3)),
        ("vhd", vhd::dynamic()),
        ("vhdx", vhdx::image()),
        ("vmdk", vmdk::image()),
        ("qed", disks::qed()),
        ("luks", disks::luks()),
    ]
}

/// Formats that leave the beginning to others: name, place and signature.
fn layers() -> [Layer; 3] {
    [
        ("vdi", 64, disks::vdi()[64..68].to_vec()),
        ("iso", 32 << 10, iso::image()[32 << 10..34 << 10].to_vec()),
        ("gpt", 462, tables::second_partition()),
    ]
}

pub(super) fn hostile() -> Vec<Hostile> {
    let mut list = Vec::new();
    for (base, data) in bases() {
        for layer in layers() {
            both(&mut list, base, &data, &layer);
        }
        let all = layers().iter().fold(data, |data, (_, at, signature)| patched(&data, *at, signature));
        list.push(ambiguous(&format!("{base} under all others"), base, all));
    }
    let [vdi, iso, gpt] = layers();
    both(&mut list, "vdi", &disks::vdi(), &iso);
    both(&mut list, "vdi", &disks::vdi(), &gpt);
    let bootable = patched(&iso::image(), gpt.1, &gpt.2);
    list.push(ambiguous("iso that starts from a stick", "raw", bootable.clone()));
    list.push(mismatched("iso that starts from a stick", "gpt", bootable.clone()));
    list.push(mismatched("iso that starts from a stick", "ami", bootable.clone()));
    list.push(ambiguous("iso, gpt and vdi", "iso", patched(&bootable, vdi.1, &vdi.2)));
    list.extend(fixed());
    list.extend(mismatches());
    list
}

fn both(list: &mut Vec<Hostile>, base: &'static str, data: &[u8], (layer, at, signature): &Layer) {
    for declared in [base, layer, "raw", "ami"] {
        list.push(ambiguous(&format!("{base} and {layer}"), declared, patched(data, *at, signature)));
    }
}

/// A fixed VHD that is something else to whoever looks at its beginning.
fn fixed() -> Vec<Hostile> {
    let end = vhd::fixed();
    let with = |(name, data): (&str, Vec<u8>)| {
        ambiguous(&format!("{name} that ends like a fixed vhd"), "vhd", patched(&end, 0, &data))
    };
    let small = [("qcow2", qcow2::image(3)), ("vmdk", vmdk::image()), ("iso", iso::image()), ("luks", disks::luks())];
    small.into_iter().map(with).collect()
}

/// Every format under every other name.
fn mismatches() -> Vec<Hostile> {
    let plain: Vec<_> = super::honest().iter().filter(|image| image.declared != "raw").collect();
    let inspected = ["qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed", "iso", "gpt", "luks", "ami", "ploop"];
    let mut list = Vec::new();
    for declared in inspected {
        list.push(mismatched_if(declared != "ami" && declared != "ploop", "random bytes", declared, vec![7; 4096]));
        list.push(mismatched_if(declared != "ami" && declared != "ploop", "nothing", declared, Vec::new()));
        for name in ["qcow2 version 3", "vhd, dynamic", "vhdx", "vmdk, monolithicSparse", "vdi", "iso", "luks"] {
            let image = plain.iter().find(|image| image.name == name).unwrap();
            list.push(mismatched_if(image.declared != declared, name, declared, image.data.to_vec()));
        }
    }
    list.into_iter().flatten().collect()
}

fn mismatched_if(wrong: bool, name: &str, declared: &'static str, data: Vec<u8>) -> Option<Hostile> {
    wrong.then(|| mismatched(name, declared, data))
}

fn ambiguous(name: &str, declared: &'static str, data: Vec<u8>) -> Hostile {
    Hostile { name: format!("{name} as {declared}"), declared, data: data.into(), reason: Reason::Ambiguous }
}

fn mismatched(name: &str, declared: &'static str, data: Vec<u8>) -> Hostile {
    Hostile { name: format!("{name} as {declared}"), declared, data: data.into(), reason: Reason::Mismatch }
}
