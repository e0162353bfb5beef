//! Writing.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;

use super::source::{KIB, MIB, breaking, chunks, counted, noise, trickle};
use super::{assert_holds, writes};
use crate::image::ImageId;
use crate::store::{Store, StoreError, StoreExt, stream_of};

/// What a put says of itself is so.
pub async fn data_comes_back_as_it_went_in(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for len in [1, 511, 64 * KIB, MIB, MIB + 1, 3 * MIB - 1] {
        let data = noise(len);
        let stored = store.put(ImageId::random(), Some(len as u64), trickle(&data, 64 * KIB)).await.unwrap();
        assert_eq!(stored.size, len as u64);
        assert!(store.holds(&stored.location));
        assert_eq!(store.size(&stored.location).await.unwrap(), len as u64);
        assert_holds(store, &stored.location, &data).await;
    }
}

/// A length nobody knew beforehand is counted.
pub async fn data_of_unknown_length_comes_back(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for len in [1, MIB, 5 * MIB + 17] {
        let data = noise(len);
        let stored = store.put(ImageId::random(), None, trickle(&data, 300 * KIB)).await.unwrap();
        assert_eq!(stored.size, len as u64);
        assert_holds(store, &stored.location, &data).await;
    }
}

/// An image of zero bytes is stored, found, and in the way of another.
pub async fn no_data_is_data_too(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for (size, source) in [
        (Some(0), stream_of(Bytes::new())),
        (None, stream_of(Bytes::new())),
        (Some(0), Box::pin(stream::iter([Ok(Bytes::new())]))),
    ] {
        let id = ImageId::random();
        let stored = store.put(id, size, source).await.unwrap();
        assert_eq!(stored.size, 0);
        assert_eq!(store.size(&stored.location).await.unwrap(), 0);
        assert_holds(store, &stored.location, &Bytes::new()).await;
        let again = store.put(id, size, stream_of(Bytes::new())).await;
        assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
    }
}

/// Chunks of every awkward length, empty ones included, are joined in order.
pub async fn odd_chunks_add_up(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let lengths = [1, 0, 7, 4095, 4096, 4097, 0, 65_537, 1_000_003, 3, 2_097_152, 13];
    let data = noise(6 * MIB + 5);
    for size in [Some(data.len() as u64), None] {
        let mut rest = data.clone();
        let pieces =
            lengths.iter().cycle().map_while(|len| (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(*len)))));
        let pieces: Vec<_> = pieces.collect();
        let stored = store.put(ImageId::random(), size, Box::pin(stream::iter(pieces))).await.unwrap();
        assert_holds(store, &stored.location, &data).await;
    }
    let tiny = noise(20_011);
    let stored = store.put(ImageId::random(), None, trickle(&tiny, 1)).await.unwrap();
    assert_holds(store, &stored.location, &tiny).await;
}

/// Runs of zeros, which a store may choose not to write, are read as zeros: at the start, in the
/// middle, at the end, and all alone.
pub async fn zeros_come_back_as_zeros(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let zeros = |len| vec![0; len];
    for parts in [
        vec![zeros(3 * MIB)],
        vec![zeros(100_000), noise(5).to_vec(), zeros(2 * MIB), noise(70_000).to_vec(), zeros(1_500_000)],
        vec![noise(3).to_vec(), zeros(4096), noise(4093).to_vec(), zeros(8191), noise(1).to_vec()],
        vec![noise(MIB).to_vec(), zeros(1)],
    ] {
        let data = Bytes::from(parts.concat());
        for chunk in [1000, 64 * KIB, 8 * MIB] {
            let stored = store.put(ImageId::random(), None, trickle(&data, chunk)).await.unwrap();
            assert_eq!(stored.size, data.len() as u64);
            assert_eq!(store.size(&stored.location).await.unwrap(), data.len() as u64);
            assert_holds(store, &stored.location, &data).await;
        }
    }
}

