//! Large images that are mostly zeros.

use super::*;
use crate::data::sparse;

#[tokio::test(flavor = "multi_thread")]
async fn a_thin_image_of_8_gib_takes_the_room_of_its_data() {
    let Some(live) = Live::find() else { return };
    let (store, id) = (live.builder().thin_provisioning(true).open(), ImageId::random());
    let stored = store.put(id, Some(sparse::SIZE), sparse::image()).await.unwrap();
    sparse::assert_reads_back(&store, &stored.location).await;
    let allocated = allocated(&live, id) as u64;
    assert_eq!(allocated, sparse::DATA);
    store.delete(&stored.location).await.unwrap();
}
