//! What rules can ask about the caller, and under which names.

use std::borrow::Cow;

use super::check::listed;
use super::target::{Target, Value};
use crate::RequestContext;

/// One attribute of the caller, as the left-hand side of a check names it.
///
/// Besides the names `oslo.context` gives to policies today, the older ones (`tenant`, `user`,
/// `domain`, …) are kept, which policy files still carry. `is_admin` is not among them: a rule that
/// means administrators says `rule:context_is_admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    UserId,
    ProjectId,
    DomainId,
    UserDomainId,
    ProjectDomainId,
    SystemScope,
    Roles,
    IsAdminProject,
    ServiceUserId,
    ServiceProjectId,
    ServiceRoles,
    RequestId,
    AuthToken,
    ReadOnly,
}

/// Every name with what it stands for.
const NAMES: [(&str, Credential); 21] = [
    ("user_id", Credential::UserId),
    ("user", Credential::UserId),
    ("project_id", Credential::ProjectId),
    ("project", Credential::ProjectId),
    ("tenant", Credential::ProjectId),
    ("domain_id", Credential::DomainId),
    ("domain", Credential::DomainId),
    ("user_domain_id", Credential::UserDomainId),
    ("user_domain", Credential::UserDomainId),
    ("project_domain_id", Credential::ProjectDomainId),
    ("project_domain", Credential::ProjectDomainId),
    ("system_scope", Credential::SystemScope),
    ("system", Credential::SystemScope),
    ("roles", Credential::Roles),
    ("is_admin_project", Credential::IsAdminProject),
    ("service_user_id", Credential::ServiceUserId),
    ("service_project_id", Credential::ServiceProjectId),
    ("service_roles", Credential::ServiceRoles),
    ("request_id", Credential::RequestId),
    ("auth_token", Credential::AuthToken),
    ("read_only", Credential::ReadOnly),
];

impl Credential {
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, credential)| *credential)
    }

    /// The name of today.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// The attribute as a note shows it. A token is never shown.
    pub(super) fn shown(self, context: &RequestContext) -> String {
        match self.of(context) {
            Value::Null => "none".to_owned(),
            _ if self == Self::AuthToken => "***".to_owned(),
            Value::List(list) => listed(&list),
            value => value.text().unwrap_or_default().into_owned(),
        }
    }

    pub(super) fn of(self, context: &RequestContext) -> Value<'_> {
        match self {
            Self::UserId => context.user_id.as_deref().into(),
            // A project without an id is none, or it would own what has an empty owner.
            Self::ProjectId => context.project_id.as_deref().filter(|id| !id.is_empty()).into(),
            Self::DomainId => context.domain_id.as_deref().into(),
            Self::UserDomainId => context.user_domain_id.as_deref().into(),
            Self::ProjectDomainId => context.project_domain_id.as_deref().into(),
            Self::SystemScope => context.system_scope.as_deref().into(),
            Self::Roles => context.roles.as_slice().into(),
            Self::IsAdminProject => context.is_admin_project.into(),
            Self::ServiceUserId => context.service_user_id.as_deref().into(),
            Self::ServiceProjectId => context.service_project_id.as_deref().into(),
            Self::ServiceRoles => context.service_roles.as_slice().into(),
            Self::RequestId => context.request_id.as_deref().into(),
            Self::AuthToken => context.auth_token.as_deref().into(),
            Self::ReadOnly => context.read_only.into(),
        }
    }
}

/// The caller as the object of a call: what `context_is_admin` is judged on.
pub(super) struct Oneself<'a>(pub(super) &'a RequestContext);

impl Target for Oneself<'_> {
    fn get(&self, key: &str) -> Option<Value<'_>> {
        Credential::named(key).map(|credential| credential.of(self.0))
    }

    fn keys(&self) -> Vec<Cow<'_, str>> {
        NAMES.iter().map(|(name, _)| Cow::Borrowed(*name)).collect()
    }
}
