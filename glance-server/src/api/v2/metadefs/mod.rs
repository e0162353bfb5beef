//! `/v2/metadefs/…`: metadata definitions, one file for each resource.

mod namespaces;
mod objects;
mod properties;
mod resource_types;
mod tags;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};

use super::{bodiless, only};
use crate::api::Api;

/// Everything below `/v2/metadefs`.
pub(super) fn routes() -> Router<Api> {
    let namespace = "/v2/metadefs/namespaces/{namespace}";
    let below = |rest: &str| format!("{namespace}/{rest}");
    Router::new()
        .route("/v2/metadefs/namespaces", only("GET, POST", get(namespaces::list).post(namespaces::create)))
        .route(
            namespace,
            only(
                "GET, PUT, DELETE",
                bodiless(delete(namespaces::delete)).get(namespaces::show).put(namespaces::update),
            ),
        )
        .route(&below("objects"), only("GET, POST, DELETE", objects_routes()))
        .route(
            &below("objects/{name}"),
            only("GET, PUT, DELETE", bodiless(get(objects::show).delete(objects::delete)).put(objects::update)),
        )
        .route(
            &below("properties"),
            only(
                "GET, POST, DELETE",
                bodiless(get(properties::list).delete(namespaces::delete_properties)).post(properties::create),
            ),
        )
        .route(
            &below("properties/{name}"),
            only(
                "GET, PUT, DELETE",
                bodiless(delete(properties::delete)).get(properties::show).put(properties::update),
            ),
        )
        .route(
            &below("resource_types"),
            only("GET, POST", bodiless(get(resource_types::associations)).post(resource_types::associate)),
        )
        .route(&below("resource_types/{name}"), only("DELETE", bodiless(delete(resource_types::dissociate))))
        .route(
            &below("tags"),
            only("GET, POST, DELETE", bodiless(delete(namespaces::delete_tags)).get(tags::list).post(tags::create_all)),
        )
        .route(&below("tags/{name}"), only("GET, POST, PUT, DELETE", tag_routes()))
        .route("/v2/metadefs/resource_types", only("GET", bodiless(get(resource_types::list))))
}

fn objects_routes() -> MethodRouter<Api> {
    bodiless(delete(namespaces::delete_objects)).get(objects::list).post(objects::create)
}

fn tag_routes() -> MethodRouter<Api> {
    bodiless(get(tags::show).merge(post(tags::create)).delete(tags::delete)).merge(put(tags::update))
}
