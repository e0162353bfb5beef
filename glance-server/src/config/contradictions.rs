//! What to warn about when options are fine one by one and pull in different directions.

use std::collections::HashMap;

use super::finding::Finding;
use super::resolve::Resolved;
use super::settings::{Filter, Settings, StoreKind};

/// Every such warning.
pub(super) fn warnings(options: &Resolved, settings: &Settings) -> Vec<Finding> {
    let mut found = idle_store_options(options, settings.stores.multi);
    found.extend(idle_deny_lists(options));
    found.extend(shared_folders(settings));
    let default = &settings.default;
    if default.limit_param_default > default.api_limit_max {
        let message = "[DEFAULT] limit_param_default is above api_limit_max, which wins";
        found.push(Finding::new(options.origin("DEFAULT", "limit_param_default"), message));
    }
    if settings.paste.filters.contains(&Filter::Cache) && default.image_cache_dir.is_none() {
        let message = "[paste_deploy] flavor asks for a cache, but [DEFAULT] image_cache_dir names no place for it";
        found.push(Finding::new(options.origin("paste_deploy", "flavor"), message));
    }
    if settings.authtoken.is_some() && options.is_set("keystone_authtoken", "memcached_servers") {
        let message =
            "[keystone_authtoken] memcached_servers is not honoured: each server remembers tokens in its own memory";
        found.push(Finding::new(options.origin("keystone_authtoken", "memcached_servers"), message));
    }
    found
}

/// Options of the way of naming stores that is not in use.
fn idle_store_options(options: &Resolved, multi: bool) -> Vec<Finding> {
    let (idle, why) = if multi {
        (&["stores", "default_store"][..], "enabled_backends is set")
    } else {
        (&["default_backend"][..], "enabled_backends is not set")
    };
    idle.iter()
        .filter_map(|option| {
            let origin = options.origin("glance_store", option)?;
            Some(Finding::new(Some(origin), format!("[glance_store] {option} has no effect while {why}")))
        })
        .collect()
}

fn idle_deny_lists(options: &Resolved) -> Vec<Finding> {
    const SECTION: &str = "import_filtering_opts";
    let both = |what: &&str| {
        ["allowed", "disallowed"].iter().all(|list| {
            let option = format!("{list}_{what}");
            options.is_set(SECTION, &option) && !options.list(SECTION, &option).is_empty()
        })
    };
    ["schemes", "hosts", "ports"]
        .into_iter()
        .filter(both)
        .map(|what| {
            let option = format!("disallowed_{what}");
            let message = format!("[{SECTION}] {option} has no effect while allowed_{what} is set");
            Finding::new(options.origin(SECTION, &option), message)
        })
        .collect()
}

/// Folders that more than one store keeps its files in.
fn shared_folders(settings: &Settings) -> Vec<Finding> {
    let stores = &settings.stores;
    let reserved = [("staging", &stores.staging), ("tasks", &stores.tasks)].into_iter().filter(|_| stores.multi);
    let files = stores.stores.iter().filter_map(|store| match &store.kind {
        StoreKind::File(file) => Some((store.id.as_str(), file)),
        _ => None,
    });
    let mut owners: HashMap<_, &str> = HashMap::new();
    let mut found = Vec::new();
    for (id, file) in files.chain(reserved) {
        for folder in &file.datadirs {
            if let Some(other) = owners.insert(&folder.path, id) {
                let message =
                    format!("stores {other} and {id} keep their files in the same folder, {}", folder.path.display());
                found.push(Finding::new(None, message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::config::testing::warnings;

    #[test]
    fn a_deny_list_beside_an_allow_list_is_idle() {
        let both = "[import_filtering_opts]\nallowed_hosts = [a]\ndisallowed_hosts = [b]\nallowed_ports = []\ndisallowed_ports = [22]";
        assert_eq!(
            warnings(both),
            ["glance-api.conf:3: [import_filtering_opts] disallowed_hosts has no effect while allowed_hosts is set"]
        );
    }

    #[test]
    fn the_usual_page_is_no_longer_than_the_longest() {
        let text = "[DEFAULT]\nlimit_param_default = 50\napi_limit_max = 20";
        assert_eq!(
            warnings(text),
            ["glance-api.conf:2: [DEFAULT] limit_param_default is above api_limit_max, which wins"]
        );
    }

    #[test]
    fn a_cache_needs_a_place() {
        let text = "[DEFAULT]\nworker_self_reference_url = http://n1\n[paste_deploy]\nflavor = caching";
        let found = warnings(text);
        assert!(found.iter().any(|warning| warning.contains("image_cache_dir")), "{found:?}");
    }
}
