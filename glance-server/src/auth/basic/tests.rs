//! Who gets in with a password, and who has to wait.

use std::fs;

use http::HeaderValue;

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    files: UserFiles,
}

/// Users alice and root, both with the password `right`, and one without a project.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let files = UserFiles { passwords: folder.path().join("htpasswd"), projects: folder.path().join("projects") };
    let hash = bcrypt::hash("right", 4).unwrap();
    let php = hash.replacen("$2b$", "$2y$", 1);
    fs::write(&files.passwords, format!("# users\n\nalice:{hash}\nroot:{php}\nlonely:{hash}\n")).unwrap();
    fs::write(&files.projects, "alice:a:member,reader\nroot:admins:Admin, member\n").unwrap();
    Place { _folder: folder, files }
}

fn header(text: &str) -> HeaderMap {
    [(AUTHORIZATION, HeaderValue::try_from(text).unwrap())].into_iter().collect()
}

async fn ask(auth: &BasicAuth, name: &str, password: &str) -> Result<RequestContext, AuthError> {
    let encoded = BASE64_STANDARD.encode(format!("{name}:{password}"));
    auth.context(&header(&format!("Basic {encoded}")), Some("192.0.2.1".parse().unwrap())).await
}

#[tokio::test]
async fn a_password_opens_a_project() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    for _ in 0..2 {
        let alice = ask(&auth, "alice", "right").await.unwrap();
        assert_eq!((alice.user_id.as_deref(), alice.project_id.as_deref()), (Some("alice"), Some("a")));
        assert_eq!(ask(&auth, "root", "right").await.unwrap().roles, ["admin", "member"]);
    }
    let long = format!("right{}", "x".repeat(100));
    for (name, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "right\0"),
        ("alice", &long),
        ("nobody", "right"),
        ("lonely", "right"),
    ] {
        assert!(matches!(ask(&auth, name, password).await, Err(AuthError::Unauthenticated)), "{name} {password}");
    }
}

#[tokio::test]
async fn what_is_no_basic_authentication_is_nobody() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    let no_colon = format!("Basic {}", BASE64_STANDARD.encode("alice"));
    for text in ["", "Basic", "Basic !", "Bearer YWxpY2U6cmlnaHQ=", &no_colon, "Basic /w=="] {
        assert!(matches!(auth.context(&header(text), None).await, Err(AuthError::Unauthenticated)), "{text}");
    }
    let right = format!("basic {}", BASE64_STANDARD.encode("alice:right"));
    assert!(auth.context(&header(&right), None).await.is_ok());
}

#[tokio::test]
async fn guessing_is_slowed_down_and_those_who_are_in_stay_in() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    ask(&auth, "alice", "right").await.unwrap();
    let mut throttled = false;
    for number in 0..10 {
        throttled |= matches!(ask(&auth, "alice", &format!("guess {number}")).await, Err(AuthError::Throttled { .. }));
    }
    assert!(throttled);
    assert!(ask(&auth, "alice", "right").await.is_ok());
    assert!(ask(&auth, "root", "right").await.is_ok());
}

#[tokio::test]
async fn changes_of_the_files_count() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    ask(&auth, "alice", "right").await.unwrap();
    assert!(!auth.follow().unwrap());
    fs::write(&place.files.projects, "alice:other:reader\n").unwrap();
    assert!(auth.follow().unwrap());
    assert_eq!(ask(&auth, "alice", "right").await.unwrap().project_id.as_deref(), Some("other"));
    fs::write(&place.files.passwords, "alice:plain\n").unwrap();
    assert!(auth.follow().is_err());
    assert!(ask(&auth, "alice", "right").await.is_ok(), "users stay as they were");
    let changed = bcrypt::hash("new", 4).unwrap();
    fs::write(&place.files.passwords, format!("alice:{changed}\n")).unwrap();
    assert!(auth.follow().unwrap());
    assert!(ask(&auth, "alice", "right").await.is_err() && ask(&auth, "alice", "new").await.is_ok());
}

#[test]
fn files_that_make_no_sense_are_refused_without_being_repeated() {
    let place = place();
    let hash = bcrypt::hash("right", 4).unwrap();
    for text in [
        "canary".to_owned(),
        "alice:canary".to_owned(),
        "alice:{SHA}canary".to_owned(),
        "alice:$apr1$canary$x".to_owned(),
        format!(":{hash}"),
        format!("a:{hash}\na:{hash}"),
        format!("a:{}", hash.replacen("$04$", "$20$", 1)),
    ] {
        fs::write(&place.files.passwords, &text).unwrap();
        let error = BasicAuth::open(place.files.clone()).unwrap_err().to_string();
        assert!(error.contains("line") && !error.contains("canary"), "{text}: {error}");
    }
    for text in ["alice", "alice:a", "alice::member", "alice:a:b:c"] {
        fs::write(&place.files.projects, text).unwrap();
        assert!(place.files.grants().is_err(), "{text}");
    }
}

