use super::*;
use crate::config::testing::{COMPLETE, Folder, file, problems};
use crate::config::{AuthMode, ConfigError, HealthcheckBackend, Settings};

/// A paste file with two flavours, one of them in the older form of a pipeline of its own.
const PASTE: &str = "\
[composite:glance-api-proxied]
paste.composite_factory = glance.api:root_app_factory
/: api
/healthcheck: healthcheck
[composite:glance-api]
/: api
[composite:api]
paste.composite_factory = glance.api:pipeline_factory
default = cors odd rootapp
proxied = cors http_proxy_to_wsgi versionnegotiation osprofiler who rootapp
[pipeline:glance-api-old]
pipeline = healthcheck versionnegotiation unauthenticated-context rootapp
[app:healthcheck]
paste.app_factory = oslo_middleware:Healthcheck.app_factory
backends = enable_by_files
enable_by_file_paths = %(here)s/up
[filter:who]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:odd]
paste.filter_factory = somewhere.else:factory
";

fn read(flavor: &str) -> (Folder, Result<Settings, ConfigError>) {
    let folder = Folder::new();
    folder.write("glance-api-paste.ini", PASTE);
    let conf = folder.write("glance-api.conf", &format!("[paste_deploy]\n{flavor}\n{COMPLETE}"));
    let loaded = folder.load(&[file(conf)]).map(|loaded| loaded.settings);
    (folder, loaded)
}

#[test]
fn the_file_beside_the_configuration_gives_the_pipeline() {
    let (folder, loaded) = read("flavor = proxied");
    let settings = loaded.unwrap();
    let [cors, proxy] = [Filter::Cors, Filter::HttpProxyToWsgi];
    let inner = [Filter::VersionNegotiation, Filter::Profiler, Filter::Context];
    assert_eq!(settings.paste.filters, [&[cors, proxy][..], &inner].concat());
    assert_eq!(settings.paste.config_file, Some(folder.path("glance-api-paste.ini")));
    assert_eq!(settings.glance_rs.auth.mode, AuthMode::TrustedHeaders);
    assert_eq!(settings.healthcheck.backends, [HealthcheckBackend::EnableByFiles]);
    assert_eq!(settings.healthcheck.enable_by_file_paths, [folder.path("up")]);
    assert_eq!(settings.healthcheck.disable_by_file_path, None);
}

#[test]
fn a_pipeline_section_of_its_own_counts_too() {
    let settings = read("flavor = old").1.unwrap();
    let filters = [Filter::Healthcheck, Filter::VersionNegotiation, Filter::UnauthenticatedContext];
    assert_eq!(settings.paste.filters, filters);
}

#[test]
fn an_unknown_filter_is_refused_by_name() {
    let error = read("").1.unwrap_err().to_string();
    assert!(error.contains("the filter odd (somewhere.else:factory)"), "{error}");
}

#[test]
fn a_flavor_that_the_file_does_not_have_is_refused() {
    let error = read("flavor = vanilla").1.unwrap_err().to_string();
    assert!(error.contains("[composite:glance-api-vanilla]"), "{error}");
}

#[test]
fn without_a_file_the_pipelines_of_glance_apply() {
    for (flavor, last) in [
        ("default", Filter::UnauthenticatedContext),
        ("caching", Filter::Cache),
        ("cachemanagement", Filter::CacheManage),
        ("keystone", Filter::Context),
        ("keystone+caching", Filter::Cache),
        ("keystone+cachemanagement", Filter::CacheManage),
    ] {
        assert_eq!(built_in(flavor).unwrap().last(), Some(&last), "{flavor}");
    }
    assert_eq!(problems("[paste_deploy]\nflavor = vanilla").len(), 1);
}

#[test]
fn a_file_that_was_named_must_exist() {
    let found = problems("[paste_deploy]\nconfig_file = nowhere.ini");
    assert_eq!(found, ["glance-api.conf:2: [paste_deploy] config_file must exist: there is no file nowhere.ini"]);
}

#[test]
fn a_central_cache_needs_the_address_of_its_node() {
    let caching = "[paste_deploy]\nflavor = caching\n[DEFAULT]\n";
    assert_eq!(problems(caching).len(), 1);
    assert!(problems(&format!("{caching}image_cache_driver = SQLite")).is_empty());
    assert!(problems(&format!("{caching}worker_self_reference_url = http://n1:9292")).is_empty());
}
