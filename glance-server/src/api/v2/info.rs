//! `/v2/info/…`: what this server can do.

use axum::extract::State;
use axum::response::Response;
use glance_core::NamedStore;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::extract::Caller;
use crate::api::{json, views};

/// `GET /v2/info/import`.
pub(super) async fn import(State(api): State<Api>) -> Response {
    let methods = json!({
        "description": "Import methods available.",
        "type": "array",
        "value": api.options.import_methods,
    });
    json::answer(StatusCode::OK, &json!({ "import-methods": methods }))
}

/// `GET /v2/info/stores`.
pub(super) async fn stores(State(api): State<Api>) -> Result<Response, ApiError> {
    listed(&api, short)
}

/// `GET /v2/info/stores/detail`.
pub(super) async fn stores_detail(State(api): State<Api>, Caller(context): Caller) -> Result<Response, ApiError> {
    refuse_single(&api)?;
    api.glance.images(&context).allow_call("stores_info_detail")?;
    listed(&api, |store, default| {
        let mut view = short(store, default);
        view.insert("type".to_owned(), store.store.kind().into());
        view.insert("weight".to_owned(), store.weight.into());
        view.insert("properties".to_owned(), Value::Object(store.store.details()));
        view
    })
}

/// `GET /v2/info/usage`: what the caller's project holds and may hold, in the units that limits are registered in;
/// nothing where unified limits are not in use. The one path on which a wrong method is not 405 but 404.
pub(super) async fn usage(
    State(api): State<Api>,
    Caller(context): Caller,
    method: Method,
) -> Result<Response, ApiError> {
    if method != Method::GET {
        return Err(ApiError::unknown_path(&method));
    }
    let held = api.glance.images(&context).held().await?;
    let usage = held.map(|held| views::usage(&held)).unwrap_or_default();
    Ok(json::answer(StatusCode::OK, &json!({ "usage": usage })))
}

fn listed(api: &Api, view: impl Fn(&NamedStore, bool) -> Map<String, Value>) -> Result<Response, ApiError> {
    refuse_single(api)?;
    let stores = api.glance.stores();
    let default = &stores.default_store().id;
    let views: Vec<_> = stores.iter().map(|store| view(store, store.id == *default)).collect();
    Ok(json::answer(StatusCode::OK, &json!({ "stores": views })))
}

fn refuse_single(api: &Api) -> Result<(), ApiError> {
    if api.glance.stores().are_named() {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::NOT_FOUND, "This server has a single store, which has no name."))
}

/// What everybody may know of a store. The flags are texts, and there only if they are true.
fn short(store: &NamedStore, default: bool) -> Map<String, Value> {
    let mut view = Map::new();
    view.insert("id".to_owned(), store.id.clone().into());
    if let Some(description) = &store.description {
        view.insert("description".to_owned(), description.clone().into());
    }
    if default {
        view.insert("default".to_owned(), "true".into());
    }
    if store.is_read_only() {
        view.insert("read-only".to_owned(), "true".into());
    }
    view
}
