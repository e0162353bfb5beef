//! The trait behind which image data is kept, and the set of stores a registry has.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use serde_json::{Map, Value};

use crate::context::RequestContext;
use crate::image::{ImageId, Readers};
use crate::location::Location;

/// Any error, kept as the cause of ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Data on its way, in chunks of any size. The stream ends after its first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// One place image data is kept.
///
/// An implementation moves bytes and nothing more. Digests, quotas, inspection and the choice of
/// store are the caller's, so that they are written once.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The kind of store, as configuration, errors and logs name it: `file`, `rbd`, …
    fn kind(&self) -> &'static str;

    /// What this store can do, as it is configured now.
    fn capabilities(&self) -> Capabilities;

    /// Whether `at` lies in this store, judged by the URL alone.
    fn holds(&self, at: &Location) -> bool;

    /// Writes `data` as the data of image `id` and says where it lies.
    ///
    /// All or nothing, and durable: after an error, but for [`StoreError::LeftBehind`], none of the data is left,
    /// and after a success it survives a power cut. `size` is the length in bytes when it is known beforehand, which
    /// lets a store choose a place with enough room; data of another length is refused.
    ///
    /// A store that cannot be asked to remove what it was given does not go on trying behind its
    /// caller's back: by then, the image may have other data, brought in by another process. It
    /// says [`StoreError::LeftBehind`] after some seconds, and it is for the caller to call
    /// [`discard`](Store::discard) before the image takes data again. A caller that drops the future
    /// gets the same attempt, which goes on for those seconds while a new put of the image waits, and
    /// nobody says whether it succeeded.
    ///
    /// `data` is read to its end and not longer than it takes to see that it is too long. An error
    /// in place of the end counts even when `size` bytes have come: that is how a caller who
    /// judges the data on its way takes it back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if the image has data here already, which stays as it is;
    /// [`StoreError::Full`]; [`StoreError::Denied`]; [`StoreError::SizeMismatch`];
    /// [`StoreError::Source`] if `data` ended with an error; [`StoreError::Unsupported`] on a store
    /// that only reads; [`StoreError::Unavailable`]; any of them inside [`StoreError::LeftBehind`].
    async fn put(&self, id: ImageId, size: Option<u64>, data: ByteStream) -> Result<Stored, StoreError>;

    /// Opens the data at `at` for reading. Nothing is read before the stream is polled.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::OutOfRange`] if `range` begins behind the last
    /// byte (a range of empty data begins at 0 at least, so only [`ByteRange::ALL`] reads it);
    /// [`StoreError::BadLocation`]; [`StoreError::Unavailable`].
    async fn get(&self, at: &Location, range: ByteRange) -> Result<Reading, StoreError>;

    /// The length in bytes of the data at `at`.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    async fn size(&self, at: &Location) -> Result<u64, StoreError>;

    /// Removes the data at `at`, for good: a power cut does not bring it back. A reading that is
    /// open meanwhile gets the right bytes or an error.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if nothing lies there; [`StoreError::InUse`] if something depends
    /// on the data; [`StoreError::Denied`]; [`StoreError::Unsupported`].
    async fn delete(&self, at: &Location) -> Result<(), StoreError>;

    /// Removes whatever a [`put`](Store::put) of image `id` left that never came to its end,
    /// finished data included. For recovery: the caller knows from its records that no such
    /// data belongs to an image. Succeeds where there is nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::delete`], without [`StoreError::NotFound`].
    async fn discard(&self, id: ImageId) -> Result<(), StoreError>;

    /// This store as the caller behind `context` uses it, where data lies in accounts of the callers'; `None`
    /// where all callers are alike.
    ///
    /// What it was got from goes on with an account of the server's own, as far as there is one: for data that is to be
    /// removed when nobody asks for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] to a caller who has no account there; [`StoreError::Unavailable`].
    async fn for_caller(&self, context: &RequestContext) -> Result<Option<Arc<dyn Store>>, StoreError> {
        let _ = context;
        Ok(None)
    }

    /// Where a [`put`](Store::put) of image `id` writes to, where nobody could know that later. It is recorded before
    /// the put begins, and [`discard_at`](Store::discard_at) is given it.
    fn destination(&self, id: ImageId) -> Option<Location> {
        let _ = id;
        None
    }

    /// Does what [`discard`](Store::discard) does, for a put that had this
    /// [`destination`](Store::destination).
    ///
    /// # Errors
    ///
    /// As [`Store::discard`]; [`StoreError::BadLocation`].
    async fn discard_at(&self, id: ImageId, destination: &Location) -> Result<(), StoreError> {
        let _ = destination;
        self.discard(id).await
    }

    /// Whether others than this program read data straight from the store, which then has to be told
    /// [who may](Store::set_readers).
    fn has_readers(&self) -> bool {
        false
    }

    /// Lets `readers`, and nobody else, read the data at `at` straight from the store, beside those who own the place.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`]; [`StoreError::Denied`] if the place is not the caller's;
    /// [`StoreError::BadLocation`]; [`StoreError::Unavailable`].
    async fn set_readers(&self, at: &Location, readers: &Readers) -> Result<(), StoreError> {
        let _ = (at, readers);
        Ok(())
    }

    /// Names the system that this store keeps its data in, such as a cluster or an endpoint; `None`
    /// if that cannot copy data by itself. Stores of one kind that name the same system can
    /// [`copy`](Store::copy) from each other.
    fn system(&self) -> Option<String> {
        None
    }

    /// Does what [`put`](Store::put) does with the data at `from`, of `size` bytes, which lies in a
    /// store of the same [`system`](Store::system): the system copies it, and nothing passes
    /// through here. What comes about is tied to its source in no way: either can be deleted.
    ///
    /// # Errors
    ///
    /// As [`Store::put`] and [`Store::get`]; [`StoreError::SizeMismatch`] if the data at `from` has
    /// another length; [`StoreError::Unsupported`] if the system does not do it for this data.
    async fn copy(&self, id: ImageId, from: &Location, size: u64) -> Result<Stored, StoreError> {
        let _ = (id, from, size);
        Err(StoreError::Unsupported { store: self.kind(), operation: "copying" })
    }

    /// Whether a client may register `at` as the data of image `id`. Not where the store would read it
    /// with an account of its own that the URL does not show the key of: that could be anybody's data,
    /// and would go when the image is deleted. So a store allows nothing unless it says otherwise.
    fn is_for_clients(&self, id: ImageId, at: &Location) -> bool {
        let _ = (id, at);
        false
    }

    /// Whether it answered when it was asked last, as far as it keeps watch of that. Asks nobody.
    fn answers(&self) -> bool {
        true
    }

    /// Details an administrator may see in the list of stores, by the names the API gives them.
    fn details(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// What a store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Takes new data.
    pub write: bool,
    /// Removes data.
    pub delete: bool,
}

