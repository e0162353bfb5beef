//! The data that moves: a block of noise, over and over.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::store::BoxError;

use super::client::Source;
use crate::throughput::noise;

/// More than the caches of a processor hold.
const BLOCK: usize = 64 << 20;
const PART: usize = 1 << 20;

/// Data of one length, with the digests it has.
#[derive(Debug)]
pub(super) struct Data {
    block: bytes::Bytes,
    file: File,
    pub(super) size: u64,
    pub(super) md5: String,
    pub(super) sha512: String,
}

impl Data {
    /// Makes the data, with a file in `folder` to send it from.
    pub(super) fn new(folder: &Path, size: u64) -> Result<Self, BoxError> {
        let block = noise(BLOCK);
        let path = folder.join("noise");
        File::create(&path)?.write_all(&block)?;
        let mut data = Self { block, file: File::open(path)?, size, md5: String::new(), sha512: String::new() };
        data.md5 = data.digest(HashAlgorithm::Md5);
        data.sha512 = data.digest(HashAlgorithm::Sha512);
        Ok(data)
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { file: &self.file, block: BLOCK as u64, size: self.size }
    }

    /// The data, piece by piece.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let whole = usize::try_from(self.size).unwrap_or(usize::MAX);
        (0..whole).step_by(PART).map(move |at| {
            let begin = at % BLOCK;
            &self.block[begin..begin + PART.min(whole - at)]
        })
    }

    fn digest(&self, algorithm: HashAlgorithm) -> String {
        let mut hasher = Hasher::new(algorithm);
        self.parts().for_each(|part| hasher.update(part));
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_up_the_data() {
        let folder = tempfile::tempdir().unwrap();
        for size in [1, PART, PART + 1, BLOCK + PART + 7] {
            let data = Data::new(folder.path(), size as u64).unwrap();
            assert_eq!(data.parts().map(<[u8]>::len).sum::<usize>(), size);
            assert_eq!(data.md5.len(), 32);
        }
    }
}
