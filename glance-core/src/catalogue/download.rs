//! Image data out.

use futures::StreamExt;

use super::Images;
use crate::error::Error;
use crate::events::Delivery;
use crate::image::{Image, ImageId, Status};
use crate::location::ImageLocation;
use crate::store::{ByteRange, Reading, StoreError};

/// How a download is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadOptions {
    /// The part that is wanted; `None` for all of it.
    pub wanted: Option<Wanted>,
    /// Stores whose copies are tried before all others.
    pub prefer: Vec<String>,
}

/// A part of image data, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// From `start`, counted from 0, to before `end`; `None` to the end of the data.
    From {
        /// The first byte.
        start: u64,
        /// The byte behind the last.
        end: Option<u64>,
    },
    /// The last bytes, or all where there are fewer.
    Last(u64),
}

/// Image data opened for reading.
#[derive(Debug)]
pub struct Download {
    /// The image, as it is shown to the caller.
    pub image: Image,
    /// Its data.
    pub reading: Reading,
    /// The id of the store that has it.
    pub store: String,
    /// Counts what is sent of the data, for those who send it from `reading.file`; the stream counts by itself.
    pub delivery: Delivery,
}

impl Images<'_> {
    /// Opens the image's data: the first of its locations that can be opened, those in stores of
    /// higher weight before others.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy, and for deactivated images to all but
    /// administrators; [`Error::NoData`] if there is no data, or none lies where it should;
    /// [`Error::OutOfRange`]; [`Error::Invalid`] for stores to prefer that do not exist;
    /// [`Error::Unavailable`] if no store that has the data can be reached.
    pub async fn download(&self, id: ImageId, options: &DownloadOptions) -> Result<Download, Error> {
        let seen = self.seen(id).await?;
        if seen.image.status == Status::Deactivated && !self.is_admin() {
            return Err(Error::Forbidden("the requested image has been deactivated".to_owned()));
        }
        self.allow("download_image", &seen)?;
        if !options.prefer.is_empty() {
            self.allow("download_from_store", &seen)?;
            self.check_preferred(&options.prefer)?;
        }
        let image = self.shown(seen.image);
        let (mut reading, store) = self.open(&image, options).await?;
        let delivery = Delivery::of(&self.registry.events, &image, &reading, self.context);
        reading.stream = delivery.counted(reading.stream);
        Ok(Download { image, reading, store, delivery })
    }

    fn check_preferred(&self, prefer: &[String]) -> Result<(), Error> {
        let stores = &self.registry.stores;
        if !stores.are_named() {
            return Err(Error::Invalid("this server has a single store: none can be preferred".to_owned()));
        }
        match prefer.iter().find(|id| stores.named(Some(id)).is_none()) {
            Some(unknown) => Err(Error::Invalid(format!("store {unknown:?} is not one of this server's"))),
            None => Ok(()),
        }
    }

    async fn open(&self, image: &Image, options: &DownloadOptions) -> Result<(Reading, String), Error> {
        let preferred = |location: &&ImageLocation| {
            location.store().is_some_and(|store| options.prefer.iter().any(|wanted| wanted == store))
        };
        let (first, rest): (Vec<_>, Vec<_>) = image.locations.iter().partition(preferred);
        let mut failure = Error::NoData(image.id);
        for location in first.into_iter().chain(rest) {
            match self.open_at(image, location, options.wanted).await {
                Ok(opened) => return Ok(opened),
                Err(error @ Error::OutOfRange { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(image = %image.id, location = %location.url, %error, "cannot read image data");
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    /// The data at one of the image's locations, and the id of the store it lies in.
    async fn open_at(
        &self,
        image: &Image,
        location: &ImageLocation,
        wanted: Option<Wanted>,
    ) -> Result<(Reading, String), Error> {
        let named = self
            .registry
            .stores
            .of(location)
            .ok_or_else(|| Error::Unavailable("no store of this server holds the image's data".to_owned()))?;
        let store = self.registry.for_caller(named, self.context).await;
        let store = store.map_err(|error| reading_failed(error, image.id))?;
        let range = match wanted {
            None => ByteRange::ALL,
            Some(Wanted::From { start, end }) => ByteRange { start, end },
            Some(Wanted::Last(count)) => {
                let size = match image.size {
                    Some(size) => size,
                    None => store.size(&location.url).await.map_err(|error| reading_failed(error, image.id))?,
                };
                last(count, size)?
            }
        };
        let begins_behind = |size| matches!(wanted, Some(Wanted::From { start, .. }) if start >= size);
        if let Some(size) = image.size
            && (range.within(size).is_none() || begins_behind(size))
        {
            return Err(Error::OutOfRange { size });
        }
        // A location whose length is not the image's holds other data than the image.
        let other = || Error::Unavailable("the store holds data of another length than the image's".to_owned());
        let mut reading = store.get(&location.url, range).await.map_err(|error| match error {
            StoreError::OutOfRange { .. } if image.size.is_some() => other(),
            error => reading_failed(error, image.id),
        })?;
        if image.size.is_some_and(|size| size != reading.size) {
            return Err(other());
        }
        reading.stream = Box::pin(
            reading
                .stream
                .map(|chunk| chunk.inspect_err(|error| tracing::error!(%error, "reading image data broke off"))),
        );
        Ok((reading, named.id.clone()))
    }
}

/// The last bytes, or all of them where there are no more: of data without any, that is none.
fn last(count: u64, size: u64) -> Result<ByteRange, Error> {
    if count == 0 {
        return Err(Error::OutOfRange { size });
    }
    if size == 0 {
        return Ok(ByteRange::ALL);
    }
    Ok(ByteRange { start: size.saturating_sub(count), end: Some(size) })
}

fn reading_failed(error: StoreError, id: ImageId) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::NoData(id),
        StoreError::OutOfRange { size, .. } => Error::OutOfRange { size },
        StoreError::Unsupported { .. } => Error::Invalid("the store does not read such ranges".to_owned()),
        StoreError::Unavailable { .. } | StoreError::BadLocation { .. } | StoreError::Denied { .. } => {
            Error::Unavailable("the store that has the image's data cannot be read".to_owned())
        }
        other => Error::Store(other),
    }
}
