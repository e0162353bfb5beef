//! Object storage that is killed while parts of an image go in and another image comes out, and comes back.

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{BoxError, ByteRange, Store, StoreError, StoreExt};
use glance_stores::outbound::{Client, Deadlines, OperatorUrl, Request, Response, Tls};
use object_store::client::HttpRequest;

use crate::{MIB, control, data, read_until_broken};

pub(crate) fn client() -> Client {
    Client::new(&Tls::default(), Deadlines::default()).unwrap()
}

/// One server of those that the script may start.
pub(crate) struct Server {
    pub(crate) script: String,
    pub(crate) name: &'static str,
}

impl Server {
    pub(crate) async fn kill(&self) {
        self.control("kill").await;
    }

    pub(crate) async fn up(&self) {
        self.control("up").await;
    }

    async fn control(&self, verb: &'static str) {
        control(&self.script, verb, &[("S3_SERVERS", self.name)]).await;
    }
}

/// Sends a request that is signed, and without a body.
pub(crate) async fn send(signed: HttpRequest) -> Response {
    let url = OperatorUrl::parse(&signed.uri().to_string()).unwrap();
    let mut request = Request::new(signed.method().clone(), url);
    for (name, value) in signed.headers() {
        request = request.header(name, value.clone());
    }
    let answer = client().send(request).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.status);
    answer
}

pub(crate) async fn text(answer: Response) -> String {
    String::from_utf8(answer.read(MIB).await.unwrap().to_vec()).unwrap()
}

/// What an answer in XML has between tags of this name.
pub(crate) fn each(tag: &str, answer: &str) -> Vec<String> {
    let (opening, closing) = (format!("<{tag}>"), format!("</{tag}>"));
    answer.split(&opening).skip(1).map(|rest| rest.split(&closing).next().unwrap().to_owned()).collect()
}

pub(crate) fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    answer.as_ref().err().is_some_and(|error| matches!(error.reason(), StoreError::Unavailable { .. }))
}

/// Begins to bring an image in and to read `whole` from `kept`, does as told with the image, which has parts then, and
/// kills the server. All of it fails, and whatever is asked for afterwards. Gives the image that came to nothing.
pub(crate) async fn goes_away(
    store: &impl Store,
    server: &Server,
    (kept, whole): (&Location, &[u8]),
    before: impl AsyncFnOnce(ImageId),
) -> ImageId {
    let (mut sender, source) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let id = ImageId::random();
    let put = store.put(id, None, Box::pin(source));
    let interrupted = async {
        for _ in 0..16 {
            sender.send(Ok(data(MIB))).await.unwrap();
        }
        let mut reading = store.get(kept, ByteRange::ALL).await.unwrap().stream;
        let first = reading.next().await.unwrap().unwrap();
        before(id).await;
        server.kill().await;
        // Nobody takes it any more when the put has failed.
        while sender.send(Ok(data(MIB))).await.is_ok() {}
        read_until_broken(reading, first, whole).await;
    };
    let (put, ()) = futures::join!(put, interrupted);
    // Nobody could be asked to remove its parts, and it says so.
    assert!(matches!(put, Err(StoreError::LeftBehind { .. })) && is_unavailable(&put), "{put:?}");
    for failed in [store.size(kept).await.map(drop), store.delete(kept).await, store.discard(id).await] {
        assert!(is_unavailable(&failed), "{failed:?}");
    }
    let put = store.write(ImageId::random(), data(10)).await;
    assert!(matches!(put, Err(StoreError::Unavailable { .. })), "{put:?}");
    id
}

/// The server has what it had: `kept`, and parts of the image that came to nothing, which go when that is asked for.
/// Then the image is taken. `names` are those of objects, and of those that parts are to become.
pub(crate) async fn comes_back(
    store: &impl Store,
    (kept, whole): (&Location, &[u8]),
    id: ImageId,
    names: impl AsyncFn() -> Vec<String>,
) {
    assert!(store.read(kept, ByteRange::ALL).await.unwrap() == whole);
    assert!(names().await.contains(&id.to_string()));
    store.discard(id).await.unwrap();
    assert_eq!(names().await.len(), 1, "the image that was there before");
    is_taken(store, id).await;
    store.delete(kept).await.unwrap();
    assert_eq!(names().await, [""; 0]);
}

/// An image is brought in, read and removed.
pub(crate) async fn is_taken(store: &impl Store, id: ImageId) {
    let at = store.write(id, data(9 * MIB)).await.unwrap().location;
    assert!(store.read(&at, ByteRange::ALL).await.unwrap() == data(9 * MIB));
    store.delete(&at).await.unwrap();
}
