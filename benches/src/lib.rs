//! What the benchmarks of the Image service are made of. Not published.

pub mod throughput;
