//! What logging in gave.

use std::fmt;

use glance_core::context::ServiceCatalog;
use http::HeaderValue;
use jiff::Timestamp;
use serde::Deserialize;

use super::error::KeystoneError;
use super::{LONGEST, token};
use crate::outbound::Response;

/// A token of one's own, and what came with it.
pub struct Grant {
    /// Marked as sensitive: it does not print.
    pub token: HeaderValue,
    /// The id of the user it is of.
    pub user: String,
    /// When it ends; `None` if Keystone did not say.
    pub expires: Option<Timestamp>,
    /// Where the services are.
    pub catalog: ServiceCatalog,
}

impl Grant {
    /// Reads the answer to [`Login::request`](super::Login::request), if it was a success.
    ///
    /// # Errors
    ///
    /// [`KeystoneError::AccountRefused`] for an account that is not let in; [`KeystoneError::Status`]
    /// for other statuses; whatever keeps the answer from being read.
    pub async fn read(answer: Response) -> Result<Self, KeystoneError> {
        match answer.status.as_u16() {
            200..=299 => {}
            400 | 401 | 403 | 404 => return Err(KeystoneError::AccountRefused(answer.status)),
            _ => return Err(KeystoneError::Status(answer.status)),
        }
        let text = answer.header("x-subject-token");
        let token = text.and_then(token::header).ok_or_else(|| KeystoneError::nonsense("it has no token"))?;
        let body = answer.read(LONGEST).await?;
        let told: Told = serde_json::from_slice(&body).map_err(|error| token::without_quotes(&error))?;
        let expires = told.token.expires_at.as_deref().and_then(|text| text.parse().ok());
        Ok(Self { token, user: told.token.user.id, expires, catalog: told.token.catalog })
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Told {
    token: OwnToken,
}

#[derive(Default, Deserialize)]
struct Owner {
    id: String,
}

#[derive(Deserialize)]
struct OwnToken {
    #[serde(default)]
    user: Owner,
    expires_at: Option<String>,
    #[serde(default)]
    catalog: ServiceCatalog,
}
