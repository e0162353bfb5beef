//! A bucket whose name is part of the server's.

use std::sync::PoisonError;

use super::*;
use crate::outbound::{Resolve, Resolved};

/// What the test server takes for its own name. No resolver knows it.
const DOMAIN: &str = "objects.test";

/// Leads every name to this machine, and remembers which were asked for.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<String>>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(host.to_owned());
        Box::pin(async { Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()]) })
    }
}

#[tokio::test]
async fn a_bucket_is_reached_by_a_host_name_of_its_own() {
    let Some(settings) = backend(VARIABLE) else { return };
    let here = Here::new(&settings).await;
    let url = Url::parse(&settings).unwrap();
    let host = format!("http://{DOMAIN}:{}", url.port().unwrap());
    let names = Arc::new(Names::default());
    let config = S3Config::new(&host, &here.config.bucket, url.username(), url.password().unwrap()).unwrap();
    let config = config.addressing(Addressing::Virtual).unwrap().parts(5 * MIB, 5 * MIB, 2).unwrap();
    let asking = Client::builder(Tls::default()).resolver(Arc::clone(&names) as Arc<dyn Resolve>).build().unwrap();
    let store = S3Store::new(config, asking).unwrap();
    for len in [0, 1000, 5 * MIB + 1] {
        let bytes = data(len);
        let stored = store.write(ImageId::random(), bytes.clone()).await.unwrap();
        assert_eq!(store.size(&stored.location).await.unwrap(), len as u64);
        assert!(store.read(&stored.location, ByteRange::ALL).await.unwrap() == bytes, "{len} bytes");
        let copy = store.copy_from(ImageId::random(), &store, &stored.location).await.unwrap();
        assert_eq!(here.objects().await.len(), 2, "{len} bytes");
        store.delete(&stored.location).await.unwrap();
        assert!(store.read(&copy.location, ByteRange::ALL).await.unwrap() == bytes, "{len} bytes, copied");
        store.delete(&copy.location).await.unwrap();
    }
    assert!(here.names().await.is_empty());
    let asked = names.0.lock().unwrap();
    let own = format!("{}.{DOMAIN}", here.config.bucket);
    assert!(!asked.is_empty() && asked.iter().all(|name| *name == own), "{asked:?}");
}
