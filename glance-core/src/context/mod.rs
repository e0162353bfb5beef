//! Who is asking: the identity every call is judged by.

mod service_catalog;

use std::fmt;
use std::sync::Arc;

pub use service_catalog::ServiceCatalog;

/// The identity behind one call, as an authentication layer or an embedder established it.
///
/// Roles are kept lower-case, because `oslo.policy` compares them without case. Whether the caller
/// is an administrator is not stored here: the policy decides it with the
/// rule `context_is_admin`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The user's id; `None` for calls that no user stands behind.
    pub user_id: Option<String>,
    /// The project the caller acts in, which owns what the call creates; `None` without a project.
    pub project_id: Option<String>,
    /// The caller's roles, lower-case.
    pub roles: Vec<String>,
    /// The domain a domain-scoped token is for.
    pub domain_id: Option<String>,
    /// The domain the user belongs to.
    pub user_domain_id: Option<String>,
    /// The domain the project belongs to.
    pub project_domain_id: Option<String>,
    /// `all` for a system-scoped token.
    pub system_scope: Option<String>,
    /// Whether the project is Keystone's administrative project; true where nothing else is said.
    pub is_admin_project: bool,
    /// The service user that vouches for the call, from a valid service token.
    pub service_user_id: Option<String>,
    /// The project of the service user.
    pub service_project_id: Option<String>,
    /// The roles of the service user, lower-case.
    pub service_roles: Vec<String>,
    /// The token the caller came with, for calls made on the caller's behalf. Never printed.
    pub auth_token: Option<String>,
    /// Where the caller's token finds the services of the cloud, for calls made on the caller's behalf;
    /// `None` where nobody said.
    pub service_catalog: Option<Arc<ServiceCatalog>>,
    /// The id that ties log lines and answers of one request together (`req-…`).
    pub request_id: Option<String>,
    /// True for anonymous callers, who may change nothing whatever the policy says.
    pub read_only: bool,
}

impl RequestContext {
    /// A caller acting in `project_id` with `roles`.
    pub fn new<R: AsRef<str>>(
        user_id: impl Into<String>,
        project_id: impl Into<String>,
        roles: impl IntoIterator<Item = R>,
    ) -> Self {
        Self {
            user_id: Some(user_id.into()),
            project_id: Some(project_id.into()),
            roles: roles.into_iter().map(|role| role.as_ref().to_lowercase()).collect(),
            is_admin_project: true,
            ..Self::default()
        }
    }

    /// Full rights in `project_id`: the caller of programs that embed the registry for themselves.
    pub fn admin(project_id: impl Into<String>) -> Self {
        Self::new("admin", project_id, ["admin", "member", "reader"])
    }

    /// Whether `project` is the caller's own. A caller without a project owns nothing, not even what
    /// has no owner.
    #[must_use]
    pub fn is_project(&self, project: Option<&str>) -> bool {
        matches!((self.project_id.as_deref(), project), (Some(mine), Some(theirs)) if mine == theirs)
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("user_id", &self.user_id)
            .field("project_id", &self.project_id)
            .field("roles", &self.roles)
            .field("service_roles", &self.service_roles)
            .field("system_scope", &self.system_scope)
            .field("request_id", &self.request_id)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}
