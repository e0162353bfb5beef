//! Looks for every format at once in one pass over a stream.

use std::fmt;

use super::format::Format;
use super::report::{Match, Report};
use super::tail::{End, Tail};
use super::{gpt, iso, luks, qcow2, qed, tar, vdi, vhd, vhdx, vmdk};

/// A format whose signature was seen at the beginning of a stream, while the rest passes.
pub(super) trait Sighting: fmt::Debug + Send {
    /// Takes what follows the beginning; `at` is its place in the stream.
    fn look_at(&mut self, _at: u64, _data: &[u8]) {}

    /// Whether anything that still comes can matter.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Bytes held.
    fn held(&self) -> usize {
        0
    }

    /// What came of it; `None` if it was not that format after all.
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<Match>;
}

/// Recognises a format in the beginning of a stream: its first [`HEAD`] bytes, or all if there are
/// fewer.
type Recognise = fn(&[u8]) -> Option<Box<dyn Sighting>>;

const DISKS: &[Recognise] = &[
    qcow2::recognise,
    vhd::recognise,
    vhdx::recognise,
    vmdk::recognise,
    vdi::recognise,
    qed::recognise,
    iso::recognise,
    gpt::recognise,
    luks::recognise,
];

const ARCHIVES: &[Recognise] = &[tar::recognise];

/// Bytes at the beginning that are kept until they are complete. All signatures lie there; the last
/// thing that does is the second region table of a VHDX.
pub(super) const HEAD: usize = 320 << 10;

/// Looks at data as it passes and tells what formats it is in.
///
/// Give it all of the data, in chunks of any size: how it is cut makes no difference. Past the
/// first 320 KiB it does next to nothing unless a format was recognised that has more to look at.
#[derive(Debug)]
pub struct Detector {
    looks_for_archives: bool,
    head: Vec<u8>,
    /// Set once the head is complete.
    sightings: Option<Sightings>,
    length: u64,
    tail: Tail,
}

impl Detector {
    /// Bytes of memory held at most, whatever the data.
    pub const MOST_HELD: usize = 512 << 10;

    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { looks_for_archives: true, head: Vec::new(), sightings: None, length: 0, tail: Tail::default() }
    }

    /// One that looks for disk formats alone: [`Report::envelope`] stays `None`. To go through an archive, member
    /// by member, takes many times what everything else takes together.
    #[must_use]
    pub fn for_disks() -> Self {
        Self { looks_for_archives: false, ..Self::new() }
    }

    /// Takes more data.
    pub fn look_at(&mut self, data: &[u8]) {
        let rest = self.fill_head(data);
        if let Some(sightings) = &mut self.sightings {
            sightings.look_at(self.length + (data.len() - rest.len()) as u64, rest);
        }
        self.length += data.len() as u64;
        self.tail.take(data);
    }

    /// Takes what belongs to the head off the data, and recognises once it is complete.
    fn fill_head<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        if self.sightings.is_some() {
            return data;
        }
        let (head, rest) = data.split_at(data.len().min(HEAD - self.head.len()));
        self.head.reserve_exact(if self.head.is_empty() { HEAD } else { 0 });
        self.head.extend_from_slice(head);
        if self.head.len() == HEAD {
            let head = std::mem::take(&mut self.head);
            self.sightings = Some(Sightings::in_head(&head, self.looks_for_archives));
        }
        rest
    }

    /// Bytes of memory it holds now.
    #[must_use]
    pub fn held(&self) -> usize {
        let sightings = self.sightings.iter().flat_map(|sightings| &sightings.running).map(|running| running.held());
        self.head.capacity() + self.tail.held() + sightings.sum::<usize>()
    }

    /// What was seen, after all of the data.
    #[must_use]
    pub fn finish(self) -> Report {
        let Self { looks_for_archives, head, sightings, length, tail } = self;
        let sightings = sightings.unwrap_or_else(|| Sightings::in_head(&head, looks_for_archives));
        let end = tail.of(length);
        let kernel = sightings.kernel;
        let seen = sightings.running.into_iter().filter_map(|running| running.finish(&end));
        let (archives, mut matches): (Vec<_>, Vec<_>) = seen.partition(|seen| seen.format == Format::Tar);
        if matches.iter().all(|seen| seen.format != Format::Vhd) {
            matches.extend(vhd::at_end(&end));
        }
        Report { length, matches, envelope: archives.first().copied(), kernel }
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

/// What the head turned out to be.
#[derive(Debug)]
struct Sightings {
    running: Vec<Box<dyn Sighting>>,
    kernel: bool,
}

impl Sightings {
    fn in_head(head: &[u8], archives: bool) -> Self {
        let archives = if archives { ARCHIVES } else { &[] };
        let running = DISKS.iter().chain(archives).filter_map(|recognise| recognise(head)).collect();
        // Linux, Documentation/arch/x86/boot.rst.
        Self { running, kernel: head.get(0x202..0x206) == Some(b"HdrS") }
    }

    fn look_at(&mut self, at: u64, data: &[u8]) {
        self.running.iter_mut().filter(|running| running.is_waiting()).for_each(|running| running.look_at(at, data));
    }
}
