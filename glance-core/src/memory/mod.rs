//! Stores and databases that live in memory: for tests, trials and programs that keep nothing.

mod database;
mod list;
mod metadefs;
mod store;

pub use database::MemoryDatabase;
pub use store::MemoryStore;
