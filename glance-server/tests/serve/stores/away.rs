//! A store whose backend is away: it harms nobody else, and serves again without a restart.

use super::client::{Answer, Length, add_location, ask, create, delete, download, show, upload};
use super::site::{Backends, Site, WRITABLE};
use super::{noise, through};
use crate::server::{Server, eventually};

fn stored(server: &Server, store: &str, data: &[u8]) -> String {
    let id = create(server);
    let uploaded = upload(server, &id, store, data, Length::Known);
    assert_eq!(uploaded.status, 204, "{}", String::from_utf8_lossy(&uploaded.body));
    id
}

fn has(answer: &Answer, data: &[u8]) -> bool {
    matches!(answer.status, 200 | 206) && answer.body == data
}

fn harms_only_itself(away: &'static str) {
    let Some(backends) = Backends::find() else { return };
    let site = Site::new(backends);
    let way = site.way_to(away);
    let data = noise();
    let server = site.serve(Some(&way));
    let (alone, twice, doomed) =
        (stored(&server, away, &data), stored(&server, away, &data), stored(&server, away, &data));
    let added = add_location(&server, &twice, &format!("{}/noise", site.web()));
    assert_eq!(added.status, 200, "{}", String::from_utf8_lossy(&added.body));
    assert_eq!(show(&server, &twice)["stores"], format!("{away},web"));
    way.close();
    if way.breaks() {
        assert!(has(&download(&server, &twice, ""), &data), "from the web, while the server runs");
    }
    server.stop();

    let server = site.serve(Some(&way));
    let stores = ask(&server, "GET", "/v2/info/stores", "", b"");
    let text = String::from_utf8_lossy(&stores.body).into_owned();
    assert!(stores.status == 200 && WRITABLE.iter().all(|store| text.contains(store)), "{text}");
    for store in WRITABLE.into_iter().filter(|store| *store != away) {
        let id = through(&server, store, &data, Length::Known);
        assert_eq!(delete(&server, &id), 204, "{store}");
        eventually(|| !site.has(store, &id));
    }
    assert!(has(&download(&server, &twice, ""), &data), "from the web");
    assert!(has(&download(&server, &twice, "Range: bytes=5-99999\r\n"), &data[5..=99_999]), "from the web");
    let refused = download(&server, &alone, "");
    assert!(refused.is_later(), "{refused:?}");
    let waiting = [Length::Known, Length::Unknown].map(|length| (create(&server), length));
    for (id, length) in &waiting {
        let refused = upload(&server, id, away, &data, *length);
        assert!(refused.is_later(), "{refused:?}");
        let image = show(&server, id);
        assert_eq!((&image["status"], &image["size"]), (&"queued".into(), &serde_json::Value::Null), "{image}");
        assert!(!site.has(away, id));
    }
    // What lies in the store goes when the store is back.
    assert_eq!(delete(&server, &doomed), 204);
    assert_eq!(download(&server, &doomed, "").status, 404);
    assert!(site.has(away, &doomed));

    way.open();
    eventually(|| has(&download(&server, &alone, ""), &data));
    eventually(|| !site.has(away, &doomed));
    for (id, length) in &waiting {
        assert_eq!(upload(&server, id, away, &data, *length).status, 204);
        assert!(has(&download(&server, id, ""), &data));
    }
    for id in waiting.iter().map(|(id, _)| id).chain([&alone, &twice]) {
        assert_eq!(delete(&server, id), 204);
        eventually(|| !site.has(away, id));
    }
    server.stop();
}

#[test]
fn ceph_that_is_away_harms_only_its_store() {
    harms_only_itself("rados");
}

#[test]
fn swift_that_is_away_harms_only_its_store() {
    harms_only_itself("objects");
}

#[test]
fn an_object_server_that_is_away_harms_only_its_store() {
    harms_only_itself("buckets");
}

#[test]
fn a_vcenter_that_is_away_harms_only_its_store() {
    harms_only_itself("vmware");
}