#[test]
fn users_are_added_checked_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join("new/folder").join(name);
    let files = UserFiles { passwords: path("htpasswd"), projects: path("projects") };
    assert!(files.list().unwrap_err().to_string().contains("users add"));
    let grant = Grant { project: "p".to_owned(), roles: vec!["member".to_owned(), "reader".to_owned()] };
    files.add("alice", "one", &grant).unwrap();
    files.add("bob", "two", &grant).unwrap();
    files.add("alice", "three", &Grant { project: "q".to_owned(), ..grant.clone() }).unwrap();
    assert_eq!(files.check("alice", "one").unwrap(), None);
    assert_eq!(files.check("alice", "three").unwrap().unwrap().project, "q");
    let names: Vec<_> = files.grants().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["bob", "alice"]);
    for (name, password) in [("", "p"), ("a:b", "p"), ("#a", "p"), ("a\nb", "p"), ("a", ""), ("a", &"x".repeat(73))] {
        assert!(files.add(name, password, &grant).is_err(), "{name} {password}");
    }
    fs::write(&files.projects, fs::read_to_string(&files.projects).unwrap() + "carol:p:reader\n").unwrap();
    let listed = files.list().unwrap().into_iter().map(|(name, password, grant)| (name, password, grant.is_some()));
    let expected = [("alice", true, true), ("bob", true, true), ("carol", false, true)];
    assert!(listed.eq(expected.map(|(name, password, grant)| (name.to_owned(), password, grant))));
    assert!(files.remove("bob").unwrap() && !files.remove("bob").unwrap());
    assert_eq!(files.check("bob", "two").unwrap(), None);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&files.passwords).unwrap().permissions());
    assert_eq!(mode & 0o007, 0, "nobody else reads it");
}

#[tokio::test]
async fn a_file_that_could_not_be_read_is_tried_again() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    let aside = place.files.passwords.with_extension("aside");
    fs::rename(&place.files.passwords, &aside).unwrap();
    fs::create_dir(&place.files.passwords).unwrap();
    assert!(auth.follow().is_err() && auth.follow().is_err());
    fs::remove_dir(&place.files.passwords).unwrap();
    fs::rename(&aside, &place.files.passwords).unwrap();
    auth.follow().unwrap();
    assert!(ask(&auth, "alice", "right").await.is_ok());
}

#[test]
fn a_copy_that_looks_alike_is_seen() {
    let place = place();
    let auth = BasicAuth::open(place.files.clone()).unwrap();
    let (file, copy) = (&place.files.projects, place.files.projects.with_extension("copy"));
    let time = fs::metadata(file).unwrap().modified().unwrap();
    fs::write(&copy, fs::read_to_string(file).unwrap().replace("alice:a", "alice:b")).unwrap();
    fs::File::options().write(true).open(&copy).unwrap().set_modified(time).unwrap();
    fs::rename(&copy, file).unwrap();
    assert!(auth.follow().unwrap());
}

#[test]
fn those_who_change_users_at_once_do_not_undo_each_other() {
    let place = place();
    let names: Vec<_> = (0..16).map(|number| format!("user-{number}")).collect();
    let lines: String = names.iter().map(|name| name.clone() + ":p:reader\n").collect();
    fs::write(&place.files.projects, format!("{lines}alice:a:reader\n")).unwrap();
    let files = &place.files;
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || assert!(files.remove(name).unwrap(), "{name}"));
        }
    });
    let left: Vec<_> = place.files.grants().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["alice"]);
}

#[test]
fn links_and_modes_of_the_files_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = place();
    let link = place.files.passwords.with_extension("link");
    symlink(&place.files.passwords, &link).unwrap();
    fs::set_permissions(&place.files.passwords, fs::Permissions::from_mode(0o600)).unwrap();
    let files = UserFiles { passwords: link.clone(), ..place.files.clone() };
    assert!(files.remove("alice").unwrap() && !files.remove("nobody").unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let found = fs::metadata(&place.files.passwords).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&place.files.passwords).unwrap().contains("alice:"));
    assert_eq!(fs::read_dir(link.parent().unwrap()).unwrap().count(), 3, "nothing else is left");
}
