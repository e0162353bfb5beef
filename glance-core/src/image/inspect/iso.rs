//! ISO 9660 (ECMA-119 §8) and UDF (ECMA-167 part 2): the descriptors from sector 16 on.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{be16, be32, le16, le32};
use super::report::Match;
use super::tail::End;

const DESCRIPTORS: usize = 32 << 10;
const SECTOR: usize = 2 << 10;
const SIGNATURES: [&[u8]; 3] = [b"CD001", b"NSR02", b"NSR03"];

/// Descriptors that are looked through for a second primary one.
const MOST_DESCRIPTORS: usize = 64;

const PRIMARY: u8 = 1;
const TERMINATOR: u8 = 255;

#[derive(Debug)]
struct Volume(Match);

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    let first = descriptor(head, 0)?;
    let signature = first.get(1..6)?;
    SIGNATURES.contains(&signature).then(|| Box::new(Volume(read(head, first))) as Box<dyn Sighting>)
}

fn descriptor(head: &[u8], number: usize) -> Option<&[u8]> {
    let start = DESCRIPTORS + number * SECTOR;
    head.get(start..start + SECTOR)
}

fn read(head: &[u8], first: &[u8]) -> Match {
    let seen = Match::of(Format::Iso).with(primaries(head));
    if first.first() != Some(&PRIMARY) {
        return seen;
    }
    let (blocks, block_size) = (le32(first, 80).unwrap_or(0), le16(first, 128).unwrap_or(0));
    seen.sized(Some(u64::from(blocks) * u64::from(block_size))).with(numbers(first, blocks, block_size))
}

/// Numbers stand there twice, in both byte orders. Simple writers leave the second out.
fn numbers(primary: &[u8], blocks: u32, block_size: u16) -> Findings {
    let mut findings = Findings::default();
    let (blocks_again, block_size_again) = (be32(primary, 84).unwrap_or(0), be16(primary, 130).unwrap_or(0));
    findings.add_if(blocks_again != 0 && blocks_again != blocks, Finding::Contradiction);
    findings.add_if(block_size_again != 0 && block_size_again != block_size, Finding::Contradiction);
    findings.add_if(block_size != 0 && !(block_size.is_power_of_two() && block_size >= 512), Finding::Malformed);
    findings
}

/// Whether several primary descriptors speak of volumes of different sizes.
fn primaries(head: &[u8]) -> Findings {
    let mut findings = Findings::default();
    let descriptors = (0..MOST_DESCRIPTORS).map_while(|number| descriptor(head, number));
    let descriptors = descriptors.take_while(|found| found[0] != TERMINATOR && &found[1..6] == SIGNATURES[0]);
    let mut sizes = descriptors.filter(|found| found[0] == PRIMARY).map(|found| (&found[80..88], &found[128..132]));
    if let Some(first) = sizes.next() {
        findings.add_if(sizes.any(|other| other != first), Finding::Contradiction);
    }
    findings
}

impl Sighting for Volume {
    fn finish(self: Box<Self>, _end: &End<'_>) -> Option<Match> {
        Some(self.0)
    }
}
