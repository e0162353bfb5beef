//! Credentials in configurations and locations come to light nowhere: not in a log of whatever level, not in an error
//! or one of its causes, not in what `Debug` shows.
//!
//! Every store that a scripted server can stand in for is driven through success and failure, by a server that repeats
//! what it was sent. A store is a line of the table in `stores`.

#![cfg(all(
    feature = "azure",
    feature = "gcs",
    feature = "http",
    feature = "s3",
    feature = "swift",
    feature = "vmware"
))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod heard;
mod server;
mod stores;

use std::error::Error;
use std::fmt::{Debug, Write};

use bytes::Bytes;
use futures::future::join_all;
use glance_core::conformance::run;
use glance_core::image::{ImageId, Readers};
use glance_core::store::{BoxError, ByteRange, StoreError, StoreExt};

use self::heard::Heard;
use self::server::{MOODS, Mood, Server};
use self::stores::Driven;

/// What is in no name, address or message unless a credential is shown. Spelt otherwise in a URL and in base64.
pub(crate) const SECRET: &str = "cAnAry+s3cret/of=the&0perator";
/// What a server hands out, and is to be shown to nobody else.
pub(crate) const TOKEN: &str = "cAnAry-t0ken-of-a-session";

#[test]
fn no_credential_comes_to_light() {
    let heard = Heard::everything();
    run(async {
        let server = Server::start().await;
        let stores = stores::scripted(&server);
        for store in &stores {
            heard.note(&format!("{} {:?} {:?}", store.name, store.shown, store.store));
        }
        for mood in MOODS {
            server.set(mood);
            join_all(stores.iter().map(|store| drive(store, mood, &heard))).await;
        }
        for store in &stores {
            let asked = server.asked(store.name);
            assert!(asked >= MOODS.len(), "{} asked for hardly anything: {asked} times", store.name);
        }
        // What never left could never have been shown.
        let sent = server.sent();
        for secret in [SECRET, TOKEN] {
            assert!(heard::spellings(secret).iter().any(|spelling| sent.contains(spelling)), "{secret} was not used");
        }
    });
    heard.holds("the test listens");
    heard.holds_nothing_of([SECRET, TOKEN]);
}

#[test]
fn spellings_of_a_secret_are_found() {
    for text in [
        "x cAnAry+s3cret/of=the&0perator",
        "x=cAnAry%2Bs3cret/of%3Dthe%260perator&",
        "cAnAry%2Bs3cret%2Fof%3Dthe%260perator",
    ] {
        assert!(heard::spellings(SECRET).iter().any(|spelling| text.contains(spelling)), "{text}");
    }
    for before in ["", "u", "me", "user:"] {
        let text = heard::base64(format!("{before}{SECRET}:more").as_bytes());
        assert!(heard::spellings(SECRET).iter().any(|spelling| text.contains(spelling)), "{before}: {text}");
    }
    assert!(!heard::spellings(SECRET).iter().any(|spelling| spelling.len() < 20));
}

/// All that a store does, once.
async fn drive(driven: &Driven, mood: Mood, heard: &Heard) {
    let (store, id) = (&driven.store, ImageId::random());
    let told = |doing: &str, told: &dyn Debug| heard.note(&format!("{} {mood:?} {doing}: {told:?}", driven.name));
    let put = store.write(id, Bytes::from_static(b"data")).await;
    told("put", &outcome(&put));
    let stream = futures::stream::iter([Ok(Bytes::from_static(b"data")), Err(BoxError::from("the source broke off"))]);
    told("broken put", &outcome(&store.put(id, None, Box::pin(stream)).await));
    let written = put.into_iter().map(|stored| stored.location);
    for at in written.chain(driven.locations.iter().cloned()) {
        heard.note(&format!("{at} {at:?} {} {}", store.holds(&at), store.is_for_clients(id, &at)));
        told("size", &outcome(&store.size(&at).await));
        told("read", &outcome(&store.read(&at, ByteRange::ALL).await.map(|data| data.len())));
        told(
            "read a part",
            &outcome(&store.read(&at, ByteRange { start: 1, end: Some(3) }).await.map(|data| data.len())),
        );
        told("share", &outcome(&store.set_readers(&at, &Readers::Everybody).await));
        told("delete", &outcome(&store.delete(&at).await));
        told("discard at", &outcome(&store.discard_at(id, &at).await));
    }
    // Another image: that one may still be taking back what it wrote.
    told("discard", &outcome(&store.discard(ImageId::random()).await));
    heard.note(&format!("{store:?} {:?} {:?}", store.details(), store.system()));
}

/// What a call came to, in every way that it can be shown.
fn outcome<T: Debug>(result: &Result<T, StoreError>) -> String {
    let mut shown = format!("{result:?} {result:#?}");
    let mut error = result.as_ref().err().map(|error| error as &dyn Error);
    while let Some(cause) = error {
        write!(shown, " / {cause} {cause:?}").unwrap();
        error = cause.source();
    }
    shown
}
