//! Where it was known what a token is worth.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Tokens that were looked up. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookups {
    /// It was remembered.
    pub(super) remembered: Counter,
    /// Keystone was asked, or somebody waited for the answer to the same question.
    pub(super) asked: Counter,
    /// Keystone did not answer.
    pub(super) failed: Counter,
}

impl Lookups {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let remembered = "Tokens whose worth was remembered";
        registry.register("token_cache_hits", remembered, self.remembered.clone());
        registry.register("token_cache_misses", "Tokens that Keystone was asked about", self.asked.clone());
        registry.register("token_failures", "Tokens that Keystone did not answer about", self.failed.clone());
    }
}
