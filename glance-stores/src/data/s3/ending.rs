//! Ending an upload in parts on condition that there is no object.
//!
//! [`object_store`] ends one without a condition, so that of two nodes that end uploads of one image, the later would
//! replace the data of the other. The header that forbids it needs no signature. A server that does not know it there
//! is not given it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::header::IF_NONE_MATCH;
use http::{HeaderValue, Method};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService};

use crate::data::object::connector::Outbound;
use crate::data::object::error;
use crate::data::object::refusal::Refusal;

/// The client that ends no upload over an object, as far as the server can tell.
#[derive(Debug, Clone)]
pub(super) struct NoReplacing {
    client: Outbound,
    unknown: Arc<AtomicBool>,
}

impl NoReplacing {
    pub(super) fn new(client: Outbound) -> Self {
        Self { client, unknown: Arc::default() }
    }
}

impl HttpConnector for NoReplacing {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for NoReplacing {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !ends_upload(&request) || self.unknown.load(Ordering::Relaxed) {
            return self.client.call(request).await;
        }
        let mut conditional = request.clone();
        conditional.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        match self.client.call(conditional).await {
            Err(refused) if error::below::<Refusal>(&refused) == Some(&Refusal::NotImplemented) => {
                self.unknown.store(true, Ordering::Relaxed);
                self.client.call(request).await
            }
            answer => answer,
        }
    }
}

fn ends_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::POST && query.split('&').any(|pair| pair.starts_with("uploadId="))
}
