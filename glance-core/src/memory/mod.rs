//! Stores and databases that live in memory: for tests, trials and programs that keep nothing.

mod store;

pub use store::MemoryStore;
