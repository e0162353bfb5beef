//! Uploads that the server goes away from, on a real one behind a line that can be cut.

use std::net::SocketAddr;

use futures::StreamExt;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// A line to a server: what goes over it when it is cut breaks off, and nothing comes through before it is mended.
struct Line {
    address: SocketAddr,
    is_up: watch::Sender<bool>,
}

impl Line {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_up, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, server.clone(), state.clone()));
            }
        });
        Self { address, is_up }
    }
}

async fn connect(mut client: TcpStream, server: String, mut is_up: watch::Receiver<bool>) {
    if !*is_up.borrow() {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the server behind the one under test")]
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_up.wait_for(|is_up| !is_up) => {}
    }
}

#[tokio::test]
async fn parts_that_could_not_be_removed_while_the_server_was_away_go_with_discard() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::new(&settings).await;
    let url = Url::parse(&settings).unwrap();
    let line = Line::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())).await;
    let behind = S3Config::new(
        &format!("http://{}", line.address),
        &here.config.bucket,
        url.username(),
        url.password().unwrap_or_default(),
    );
    let behind = behind.unwrap().region(here.config.endpoint.region()).unwrap().parts(5 * MIB, 5 * MIB, 4).unwrap();
    let store = S3Store::new(behind, client()).unwrap();

    let (id, other) = (ImageId::random(), ImageId::random());
    let objects = amazon(&here.config, &client(), &here.config.bucket).unwrap();
    object_store::ObjectStoreExt::put_multipart(&objects, &other.to_string().into()).await.unwrap();
    let cut = line.is_up.clone();
    let breaks = futures::stream::once(async move {
        cut.send_replace(false);
        Err("the client is gone as well".into())
    });
    let pieces = futures::stream::iter((0..12).map(|_| Ok(data(MIB))));
    let put = store.put(id, None, Box::pin(pieces.chain(breaks))).await;
    assert!(matches!(put, Err(StoreError::LeftBehind { .. })), "{put:?}");
    let discarded = store.discard(id).await;
    assert!(matches!(discarded, Err(StoreError::Unavailable { .. })), "{discarded:?}");
    assert_eq!(here.uploads().await, 2, "nothing could reach the server");

    line.is_up.send_replace(true);
    store.discard(id).await.unwrap();
    let left = here.bucket().open_uploads("", None).await.unwrap().upload;
    assert_eq!(left.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(), [other.as_str()]);
    store.discard(other).await.unwrap();
    assert_eq!((here.uploads().await, here.objects().await.len()), (0, 0));
}
