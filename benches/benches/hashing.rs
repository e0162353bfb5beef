//! How fast the digests of image data are, one core, data in memory.
//!
//! The figures to compare with are each other: an upload cannot be faster than the slower of the two
//! digests it needs. The answers are checked before anything is timed.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glance_core::digest::{HashAlgorithm, Hasher};

const LENGTH: usize = 16 << 20;

fn digest(algorithm: HashAlgorithm, data: &[u8]) -> String {
    let mut hasher = Hasher::new(algorithm);
    for chunk in data.chunks(1 << 20) {
        hasher.update(chunk);
    }
    hasher.finish()
}

fn hashing(criterion: &mut Criterion) {
    assert_eq!(digest(HashAlgorithm::Md5, b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    let data: Vec<u8> = (0..=250).cycle().take(LENGTH).collect();
    let mut group = criterion.benchmark_group("hashing");
    group.throughput(Throughput::Bytes(LENGTH as u64)).sample_size(10);
    for algorithm in [HashAlgorithm::Md5, HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
        group.bench_function(algorithm.as_str(), |bencher| bencher.iter(|| digest(algorithm, black_box(&data))));
    }
    group.finish();
}

criterion_group!(benches, hashing);
criterion_main!(benches);
