//! Buckets without room, on a server that has quotas: `GLANCE_TEST_S3_QUOTA`, where a bucket holds 16 MiB.

use glance_core::store::stream_of;

use super::*;

#[tokio::test]
async fn a_bucket_at_its_quota_is_full_and_holds_nothing_of_what_was_refused() {
    let Some(settings) = backend("GLANCE_TEST_S3_QUOTA") else { return };
    let here = Here::new(&settings).await;
    let in_parts = here.store();
    let in_one = S3Store::new(here.config.clone().parts(5 * MIB, 100 * MIB, 4).unwrap(), client()).unwrap();
    // Once while the bucket is empty, and once with other data in it.
    let mut kept = None;
    for _ in 0..2 {
        for (store, size) in [(&in_one, Some(40 * MIB as u64)), (&in_parts, Some(40 * MIB as u64)), (&in_parts, None)] {
            let put = store.put(ImageId::random(), size, stream_of(data(40 * MIB))).await;
            assert!(matches!(put, Err(StoreError::Full { .. })), "{size:?}: {put:?}");
            let names = here.names().await;
            assert_eq!(names.len(), usize::from(kept.is_some()), "{names:?}");
        }
        if kept.is_none() {
            kept = Some(in_parts.write(ImageId::random(), data(9 * MIB)).await.unwrap().location);
        }
    }
    let kept = kept.unwrap();
    assert!(in_parts.read(&kept, ByteRange::ALL).await.unwrap() == data(9 * MIB));
    // What makes room for others.
    in_parts.delete(&kept).await.unwrap();
    in_parts.write(ImageId::random(), data(12 * MIB)).await.unwrap();
}
