//! VDI: `VirtualBox`, `src/VBox/Storage/VDICore.h`.

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{any_set, end_of, le32, le64};
use super::report::Match;
use super::tail::End;

const SIGNATURE: u32 = 0xBEDA_107F;

/// Bytes before the first structure that the header points to.
const HEADER: u64 = 512;

/// Kinds of image that build on another one: undo and differencing.
const NEEDS_PARENT: std::ops::RangeInclusive<u32> = 3..=4;

#[derive(Debug)]
struct Header {
    seen: Match,
    /// Where the map of blocks and the blocks end.
    needed: u64,
}

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    (le32(head, 64)? == SIGNATURE).then(|| Box::new(Header::read(head)) as Box<dyn Sighting>)
}

impl Header {
    fn read(head: &[u8]) -> Self {
        let number = |at| u64::from(le32(head, at).unwrap_or(0));
        let kind = le32(head, 76).unwrap_or(0);
        let (map, data) = (number(340), number(344));
        let (block_size, blocks, allocated) = (number(376), number(384), number(388));
        let size = le64(head, 368).unwrap_or(0);
        let map_end = end_of(map, blocks * 4);
        let mut findings = Findings::default();
        // The UUIDs of the image this one links to and of its parent.
        findings.add_if(NEEDS_PARENT.contains(&kind) || any_set(head, 424..456), Finding::Parent);
        // Nobody but the simplest of writers leaves the version out.
        findings.add_if(!matches!(number(68), 0 | 0x0001_0001), Finding::Version);
        findings.add_if(kind > 4 || allocated > blocks, Finding::Malformed);
        findings.add_if(!matches!(number(360), 0 | 512), Finding::Malformed);
        findings.add_if(blocks > 0 && blocks.saturating_mul(block_size) < size, Finding::Malformed);
        findings.add_if(map != 0 && map < HEADER || data != 0 && data < map_end, Finding::Overlap);
        let needed = if map == 0 { 0 } else { map_end.max(end_of(data, allocated.saturating_mul(block_size))) };
        Self { seen: Match::of(Format::Vdi).sized(Some(size)).with(findings), needed }
    }
}

impl Sighting for Header {
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        Some(self.seen.found(end.length < HEADER || end.length < self.needed, Finding::Truncated))
    }
}
