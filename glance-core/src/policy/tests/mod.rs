//! The evaluator as a whole: grammar, defaults, options, and what hostile policy files get.

mod defaults;
mod explain;
mod grammar;
mod hostile;
mod laws;
mod options;
mod overview;

use super::*;

/// A policy with one rule of the test's own, called `r`.
fn policy_of(rule: impl Into<RuleSource>) -> Policy {
    Policy::builder().rule("r", rule).build()
}

/// A member of project `p1` in every respect a rule can ask for.
fn member() -> RequestContext {
    RequestContext {
        user_domain_id: Some("ud".to_owned()),
        project_domain_id: Some("pd".to_owned()),
        service_user_id: Some("nova".to_owned()),
        service_project_id: Some("services".to_owned()),
        service_roles: vec!["service".to_owned(), "compute".to_owned()],
        auth_token: Some("secret-token".to_owned()),
        request_id: Some("req-1".to_owned()),
        ..RequestContext::new("u1", "p1", ["Member", "reader"])
    }
}

/// A caller who holds `roles` but acts in no project.
fn without_project(roles: &[&str]) -> RequestContext {
    RequestContext { project_id: None, ..RequestContext::new("u1", "", roles) }
}
