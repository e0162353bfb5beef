//! The Image API v2 as a router over a [`Glance`].
//!
//! A request passes, from the outside in: its log line and panic guard, the canonical form of its
//! path, the health check, which answers by itself, cross-origin rules, compression, version
//! negotiation, identity, the routes of `v2`. Handlers take, call and show; what images may do is
//! decided in `glance-core`.

mod accept;
mod around;
mod cors;
mod error;
mod extract;
mod gzip;
mod healthcheck;
mod json;
mod options;
mod origin;
mod v2;
mod versions;
mod views;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use glance_core::{Glance, Settings};
use http::HeaderValue;
use http::request::Parts;
use tower::Layer;

use crate::http::{TargetError, normalised};
use error::ApiError;
use versions::Versions;
use views::Shown;

pub use healthcheck::Healthcheck;
pub use options::{ApiOptions, Pipeline};
pub use v2::BadSchemaFile;

/// What every handler can reach.
#[derive(Clone)]
struct Api(Arc<Inner>);

struct Inner {
    glance: Glance,
    options: ApiOptions,
    versions: Versions,
    schemas: v2::Schemas,
    headers: ConfiguredHeaders,
    look: healthcheck::Look,
}

/// Header values that follow from the configuration.
struct ConfiguredHeaders {
    import_methods: Option<HeaderValue>,
    store_ids: Option<HeaderValue>,
}

impl Deref for Api {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// Which parts of images the configuration shows.
    fn shown(&self) -> Shown<'_> {
        Shown {
            direct_url: self.options.show_image_direct_url,
            locations: self.glance.settings().show_multiple_locations,
            stores: self.glance.stores().are_named(),
            custom: self.glance.settings().custom_properties.as_deref(),
        }
    }
}

/// The API over `glance`, ready to be served.
///
/// Requests must carry their [`PeerAddr`](crate::http::PeerAddr) where identity comes from headers.
///
/// # Errors
///
/// [`BadSchemaFile`] if custom properties of the settings are fields of every image.
pub fn router(glance: Glance, options: ApiOptions) -> Result<Router, BadSchemaFile> {
    let versions = Versions { stores: glance.stores().are_named(), cache: options.has_cache };
    let schemas = v2::Schemas::new(glance.settings().schema())?;
    let headers = ConfiguredHeaders {
        import_methods: joined(options.import_methods.iter().map(String::as_str)),
        store_ids: versions.stores.then(|| joined(glance.stores().iter().map(|store| store.id.as_str()))).flatten(),
    };
    Ok(layered(&Api(Arc::new(Inner {
        glance,
        options,
        versions,
        schemas,
        headers,
        look: healthcheck::Look::default(),
    }))))
}

/// Whether a router can be made of a registry with such settings.
///
/// # Errors
///
/// As [`router`].
pub(crate) fn check(settings: &Settings) -> Result<(), BadSchemaFile> {
    v2::Schemas::new(settings.schema()).map(drop)
}

fn layered(api: &Api) -> Router {
    let routes = v2::routes().with_state(api.clone());
    let routes = from_fn_with_state(api.clone(), v2::establish).layer(routes);
    // Layers of a `Router` run behind its routing, so one that changes the path stands in front.
    let versioned = from_fn_with_state(api.clone(), versions::negotiate).layer(routes);
    let compressed = from_fn_with_state(api.clone(), gzip::compress).layer(versioned);
    let shared = from_fn_with_state(api.clone(), cors::cross_origin).layer(compressed);
    let health = healthcheck::routes(api.options.healthcheck.as_ref());
    let health =
        if api.options.healthcheck.is_some() { health.route_layer(from_fn(around::note_route)) } else { health };
    let mounted = health.fallback_service(shared).with_state(api.clone());
    let refuse = |parts: &Parts, error: TargetError| -> Response {
        v2::identified(ApiError::from(error).into_response(), parts.extensions.get())
    };
    Router::new().fallback_service(from_fn_with_state(api.clone(), around::around).layer(normalised(mounted, refuse)))
}

fn joined<'a>(items: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let joined = items.collect::<Vec<_>>().join(",");
    HeaderValue::from_str(&joined).ok().filter(|value| !value.is_empty())
}
