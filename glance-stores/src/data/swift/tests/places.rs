//! Which locations a store takes for its own, without any Swift.

use bytes::Bytes;
use glance_core::location::Location;
use glance_core::store::StoreExt;

use super::super::*;

fn user(name: &str) -> Account {
    Account::new("http://127.0.0.1:1/v3/", Credentials::User { name: name.to_owned(), key: Key::new("canary") })
}

fn store(change: impl FnOnce(&mut SwiftConfig)) -> SwiftStore {
    let mut config = SwiftConfig::new(user("t:u"));
    change(&mut config);
    SwiftStore::open(config).unwrap()
}

#[test]
fn a_store_holds_what_lies_at_its_address_in_its_container() {
    let store = store(|_| ());
    for (url, held) in [
        ("swift+http://t%3Au:canary@127.0.0.1:1/v3/glance/x", true),
        ("swift+http://other:key@127.0.0.1:1/v3/glance/x", true),
        ("swift+config://ref1/glance/x", true),
        ("swift+http://t%3Au:canary@127.0.0.1:1/v3/other/x", false),
        ("swift+http://t%3Au:canary@127.0.0.1:2/v3/glance/x", false),
        ("swift+https://t%3Au:canary@127.0.0.1:1/v3/glance/x", false),
        ("swift+http://127.0.0.1:1/v3/glance/x", false),
        ("swift+config://ref2/glance/x", false),
    ] {
        assert_eq!(store.holds(&Location::new(url)), held, "{url}");
    }
}

#[test]
fn the_only_store_holds_every_container() {
    let store = store(|config| config.any_container = true);
    assert!(store.holds(&Location::new("swift+config://ref1/other/x")));
}

#[tokio::test]
async fn a_location_at_an_address_nobody_configured_is_refused() {
    let store = store(|_| ());
    let at = Location::new("swift+http://t%3Au:canary@127.0.0.1:2/v3/glance/x");
    let refused = store.read(&at, ByteRange::ALL).await;
    assert!(matches!(refused, Err(StoreError::BadLocation { .. })), "{refused:?}");
    assert!(!format!("{refused:?} {}", refused.as_ref().unwrap_err()).contains("canary"));
}

#[tokio::test]
async fn a_store_that_nobody_runs_opens_and_is_unavailable() {
    let store = store(|_| ());
    let put = store.write(ImageId::random(), Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    assert!(!format!("{put:?} {} {store:?}", put.as_ref().unwrap_err()).contains("canary"));
}

#[test]
fn clients_register_nothing_that_is_read_with_the_stores_own_account() {
    let application = Credentials::Application { id: "i".to_owned(), secret: Key::new("s") };
    let account = Account::new("http://127.0.0.1:1/v3", application);
    let store = SwiftStore::open(SwiftConfig::new(account)).unwrap();
    for (url, held, theirs) in [
        ("swift+http://127.0.0.1:1/v3/glance/x", true, false),
        ("swift+config://ref1/glance/x", true, false),
        ("swift+http://t%3Au:key@127.0.0.1:1/v3/glance/x", true, true),
    ] {
        let at = Location::new(url);
        assert_eq!((store.holds(&at), store.is_for_clients(ImageId::random(), &at)), (held, theirs), "{url}");
    }
}

#[tokio::test]
async fn one_broken_account_harms_only_its_own_data() {
    let file = "[ref1]\nuser = t:u\nkey = canary\nauth_address = http://127.0.0.1:1/v3\n\
                [ref2]\nuser = no-project\nkey = canary\nauth_address = http://127.0.0.1:1/v3\n";
    let store = SwiftStore::open(SwiftConfig::with_accounts(Accounts::of_file(file, "ref1"))).unwrap();
    for (reference, held) in [("ref1", true), ("ref2", true), ("ref3", false)] {
        let at = Location::new(format!("swift+config://{reference}/glance/x"));
        assert_eq!(store.holds(&at), held, "{reference}");
        let read = store.read(&at, ByteRange::ALL).await;
        match reference {
            "ref1" => assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}"),
            _ => assert!(matches!(read, Err(StoreError::BadLocation { .. })), "{reference}: {read:?}"),
        }
    }
    let default = SwiftStore::open(SwiftConfig::with_accounts(Accounts::of_file(file, "ref2")));
    assert!(matches!(default, Err(SwiftError::Account { .. })), "{default:?}");
}

/// As Glance's own multi-tenant store writes them: the storage URL without its scheme, a container for the image, the image.
const OF_A_CALLER: &str = "swift+https://swift.example:8080/v1/AUTH_a1b2/\
    glance_fda1b2c3-4e5f-6789-abcd-0123456789ab/fda1b2c3-4e5f-6789-abcd-0123456789ab";

#[test]
fn a_location_in_the_account_of_a_caller_is_read_letter_for_letter() {
    let place = Place::parse(OF_A_CALLER).unwrap();
    assert_eq!(place.url(), OF_A_CALLER);
    assert_eq!(place.owner, Owner::Bare { address: "https://swift.example:8080/v1/AUTH_a1b2".to_owned() });
    assert_eq!(place.container, format!("glance_{}", place.object));
}

#[test]
fn a_store_in_the_accounts_of_callers_holds_those_and_its_own() {
    let store = store(|config| config.multi_tenant = Some(MultiTenant::default()));
    for (url, held) in [
        (OF_A_CALLER, true),
        ("swift+http://other.example/v1/AUTH_x/glance_fda1b2c3-4e5f-6789-abcd-0123456789ab/x", true),
        ("swift+https://swift.example:8080/v1/AUTH_a1b2/photos/x", false),
    ] {
        let at = Location::new(url);
        assert_eq!((store.holds(&at), store.is_for_clients(ImageId::random(), &at)), (held, false), "{url}");
    }
    assert!(!store.holds(&Location::new("swift+http://t%3Au:canary@127.0.0.1:2/v3/glance/x")));
}

#[tokio::test]
async fn a_call_without_a_token_has_no_account() {
    let store = store(|config| config.multi_tenant = Some(MultiTenant::default()));
    let nobody = RequestContext::new("u", "p", ["member"]);
    assert!(matches!(store.for_caller(&nobody).await, Err(StoreError::Denied { .. })));
    let without_catalogue = RequestContext { auth_token: Some("canary".to_owned()), ..nobody };
    let view = store.for_caller(&without_catalogue).await.unwrap().unwrap();
    let id = ImageId::random();
    assert_eq!(view.destination(id), None);
    let put = view.write(id, Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
    assert!(!format!("{view:?} {put:?}").contains("canary"));
}
