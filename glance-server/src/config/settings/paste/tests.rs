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
bare = gzip who rootapp
proxied = cors http_proxy_to_wsgi versionnegotiation osprofiler who rootapp
[pipeline:glance-api-old]
pipeline = healthcheck versionnegotiation unauthenticated-context rootapp
[composite:glance-api-bare]
/: api
[filter:healthcheck]
paste.filter_factory = oslo_middleware:Healthcheck.factory
backends = disable_by_file
disable_by_file_path = /down
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
    assert_eq!(settings.paste.healthcheck, Some(HealthcheckPlace::Filter));
    assert_eq!(settings.healthcheck.disable_by_file_path, Some("/down".into()));
}

#[test]
fn a_health_check_that_no_file_mounts_is_none() {
    let settings = read("flavor = bare").1.unwrap();
    assert_eq!(settings.paste.filters, [Filter::Gzip, Filter::Context]);
    assert_eq!(settings.paste.healthcheck, None);
    let settings = read("flavor = proxied").1.unwrap();
    assert_eq!(settings.paste.healthcheck, Some(HealthcheckPlace::Beside));
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

#[test]
fn what_is_wrong_in_the_paste_file_is_named_by_its_line_there() {
    let warned = |lines: &str| {
        let folder = Folder::new();
        let paste =
            format!("[pipeline:glance-api]\npipeline = healthcheck context rootapp\n[filter:healthcheck]\n{lines}");
        folder.write("glance-api-paste.ini", &paste);
        let conf = folder.write("glance-api.conf", &format!("{COMPLETE}[glance_rs]\nauth_mode = trusted_headers\n"));
        match folder.load(&[file(conf)]) {
            Ok(loaded) => loaded.warnings,
            Err(ConfigError::Invalid { problems, .. }) => problems,
            Err(other) => panic!("{other}"),
        }
    };
    for (lines, line, about) in [
        ("paste.app_factory = x\nuse = y\noslo_config_project = glance\ndetailed = true", 0, ""),
        ("backend = disable_by_file", 4, "unknown option backend"),
        ("detailed = true\nbackends = rm", 5, "backends names rm"),
        ("allowed_source_ranges = here", 4, "allowed_source_ranges"),
        ("backends = disable_by_file, enable_by_files", 4, "names both"),
    ] {
        let found: Vec<_> = warned(lines).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), usize::from(line > 0), "{lines}: {found:?}");
        let place = format!("glance-api-paste.ini:{line}: ");
        assert!(found.iter().all(|found| found.contains(&place) && found.contains(about)), "{lines}: {found:?}");
    }
}

#[test]
fn a_filter_that_is_unknown_is_named_by_the_line_of_its_pipeline() {
    let error = read("").1.unwrap_err().to_string();
    assert!(error.contains("glance-api-paste.ini:9: ") && error.contains("odd"), "{error}");
}