/// A part of some data, in bytes counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last; `None` reads to the end. A number behind the end of the data
    /// means its end.
    pub end: Option<u64>,
}

impl ByteRange {
    /// All there is.
    pub const ALL: Self = Self { start: 0, end: None };

    /// The bytes this range means in data of `size` bytes; `None` if it begins behind the last one.
    #[must_use]
    pub fn within(self, size: u64) -> Option<Range<u64>> {
        let end = self.end.map_or(size, |end| end.min(size));
        if self == Self::ALL || (self.start < size && self.start <= end) { Some(self.start..end) } else { None }
    }
}

/// Data written to a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Where it lies.
    pub location: Location,
    /// How many bytes were written.
    pub size: u64,
    /// What the store says about the place, to be kept with the location.
    pub metadata: Map<String, Value>,
}

/// Data opened for reading.
pub struct Reading {
    /// Length in bytes of all the data at the location.
    pub size: u64,
    /// The part that was opened.
    pub range: Range<u64>,
    /// The part's bytes. Nothing is read until the stream is polled.
    pub stream: ByteStream,
    /// The file the data lies in, opened for reading, when it lies in one byte for byte: a server
    /// may hand `range` of it to the kernel instead of polling `stream`.
    pub file: Option<Arc<std::fs::File>>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing lies at the location.
    #[error("{store}: nothing at {location}")]
    NotFound {
        /// The kind of store.
        store: &'static str,
        /// Where it was looked for.
        location: Location,
    },
    /// The image has data in the store already.
    #[error("{store}: image {id} has data there already")]
    Exists {
        /// The kind of store.
        store: &'static str,
        /// The image.
        id: ImageId,
    },
    /// No room for the data.
    #[error("{store}: no room for the data")]
    Full {
        /// The kind of store.
        store: &'static str,
    },
    /// The store's own permissions stand against it.
    #[error("{store}: permission denied")]
    Denied {
        /// The kind of store.
        store: &'static str,
    },
    /// Something depends on the data.
    #[error("{store}: the data of {location} is in use")]
    InUse {
        /// The kind of store.
        store: &'static str,
        /// Where the data lies.
        location: Location,
    },
    /// The range begins behind the data.
    #[error("{store}: the range begins behind the last of {size} bytes")]
    OutOfRange {
        /// The kind of store.
        store: &'static str,
        /// Length of the data in bytes.
        size: u64,
    },
    /// More or less data came than was announced.
    #[error("{store}: {expected} bytes were announced, {received} came")]
    SizeMismatch {
        /// The kind of store.
        store: &'static str,
        /// Bytes announced.
        expected: u64,
        /// Bytes that came, up to where the difference showed.
        received: u64,
    },
    /// The store does not do this, as it is configured.
    #[error("{store}: {operation} is not supported")]
    Unsupported {
        /// The kind of store.
        store: &'static str,
        /// What was asked for.
        operation: &'static str,
    },
    /// The location is none of this store's.
    #[error("{store}: {location} is not a location of this store")]
    BadLocation {
        /// The kind of store.
        store: &'static str,
        /// What was given.
        location: Location,
    },
    /// The store cannot be reached now; later it may.
    #[error("{store}: not reachable while {doing}")]
    Unavailable {
        /// The kind of store.
        store: &'static str,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: BoxError,
    },
    /// The data to be written broke off.
    #[error("{store}: the data broke off")]
    Source {
        /// The kind of store.
        store: &'static str,
        /// What the source said.
        source: BoxError,
    },
    /// A put failed and something that it wrote may still be there: [`Store::discard`] removes it.
    #[error("{store}: data of an upload that failed may still be there")]
    LeftBehind {
        /// The kind of store.
        store: &'static str,
        /// Why the put failed.
        source: Box<StoreError>,
    },
    /// Anything else: what was being done, and the cause.
    #[error("{store}: failed {doing}")]
    Failed {
        /// The kind of store.
        store: &'static str,
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl StoreError {
    /// For `map_err`: wraps a cause as [`StoreError::Failed`].
    pub fn failed<E: Into<BoxError>>(store: &'static str, doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { store, doing, source: source.into() }
    }

    /// The same failure of a put that could not remove what it had written.
    #[must_use]
    pub fn left_behind(self, store: &'static str) -> Self {
        match self {
            Self::LeftBehind { .. } => self,
            other => Self::LeftBehind { store, source: Box::new(other) },
        }
    }

    /// Why it failed, whatever was left behind.
    #[must_use]
    pub fn reason(&self) -> &Self {
        match self {
            Self::LeftBehind { source, .. } => source.reason(),
            other => other,
        }
    }
}

/// What callers type more often than a stream.
#[async_trait]
pub trait StoreExt: Store {
    /// Reads a part of the data into memory: for small data and tests.
    ///
    /// # Errors
    ///
    /// As [`Store::get`]; [`StoreError::Failed`] if reading breaks off.
    async fn read(&self, at: &Location, range: ByteRange) -> Result<Bytes, StoreError> {
        let mut stream = self.get(at, range).await?.stream;
        let mut data = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            data.extend_from_slice(&chunk.map_err(StoreError::failed(self.kind(), "reading"))?);
        }
        Ok(data.freeze())
    }

    /// Makes the data at `from` in `source` the data of image `id` here as well: inside the system
    /// where both stores are in the same one, else by reading it there and writing it here.
    ///
    /// # Errors
    ///
    /// As [`Store::get`] and [`Store::put`].
    async fn copy_from(&self, id: ImageId, source: &dyn Store, from: &Location) -> Result<Stored, StoreError> {
        let size = source.size(from).await?;
        let near = self.kind() == source.kind() && self.system().is_some() && self.system() == source.system();
        // A location leads nowhere but into the store it is said to lie in.
        if near && source.holds(from) {
            match self.copy(id, from, size).await {
                Err(StoreError::Unsupported { .. }) => {}
                copied => return copied,
            }
        }
        let reading = source.get(from, ByteRange::ALL).await?;
        self.put(id, Some(size), reading.stream).await
    }

    /// Writes data that is in memory already.
    ///
    /// # Errors
    ///
    /// As [`Store::put`].
    async fn write(&self, id: ImageId, data: Bytes) -> Result<Stored, StoreError> {
        let size = data.len() as u64;
        self.put(id, Some(size), stream_of(data)).await
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

/// Data in memory as a stream of one chunk, or of none where it is empty.
#[must_use]
pub fn stream_of(data: Bytes) -> ByteStream {
    Box::pin(futures::stream::iter((!data.is_empty()).then_some(Ok(data))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_data() {
        let range = |start, end| ByteRange { start, end };
        assert_eq!(ByteRange::ALL.within(0), Some(0..0));
        assert_eq!(ByteRange::ALL.within(9), Some(0..9));
        assert_eq!(range(3, None).within(9), Some(3..9));
        assert_eq!(range(3, Some(5)).within(9), Some(3..5));
        assert_eq!(range(3, Some(500)).within(9), Some(3..9));
        assert_eq!(range(9, None).within(9), None);
        assert_eq!(range(0, Some(1)).within(0), None);
        assert_eq!(range(5, Some(3)).within(9), None);
    }
}
