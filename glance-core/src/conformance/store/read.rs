//! Reading.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};

use super::source::{KIB, MIB, noise};
use super::{assert_holds, place_of, writes};
use crate::image::ImageId;
use crate::location::Location;
use crate::store::{ByteRange, Reading, Store, StoreError, StoreExt};

/// Every form of range gives the bytes it names, cut to the data.
pub async fn every_range_is_cut_to_the_data(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let size = 3 * MIB + 7;
    let data = noise(size);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let starts = [0, 1, 511, 4096, MIB - 1, MIB, MIB + 1, 2 * MIB, size - 1];
    for start in starts {
        for end in starts.into_iter().chain([start + 1, start + 300 * KIB, size, size + 1, 10 * size]) {
            if end >= start {
                let range = ByteRange { start: start as u64, end: Some(end as u64) };
                assert!(store.read(&at, range).await.unwrap() == data[start..end.min(size)], "{range:?}");
            }
        }
        let range = ByteRange { start: start as u64, end: None };
        assert!(store.read(&at, range).await.unwrap() == data[start..], "{range:?}");
    }
    let to_the_end_of_time = ByteRange { start: 5, end: Some(u64::MAX) };
    assert!(store.read(&at, to_the_end_of_time).await.unwrap() == data[5..]);
}

/// A range that begins behind the last byte is an error that names the size.
pub async fn a_range_behind_the_data_is_refused(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for len in [0, 1, 10, MIB] {
        let at = store.write(ImageId::random(), noise(len)).await.unwrap().location;
        let len = len as u64;
        for (start, end) in [(len, Some(len + 1)), (len + 1, None), (len + 5, Some(len + 9)), (u64::MAX, None)] {
            let range = ByteRange { start, end };
            let read = store.read(&at, range).await;
            assert!(matches!(read, Err(StoreError::OutOfRange { size, .. }) if size == len), "{range:?}: {read:?}");
        }
    }
}

/// What an opened reading says of itself is what then comes.
pub async fn a_reading_says_how_long_it_is(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(MIB + 100);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    for (start, end, range) in [(0, None, 0..MIB + 100), (9, Some(20), 9..20), (MIB, Some(9 * MIB), MIB..MIB + 100)] {
        let reading = store.get(&at, ByteRange { start: start as u64, end: end.map(|end| end as u64) }).await.unwrap();
        assert_eq!(reading.size, data.len() as u64);
        assert_eq!(reading.range, range.start as u64..range.end as u64);
        assert!(collect(reading).await == data[range]);
    }
}

/// Where a reading offers the file itself, that file holds the data byte for byte.
pub async fn an_offered_file_holds_the_data(store: &dyn Store) {
    use std::io::Read as _;

    if !writes(store).await {
        return;
    }
    let data = noise(MIB);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let reading = store.get(&at, ByteRange { start: 10, end: Some(20) }).await.unwrap();
    if let Some(file) = &reading.file {
        let mut read = Vec::new();
        file.as_ref().read_to_end(&mut read).unwrap();
        assert!(read == data, "the file holds {} bytes", read.len());
        // Whoever uses the file may move its cursor; the stream is not to notice.
        assert!(collect(reading).await == data[10..20]);
    }
}

/// Where no data lies, nothing is found by any call.
pub async fn missing_data_is_not_found(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let Some(at) = place_of(store, ImageId::random()).await else { return };
    for range in [ByteRange::ALL, ByteRange { start: 10, end: None }] {
        let read = store.get(&at, range).await;
        assert!(matches!(read, Err(StoreError::NotFound { .. })), "{read:?}");
    }
    let size = store.size(&at).await;
    assert!(matches!(size, Err(StoreError::NotFound { .. })), "{size:?}");
    let delete = store.delete(&at).await;
    assert!(matches!(delete, Err(StoreError::NotFound { .. })), "{delete:?}");
}

/// A store knows its own locations and keeps away from all others.
pub async fn a_location_of_another_store_is_refused(store: &dyn Store) {
    for url in ["", "no url", "unheard-of://host/path", "unheard-of:///"] {
        let at = Location::new(url);
        assert!(!store.holds(&at), "{url:?}");
        for refused in [
            store.get(&at, ByteRange::ALL).await.map(drop),
            store.size(&at).await.map(drop),
            if store.capabilities().delete { store.delete(&at).await } else { continue },
        ] {
            assert!(matches!(refused, Err(StoreError::BadLocation { .. })), "{url:?}: {refused:?}");
        }
    }
}

/// A reader who leaves does not disturb the data or the next reader.
pub async fn a_reading_dropped_halfway_harms_nothing(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(4 * MIB);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let untouched: Vec<_> =
        futures::future::try_join_all((0..20).map(|_| store.get(&at, ByteRange::ALL))).await.unwrap();
    let mut half = store.get(&at, ByteRange::ALL).await.unwrap().stream;
    let first = half.next().await.unwrap().unwrap();
    assert!(first == data[..first.len()]);
    drop(half);
    assert_holds(store, &at, &data).await;
    drop(untouched);
    assert_holds(store, &at, &data).await;
}

/// Readings of one location, polled by turns, each get their own bytes.
pub async fn readings_at_once_do_not_mix(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let data = noise(4 * MIB + 1);
    let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
    let starts = [0, 1, MIB, 3 * MIB + 5];
    let (store, place) = (&store, &at);
    let readings = starts.map(|start| async move {
        collect(store.get(place, ByteRange { start: start as u64, end: None }).await.unwrap()).await
    });
    for (start, read) in starts.into_iter().zip(futures::future::join_all(readings).await) {
        assert!(read == data[start..], "from {start}");
    }
}

/// A reader whose data is deleted under them gets the right bytes or an error, never a silent end.
pub async fn data_deleted_while_it_is_read_never_reads_wrong(store: &dyn Store) {
    if !writes(store).await || !store.capabilities().delete {
        return;
    }
    let data = noise(6 * MIB);
    for begun in [false, true] {
        let at = store.write(ImageId::random(), data.clone()).await.unwrap().location;
        let mut stream = store.get(&at, ByteRange::ALL).await.unwrap().stream;
        let mut read = BytesMut::new();
        if begun {
            read.extend_from_slice(&stream.next().await.unwrap().unwrap());
        }
        store.delete(&at).await.unwrap();
        let rest: Result<Vec<Bytes>, _> = stream.try_collect().await;
        if let Ok(rest) = rest {
            read.extend_from_slice(&rest.concat());
            assert!(read == data, "{} bytes read as if they were all", read.len());
        }
    }
}

async fn collect(reading: Reading) -> Bytes {
    let chunks: Vec<Bytes> = reading.stream.try_collect().await.unwrap();
    chunks.concat().into()
}
