//! VMDK: VMware, Virtual Disk Format 5.0, and what QEMU's `block/vmdk.c` reads of it.
//!
//! A sparse disk begins with a binary header and has a descriptor behind it, which is text. A
//! descriptor may also stand alone and name files that hold the data: that is never accepted.

mod descriptor;
mod footer;
mod text;

use super::detector::Sighting;
use super::finding::{Finding, Findings};
use super::format::Format;
use super::numbers::{le32, le64};
use super::report::Match;
use super::tail::End;
use descriptor::Descriptor;

const SPARSE: &[u8] = b"KDMV";
/// The sparse disks of ESX before it had the others; they can name a parent in their header.
const ESX_SPARSE: &[u8] = b"COWD";

const SECTOR: u64 = 512;

/// Where the descriptor of a sparse disk begins, in bytes.
const DESCRIPTOR: u64 = SECTOR;

/// The longest descriptor that anybody reads.
const LONGEST_DESCRIPTOR: u64 = (1 << 20) - 1;

/// In place of the grain directory's offset: the footer says where it is.
const AT_END: u64 = u64::MAX;

pub(super) fn recognise(head: &[u8]) -> Option<Box<dyn Sighting>> {
    if head.starts_with(ESX_SPARSE) {
        return Some(Box::new(EsxSparse));
    }
    if head.starts_with(SPARSE) {
        return Some(Box::new(Sparse::read(head)));
    }
    text::recognise(head)
}

#[derive(Debug)]
struct EsxSparse;

impl Sighting for EsxSparse {
    fn finish(self: Box<Self>, _end: &End<'_>) -> Option<Match> {
        Some(Match::of(Format::Vmdk).found(true, Finding::Version))
    }
}

/// The numbers in a sparse disk's header, and in its footer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    version: u32,
    /// Size of the disk, in sectors.
    capacity: u64,
    grain: u64,
    descriptor: u64,
    descriptor_length: u64,
    directory: u64,
}

impl Header {
    fn read(data: &[u8]) -> Option<Self> {
        let sectors = |at| le64(data, at);
        data.starts_with(SPARSE).then_some(())?;
        Some(Self {
            version: le32(data, 4)?,
            capacity: sectors(12)?,
            grain: sectors(20)?,
            descriptor: sectors(28)?,
            descriptor_length: sectors(36)?,
            directory: sectors(56)?,
        })
    }
}

#[derive(Debug)]
struct Sparse {
    /// `None` if the data ends before the header does.
    header: Option<Header>,
    descriptor: Descriptor,
}

impl Sparse {
    fn read(head: &[u8]) -> Self {
        let header = Header::read(head);
        let length = header.as_ref().map_or(0, |header| header.descriptor_length.saturating_mul(SECTOR));
        let mut descriptor = Descriptor::new(DESCRIPTOR, length.min(LONGEST_DESCRIPTOR));
        descriptor.look_at(0, head);
        Self { header, descriptor }
    }
}

impl Header {
    fn findings(&self, length: u64) -> Findings {
        let mut findings = Findings::default();
        let longest = LONGEST_DESCRIPTOR / SECTOR;
        findings.add_if(!(1..=3).contains(&self.version), Finding::Version);
        findings.add_if(self.descriptor == 0 && self.descriptor_length == 0, Finding::DescriptorMissing);
        findings.add_if(self.descriptor != DESCRIPTOR / SECTOR, Finding::DescriptorPlace);
        findings.add_if(self.descriptor_length > longest, Finding::DescriptorPlace);
        // QEMU then goes by the extents in the descriptor, which are files.
        findings.add_if(self.capacity == 0, Finding::ExternalExtent);
        findings.add_if(self.capacity > u64::MAX / SECTOR, Finding::VirtualSize);
        // Simple writers leave the size of a grain out.
        findings.add_if(self.grain != 0 && !self.grain.is_power_of_two(), Finding::Malformed);
        let behind = self.directory != AT_END && self.directory.saturating_mul(SECTOR) > length;
        findings.add_if(behind, Finding::Truncated);
        let descriptor_end = self.descriptor.saturating_add(self.descriptor_length);
        findings.add_if(self.directory != 0 && self.directory < descriptor_end, Finding::Overlap);
        findings
    }
}

impl Sighting for Sparse {
    fn look_at(&mut self, at: u64, data: &[u8]) {
        self.descriptor.look_at(at, data);
    }

    fn is_waiting(&self) -> bool {
        self.descriptor.is_waiting()
    }

    fn held(&self) -> usize {
        self.descriptor.held()
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match> {
        let mut seen = Match::of(Format::Vmdk);
        let Some(header) = self.header else {
            return Some(seen.found(true, Finding::DescriptorMissing).found(true, Finding::Truncated));
        };
        seen = seen.with(header.findings(end.length)).found(self.descriptor.is_waiting(), Finding::Truncated);
        if header.directory == AT_END {
            seen = seen.found(!footer::agrees(&header, end), Finding::Footer);
        }
        let text = self.descriptor.finish();
        seen = seen.with(text.findings());
        Some(if text.is_single_file() { seen.sized(header.capacity.checked_mul(SECTOR)) } else { seen })
    }
}
