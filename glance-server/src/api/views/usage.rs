//! What a project holds and may hold.

use glance_core::catalogue::Held;
use glance_core::limits::Resource;
use serde_json::{Map, Value, json};

/// The usage and the limit of each resource. Bytes are whole MiB, rounded down; a limit of -1 is none.
pub(in crate::api) fn usage(held: &Held) -> Map<String, Value> {
    let views = Resource::ALL.map(|resource| {
        let unit = if resource.is_bytes() { 1 << 20 } else { 1 };
        let limit = held.limits.of(resource).map_or(json!(-1), |limit| json!(limit / unit));
        (resource.as_str().to_owned(), json!({ "usage": held.usage.of(resource) / unit, "limit": limit }))
    });
    views.into_iter().collect()
}
