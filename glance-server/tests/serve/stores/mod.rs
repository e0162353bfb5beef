//! Every store at once in one server, on the backends that the scripts in `tests/backends` start.

mod away;
mod client;
mod relay;
mod site;

use std::fmt::Write as _;

use md5::{Digest, Md5};
use sha2::Sha512;

use self::client::{Length, create, delete, download, show, upload};
use self::site::{Backends, Site, WRITABLE};
use crate::server::{Server, eventually};

const MIB: usize = 1 << 20;

/// As `tests/backends/web` serves it as `/noise`.
fn noise() -> Vec<u8> {
    (0..3 * MIB + 7).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Brings data into a store and takes it out again, whole and in part. Says the image's id.
fn through(server: &Server, store: &str, data: &[u8], length: Length) -> String {
    let id = create(server);
    let about = format!("{} bytes, {length:?} before, in {store}", data.len());
    let uploaded = upload(server, &id, store, data, length);
    assert_eq!(uploaded.status, 204, "{about}: {}", String::from_utf8_lossy(&uploaded.body));
    let image = show(server, &id);
    assert_eq!((&image["status"], &image["stores"]), (&"active".into(), &store.into()), "{about}");
    assert_eq!(image["locations"][0]["metadata"]["store"], *store, "{about}");
    assert_eq!(image["size"], data.len(), "{about}");
    let md5 = hex(&Md5::digest(data));
    assert_eq!(image["checksum"], *md5, "{about}");
    assert_eq!(image["os_hash_algo"], "sha512", "{about}");
    assert_eq!(image["os_hash_value"], *hex(&Sha512::digest(data)), "{about}");
    let whole = download(server, &id, "");
    assert!(whole.status == 200 && whole.body == data, "{about}: {}", whole.status);
    assert_eq!(whole.header("content-md5"), Some(&*md5), "{about}");
    let (first, last) = (data.len() / 7, data.len() - 3);
    let part = download(server, &id, &format!("Range: bytes={first}-{last}\r\n"));
    assert!(part.status == 206 && part.body == data[first..=last], "{about}: {}", part.status);
    assert_eq!(part.header("content-range"), Some(&*format!("bytes {first}-{last}/{}", data.len())), "{about}");
    id
}

#[test]
fn each_of_all_stores_takes_keeps_gives_and_removes_data() {
    let Some(backends) = Backends::find() else { return };
    let site = Site::new(backends);
    let server = site.serve(None);
    // In several objects, segments and parts, of which the last ones are short.
    let long: Vec<u8> = noise().into_iter().cycle().take(12 * MIB + 1).collect();
    for store in WRITABLE {
        for (data, length) in [
            (&long[..1000], Length::Known),
            (&long[..1000], Length::Unknown),
            (&long, Length::Known),
            (&long, Length::Unknown),
        ] {
            let id = through(&server, store, data, length);
            assert_eq!(upload(&server, &id, store, b"other data", length).status, 409, "{store}");
            assert!(download(&server, &id, "").body == data, "{store} after a second upload");
            assert!(site.has(store, &id), "{store}");
            assert_eq!(delete(&server, &id), 204, "{store}");
            eventually(|| !site.has(store, &id));
        }
    }
    server.stop();
    assert!(!site.log().contains(" ERROR "), "{}", site.log());
}
