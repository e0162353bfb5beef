//! The filters that pipelines are made of, and how paste files call them.

/// A filter that a pipeline may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Cross-origin requests.
    Cors,
    /// The headers of a proxy in front.
    HttpProxyToWsgi,
    /// The health check as a filter, as older paste files have it.
    Healthcheck,
    /// Versions in the path and in `Accept`.
    VersionNegotiation,
    /// Profiling: nothing here.
    Profiler,
    /// Request ids: every answer has one here.
    RequestId,
    /// Tokens, checked by Keystone.
    AuthToken,
    /// Tokens that say who sends them.
    FakeAuth,
    /// Identity headers.
    Context,
    /// Everybody is administrator.
    UnauthenticatedContext,
    /// Downloads from the cache.
    Cache,
    /// The old API of the cache.
    CacheManage,
    /// Compressed answers.
    Gzip,
}

/// The filter that a factory of a paste file makes; `None` if it is unknown here.
pub(super) fn by_factory(factory: &str) -> Option<Filter> {
    Some(match factory {
        "oslo_middleware.cors:filter_factory" | "oslo_middleware:CORS.factory" => Filter::Cors,
        "oslo_middleware:HTTPProxyToWSGI.factory"
        | "oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory"
        | "oslo_middleware:SSLMiddleware.factory" => Filter::HttpProxyToWsgi,
        "oslo_middleware:Healthcheck.factory" | "oslo_middleware.healthcheck:Healthcheck.factory" => {
            Filter::Healthcheck
        }
        "oslo_middleware:RequestId.factory" | "oslo_middleware.request_id:RequestId.factory" => Filter::RequestId,
        "osprofiler.web:WsgiMiddleware.factory" => Filter::Profiler,
        "keystonemiddleware.auth_token:filter_factory" => Filter::AuthToken,
        "glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory" => Filter::VersionNegotiation,
        "glance.tests.utils:FakeAuthMiddleware.factory" => Filter::FakeAuth,
        "glance.api.middleware.context:ContextMiddleware.factory" => Filter::Context,
        "glance.api.middleware.context:UnauthenticatedContextMiddleware.factory" => Filter::UnauthenticatedContext,
        "glance.api.middleware.cache:CacheFilter.factory" => Filter::Cache,
        "glance.api.middleware.cache_manage:CacheManageFilter.factory" => Filter::CacheManage,
        "glance.api.middleware.gzip:GzipMiddleware.factory" => Filter::Gzip,
        _ => return None,
    })
}

/// The filter that a name stands for where the paste file does not say more.
pub(super) fn by_name(name: &str) -> Option<Filter> {
    Some(match name {
        "cors" => Filter::Cors,
        "http_proxy_to_wsgi" => Filter::HttpProxyToWsgi,
        "healthcheck" => Filter::Healthcheck,
        "request_id" => Filter::RequestId,
        "osprofiler" => Filter::Profiler,
        "authtoken" => Filter::AuthToken,
        "versionnegotiation" => Filter::VersionNegotiation,
        "fakeauth" => Filter::FakeAuth,
        "context" => Filter::Context,
        "unauthenticated-context" => Filter::UnauthenticatedContext,
        "cache" => Filter::Cache,
        "cachemanage" => Filter::CacheManage,
        "gzip" => Filter::Gzip,
        _ => return None,
    })
}
