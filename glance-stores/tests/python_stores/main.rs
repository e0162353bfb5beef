//! Image data that the store drivers of Python Glance wrote, read here, and the reverse.
//!
//! Runs where `GLANCE_PYTHON_VENV` names an environment with Python Glance, and for
//! each store where its backend is running.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod python;

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "rbd")]
mod rbd;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "swift")]
mod swift;
#[cfg(feature = "swift")]
mod tenants;

use bytes::Bytes;
use glance_core::image::ImageId;
use glance_core::location::Location;
use glance_core::store::{ByteRange, Store, StoreError, StoreExt, stream_of};

use self::python::Python;

/// Lengths in bytes that matter to some store: nothing, little, more than one piece and a bit.
const LENGTHS: [usize; 3] = [0, 1, (9 << 20) + 7];

/// Holds `store` against the driver that `python` runs on the same backend. `lengths` are those of
/// the images.
async fn exchange(store: &dyn Store, python: &Python, lengths: &[usize]) {
    for length in lengths {
        let data = noise(*length);
        theirs_is_read_here(store, python, &data).await;
        ours_is_read_there(store, python, &data, Some(*length as u64)).await;
        ours_is_read_there(store, python, &data, None).await;
    }
}

async fn theirs_is_read_here(store: &dyn Store, python: &Python, data: &Bytes) {
    let written = Location::new(python.put(ImageId::random(), data));
    assert!(store.holds(&written));
    assert_eq!(store.size(&written).await.unwrap(), data.len() as u64);
    assert!(store.read(&written, ByteRange::ALL).await.unwrap() == *data, "{} bytes came back changed", data.len());
    if data.len() > 2 {
        let (start, end) = (data.len() / 3, data.len() - 1);
        let range = ByteRange { start: start as u64, end: Some(end as u64) };
        assert!(store.read(&written, range).await.unwrap() == data.slice(start..end), "a range came back changed");
    }
    store.delete(&written).await.unwrap();
    assert!(python.get(written.expose()).is_none(), "they still read what was deleted here");
}

async fn ours_is_read_there(store: &dyn Store, python: &Python, data: &Bytes, announced: Option<u64>) {
    let id = ImageId::random();
    let written = store.put(id, announced, stream_of(data.clone())).await.unwrap().location;
    assert_eq!(python.size(written.expose()), data.len() as u64);
    assert!(python.get(written.expose()).unwrap() == *data, "{} bytes arrived there changed", data.len());
    python.delete(written.expose());
    let size = store.size(&written).await;
    assert!(matches!(size, Err(StoreError::NotFound { .. })), "{size:?}");
    // Nothing of it is in the way.
    store.write(id, data.clone()).await.unwrap();
    store.delete(&written).await.unwrap();
}

/// Bytes in which no piece looks like another.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
