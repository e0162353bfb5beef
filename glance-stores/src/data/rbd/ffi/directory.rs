//! What a pool's own objects say of its images, asked without opening any.
//!
//! Numbers are written with their lowest byte first, a text as its length (4 bytes) and its bytes, a map as the
//! number of its entries (4 bytes) and each key with its value.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::Arc;

use super::completion::Operation;
use super::library::TrashEntry;
use super::pool::TRASH;
use super::{CephError, Pool, Progress, c_text, checked, errno};

/// The class of objects that knows what they mean.
const CLASS: &CStr = c"rbd";
/// Names asked for at once, and bytes of the longest answer to that: an image's name and its id have less than 100 each.
const PAGE: u64 = 128;
const ANSWER: usize = 64 * 1024;
/// An image in the trash that somebody began to remove.
const BEING_REMOVED: c_int = 3;

impl Pool {
    /// Has a class of objects run a method on an object, and returns what it says: `most` bytes at most.
    pub(in super::super) fn execute(
        self: &Arc<Self>,
        object: &str,
        class: &CStr,
        method: &CStr,
        most: usize,
    ) -> impl Future<Output = Result<Vec<u8>, CephError>> + Send + use<> {
        let operation = c_text(object).and_then(|object| {
            let mut answer = vec![0_u8; most];
            let (start, rados, pool) = (answer.as_mut_ptr(), &self.libraries().rados, self.handle());
            let (object, class, method) = (object.as_ptr(), class.as_ptr(), method.as_ptr());
            // SAFETY: `start` means `most` bytes of `answer`, which nobody touches until the operation, which
            // keeps it and the pool, has ended. The names are used during the call alone.
            unsafe {
                Operation::begin(rados, "rados_aio_exec", (Arc::clone(self), answer), |completion| {
                    (rados.rados_aio_exec)(pool, object, completion, class, method, ptr::null(), 0, start.cast(), most)
                })
            }
        });
        async {
            let (len, (_, mut answer)) = operation?.await?;
            answer.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            Ok(answer)
        }
    }

    /// The id of the image of this name; `None` if there is none. Images of the old format are not seen. Blocks.
    pub(in super::super) fn id_of(&self, name: &str) -> Result<Option<String>, CephError> {
        match self.ask(&format!("rbd_id.{name}"), c"get_id", &[]) {
            Ok(answer) => text(&mut answer.as_slice()).ok_or(GARBLED).map(Some),
            Err(error) if error.is(errno::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an image has ever been in the trash, as far as the cluster says. Blocks.
    pub(super) fn has_trash(&self) -> bool {
        !self.ask(TRASH, c"trash_list", &page_after("")).is_err_and(|error| error.is(errno::NOT_FOUND))
    }

    /// The names of all images that begin with `prefix`, those included whose removal has begun. Blocks.
    pub(in super::super) fn names_with(&self, prefix: &str, progress: &Progress) -> Result<Vec<String>, CephError> {
        let mut names = self.being_removed()?;
        names.retain(|name| name.starts_with(prefix));
        let mut last = prefix.to_owned();
        loop {
            progress.next_step()?;
            let page = match self.ask("rbd_directory", c"dir_list", &page_after(&last)) {
                Err(error) if error.is(errno::NOT_FOUND) => return Ok(names),
                page => texts(&page?).ok_or(GARBLED)?,
            };
            let full = page.len() as u64 == PAGE;
            let listed = page.len();
            let fitting: Vec<String> = page.into_iter().take_while(|name| name.starts_with(prefix)).collect();
            let more = full && fitting.len() == listed;
            last = fitting.last().cloned().unwrap_or_default();
            names.extend(fitting);
            if !more {
                return Ok(names);
            }
        }
    }

    /// The names that images in the trash had which somebody began to remove. Blocks.
    fn being_removed(&self) -> Result<Vec<String>, CephError> {
        let (list, clean_up) = (self.libraries().rbd.rbd_trash_list, self.libraries().rbd.rbd_trash_list_cleanup);
        let mut room = 64;
        // The trash may fill while it is listed, but not for ever.
        for _ in 0..8 {
            let (mut entries, mut count) = (vec![TrashEntry::EMPTY; room], room);
            // SAFETY: the pool is open, and `count` is the length of the list.
            match checked("rbd_trash_list", unsafe { list(self.handle(), entries.as_mut_ptr(), &raw mut count) }) {
                Err(error) if error.is(errno::RANGE) => room = count.max(room * 2),
                listed => {
                    listed?;
                    let count = count.min(room);
                    let removed = entries[..count].iter().filter(|entry| entry.source == BEING_REMOVED);
                    // SAFETY: the library filled in the first `count` entries with texts, which it takes back
                    // when they have been read.
                    return Ok(unsafe {
                        let name = |entry: &TrashEntry| CStr::from_ptr(entry.name).to_string_lossy().into_owned();
                        let names = removed.map(name).collect();
                        clean_up(entries.as_mut_ptr(), count);
                        names
                    });
                }
            }
        }
        Err(CephError::Call { call: "rbd_trash_list", code: errno::RANGE })
    }

    /// What a method of the class says about an object. Blocks.
    fn ask(&self, object: &str, method: &CStr, input: &[u8]) -> Result<Vec<u8>, CephError> {
        let (object, mut answer) = (c_text(object)?, vec![0_u8; ANSWER]);
        let (execute, start) = (self.libraries().rados.rados_exec, answer.as_mut_ptr().cast::<c_char>());
        let (class, method) = (CLASS.as_ptr(), method.as_ptr());
        // SAFETY: the pool is open, the names and `input` outlive the call, and the length is that of the buffer.
        let len = unsafe {
            execute(self.handle(), object.as_ptr(), class, method, input.as_ptr().cast(), input.len(), start, ANSWER)
        };
        answer.truncate(usize::try_from(checked("rados_exec", len)?).unwrap_or(usize::MAX));
        Ok(answer)
    }
}

const GARBLED: CephError = CephError::Call { call: "reading what an object says", code: errno::INVALID };

/// What asks for a page of names behind `last`.
fn page_after(last: &str) -> Vec<u8> {
    let len = u32::try_from(last.len()).unwrap_or(u32::MAX);
    [&len.to_le_bytes()[..], last.as_bytes(), &PAGE.to_le_bytes()].concat()
}

/// The keys of a map of texts; `None` if it is none.
fn texts(mut map: &[u8]) -> Option<Vec<String>> {
    let count = number(&mut map)?;
    let entry = |_| text(&mut map).zip(text(&mut map)).map(|(key, _)| key);
    (0..count).map(entry).collect()
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_names_is_read_and_what_is_cut_short_is_none() {
        let map = b"\x02\0\0\0\x01\0\0\0a\x02\0\0\0id\x02\0\0\0bc\0\0\0\0";
        assert_eq!(texts(map).unwrap(), ["a", "bc"]);
        for len in 0..map.len() {
            assert_eq!(texts(&map[..len]), None, "{len} bytes");
        }
        assert_eq!(texts(b"\xff\xff\xff\xff"), None);
        assert_eq!(page_after("ab"), b"\x02\0\0\0ab\x80\0\0\0\0\0\0\0");
    }
}
