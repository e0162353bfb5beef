//! Archives: POSIX.1-2017 `pax`, ustar interchange format, with GNU's long names. OVA envelopes
//! are these.
//!
//! Every member's header is looked at, so this one goes on as long as the archive does; what lies
//! between the headers is passed over.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::report::Match;
use super::tail::End;
use super::window::Window;

const BLOCK: usize = 512;
const MAGIC: &[u8] = b"ustar";

/// The longest name in a member of its own that is read.
const LONGEST_NAME: usize = 4 << 10;

#[derive(Debug)]
struct Archive {
    findings: Findings,
    header: Window,
    /// The next member's name, where it does not fit into its header.
    name: Option<Name>,
    /// The next member's length in bytes, where a pax header says another than its own.
    length: Option<u64>,
    has_ended: bool,
}

/// A member that tells of the next one.
#[derive(Debug)]
struct Name {
    window: Window,
    is_pax: bool,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let first = head.get(..BLOCK)?;
    (first[257..].starts_with(MAGIC) && has_sum(first)).then(|| {
        let header = Window::new(0, BLOCK);
        let mut archive = Archive { findings: Findings::default(), header, name: None, length: None, has_ended: false };
        archive.look_at(0, head);
        Box::new(archive) as Box<dyn Sighting>
    })
}

/// Whether the header's checksum is the sum of its bytes, its own place taken as blanks.
fn has_sum(header: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    octal(&header[148..156]) == Some(sum(&header[..148]) + 8 * u64::from(b' ') + sum(&header[156..]))
}

/// A number in octal digits, or in binary where GNU tar could not write it in digits.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => rest.iter().try_fold(0_u64, |number, byte| Some(number.checked_mul(256)? + u64::from(*byte))),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next()?;
    let digit = |number: u64, digit: &u8| {
        matches!(digit, b'0'..=b'7').then(|| number.checked_mul(8)?.checked_add(u64::from(digit - b'0')))?
    };
    digits.iter().try_fold(0, digit)
}

fn leaves_folder(name: &[u8]) -> bool {
    let is_root = matches!(name, [b'/' | b'\\', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', ..]);
    is_root || name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..")
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// The first record of a pax header, its key and value, and what follows: `length key=value` and a
/// line feed, all of which the length counts.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&data[..blank]).ok()?.parse().ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let pair = record.strip_suffix(b"\n")?.get(blank + 1..)?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

fn decimal(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Archive {
    fn read(&mut self, header: &[u8], at: u64) {
        if header.iter().all(|byte| *byte == 0) {
            self.has_ended = true;
            return;
        }
        let length = number(&header[124..136]).filter(|_| has_sum(header));
        let length = length.map(|length| self.length.take().unwrap_or(length));
        let next = length.and_then(|length| {
            at.checked_add(BLOCK as u64)?.checked_add(length.checked_next_multiple_of(BLOCK as u64)?)
        });
        let (Some(length), Some(next)) = (length, next) else {
            self.findings.add(Finding::Malformed);
            self.has_ended = true;
            return;
        };
        self.findings
            .add_if(leaves_folder(text(&header[..100])) || leaves_folder(text(&header[345..500])), Finding::MemberPath);
        self.findings.add_if(matches!(header[156], b'1'..=b'4' | b'6'), Finding::MemberLink);
        if matches!(header[156], b'L' | b'K' | b'x' | b'g') {
            self.begin_name(at + BLOCK as u64, length, matches!(header[156], b'x' | b'g'));
        }
        self.header = Window::new(next, BLOCK);
    }

    fn begin_name(&mut self, at: u64, length: u64, is_pax: bool) {
        match usize::try_from(length).ok().filter(|length| *length <= LONGEST_NAME) {
            Some(length) => self.name = Some(Name { window: Window::new(at, length), is_pax }),
            None => self.findings.add(Finding::MemberName),
        }
    }

    fn end_name(&mut self) {
        let Some(name) = self.name.take_if(|name| name.window.complete().is_some()) else { return };
        let found = name.window.so_far();
        if name.is_pax {
            self.read_records(found);
        } else {
            self.findings.add_if(leaves_folder(text(found)), Finding::MemberPath);
        }
    }

    fn read_records(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let Some((key, value, rest)) = record(data) else {
                self.findings.add(Finding::Malformed);
                return;
            };
            match key {
                b"path" | b"linkpath" | b"GNU.sparse.name" => {
                    self.findings.add_if(leaves_folder(text(value)), Finding::MemberPath);
                }
                // Whoever goes by the header's own length sees other members behind this one.
                b"size" => {
                    self.length = decimal(value);
                    self.findings.add_if(self.length.is_none(), Finding::Malformed);
                }
                _ => {}
            }
            data = rest;
        }
    }
}

impl Sighting for Archive {
    fn look_at(&mut self, at: u64, data: &[u8]) {
        while !self.has_ended {
            if let Some(name) = &mut self.name {
                name.window.take(at, data);
            }
            self.end_name();
            self.header.take(at, data);
            let Some(header) = self.header.complete().map(<[u8]>::to_vec) else { break };
            let start = self.header.start();
            self.read(&header, start);
        }
    }

    fn is_waiting(&self) -> bool {
        !self.has_ended
    }

    fn held(&self) -> usize {
        self.header.held() + self.name.as_ref().map_or(0, |name| name.window.held())
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let short = !self.has_ended && (self.header.start() > end.length || !self.header.so_far().is_empty());
        Some(Match::of(Format::Tar).with(self.findings).found(short, Finding::Truncated))
    }
}
