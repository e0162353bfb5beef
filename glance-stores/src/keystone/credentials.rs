//! What is logged in to Keystone with, and what for.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::outbound::{OperatorUrl, Payload, Request};

/// A key, password or secret. It does not print; [`Key::expose`] is the one way out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Wraps `key`.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// A domain of Keystone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

impl Default for Domain {
    fn default() -> Self {
        Self::Id("default".to_owned())
    }
}

/// A user of Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By its id.
    Id(String),
    /// By its name in a domain.
    Name(String, Domain),
}

/// A project of Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Project {
    /// By its id.
    Id(String),
    /// By its name in a domain.
    Name(String, Domain),
}

/// An application credential of Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Application {
    /// By its id.
    Id(String),
    /// By its name among those of a user.
    Name(String, User),
}

/// What is logged in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    Password(User, Key),
    /// An application credential and its secret; it knows its project.
    Application(Application, Key),
}

/// What a token shall be good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// Whatever the credentials come with: the project of an application credential, or the user's default project.
    #[default]
    Own,
    /// A project.
    Project(Project),
    /// A domain.
    Domain(Domain),
    /// The whole system.
    System,
    /// What a trust, by its id, delegates.
    Trust(String),
}

/// An account of Keystone's, and where to log in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The identity API, with `/v3` at its end or without.
    pub address: OperatorUrl,
    /// Who logs in.
    pub credentials: Credentials,
    /// What for. An application credential takes no other than its own.
    pub scope: Scope,
}

impl Login {
    /// The request that logs in.
    #[must_use]
    pub fn request(&self) -> Request {
        let body = Bytes::from(self.body().to_string());
        Request::new(Method::POST, tokens_of(&self.address))
            .header("content-type", HeaderValue::from_static("application/json"))
            .payload(Payload::Bytes(body))
    }

    fn body(&self) -> Value {
        let identity = match &self.credentials {
            Credentials::Password(user, password) => {
                let mut user = user.json();
                user["password"] = json!(password.expose());
                json!({ "methods": ["password"], "password": { "user": user } })
            }
            Credentials::Application(application, secret) => {
                let mut application = application.json();
                application["secret"] = json!(secret.expose());
                json!({ "methods": ["application_credential"], "application_credential": application })
            }
        };
        let mut auth = json!({ "identity": identity });
        let scope = self.scope.json().filter(|_| matches!(self.credentials, Credentials::Password(..)));
        if let Some(scope) = scope {
            auth["scope"] = scope;
        }
        json!({ "auth": auth })
    }
}

/// Where tokens of the identity API at `address` are made and looked at.
pub(super) fn tokens_of(address: &OperatorUrl) -> OperatorUrl {
    identity_of(address, &["auth", "tokens"])
}

/// Where its trusts are.
pub(super) fn trusts_of(address: &OperatorUrl) -> OperatorUrl {
    identity_of(address, &["OS-TRUST", "trusts"])
}

/// A path of the identity API v3 at `address`, which may end with `/v3` or not.
pub(super) fn identity_of(address: &OperatorUrl, path: &[&str]) -> OperatorUrl {
    let versioned = address.expose().path().trim_end_matches('/').ends_with("/v3");
    address.below((!versioned).then_some("v3").into_iter().chain(path.iter().copied()))
}

impl Domain {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

impl User {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name, domain) => json!({ "name": name, "domain": domain.json() }),
        }
    }
}

impl Project {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name, domain) => json!({ "name": name, "domain": domain.json() }),
        }
    }
}

impl Application {
    fn json(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name, user) => json!({ "name": name, "user": user.json() }),
        }
    }
}

impl Scope {
    fn json(&self) -> Option<Value> {
        Some(match self {
            Self::Own => return None,
            Self::Project(project) => json!({ "project": project.json() }),
            Self::Domain(domain) => json!({ "domain": domain.json() }),
            Self::System => json!({ "system": { "all": true } }),
            Self::Trust(id) => json!({ "OS-TRUST:trust": { "id": id } }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(credentials: Credentials, scope: Scope) -> Value {
        Login { address: OperatorUrl::parse("http://k").unwrap(), credentials, scope }.body()
    }

    fn password() -> Credentials {
        let user = User::Name("glance".to_owned(), Domain::Name("users".to_owned()));
        Credentials::Password(user, Key::new("k"))
    }

    #[test]
    fn a_user_logs_in_with_both_domains() {
        let project = Project::Name("service".to_owned(), Domain::default());
        let sent = login(password(), Scope::Project(project));
        assert_eq!(
            sent,
            json!({ "auth": {
                "identity": { "methods": ["password"], "password": { "user": {
                    "name": "glance", "domain": { "name": "users" }, "password": "k",
                } } },
                "scope": { "project": { "name": "service", "domain": { "id": "default" } } },
            } })
        );
    }

    #[test]
    fn every_scope_is_asked_for_as_keystone_spells_it() {
        for (scope, spelled) in [
            (Scope::Own, Value::Null),
            (Scope::Project(Project::Id("p".to_owned())), json!({ "project": { "id": "p" } })),
            (Scope::Domain(Domain::Name("d".to_owned())), json!({ "domain": { "name": "d" } })),
            (Scope::System, json!({ "system": { "all": true } })),
            (Scope::Trust("t".to_owned()), json!({ "OS-TRUST:trust": { "id": "t" } })),
        ] {
            assert_eq!(login(password(), scope)["auth"]["scope"], spelled);
        }
    }

    #[test]
    fn an_application_credential_brings_its_scope() {
        let by_id = Credentials::Application(Application::Id("a".to_owned()), Key::new("s"));
        let sent = login(by_id, Scope::System);
        assert_eq!(sent["auth"]["identity"]["application_credential"], json!({ "id": "a", "secret": "s" }));
        assert_eq!(sent["auth"]["scope"], Value::Null);
        let by_name = Application::Name("a".to_owned(), User::Id("u".to_owned()));
        let sent = login(Credentials::Application(by_name, Key::new("s")), Scope::Own);
        assert_eq!(sent["auth"]["identity"]["application_credential"]["user"], json!({ "id": "u" }));
    }

    #[test]
    fn the_version_is_added_where_it_is_missing() {
        for (address, url) in [
            ("http://k:5000", "http://k:5000/v3/auth/tokens"),
            ("http://k/identity/", "http://k/identity/v3/auth/tokens"),
            ("http://k/v3", "http://k/v3/auth/tokens"),
            ("http://k/identity/v3/", "http://k/identity/v3/auth/tokens"),
        ] {
            assert_eq!(tokens_of(&OperatorUrl::parse(address).unwrap()).expose().as_str(), url);
        }
    }
}
