//! Image data in and out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::{StreamExt, stream};
use glance_core::catalogue::{DownloadOptions, UploadOptions, Wanted};
use glance_core::database::Journal;
use glance_core::image::inspect::{Inspection, Inspector, Verdict};
use glance_core::image::{Image, NewImage, Status};
use glance_core::store::{BoxError, ByteStream, Store, StoreExt, stream_of};
use glance_core::{Error, Glance, RequestContext, Settings};

use crate::support::{Lab, admin, owner, stranger, text, two_stores};

async fn read(
    glance: &Glance,
    caller: &RequestContext,
    image: &Image,
    options: &DownloadOptions,
) -> Result<Bytes, Error> {
    let mut download = glance.images(caller).download(image.id, options).await?;
    let mut data = Vec::new();
    while let Some(chunk) = download.reading.stream.next().await {
        data.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(data.len() as u64, download.reading.range.end - download.reading.range.start);
    Ok(data.into())
}

fn wanted(wanted: Wanted) -> DownloadOptions {
    DownloadOptions { wanted: Some(wanted), ..DownloadOptions::default() }
}

#[tokio::test]
async fn data_comes_out_as_it_went_in() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "abc").await;
    assert_eq!((image.status, image.size), (Status::Active, Some(3)));
    assert_eq!(image.checksum.as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
    assert_eq!(image.os_hash_algo.as_deref(), Some("sha512"));
    assert!(image.os_hash_value.as_deref().unwrap().starts_with("ddaf35a193617aba"));
    assert_eq!(read(&lab.glance, &owner(), &image, &DownloadOptions::default()).await.unwrap(), "abc");
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_form_of_range_is_served() {
    let lab = Lab::new();
    let image = lab.active(&owner(), "0123456789").await;
    for (range, expected) in [
        (Wanted::From { start: 0, end: None }, "0123456789"),
        (Wanted::From { start: 2, end: Some(5) }, "234"),
        (Wanted::From { start: 9, end: Some(99) }, "9"),
        (Wanted::Last(3), "789"),
        (Wanted::Last(99), "0123456789"),
    ] {
        assert_eq!(read(&lab.glance, &owner(), &image, &wanted(range)).await.unwrap(), expected);
    }
    for range in [Wanted::From { start: 10, end: None }, Wanted::Last(0), Wanted::From { start: 5, end: Some(2) }] {
        let result = read(&lab.glance, &owner(), &image, &wanted(range)).await;
        assert!(matches!(result, Err(Error::OutOfRange { size: 10 })), "{range:?}");
    }
    let empty = lab.active(&owner(), "").await;
    assert_eq!(empty.size, Some(0));
    assert_eq!(read(&lab.glance, &owner(), &empty, &DownloadOptions::default()).await.unwrap(), "");
}

#[tokio::test]
async fn an_image_without_data_has_none_to_read() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    assert!(matches!(read(&lab.glance, &owner(), &image, &DownloadOptions::default()).await, Err(Error::NoData(_))));
    let lost = lab.active(&owner(), "x").await;
    lab.store.delete(&lost.locations[0].url).await.unwrap();
    assert!(matches!(read(&lab.glance, &owner(), &lost, &DownloadOptions::default()).await, Err(Error::NoData(_))));
}

/// Whatever goes wrong, the image is queued again, no byte is left, and the next try succeeds.
async fn leaves_nothing(lab: &Lab, data: ByteStream, options: UploadOptions) -> Error {
    let image = lab.queued(&owner()).await;
    let error = lab.glance.images(&owner()).upload(image.id, data, options).await.unwrap_err();
    let after = lab.glance.images(&owner()).get(image.id).await.unwrap();
    assert_eq!(after.status, Status::Queued);
    assert_eq!((after.size, &after.checksum, &after.os_hash_value), (None, &None, &None));
    assert!(after.locations.is_empty());
    assert!(!lab.store.has(image.id, "one").await);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
    assert_eq!(lab.database.bytes_held("mine").await.unwrap(), 0);
    lab.store.full.store(false, Ordering::Relaxed);
    lab.store.down.store(false, Ordering::Relaxed);
    let again = lab.upload(&owner(), image.id, "x").await.unwrap();
    lab.glance.images(&owner()).delete(again.id).await.unwrap();
    error
}