/// A source that ends early is not what was announced.
pub async fn less_data_than_announced_is_refused(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for (announced, len) in [(1, 0), (10, 9), (3 * MIB, MIB), (2 * MIB + 1, 2 * MIB)] {
        let put = store.put(ImageId::random(), Some(announced as u64), trickle(&noise(len), 64 * KIB)).await;
        let Err(StoreError::SizeMismatch { expected, received, .. }) = put else {
            panic!("{announced} bytes announced, {len} came: {put:?}");
        };
        assert_eq!((expected, received), (announced as u64, len as u64));
    }
}

/// A source that goes on too long is not read any further than it takes to see that.
pub async fn more_data_than_announced_is_refused_as_soon_as_it_shows(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for (announced, len) in [(0, 1), (9, 10), (MIB, 64 * MIB)] {
        // The same few bytes over and over: a store that swallows them all is to be found out cheaply.
        let piece = noise(len.min(64 * KIB));
        let (source, taken) = counted(stream::iter(vec![piece.clone(); len / piece.len()]).map(Ok));
        let put = store.put(ImageId::random(), Some(announced as u64), Box::pin(source)).await;
        let Err(StoreError::SizeMismatch { expected, received, .. }) = put else {
            panic!("{announced} bytes announced, {len} came: {put:?}");
        };
        assert_eq!(expected, announced as u64);
        assert!(received > expected);
        let taken = taken.load(Ordering::SeqCst) * piece.len();
        assert!(taken <= announced + piece.len(), "{taken} bytes taken of {announced}");
    }
}

/// Data of an image stays as it is, whatever a second put of the same id brings.
pub async fn a_second_put_is_refused_and_the_first_data_stays(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    let (id, data) = (ImageId::random(), noise(MIB + 3));
    let stored = store.write(id, data.clone()).await.unwrap();
    let other = noise(2 * MIB);
    for (size, source) in [
        (Some(2 * MIB as u64), trickle(&other, 64 * KIB)),
        (None, trickle(&other, 64 * KIB)),
        (Some(data.len() as u64), trickle(&data, 64 * KIB)),
        (Some(0), stream_of(Bytes::new())),
    ] {
        let again = store.put(id, size, source).await;
        assert!(matches!(again, Err(StoreError::Exists { id: refused, .. }) if refused == id), "{again:?}");
        assert_holds(store, &stored.location, &data).await;
    }
    // Whether the store looks before it reads or after is its own affair.
    let again = store.put(id, None, breaking(&other, 64 * KIB, 20)).await;
    assert!(matches!(again, Err(StoreError::Exists { .. } | StoreError::Source { .. })), "{again:?}");
    assert_holds(store, &stored.location, &data).await;
}

/// However puts of one id overlap, one wins and the others are told that it did.
pub async fn of_puts_at_once_one_wins(store: &dyn Store) {
    if !writes(store).await {
        return;
    }
    for len in [0, 10, 2 * MIB] {
        let id = ImageId::random();
        let sources: Vec<_> = (0..4).map(|extra| noise(len + extra)).collect();
        let puts = sources.iter().map(|data| store.put(id, None, trickle(data, 64 * KIB)));
        let mut won = Vec::new();
        for (data, put) in sources.iter().zip(join_all(puts).await) {
            match put {
                Ok(stored) => won.push((data, stored)),
                Err(StoreError::Exists { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won.len(), 1, "puts that won");
        assert_holds(store, &won[0].1.location, won[0].0).await;
    }
}

/// A store without the capability says so and takes nothing from the source.
pub async fn a_store_that_only_reads_refuses_data(store: &dyn Store) {
    if store.capabilities().write {
        return;
    }
    let (source, taken) = counted(stream::iter(chunks(&noise(MIB), KIB)).map(Ok));
    let put = store.put(ImageId::random(), None, Box::pin(source)).await;
    assert!(matches!(put, Err(StoreError::Unsupported { .. })), "{put:?}");
    assert_eq!(taken.load(Ordering::SeqCst), 0);
}
