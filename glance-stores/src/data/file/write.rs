//! Taking data in and writing it: one batch of chunks goes to the disk while the next comes in.

use std::fs::{File, Permissions};
use std::io::{self, IoSlice};
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use glance_core::store::StoreError;
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::{KIND, blocking, error};
use crate::data::intake::Intake;
use crate::data::stretch::{Stretch, stretches};

/// Bytes written by one call. More makes Linux look for larger pieces of memory to cache them in: on
/// ext4 under 6.18, calls of 512 KiB cost twice the processor time and those of 1 MiB five times.
const CALL: usize = 256 * 1024;
/// Slices per call every system takes (`IOV_MAX`).
const SLICES: usize = 1024;
const FLUSHING: &str = "flushing a data file";
/// Holes between data are worth a call of their own from here on.
const HOLE: usize = 16 * 1024;

/// Writes all of the data. Holds two batches at most.
pub(super) async fn pump(writer: Writer, mut data: Intake, batch: usize) -> Result<Writer, StoreError> {
    let mut flushing = Flushing::default();
    let mut writing: BoxFuture<'static, Result<Writer, StoreError>> = Box::pin(ready(Ok(writer)));
    loop {
        let chunks = data.batch(batch).await?;
        let mut writer = writing.await?;
        if chunks.is_empty() {
            flushing.end().await?;
            return Ok(writer);
        }
        flushing.follow(&writer).await?;
        writing = Box::pin(blocking("writing a data file", move || {
            writer.write(&chunks).map_err(|cause| error::writing(cause, "writing a data file"))?;
            Ok(writer)
        }));
    }
}

/// Bytes that may be written before the disk is set to work on them.
const FLUSH: u64 = 8 << 20;

/// Has the disk work while data comes in, so that little is left for the sync at the end. At most one
/// flush runs at a time, and nobody waits for it before the end.
#[derive(Default)]
struct Flushing {
    /// What had been written when the last flush began.
    begun_at: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl Flushing {
    async fn follow(&mut self, writer: &Writer) -> Result<(), StoreError> {
        let idle = self.running.as_ref().is_none_or(JoinHandle::is_finished);
        if idle && writer.end - self.begun_at >= FLUSH {
            self.end().await?;
            let file = writer.file.try_clone().map_err(|cause| error::writing(cause, FLUSHING))?;
            self.begun_at = writer.end;
            self.running = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }

    /// Waits for the flush that runs. Its error must not get lost: the system tells each one once.
    async fn end(&mut self) -> Result<(), StoreError> {
        match self.running.take() {
            None => Ok(()),
            Some(running) => {
                let flushed = running.await.map_err(StoreError::failed(KIND, FLUSHING))?;
                flushed.map_err(|cause| error::writing(cause, FLUSHING))
            }
        }
    }
}

/// The end of a file that data is written to.
pub(super) struct Writer {
    file: File,
    thin: bool,
    end: u64,
}

impl Writer {
    pub(super) fn new(file: File, thin: bool) -> Self {
        Self { file, thin, end: 0 }
    }

    /// For a file whose first `size` bytes have been written already, but for holes.
    pub(super) fn filled(file: File, size: u64) -> Self {
        Self { file, thin: true, end: size }
    }

    /// How many bytes the file has.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Writes chunks behind what has been written.
    fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        if !self.thin {
            return self.append(chunks.iter().map(AsRef::as_ref));
        }
        for stretch in stretches(chunks, self.end, HOLE) {
            match stretch {
                Stretch::Data(slices) => self.append(slices)?,
                Stretch::Hole(len) => self.end += len as u64,
            }
        }
        Ok(())
    }

    fn append<'a>(&mut self, slices: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
        calls(slices).into_iter().try_for_each(|mut call| self.append_all(&mut call))
    }

    fn append_all(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut rest = slices;
        while !rest.is_empty() {
            match rustix::io::pwritev(&self.file, &rest[..rest.len().min(SLICES)], self.end) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.end += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(Errno::INTR) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// Gives the file its permissions, and has all of it on the disk when it returns.
    pub(super) fn finish(self, mode: u32) -> io::Result<()> {
        if self.thin {
            // A hole at the end is no longer than somebody says it is.
            self.file.set_len(self.end)?;
        }
        if let Err(cause) = self.file.set_permissions(Permissions::from_mode(mode)) {
            tracing::warn!(error = %cause, mode = format_args!("{mode:o}"), "a data file keeps other permissions");
        }
        self.file.sync_all()
    }
}

/// The slices, cut to calls of [`CALL`] bytes.
fn calls<'a>(slices: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<IoSlice<'a>>> {
    let mut calls: Vec<Vec<IoSlice<'_>>> = Vec::new();
    let mut room = 0;
    for mut slice in slices {
        while !slice.is_empty() {
            if room == 0 {
                calls.push(Vec::new());
                room = CALL;
            }
            let (now, later) = slice.split_at(slice.len().min(room));
            calls.last_mut().into_iter().for_each(|call| call.push(IoSlice::new(now)));
            room -= now.len();
            slice = later;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_even_and_make_up_the_slices() {
        let data: Vec<u8> = (0..=250).cycle().take(3 * CALL + 5).collect();
        for len in [1000, CALL - 1, CALL, CALL + 1, 4 * CALL] {
            let calls = calls(data.chunks(len));
            let lengths: Vec<usize> = calls.iter().map(|call| call.iter().map(|slice| slice.len()).sum()).collect();
            assert_eq!(lengths, [CALL, CALL, CALL, 5], "slices of {len} bytes");
            assert!(calls.concat().iter().flat_map(|slice| slice.iter()).eq(&data));
        }
    }
}
