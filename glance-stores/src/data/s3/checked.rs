//! Asking for the SHA-256 that the server keeps of an object, to hold the data to it.
//!
//! The server says the checksum of an object as a whole only where it is read as a whole, and was written in one
//! request: of an object made of parts it has a checksum of their checksums. All else is read as it comes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::RANGE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use super::config::S3Config;
use super::ending::NoReplacing;
use crate::data::object::checksum::Checksum;

/// Asks for checksums.
const MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
/// Holds one, in base64.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

/// Says whether it is one of checksums.
const TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
/// Bytes of a SHA-256.
const SHA256: usize = 32;

/// The client that learns what the data should be.
#[derive(Clone)]
pub(super) struct Checking {
    client: NoReplacing,
    credential: Arc<AwsCredential>,
    region: String,
}

impl Checking {
    pub(super) fn new(client: NoReplacing, config: &S3Config) -> Self {
        let region = config.endpoint.region().to_owned();
        Self { client, credential: Arc::new(config.credential()), region }
    }

    /// Signs the request again, which has one more header now.
    fn ask(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        request.headers_mut().insert(MODE, HeaderValue::from_static("ENABLED"));
        let signer = AwsAuthorizer::new(&self.credential, "s3", &self.region);
        signer.try_authorize(request, None).map_err(|cause| HttpError::new(HttpErrorKind::Unknown, cause))
    }
}

impl fmt::Debug for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checking").field("region", &self.region).finish_non_exhaustive()
    }
}

impl HttpConnector for Checking {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Checking {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.method() != Method::GET || request.headers().contains_key(RANGE) || request.uri().query().is_some() {
            return self.client.call(request).await;
        }
        self.ask(&mut request)?;
        let mut answer = self.client.call(request).await?;
        if answer.status() == StatusCode::OK
            && let Some(checksum) = of_all_data(answer.headers())
        {
            answer.extensions_mut().insert(checksum);
        }
        Ok(answer)
    }
}

fn of_all_data(headers: &HeaderMap) -> Option<Checksum> {
    let of_parts = headers.get(TYPE).is_some_and(|of| of.as_bytes().eq_ignore_ascii_case(b"COMPOSITE"));
    let checksum = headers.get(CHECKSUM).filter(|_| !of_parts).and_then(|checksum| STANDARD.decode(checksum).ok());
    checksum.filter(|checksum| checksum.len() == SHA256).map(Checksum)
}