#[tokio::test]
async fn a_failed_upload_leaves_nothing() {
    let lab = Lab::with(Settings { image_size_cap: 10, ..Settings::default() });
    let size = |size| UploadOptions { size: Some(size), store: None };
    let unknown = UploadOptions::default;
    let broken = |before: usize| -> ByteStream {
        let items = (0..before).map(|_| Ok(Bytes::from_static(b"x"))).chain([Err(BoxError::from("gone"))]);
        Box::pin(stream::iter(items.collect::<Vec<_>>()))
    };
    assert!(matches!(leaves_nothing(&lab, text("abc"), size(2)).await, Error::Invalid(_)));
    assert!(matches!(leaves_nothing(&lab, text("abc"), size(4)).await, Error::Invalid(_)));
    assert!(matches!(leaves_nothing(&lab, text("abc"), size(11)).await, Error::OverLimit(_)));
    assert!(matches!(leaves_nothing(&lab, text("01234567890"), unknown()).await, Error::OverLimit(_)));
    for before in 0..4 {
        assert!(matches!(leaves_nothing(&lab, broken(before), unknown()).await, Error::Interrupted(_)));
    }
    lab.store.full.store(true, Ordering::Relaxed);
    assert!(matches!(leaves_nothing(&lab, text("abc"), unknown()).await, Error::OverLimit(_)));
    lab.store.down.store(true, Ordering::Relaxed);
    assert!(matches!(leaves_nothing(&lab, text("abc"), unknown()).await, Error::Unavailable(_)));
}

#[derive(Debug)]
struct RefuseBad;

impl Inspection for RefuseBad {
    fn begin(&self, _image: &Image) -> Box<dyn Inspector> {
        Box::new(LookForBad { bad: false, length: 0 })
    }
}

struct LookForBad {
    bad: bool,
    length: u64,
}

impl Inspector for LookForBad {
    fn look_at(&mut self, data: &Bytes) {
        self.bad |= data.starts_with(b"bad");
        self.length += data.len() as u64;
    }

    fn verdict(self: Box<Self>) -> Verdict {
        if self.bad {
            Verdict::Refused("it is bad".into())
        } else {
            Verdict::Content { virtual_size: Some(self.length) }
        }
    }
}

#[tokio::test]
async fn refused_data_leaves_nothing_and_content_data_is_measured() {
    let lab = Lab::with(Settings { inspection: Arc::new(RefuseBad), ..Settings::default() });
    let error = leaves_nothing(&lab, text("bad data"), UploadOptions::default()).await;
    assert_eq!(error.to_string(), "it is bad");
    assert_eq!(lab.active(&owner(), "good").await.virtual_size, Some(4));
}

/// The header of a qcow2 disk of 3 GiB, with room for nothing else.
fn qcow2(backing_file: u64) -> Bytes {
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(b"QFI\xfb\0\0\0\x02");
    header[8..16].copy_from_slice(&backing_file.to_be_bytes());
    header[20..24].copy_from_slice(&16_u32.to_be_bytes());
    header[24..32].copy_from_slice(&(3_u64 << 30).to_be_bytes());
    header.into()
}

#[tokio::test]
async fn unsafe_data_leaves_nothing_whatever_it_is_declared_to_be() {
    let lab = Lab::new();
    let error = leaves_nothing(&lab, stream_of(qcow2(512)), UploadOptions::default()).await;
    assert!(matches!(&error, Error::BadData(found) if found.contains("backing_file")), "{error}");
}

#[tokio::test]
async fn an_image_knows_the_size_of_the_disk_inside() {
    let lab = Lab::new();
    let context = owner();
    let images = lab.glance.images(&context);
    let upload = async |disk, container, data| {
        let image = images.create(NewImage::named("n", disk, container)).await.unwrap();
        images.upload(image.id, stream_of(data), UploadOptions::default()).await
    };
    let sizes = [("qcow2", "bare", Some(3 << 30)), ("raw", "bare", Some(512)), ("vmdk", "ova", None)];
    for (disk, container, expected) in sizes {
        assert_eq!(upload(disk, container, qcow2(0)).await.unwrap().virtual_size, expected, "{disk} in {container}");
    }
    assert!(matches!(upload("vmdk", "bare", qcow2(0)).await, Err(Error::BadData(_))));
    assert!(upload("raw", "ovf", qcow2(512)).await.is_ok(), "what is in an envelope is not looked at");
}

#[tokio::test]
async fn data_goes_into_queued_images_with_formats_only() {
    let lab = Lab::new();
    let shapeless = lab.glance.images(&owner()).create(NewImage::default()).await.unwrap();
    assert!(matches!(lab.upload(&owner(), shapeless.id, "x").await, Err(Error::Invalid(_))));
    let image = lab.active(&owner(), "first").await;
    assert!(matches!(lab.upload(&owner(), image.id, "second").await, Err(Error::Conflict(_))));
    assert_eq!(read(&lab.glance, &owner(), &image, &DownloadOptions::default()).await.unwrap(), "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uploads_to_one_image_one_wins() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let context = owner();
    let uploads = (0..20).map(|_| lab.upload(&context, image.id, "data"));
    let done = futures::future::join_all(uploads).await;
    assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(done.iter().all(|result| matches!(result, Ok(_) | Err(Error::Conflict(_)))));
    assert_eq!(read(&lab.glance, &owner(), &image, &DownloadOptions::default()).await.unwrap(), "data");
}

#[tokio::test]
async fn a_record_can_change_while_its_data_arrives() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
    let context = owner();
    let images = lab.glance.images(&context);
    let upload = images.upload(image.id, Box::pin(receiver), UploadOptions::default());
    let rest = async {
        while images.get(image.id).await.unwrap().status != Status::Saving {
            tokio::task::yield_now().await;
        }
        images.add_tag(image.id, "meanwhile").await.unwrap();
        assert!(matches!(lab.upload(&context, image.id, "x").await, Err(Error::Conflict(_))));
        sender.unbounded_send(Ok("data".into())).unwrap();
        drop(sender);
    };
    let (uploaded, ()) = futures::join!(upload, rest);
    assert_eq!(uploaded.unwrap().tags, ["meanwhile"]);
}

