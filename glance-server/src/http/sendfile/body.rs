//! A response body that is part of a file.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::marker::{FRAME, FileSender, Sent};
use super::readahead;

/// A range of a file as a response body that the kernel sends.
///
/// Answer with it on the connection that `sender` came from and nowhere else, and put no layer
/// above it that looks at the data.
///
/// ```no_run
/// # use std::{fs::File, sync::Arc};
/// # use axum::{Extension, body::Body};
/// # use glance_server::http::{FileBody, FileSender};
/// async fn download(Extension(sender): Extension<FileSender>) -> Body {
///     let file = Arc::new(File::open("image.raw").unwrap());
///     Body::new(FileBody::new(&sender, file, 0..4096))
/// }
/// ```
pub struct FileBody {
    sender: FileSender,
    file: Arc<File>,
    left: Range<u64>,
    /// The window at the start of `left` on its way into memory.
    reading: Option<JoinHandle<()>>,
    /// The window at the start of `left` needs no further look.
    ready: bool,
    /// The window after it was in memory when it was looked for.
    next_ready: bool,
    /// Told of every byte that the kernel took.
    sent: Option<Sent>,
}

impl FileBody {
    /// The bytes of `file` in `range` (counted from 0, end excluded).
    ///
    /// If the file ends before the range does, the connection breaks where the file ends.
    #[must_use]
    pub fn new(sender: &FileSender, file: Arc<File>, range: Range<u64>) -> Self {
        Self { sender: sender.clone(), file, left: range, reading: None, ready: false, next_ready: false, sent: None }
    }

    /// The same, telling `sent` how many bytes the kernel took, whenever it takes some. It is dropped when
    /// nothing of the range is on its way any more.
    #[must_use]
    pub fn counted(mut self, sent: Sent) -> Self {
        self.sent = Some(sent);
        self
    }

    fn window(&self) -> Range<u64> {
        let end = self.left.start.saturating_add(FRAME as u64);
        self.left.start..end.min(self.left.end)
    }

    /// Waits until the next window is in memory.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ready {
            let ahead = readahead::prepare(&self.file, &self.window(), self.left.end, self.next_ready);
            (self.reading, self.next_ready, self.ready) = (ahead.reading, ahead.next_in_memory, true);
        }
        if let Some(reading) = &mut self.reading {
            ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)?;
            self.reading = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("file", &self.file).field("left", &self.left).finish_non_exhaustive()
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        self.sender.expect_more(false);
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        let read = this.poll_read_ahead(cx);
        if read.is_pending() {
            // The disk takes its time: what was sent so far is not to wait for it.
            this.sender.expect_more(false);
        }
        ready!(read)?;
        let window = this.window();
        let Some(marker) = this.sender.mark(&this.file, &window, this.sent.as_ref()) else {
            return Poll::Ready(Some(Err(io::Error::other("too many file frames at once"))));
        };
        this.left.start = window.end;
        this.ready = false;
        this.sender.expect_more(!this.left.is_empty());
        Poll::Ready(Some(Ok(Frame::data(marker))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end.saturating_sub(self.left.start))
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;

    use super::*;

    const FRAMES: u64 = 3;

    /// A file whose data is on the disk, and most likely not in memory.
    fn cold_file() -> Arc<File> {
        let (file, data) = (tempfile::tempfile().unwrap(), vec![1; FRAME]);
        for frame in 0..FRAMES {
            rustix::io::pwrite(&file, &data, frame * FRAME as u64).unwrap();
        }
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        Arc::new(file)
    }

    #[tokio::test]
    async fn more_is_expected_between_frames_and_never_while_the_disk_is_waited_for() {
        let sender = FileSender::default();
        let mut body = FileBody::new(&sender, cold_file(), 0..FRAMES * FRAME as u64);
        assert!(!sender.expects_more());
        for frame in 1..=FRAMES {
            let marker = poll_fn(|cx| {
                let polled = Pin::new(&mut body).poll_frame(cx);
                assert!(polled.is_ready() || !sender.expects_more());
                polled
            });
            let marker = marker.await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(sender.expects_more(), frame < FRAMES);
            sender.sent(&sender.locate(&marker).unwrap().unwrap(), marker.len());
        }
        assert!(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.is_none());
    }

    #[tokio::test]
    async fn nothing_more_is_expected_of_a_body_that_went_away() {
        let sender = FileSender::default();
        let mut body = FileBody::new(&sender, cold_file(), 0..FRAMES * FRAME as u64);
        poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.unwrap().unwrap();
        assert!(sender.expects_more());
        drop(body);
        assert!(!sender.expects_more());
    }
}
