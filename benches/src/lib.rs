//! What the benchmarks of the Image service are made of. Not published.

pub mod inspection_cost;
pub mod population;
pub mod server_speed;
pub mod throughput;