#[tokio::test]
async fn an_image_deleted_while_its_data_arrives_leaves_nothing() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
    let context = owner();
    let images = lab.glance.images(&context);
    let upload = images.upload(image.id, Box::pin(receiver), UploadOptions::default());
    let rest = async {
        while images.get(image.id).await.unwrap().status != Status::Saving {
            tokio::task::yield_now().await;
        }
        images.delete(image.id).await.unwrap();
        sender.unbounded_send(Ok("data".into())).unwrap();
        drop(sender);
    };
    let (uploaded, ()) = futures::join!(upload, rest);
    assert!(matches!(uploaded, Err(Error::Gone(_))));
    assert!(!lab.store.has(image.id, "one").await);
    assert!(lab.database.journal(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing() {
    let lab = Lab::new();
    let image = lab.queued(&owner()).await;
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
    sender.unbounded_send(Ok("some".into())).unwrap();
    let context = owner();
    let images = lab.glance.images(&context);
    let upload = images.upload(image.id, Box::pin(receiver), UploadOptions::default());
    let gone = async {
        while images.get(image.id).await.unwrap().status != Status::Saving {
            tokio::task::yield_now().await;
        }
    };
    // Dropped here, with the source still open.
    tokio::select! { _ = Box::pin(upload) => panic!("it has no end"), () = gone => {} }
    while images.get(image.id).await.unwrap().status != Status::Queued {
        tokio::task::yield_now().await;
    }
    assert!(!lab.store.has(image.id, "one").await);
    assert!(lab.upload(&context, image.id, "x").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_never_holds_more_than_its_quota() {
    let lab = Lab::with(Settings { user_storage_quota: Some(10), ..Settings::default() });
    let context = owner();
    for known in [Some(3), None] {
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(lab.queued(&context).await.id);
        }
        let images = lab.glance.images(&context);
        let options = || UploadOptions { size: known, store: None };
        let done = futures::future::join_all(ids.iter().map(|id| images.upload(*id, text("abc"), options()))).await;
        assert!(done.iter().all(|result| matches!(result, Ok(_) | Err(Error::OverLimit(_)))));
        assert!(lab.database.bytes_held("mine").await.unwrap() <= 10);
        for id in ids {
            images.delete(id).await.unwrap();
        }
        assert_eq!(lab.database.bytes_held("mine").await.unwrap(), 0);
    }
    // Somebody else's quota is not touched, and one that fits exactly fits.
    assert!(lab.active(&stranger(), "0123456789").await.size == Some(10));
}

#[tokio::test]
async fn the_next_copy_is_read_when_a_store_is_down() {
    let (glance, cheap, fast) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    let options = UploadOptions { size: None, store: Some("cheap".into()) };
    let image = images.upload(image.id, stream_of("cheap".into()), options).await.unwrap();
    let copy = fast.write(image.id, "fast!".into()).await.unwrap();
    let place = serde_json::json!([{"op": "add", "path": "/locations/-",
        "value": {"url": copy.location.expose(), "metadata": {}}}]);
    let steps = glance_core::image::patch::read(
        glance_core::image::patch::PatchForm::V21,
        &place,
        glance.settings().schema(),
        9,
    );
    images.patch(image.id, &steps.unwrap()).await.unwrap();
    let prefer = |store: &str| DownloadOptions { prefer: vec![store.into()], ..DownloadOptions::default() };
    assert_eq!(read(&glance, &context, &image, &DownloadOptions::default()).await.unwrap(), "fast!");
    assert_eq!(read(&glance, &context, &image, &prefer("cheap")).await.unwrap(), "cheap");
    fast.down.store(true, Ordering::Relaxed);
    assert_eq!(read(&glance, &context, &image, &prefer("fast")).await.unwrap(), "cheap");
    cheap.down.store(true, Ordering::Relaxed);
    let result = read(&glance, &context, &image, &DownloadOptions::default()).await;
    assert!(matches!(result, Err(Error::Unavailable(_))));
    assert!(matches!(read(&glance, &context, &image, &prefer("none")).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn an_unknown_store_is_refused_before_anything_happens() {
    let (glance, _, _) = two_stores();
    let context = admin();
    let images = glance.images(&context);
    let image = images.create(NewImage::named("n", "raw", "bare")).await.unwrap();
    for store in ["nope", "os_glance_staging_store"] {
        let options = UploadOptions { size: None, store: Some(store.into()) };
        assert!(matches!(images.upload(image.id, text("x"), options).await, Err(Error::Invalid(_))));
    }
    assert_eq!(images.get(image.id).await.unwrap().status, Status::Queued);
}
