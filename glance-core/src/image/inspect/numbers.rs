//! Numbers as they lie in headers; `None` where the data ends before them.

fn array<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

pub(super) fn be32(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(u32::from_be_bytes)
}

pub(super) fn be64(data: &[u8], at: usize) -> Option<u64> {
    array(data, at).map(u64::from_be_bytes)
}

pub(super) fn le16(data: &[u8], at: usize) -> Option<u16> {
    array(data, at).map(u16::from_le_bytes)
}

pub(super) fn be16(data: &[u8], at: usize) -> Option<u16> {
    array(data, at).map(u16::from_be_bytes)
}

pub(super) fn le32(data: &[u8], at: usize) -> Option<u32> {
    array(data, at).map(u32::from_le_bytes)
}

pub(super) fn le64(data: &[u8], at: usize) -> Option<u64> {
    array(data, at).map(u64::from_le_bytes)
}

/// Whether any byte of the range is set; bytes behind the end are not.
pub(super) fn any_set(data: &[u8], range: std::ops::Range<usize>) -> bool {
    data.iter().take(range.end).skip(range.start).any(|byte| *byte != 0)
}

/// `at + length`, or the largest number there is.
pub(super) fn end_of(at: u64, length: u64) -> u64 {
    at.saturating_add(length)
}
