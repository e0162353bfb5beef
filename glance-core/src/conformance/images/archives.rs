//! Archives, which no disk format names: each with what is wrong with it.

use bytes::Bytes;

use super::{patched, set};
use crate::image::inspect::Finding;

const BLOCK: usize = 512;
const FILE: u8 = b'0';
const SUM: usize = 148;
const LENGTH: usize = 124;
const PREFIX: usize = 345;

/// An archive, and what is to be found in it.
#[derive(Debug, Clone)]
pub struct Archive {
    /// What it is, for people.
    pub name: String,
    /// The data.
    pub data: Bytes,
    /// What is wrong with it; `None` if nothing is.
    pub finding: Option<Finding>,
}

/// An archive with one empty member called `name`.
///
/// # Panics
///
/// If the name is longer than a hundred bytes.
#[must_use]
pub fn tar(name: &str) -> Vec<u8> {
    ended(&[member(name, FILE, b"")])
}

/// Every kind of archive, honest and hostile.
#[must_use]
pub fn archives() -> Vec<Archive> {
    let mut list = Vec::new();
    let mut add = |name: &str, data: Vec<u8>, finding| {
        list.push(Archive { name: format!("archive: {name}"), data: data.into(), finding });
    };
    for (name, members) in honest() {
        add(name, ended(&members), None);
    }
    for (name, members) in paths() {
        add(&name, ended(&members), Some(Finding::MemberPath));
    }
    for kind in [b'1', b'2', b'3', b'4', b'6'] {
        add(&format!("member of kind {}", kind as char), ended(&[member("a", kind, b"")]), Some(Finding::MemberLink));
    }
    for (name, members) in long_names() {
        add(&name, ended(&members), Some(Finding::MemberName));
    }
    for (name, data) in broken() {
        add(name, data, Some(Finding::Malformed));
    }
    for (name, data) in cut() {
        add(name, data, Some(Finding::Truncated));
    }
    list
}

fn member(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    set(&mut header, 0, name.as_bytes());
    set(&mut header, 100, b"0000644\x000000000\x000000000\x00");
    set(&mut header, LENGTH, format!("{:011o}\x0000000000000\0", data.len()).as_bytes());
    header[156] = kind;
    set(&mut header, 257, b"ustar\x0000");
    let mut member = summed(header);
    member.extend(data);
    member.resize(member.len().next_multiple_of(BLOCK), 0);
    member
}

fn summed(mut header: Vec<u8>) -> Vec<u8> {
    set(&mut header, SUM, &[b' '; 8]);
    let sum: u32 = header[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    set(&mut header, SUM, format!("{sum:06o}\0 ").as_bytes());
    header
}

fn changed(member: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    summed(patched(member, at, bytes))
}

fn ended(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 2 * BLOCK]].concat()
}

/// A line of a pax header, whose length counts itself.
fn pax(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length = (rest.len()..=rest.len() + 20).find(|length| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.unwrap())
}

fn honest() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let long = format!("{}/disk", "folder/".repeat(40));
    let after = || member("disk", FILE, b"data of the disk");
    let noise = vec![7; 2 * BLOCK];
    vec![
        ("one member", vec![after()]),
        ("OVA", vec![member("box.ovf", FILE, b"<Envelope/>"), member("box-disk1.vmdk", FILE, &[7; 3000])]),
        ("folder", vec![member("folder/", b'5', b""), member("folder/disk", FILE, b"x")]),
        ("dots in names", vec![member("./a..b/..c/d..", FILE, b"x")]),
        ("prefix", vec![changed(&after(), PREFIX, b"some/folder")]),
        ("long name of GNU", vec![member("././@LongLink", b'L', long.as_bytes()), after()]),
        ("long name of pax", vec![member("PaxHeaders/x", b'x', pax("path", &long).as_bytes()), after()]),
        ("pax with a comment", vec![member("PaxHeaders/g", b'g', pax("comment", "a/../b").as_bytes()), after()]),
        ("name of pax with a line break", vec![member("x", b'x', pax("path", "a\n../x").as_bytes()), after()]),
        ("length by pax", vec![member("x", b'x', pax("size", "1024").as_bytes()), member("disk", FILE, b""), noise]),
        ("length in binary", vec![changed(&after(), LENGTH, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16])]),
    ]
}

fn paths() -> Vec<(String, Vec<Vec<u8>>)> {
    let after = || member("disk", FILE, b"");
    let mut list = Vec::new();
    for name in ["/etc/passwd", "../x", "a/../../x", "..", "a/..", "a\\..\\b", "\\x", "C:\\x", "c:x"] {
        list.push((format!("name {name}"), vec![after(), member(name, FILE, b"")]));
        list.push((format!("long name {name} of GNU"), vec![member("l", b'L', name.as_bytes()), after()]));
        let line = [pax("mtime", "1"), pax("path", name)].concat();
        list.push((format!("long name {name} of pax"), vec![member("x", b'x', line.as_bytes()), after()]));
        let line = pax("path", name);
        list.push((format!("name {name} for all"), vec![member("g", b'g', line.as_bytes()), after()]));
    }
    let nul = b"../x\0and more";
    list.push(("long name that ends early".to_owned(), vec![member("l", b'L', nul), after()]));
    list.push(("prefix that leaves".to_owned(), vec![changed(&after(), PREFIX, b"../..")]));
    list.push(("prefix from the root".to_owned(), vec![changed(&after(), PREFIX, b"/etc")]));
    list
}

fn long_names() -> Vec<(String, Vec<Vec<u8>>)> {
    let after = || member("disk", FILE, b"");
    let mut list = Vec::new();
    for kind in [b'L', b'K', b'x', b'g'] {
        for length in [4097, 1 << 20] {
            let name = format!("name of {length} bytes in a member of kind {}", kind as char);
            list.push((name, vec![member("n", kind, &vec![b'a'; length]), after()]));
        }
    }
    let absurd = changed(&member("n", b'L', b""), LENGTH, b"77777777777\0");
    list.push(("name of an absurd length".to_owned(), vec![absurd]));
    list
}

fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let one = || member("disk", FILE, b"x");
    let binary = [&[0x80][..], &[0xFF; 11]].concat();
    let pax = |records: &str| ended(&[member("x", b'x', records.as_bytes()), one()]);
    vec![
        ("record without length", pax("path=a\n")),
        ("record that is too long", pax("99 path=a\n")),
        ("record that is too short", pax("5 path=a\n")),
        ("record without value", pax("6 path\n")),
        ("length by pax in letters", pax("13 size=a lot\n")),
        ("second sum is wrong", ended(&[one(), patched(&one(), 0, b"c")])),
        ("second is noise", [one(), vec![7; 1024]].concat()),
        ("length in letters", ended(&[one(), changed(&one(), LENGTH, b"a lot")])),
        ("length beyond the world", ended(&[changed(&one(), LENGTH, &binary)])),
    ]
}

fn cut() -> Vec<(&'static str, Vec<u8>)> {
    let long = [member("disk", FILE, &[7; 3000]), member("more", FILE, &[7; 3000])].concat();
    let absurd = changed(&member("disk", FILE, b""), LENGTH, b"77777777777\0");
    let by_pax = [member("x", b'x', pax("size", "9999999").as_bytes()), member("disk", FILE, b"")].concat();
    vec![
        ("length by pax behind the end", by_pax),
        ("cut in a member", long[..2000].to_vec()),
        ("cut in a header", long[..long.len() / 2 + 100].to_vec()),
        ("member of an absurd length", absurd),
        ("long name is cut", member("l", b'L', &[b'a'; 900])[..1000].to_vec()),
    ]
}
