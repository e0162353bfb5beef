//! The routes of Image API v2, one file for each resource.

mod actions;
mod file;
mod images;
mod info;
mod locations;
mod members;
mod metadefs;
mod query;
mod schemas;
mod stores;
mod tags;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post, put};
use http::header::LOCATION;
use http::{HeaderValue, Method, StatusCode};

use super::Api;
use super::around::{self, REQUEST_ID, RequestId};
use super::error::ApiError;
use super::extract::{Caller, refuse_body};
use super::origin::Origin;
use super::{cors, versions};
use crate::auth::Asked;
use crate::http::PeerAddr;

pub(super) use query::Links;
pub use schemas::BadSchemaFile;
pub(super) use schemas::Schemas;

/// Everything below `/v2`.
pub(super) fn routes() -> Router<Api> {
    let image = "/v2/images/{image_id}";
    let below = |rest: &str| format!("{image}/{rest}");
    Router::new()
        .route("/v2", any(with_slash))
        .route("/v2/images", only("GET, POST", get(images::list).post(images::create)))
        .route(
            image,
            only("GET, PATCH, DELETE", bodiless(get(images::show).delete(images::delete)).patch(images::patch)),
        )
        .route(&below("actions/deactivate"), only("POST", bodiless(post(actions::deactivate))))
        .route(&below("actions/reactivate"), only("POST", bodiless(post(actions::reactivate))))
        .route(&below("file"), only("GET, PUT", bodiless(get(file::download)).put(file::upload)))
        .route(&below("tags/{tag}"), only("PUT, DELETE", bodiless(put(tags::add).delete(tags::remove))))
        .route(&below("locations"), only("GET, POST", bodiless(get(locations::list)).post(locations::add)))
        .route(&below("members"), only("GET, POST", bodiless(get(members::list)).post(members::add)))
        .route(
            &below("members/{member_id}"),
            only("GET, PUT, DELETE", bodiless(get(members::show).delete(members::remove)).put(members::answer)),
        )
        .route("/v2/stores/{store_id}/{image_id}", only("DELETE", bodiless(delete(stores::remove_copy))))
        .route("/v2/info/import", only("GET", bodiless(get(info::import))))
        .route("/v2/info/stores", only("GET", bodiless(get(info::stores))))
        .route("/v2/info/stores/detail", only("GET", bodiless(get(info::stores_detail))))
        .route("/v2/info/usage", any(info::usage))
        .route("/v2/schemas/image", only("GET", bodiless(get(schemas::image))))
        .route("/v2/schemas/images", only("GET", bodiless(get(schemas::images))))
        .route("/v2/schemas/member", only("GET", bodiless(get(schemas::member))))
        .route("/v2/schemas/members", only("GET", bodiless(get(schemas::members))))
        .route("/v2/schemas/task", only("GET", get(schemas::task)))
        .route("/v2/schemas/tasks", only("GET", get(schemas::tasks)))
        .merge(schemas::metadefs::routes())
        .merge(metadefs::routes())
        .route_layer(from_fn(around::note_route))
        .fallback(unknown)
}

/// Finds out who is asking before anything of `/v2` is looked at, and gives every answer from there
/// its request id.
pub(super) async fn establish(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    // Before passwords are looked at: a page may not try any, either.
    if api.options.identity.believes_browsers() && cors::is_foreign_page(&api.options.cors, request.headers()) {
        let why =
            "Web pages are not served unless [cors] lists their origin: a browser brings along what is believed here.";
        return ApiError::new(StatusCode::FORBIDDEN, why).into_response();
    }
    if !Origin::host_of(&request).is_none_or(|host| api.options.identity.answers_to(host)) {
        let why = "While nobody is asked who they are, this server goes by its address, localhost, bind_host and the \
                   host of public_endpoint.";
        return ApiError::new(StatusCode::FORBIDDEN, why).into_response();
    }
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip());
    let asked = Asked { method: request.method(), path: request.uri().path(), headers: request.headers(), peer };
    let mut context = match api.options.identity.context(asked).await {
        Ok(context) => context,
        Err(error) => return ApiError::unidentified(error, api.options.identity.challenge()).into_response(),
    };
    let id = request.extensions().get::<RequestId>().cloned();
    if id.as_ref().is_some_and(|id| id.refused) {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return ApiError::new(status, "The request id is too long.").into_response();
    }
    around::note_caller(&context);
    context.request_id = id.as_ref().map(|id| id.text.clone());
    request.extensions_mut().insert(Caller(Arc::new(context)));
    identified(next.run(request).await, id.as_ref())
}

/// The answer with the id of its request.
pub(super) fn identified(mut response: Response, id: Option<&RequestId>) -> Response {
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(&id.text).ok()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A path with these methods and no others: `HEAD` does not come with `GET`.
fn only(allow: &'static str, methods: MethodRouter<Api>) -> MethodRouter<Api> {
    let refuse = move |method: Method| async move { ApiError::method_not_allowed(&method, allow) };
    methods.head(refuse).fallback(refuse)
}

/// Methods that refuse a body.
fn bodiless(methods: MethodRouter<Api>) -> MethodRouter<Api> {
    methods.route_layer(from_fn(refuse_body))
}

async fn unknown(State(api): State<Api>, request: Request) -> Response {
    if versions::is_beside(request.uri().path()) {
        return versions::beside(&api, &request);
    }
    ApiError::unknown_path(request.method()).into_response()
}

/// `/v2` leads to `/v2/`, where there is nothing. So it does in the Python server.
async fn with_slash(origin: Origin) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(location) = HeaderValue::try_from(format!("{}/v2/", origin.host())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
