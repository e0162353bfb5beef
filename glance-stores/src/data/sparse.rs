//! A large image that is mostly zeros, for tests of thin provisioning. No more than a few MiB of it exist at once.

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::location::Location;
use glance_core::store::{ByteRange, ByteStream, Store};

/// Bytes of the image, and how many of them are no zeros.
pub(super) const SIZE: u64 = (CHUNK * COUNT) as u64;
pub(super) const DATA: u64 = 256 << 20;
/// Bytes of a chunk, and how many there are. Of each 64, two in a row are data, which is an object of Ceph.
const CHUNK: usize = 4 << 20;
const COUNT: usize = 2048;
const CYCLE: usize = 64;
/// How far the data of one chunk is from that of the next.
const SHIFT: usize = 4096;

/// The chunks of the image, which share their memory.
struct Chunks {
    zeros: Bytes,
    noise: Bytes,
}

impl Chunks {
    fn new() -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut word = || {
            // xorshift64, Marsaglia 2003
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        let len = CHUNK + SHIFT * COUNT / CYCLE * 2;
        let noise: Vec<u8> = (0..len / 8).flat_map(|_| word()).collect();
        Self { zeros: vec![0; CHUNK].into(), noise: noise.into() }
    }

    fn chunk(&self, n: usize) -> Bytes {
        let (cycle, place) = (n / CYCLE, n % CYCLE);
        let Some(second) = [4, 5].iter().position(|data| *data == place) else { return self.zeros.clone() };
        let at = (cycle * 2 + second) * SHIFT;
        self.noise.slice(at..at + CHUNK)
    }
}

/// All of the image.
pub(super) fn image() -> ByteStream {
    let chunks = Chunks::new();
    Box::pin(stream::iter(0..COUNT).map(move |n| Ok(chunks.chunk(n))))
}

/// Asserts that the image is what a store has at a location.
pub(super) async fn assert_reads_back(store: &dyn Store, at: &Location) {
    let chunks = Chunks::new();
    let reading = store.get(at, ByteRange::ALL).await.unwrap();
    assert_eq!(reading.size, SIZE);
    let (mut stream, mut read) = (reading.stream, 0);
    while let Some(data) = stream.next().await {
        let mut data = data.unwrap();
        while !data.is_empty() {
            let (n, into) = (read / CHUNK, read % CHUNK);
            let part = data.split_to(data.len().min(CHUNK - into));
            assert!(part == chunks.chunk(n).slice(into..into + part.len()), "chunk {n} differs");
            read += part.len();
        }
    }
    assert_eq!(read as u64, SIZE);
}

#[test]
fn the_image_has_as_much_data_as_it_says() {
    let chunks = Chunks::new();
    let data = (0..COUNT).map(|n| chunks.chunk(n)).filter(|chunk| *chunk != chunks.zeros);
    let mut data: Vec<Bytes> = data.collect();
    assert_eq!((data.len() * CHUNK) as u64, DATA);
    data.dedup();
    assert_eq!(((data.len() * CHUNK) as u64, SIZE), (DATA, 8 << 30));
}
