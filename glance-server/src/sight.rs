//! What a file looks like from outside, to notice that it has become another.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Length, times and number of a file; of a link, those of what it leads to. Two that are equal are taken for
/// the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight(Option<(u64, [i64; 4], u64)>);

impl Sight {
    /// Looks at the file. One that is not there, or may not be looked at, is a sight of its own.
    pub(crate) fn of(file: &Path) -> Self {
        Self(fs::metadata(file).ok().map(|found| {
            // A copy may bring its time along; the time of the change of its inode it does not.
            let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
            (found.len(), times, found.ino())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_looks_different_though_it_is_as_old_and_as_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "one").unwrap();
        fs::write(path("other"), "two").unwrap();
        let time = fs::metadata(path("file")).unwrap().modified().unwrap();
        fs::File::open(path("other")).unwrap().set_modified(time).unwrap();
        let before = Sight::of(&path("file"));
        assert_eq!(Sight::of(&path("file")), before);
        fs::rename(path("other"), path("file")).unwrap();
        let after = Sight::of(&path("file"));
        assert_ne!(after, before);
        fs::remove_file(path("file")).unwrap();
        assert_ne!(Sight::of(&path("file")), after);
        assert_eq!(Sight::of(&path("file")), Sight::of(&path("nowhere")));
    }
}
