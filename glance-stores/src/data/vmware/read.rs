//! Reading a file of a datastore, or a part of it.

use std::ops::Range;

use bytes::Bytes;
use glance_core::store::{ByteRange, Reading, StoreError, stream_of};
use http::header::CONTENT_RANGE;
use http::{HeaderValue, Method, StatusCode};

use super::KIND;
use super::error::Failure;
use super::location::DatastoreFile;
use super::vsphere::Vsphere;
use super::xml::BadAnswer;
use crate::data::exact;
use crate::outbound::Response;

/// Opens a file; `None` if it is not there.
pub(super) async fn open(
    vsphere: &Vsphere,
    file: &DatastoreFile,
    range: ByteRange,
) -> Result<Option<Reading>, StoreError> {
    let failed = |failure: Failure| failure.doing("opening a file");
    if range == ByteRange::ALL {
        let Some(answer) = vsphere.ask(Method::GET, file, None).await.map_err(failed)? else { return Ok(None) };
        let size = answer.content_length().ok_or(BadAnswer("it does not say how long the file is"));
        let size = size.map_err(|bad| failed(bad.into()))?;
        let stream = exact::all(answer.into_stream(), size);
        return Ok(Some(Reading { size, range: 0..size, stream, file: None }));
    }
    let Some(size) = vsphere.length(file).await.map_err(failed)? else { return Ok(None) };
    let range = range.within(size).ok_or(StoreError::OutOfRange { store: KIND, size })?;
    if range.is_empty() {
        return Ok(Some(Reading { size, range, stream: stream_of(Bytes::new()), file: None }));
    }
    let wanted = HeaderValue::try_from(format!("bytes={}-{}", range.start, range.end - 1));
    let wanted = wanted.map_err(StoreError::failed(KIND, "opening a file"))?;
    let Some(answer) = vsphere.ask(Method::GET, file, Some(&wanted)).await.map_err(failed)? else { return Ok(None) };
    let partial = is_part(&answer, &range, size).map_err(|bad| failed(bad.into()))?;
    let data = answer.into_stream();
    let stream = if partial { exact::all(data, range.end - range.start) } else { exact::slice(data, range.clone()) };
    Ok(Some(Reading { size, range, stream, file: None }))
}

/// Whether an answer carries `range` alone, or all of the file, where the server does not honour ranges.
fn is_part(answer: &Response, range: &Range<u64>, size: u64) -> Result<bool, BadAnswer> {
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let expected = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        let given = answer.header(CONTENT_RANGE).map(str::trim);
        return if given == Some(expected.as_str()) {
            Ok(true)
        } else {
            Err(BadAnswer("it is another part of the file"))
        };
    }
    if answer.content_length() == Some(size) { Ok(false) } else { Err(BadAnswer("the file has changed")) }
}
