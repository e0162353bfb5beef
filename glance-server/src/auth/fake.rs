//! Callers who say themselves who they are, as Glance's `fakeauth` filter has them: for tests.

use glance_core::RequestContext;
use http::HeaderMap;

use super::headers::{Headers, list};
use super::{Unauthenticated, anonymous};

/// The caller whose token says `user:project:roles`, roles separated by commas; a project `none` is no project.
pub(super) fn context(headers: &HeaderMap, allow_anonymous: bool) -> Result<RequestContext, Unauthenticated> {
    match spoken(headers) {
        Some(context) => Ok(context),
        None if allow_anonymous => Ok(anonymous()),
        None => Err(Unauthenticated),
    }
}

fn spoken(headers: &HeaderMap) -> Option<RequestContext> {
    let token = Headers(headers).first(&["x-auth-token", "x-storage-token"])??;
    let mut parts = token.split(':');
    let (user, project, roles) = (parts.next()?, parts.next()?, parts.next()?);
    if user.is_empty() || parts.next().is_some() {
        return None;
    }
    let project = Some(project).filter(|project| !project.is_empty() && !project.eq_ignore_ascii_case("none"));
    Some(RequestContext {
        user_id: Some(user.to_owned()),
        project_id: project.map(str::to_owned),
        roles: list(Some(roles.to_owned())),
        is_admin_project: true,
        auth_token: Some(token.clone()),
        ..RequestContext::default()
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_says_user_project_and_roles() {
        let ask = |token: &'static str| {
            let headers = [(http::HeaderName::from_static("x-auth-token"), HeaderValue::from_static(token))];
            context(&headers.into_iter().collect(), false)
        };
        let context = ask("u:p:Admin,member").unwrap();
        assert_eq!((context.user_id.as_deref(), context.project_id.as_deref()), (Some("u"), Some("p")));
        assert_eq!(context.roles, ["admin", "member"]);
        assert_eq!(ask("u:None:reader").unwrap().project_id, None);
        for token in ["", "u", "u:p", "u:p:r:x", ":p:r"] {
            assert_eq!(ask(token), Err(Unauthenticated), "{token}");
        }
    }
}
