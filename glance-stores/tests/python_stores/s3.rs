//! S3.

use glance_core::conformance;
use glance_core::image::ImageId;
use glance_stores::data::s3::{Addressing, S3Config, S3Store};
use glance_stores::outbound::{Client, Deadlines, Tls};
use url::Url;

use crate::python::Python;
use crate::{LENGTHS, exchange};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn objects_in_s3_are_exchanged() {
    let Some(settings) = conformance::backend("GLANCE_TEST_S3") else { return };
    let url = Url::parse(&settings).unwrap();
    let host = format!("http://{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let (access, secret) = (url.username(), url.password().unwrap());
    let region = url.query_pairs().find(|(name, _)| name == "region").unwrap().1;
    let bucket = format!("exchange-{}", ImageId::random());
    let options = format!(
        "s3_store_host = {host}\ns3_store_region_name = {region}\ns3_store_access_key = {access}\n\
         s3_store_secret_key = {secret}\ns3_store_bucket = {bucket}\ns3_store_create_bucket_on_put = true\n\
         s3_store_bucket_url_format = path\ns3_store_large_object_size = 6\ns3_store_large_object_chunk_size = 5"
    );
    let Some(python) = Python::with("s3", &options) else { return };
    let config = S3Config::new(&host, &bucket, access, secret).unwrap().region(&region).unwrap();
    let config = config.addressing(Addressing::Path).unwrap().parts(5 * MIB, 6 * MIB, 4).unwrap().create_bucket(true);
    let client = Client::new(&Tls::default(), Deadlines::default()).unwrap();
    exchange(&S3Store::new(config, client).unwrap(), &python, &LENGTHS).await;
}
