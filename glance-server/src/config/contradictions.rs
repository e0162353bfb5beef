//! What to warn about when options are fine one by one and pull in different directions.

use std::collections::HashMap;

use super::finding::{Finding, Origin};
use super::layers::section_name;
use super::resolve::Resolved;
use super::settings::{AuthMode, Filter, HealthcheckBackend, Settings, StoreKind};

/// Every such warning.
pub(super) fn warnings(options: &Resolved, settings: &Settings) -> Vec<Finding> {
    let mut found = idle_store_options(options, settings.stores.multi);
    found.extend(idle_deny_lists(options));
    found.extend(shared_folders(options, settings));
    found.extend(idle_identity_options(options, settings));
    found.extend(both_files(options, settings));
    found.extend(limits(options, settings));
    found.extend(lost_callers(options, settings));
    found.extend(open_passwords(options, settings));
    found.extend(idle_pipeline(options, settings));
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

/// Passwords that others on the network can read.
fn open_passwords(options: &Resolved, settings: &Settings) -> Option<Finding> {
    let bind = &settings.default.bind;
    let open = settings.glance_rs.auth.mode == AuthMode::HttpBasic && settings.tls.is_none() && !bind.is_loopback();
    let message = format!(
        "passwords go over the network as they are ({}): set [glance_rs] cert_file and key_file, or bind_host = 127.0.0.1 \
         behind a proxy that speaks TLS",
        bind.host
    );
    open.then(|| Finding::new(options.origin("glance_rs", "auth_mode"), message))
}

/// A pipeline that knows its callers while `auth_mode` says that nobody is asked.
fn idle_pipeline(options: &Resolved, settings: &Settings) -> Option<Finding> {
    let asks = settings.paste.filters.contains(&Filter::AuthToken);
    let message = "the pipeline of [paste_deploy] flavor asks for tokens, and [glance_rs] auth_mode = none overrides it: \
                   everybody is an administrator";
    let idle = asks && settings.glance_rs.auth.mode == AuthMode::None;
    idle.then(|| Finding::new(options.origin("glance_rs", "auth_mode"), message))
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

/// Limits registered in Keystone, and what has no effect beside them or without them.
fn limits(options: &Resolved, settings: &Settings) -> Vec<Finding> {
    const SECTION: &str = "oslo_limit";
    let on = options.flag("DEFAULT", "use_keystone_limits");
    let by_id = options.is_set(SECTION, "endpoint_id");
    let looked_for = ["endpoint_service_type", "endpoint_service_name", "endpoint_region_name", "endpoint_interface"];
    let idle = looked_for.into_iter().filter(|_| on && by_id).map(|option| (SECTION, option, "endpoint_id is set"));
    let off = [(SECTION, "endpoint_id", "[DEFAULT] use_keystone_limits is not set")].into_iter().filter(|_| !on);
    let replaced = [("DEFAULT", "user_storage_quota", "use_keystone_limits is set")].into_iter().filter(|_| on);
    let mut found: Vec<Finding> = idle
        .chain(off)
        .chain(replaced)
        .filter_map(|(section, option, why)| {
            let origin = options.origin(section, option)?;
            Some(Finding::new(Some(origin), format!("[{section}] {option} has no effect while {why}")))
        })
        .collect();
    if settings.oslo_limit.as_ref().is_some_and(|limits| !limits.sees_all_projects()) {
        let message = "[oslo_limit] system_scope = all is missing: Keystone tells other accounts the limits of their own \
                       project alone, so that limits of single projects do not count, and registered ones do";
        found.push(Finding::new(options.origin(SECTION, "auth_url"), message));
    }
    found
}

/// Stores in the accounts of callers that lack what it takes.
fn lost_callers(options: &Resolved, settings: &Settings) -> Vec<Finding> {
    let stores = settings.stores.stores.iter().filter_map(|store| match &store.kind {
        StoreKind::Swift(swift) if swift.multi_tenant => Some((store.id.as_str(), swift)),
        _ => None,
    });
    let without_catalog = settings.authtoken.as_ref().is_some_and(|authtoken| !authtoken.include_service_catalog);
    let mode = settings.glance_rs.auth.mode;
    let mut found = Vec::new();
    for (id, swift) in stores {
        if !matches!(mode, AuthMode::Keystone | AuthMode::TrustedHeaders) {
            let message = format!(
                "store {id} keeps data in the accounts of callers (swift_store_multi_tenant), but callers have tokens and accounts \
                 with auth_mode keystone and trusted_headers alone: nothing can be uploaded there"
            );
            found.push(Finding::new(options.origin("glance_rs", "auth_mode"), message));
        }
        if swift.account.is_absent() {
            let message = format!(
                "store {id} has no account of its own (swift_store_auth_address and its like): what callers leave behind, \
                 such as the data of an upload during which the server died, is never removed"
            );
            found.push(Finding::new(None, message));
        }
        if without_catalog && swift.endpoint.is_none() {
            let message = format!(
                "[keystone_authtoken] include_service_catalog is off, but store {id} looks there for the accounts of callers \
                 (swift_store_multi_tenant)"
            );
            found.push(Finding::new(options.origin("keystone_authtoken", "include_service_catalog"), message));
        }
    }
    found
}

/// Folders that more than one store keeps its files in.
fn shared_folders(options: &Resolved, settings: &Settings) -> Vec<Finding> {
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
                found.push(Finding::new(place_of(options, id), message));
            }
        }
    }
    found
}

/// Where the folders of a store are named.
fn place_of(options: &Resolved, store: &str) -> Option<Origin> {
    let own = section_name(store);
    let named = [&own, "glance_store"].into_iter().flat_map(|section| {
        ["filesystem_store_datadir", "filesystem_store_datadirs"].map(|option| options.origin(section, option))
    });
    named.flatten().next()
}

