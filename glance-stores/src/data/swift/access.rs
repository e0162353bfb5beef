//! What others than its owner may do in a container.

use glance_core::image::Readers;
use http::{HeaderName, HeaderValue};

use crate::outbound::Request;

const READ: HeaderName = HeaderName::from_static("x-container-read");
const WRITE: HeaderName = HeaderName::from_static("x-container-write");

/// What others than its owner may do in a container: all of it, as Swift's access lists say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Access {
    /// Whatever holds already; nothing, in a new container.
    pub(super) fn unsaid() -> Self {
        Self { headers: Vec::new() }
    }

    /// `readers` read; `admins` read and write: removing large objects takes both.
    pub(super) fn of(readers: &Readers, admins: &[String]) -> Self {
        let read = match readers {
            Readers::Everybody => "*:*".to_owned(),
            Readers::Projects(projects) => list(admins.iter().chain(projects)),
        };
        let value = |text: String| HeaderValue::try_from(text).ok();
        let headers = [(READ, value(read)), (WRITE, value(list(admins)))];
        Self { headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect() }
    }

    pub(super) fn on(&self, request: Request) -> Request {
        self.headers.iter().fold(request, |request, (name, value)| request.header(name.clone(), value.clone()))
    }
}

/// All users of these projects.
fn list<'a>(projects: impl IntoIterator<Item = &'a String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for project in projects {
        if !is_id(project) {
            tracing::warn!(
                "a project is left out of an access list of Swift: its id holds characters that mean something there"
            );
            continue;
        }
        let users = format!("{project}:*");
        if !all.contains(&users) {
            all.push(users);
        }
    }
    all.join(",")
}

/// Whether a text can be nothing but the id of a project. Clients name members, and commas, colons, dots and stars mean
/// something in access lists.
fn is_id(project: &str) -> bool {
    !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(readers: &Readers, admins: &[&str]) -> (String, String) {
        let admins: Vec<String> = admins.iter().map(|&admin| admin.to_owned()).collect();
        let access = Access::of(readers, &admins);
        let get = |name| {
            let found = access.headers.iter().find(|(known, _)| *known == name).unwrap();
            found.1.to_str().unwrap().to_owned()
        };
        (get(READ), get(WRITE))
    }

    #[test]
    fn lists_are_written_as_swift_reads_them() {
        let some = |projects: &[&str]| Readers::Projects(projects.iter().map(|&project| project.to_owned()).collect());
        for (readers, admins, read, write) in [
            (Readers::Everybody, &[][..], "*:*", ""),
            (Readers::Everybody, &["a"], "*:*", "a:*"),
            (some(&[]), &[], "", ""),
            (some(&["p1", "p2"]), &[], "p1:*,p2:*", ""),
            (some(&["p1", "a"]), &["a", "b"], "a:*,b:*,p1:*", "a:*,b:*"),
        ] {
            assert_eq!(written(&readers, admins), (read.to_owned(), write.to_owned()), "{readers:?}");
        }
    }

    #[test]
    fn a_member_is_a_project_and_no_more() {
        for hostile in ["*", ".r:*", ".rlistings", "a,*", "a:*,*:*", "a:b", "a b", "a\r\nX: y", "ü", ""] {
            let readers = Readers::Projects(vec![hostile.to_owned(), "good".to_owned()]);
            assert_eq!(written(&readers, &[]).0, "good:*", "{hostile}");
        }
    }
}
