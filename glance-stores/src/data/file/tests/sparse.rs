//! Large images that are mostly zeros.

use super::*;
use crate::data::sparse;

#[tokio::test(flavor = "multi_thread")]
async fn a_thin_image_of_8_gib_takes_the_room_of_its_data() {
    let root = tempfile::tempdir().unwrap();
    let store = FileStore::builder(root.path()).thin_provisioning(true).open().unwrap();
    let id = ImageId::random();
    let stored = store.put(id, Some(sparse::SIZE), sparse::image()).await.unwrap();
    let file = fs::metadata(root.path().join(id.as_str())).unwrap();
    let (occupied, of_its_own) = (file.blocks() * 512, 1 << 20);
    assert!((sparse::DATA..sparse::DATA + of_its_own).contains(&occupied), "{occupied} bytes");
    sparse::assert_reads_back(&store, &stored.location).await;
}