/// Options for another way of knowing callers than the one in force.
fn idle_identity_options(options: &Resolved, settings: &Settings) -> Vec<Finding> {
    const SECTION: &str = "glance_rs";
    let mode = settings.glance_rs.auth.mode;
    [
        ("trusted_peers", "trusted_headers", mode == AuthMode::TrustedHeaders),
        ("http_basic_auth_user_file", "http_basic", mode == AuthMode::HttpBasic),
        ("http_basic_auth_project_file", "http_basic", mode == AuthMode::HttpBasic),
        (
            "allow_unauthenticated_remote",
            "none, fake or trusted_headers",
            !matches!(mode, AuthMode::Keystone | AuthMode::HttpBasic),
        ),
    ]
    .into_iter()
    .filter(|(_, _, has_effect)| !has_effect)
    .filter_map(|(option, wanted, _)| {
        let place = options.origin(SECTION, option)?;
        Some(Finding::new(Some(place), format!("[{SECTION}] {option} has no effect unless auth_mode is {wanted}")))
    })
    .collect()
}

/// A server that one file takes out of service and another into it: oslo.middleware refuses to have both.
fn both_files(options: &Resolved, settings: &Settings) -> Option<Finding> {
    let backends = &settings.healthcheck.backends;
    let has = |backend| backends.contains(&backend);
    let both = has(HealthcheckBackend::DisableByFile) && has(HealthcheckBackend::EnableByFiles);
    let place = settings.paste.healthcheck_place("backends").or_else(|| options.origin("healthcheck", "backends"));
    let message = "[healthcheck] backends names both disable_by_file and enable_by_files: a server is in service only \
                   while both say so";
    both.then(|| Finding::new(place, message))
}

#[cfg(test)]
mod tests {
    use crate::config::testing::{COMPLETE, read, warnings};

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
    fn what_pulls_in_two_directions_is_named_with_its_line() {
        for (text, expected) in [
            (
                "[glance_rs]\nhttp_basic_auth_user_file = /f",
                "2: [glance_rs] http_basic_auth_user_file has no effect unless auth_mode is http_basic",
            ),
            (
                "[DEFAULT]\nenabled_backends = a:file, b:file\n[glance_store]\ndefault_backend = a\n\
                 [a]\nfilesystem_store_datadir = /d\n[b]\nfilesystem_store_datadir = /d",
                "8: stores a and b keep their files in the same folder, /d",
            ),
        ] {
            assert_eq!(warnings(text), [format!("glance-api.conf:{expected}")]);
        }
        let both = "[healthcheck]\nbackends = disable_by_file, enable_by_files";
        assert_eq!(warnings(both).len(), 1, "{:?}", warnings(both));
    }

    #[test]
    fn callers_who_are_not_asked_and_passwords_in_the_open_are_told_of() {
        let found = |text: &str, about: &str| {
            let warnings = read(&format!("{text}\n{COMPLETE}")).unwrap().warnings;
            warnings.iter().any(|finding| finding.message.contains(about) && finding.origin.is_some())
        };
        let basic = |bind: &str| format!("[glance_rs]\nauth_mode = http_basic\n[DEFAULT]\nbind_host = {bind}");
        let open = "passwords go over the network as they are";
        assert!(found(&basic("0.0.0.0"), open) && !found(&basic("127.0.0.1"), open));
        let none = |flavor: &str| format!("[paste_deploy]\n{flavor}\n[glance_rs]\nauth_mode = none");
        let idle = "everybody is an administrator";
        assert!(found(&none("flavor = keystone"), idle) && !found(&none(""), idle));
    }

    #[test]
    fn a_store_in_the_accounts_of_callers_needs_an_account_and_a_catalogue() {
        let found = |authtoken: &str, store: &str| {
            let text = format!(
                "[paste_deploy]\nflavor = keystone\n[keystone_authtoken]\nauth_url = http://k\nauth_type = password\n\
                 username = glance\npassword = p\nproject_name = service\nuser_domain_name = Default\n\
                 project_domain_name = Default\n{authtoken}\n[glance_store]\nstores = file,swift\n\
                 swift_store_multi_tenant = true\n{store}\n{COMPLETE}"
            );
            let warnings = read(&text).unwrap().warnings;
            warnings
                .into_iter()
                .map(|finding| finding.message)
                .filter(|message| message.contains("store swift"))
                .count()
        };
        let account = "swift_store_auth_address = http://k/v3\nswift_store_user = service:glance\nswift_store_key = k";
        assert_eq!(found("", account), 0);
        assert_eq!(found("", ""), 1);
        assert_eq!(found("include_service_catalog = false", ""), 2);
        assert_eq!(found("include_service_catalog = false", "swift_store_endpoint = http://swift/v1"), 1);
    }

    #[test]
    fn callers_without_tokens_have_no_accounts() {
        let named = |mode: &str| {
            let text = format!(
                "[glance_store]\nstores = file,swift\nswift_store_multi_tenant = true\nswift_store_auth_address = http://k/v3\n\
                 swift_store_user = service:glance\nswift_store_key = k\n[glance_rs]\nauth_mode = {mode}\n{COMPLETE}"
            );
            let warnings = read(&text).unwrap().warnings;
            warnings.iter().filter(|finding| finding.message.contains("nothing can be uploaded there")).count()
        };
        assert_eq!((named("none"), named("fake"), named("trusted_headers")), (1, 1, 0));
    }

    #[test]
    fn a_cache_needs_a_place() {
        let text = "[DEFAULT]\nworker_self_reference_url = http://n1\n[paste_deploy]\nflavor = caching";
        let found = warnings(text);
        assert!(found.iter().any(|warning| warning.contains("image_cache_dir")), "{found:?}");
    }
}
