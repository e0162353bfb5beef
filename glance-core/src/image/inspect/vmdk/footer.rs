//! The footer of a stream-optimised disk, which takes the place of the header for those who can
//! seek: a marker, the footer and the end-of-stream marker, a sector each.

use super::super::numbers::{any_set, le32, le64};
use super::super::tail::End;
use super::{AT_END, Header};

const SECTOR: usize = 512;
const END_OF_STREAM: u32 = 0;
const FOOTER: u32 = 3;

/// Whether the data ends with a footer that speaks of the same disk as the header.
pub(super) fn agrees(header: &Header, end: &End<'_>) -> bool {
    let Some(last) = end.last(3 * SECTOR) else { return false };
    let (before, rest) = last.split_at(SECTOR);
    let (footer, after) = rest.split_at(SECTOR);
    is_marker(before, FOOTER)
        && is_marker(after, END_OF_STREAM)
        && le64(after, 0) == Some(0)
        && Header::read(footer).is_some_and(|footer| {
            footer.directory != AT_END && footer == Header { directory: footer.directory, ..header.clone() }
        })
}

fn is_marker(sector: &[u8], kind: u32) -> bool {
    le32(sector, 8) == Some(0) && le32(sector, 12) == Some(kind) && !any_set(sector, 16..SECTOR)
}
