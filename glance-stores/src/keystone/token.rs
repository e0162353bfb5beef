//! What Keystone says of a token.

use std::sync::Arc;

use glance_core::context::ServiceCatalog;
use http::HeaderValue;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::error::KeystoneError;

/// A token that Keystone vouches for: whose it is and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Token {
    /// Whose it is.
    pub user: Holder,
    /// When it ends.
    #[serde(deserialize_with = "moment")]
    pub expires_at: Timestamp,
    /// The project it is for; at most one of this and the next two is there.
    pub project: Option<TokenProject>,
    /// The domain it is for.
    pub domain: Option<Named>,
    /// Whether it is for the whole system.
    #[serde(default, deserialize_with = "whole_system")]
    pub system: bool,
    /// The names of the roles.
    #[serde(default, deserialize_with = "names")]
    pub roles: Vec<String>,
    /// Whether the project is the administrative one, where Keystone knows such a thing; else true.
    #[serde(default = "unless_said")]
    pub is_admin_project: bool,
    /// Where its holder finds services.
    #[serde(default, deserialize_with = "shared")]
    pub catalog: Arc<ServiceCatalog>,
    /// What the application credential behind it may be used for; `None`: for everything.
    #[serde(default, rename = "application_credential", deserialize_with = "access_rules")]
    pub access_rules: Option<Vec<AccessRule>>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// The user's id.
    pub id: String,
    /// The domain the user belongs to.
    pub domain: Option<Named>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenProject {
    /// Its id.
    pub id: String,
    /// The domain it belongs to.
    pub domain: Option<Named>,
}

/// Something with an id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
}

/// A request that an application credential may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccessRule {
    /// The type of service (`image`).
    pub service: String,
    /// The method (`GET`).
    pub method: String,
    /// The path, in which `*` and `{…}` stand for a segment and `**` for anything.
    pub path: String,
}

impl AccessRule {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.service.len() + self.method.len() + self.path.len()
    }
}

impl Token {
    /// Reads the body of an answer.
    pub(super) fn read(body: &[u8]) -> Result<Self, KeystoneError> {
        let told: Told = serde_json::from_slice(body).map_err(|error| without_quotes(&error))?;
        let project = told.token.project.as_ref();
        if told.token.user.id.is_empty() || project.is_some_and(|project| project.id.is_empty()) {
            return Err(KeystoneError::nonsense("the user or the project has no id"));
        }
        Ok(told.token)
    }

    /// About how much memory it takes, in bytes: what its holder or the cloud can make large counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let roles: usize = self.roles.iter().map(|role| size_of::<String>() + role.len()).sum();
        let allowed: usize = self.access_rules.iter().flatten().map(AccessRule::bytes).sum();
        size_of::<Self>() + roles + allowed + self.catalog.bytes()
    }
}

#[derive(Deserialize)]
struct Told {
    token: Token,
}

/// The place of a fault in JSON, without the text around it that messages of `serde_json` may repeat.
pub(super) fn without_quotes(error: &serde_json::Error) -> KeystoneError {
    let (line, column) = (error.line(), error.column());
    KeystoneError::nonsense(format!("not the JSON expected, line {line}, column {column}"))
}

/// A token as a header, which does not print; `None` for what is no token, whatever it is.
pub(crate) fn header(text: &str) -> Option<HeaderValue> {
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_token)?;
    value.set_sensitive(true);
    Some(value)
}

fn unless_said() -> bool {
    true
}

fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| serde::de::Error::custom("no moment"))
}

fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<ServiceCatalog>, D::Error> {
    ServiceCatalog::deserialize(from).map(Arc::new)
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    struct Role {
        name: String,
    }
    let roles = Vec::<Role>::deserialize(from)?;
    Ok(roles.into_iter().map(|role| role.name).collect())
}

fn whole_system<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct System {
        #[serde(default)]
        all: bool,
    }
    Ok(Option::<System>::deserialize(from)?.is_some_and(|system| system.all))
}

fn access_rules<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<AccessRule>>, D::Error> {
    #[derive(Deserialize)]
    struct Restricted {
        access_rules: Option<Vec<AccessRule>>,
    }
    Ok(Option::<Restricted>::deserialize(from)?.and_then(|credential| credential.access_rules))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(token: &Value) -> Result<Token, KeystoneError> {
        Token::read(json!({ "token": token }).to_string().as_bytes())
    }

    #[test]
    fn a_token_says_whose_it_is_and_what_for() {
        let token = read(&json!({
            "methods": ["password"], "audit_ids": ["x"], "issued_at": "2030-01-01T00:00:00.000000Z",
            "expires_at": "2030-01-02T00:00:00.000000Z",
            "user": { "id": "u", "name": "n", "domain": { "id": "ud", "name": "UD" }, "password_expires_at": null },
            "project": { "id": "p", "name": "pn", "domain": { "id": "pd", "name": "PD" } },
            "roles": [{ "id": "1", "name": "Member" }, { "id": "2", "name": "reader" }],
            "is_domain": false,
            "catalog": [{ "type": "image", "endpoints": [{ "interface": "public", "region_id": "r", "url": "http://i" }] }],
        }))
        .unwrap();
        assert_eq!((token.user.id.as_str(), token.user.domain.unwrap().id.as_str()), ("u", "ud"));
        assert_eq!(token.project.unwrap().domain.unwrap().id, "pd");
        assert_eq!(token.roles, ["Member", "reader"]);
        assert!(token.is_admin_project && !token.system && token.domain.is_none() && token.access_rules.is_none());
        assert_eq!(token.catalog.endpoint("image", "public", Some("r")), Some("http://i"));
    }

    #[test]
    fn scopes_are_told_apart() {
        let base = json!({ "expires_at": "2030-01-02T00:00:00Z", "user": { "id": "u" } });
        let with = |name: &str, value: Value| {
            let mut token = base.clone();
            token[name] = value;
            read(&token).unwrap()
        };
        assert!(with("system", json!({ "all": true })).system);
        assert!(!with("system", json!({})).system && !with("system", Value::Null).system);
        assert_eq!(with("domain", json!({ "id": "d" })).domain.unwrap().id, "d");
        assert!(!with("is_admin_project", json!(false)).is_admin_project);
        let restricted = json!({ "id": "a", "restricted": true, "access_rules": [{ "service": "image", "method": "GET", "path": "/v2/images" }] });
        assert_eq!(with("application_credential", restricted).access_rules.unwrap().len(), 1);
        assert!(with("application_credential", json!({ "id": "a" })).access_rules.is_none());
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_repeated() {
        for token in [
            json!(null),
            json!([]),
            json!({ "expires_at": "2030-01-02T00:00:00Z" }),
            json!({ "expires_at": "canary", "user": { "id": "u" } }),
            json!({ "expires_at": "2030-01-02T00:00:00Z", "user": { "id": "" } }),
            json!({ "expires_at": "2030-01-02T00:00:00Z", "user": { "id": "u" }, "project": { "id": "" } }),
            json!({ "expires_at": "2030-01-02T00:00:00Z", "user": { "id": "u" }, "roles": "canary" }),
            json!({ "expires_at": "2030-01-02T00:00:00Z", "user": { "id": "u" }, "roles": [{ "id": "r" }] }),
        ] {
            let error = read(&token).unwrap_err();
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
