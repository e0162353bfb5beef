//! Taking data in and writing it: one batch of chunks goes to the disk while the next comes in.

use std::fs::{File, Permissions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use glance_core::store::StoreError;
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::{KIND, blocking, error};
use crate::data::intake::Intake;

/// Bytes written by one call. More makes Linux look for larger pieces of memory to cache them in: on
/// ext4 under 6.18, calls of 512 KiB cost twice the processor time and those of 1 MiB five times.
const CALL: usize = 256 * 1024;
/// Slices per call every system takes (`IOV_MAX`).
const SLICES: usize = 1024;
/// What a hole may consist of: the smallest block that a file system would leave out.
const BLOCK: usize = 4096;
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
const FLUSH: u64 = 32 << 20;

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
        for stretch in stretches(chunks, self.end) {
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

/// A part of a batch.
#[derive(Debug, PartialEq)]
enum Stretch<'a> {
    /// To be written.
    Data(Vec<&'a [u8]>),
    /// So many zeros, to be left out.
    Hole(usize),
}

/// Cuts chunks that belong at `offset` into data and holes. A run of zeros becomes a hole where it
/// spares a block and is long enough, or costs no further call because it begins or ends the batch.
fn stretches(chunks: &[Bytes], offset: u64) -> Vec<Stretch<'_>> {
    let pieces = pieces(chunks, offset);
    let total: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut stretches = Vec::new();
    let mut at = 0;
    for run in pieces.chunk_by(|(zero, _), (next, _)| zero == next) {
        let len: usize = run.iter().map(|(_, bytes)| bytes.len()).sum();
        let at_an_edge = at == 0 || at + len == total;
        at += len;
        match stretches.last_mut() {
            _ if run[0].0 && (len >= HOLE || at_an_edge) => stretches.push(Stretch::Hole(len)),
            Some(Stretch::Data(slices)) => slices.extend(run.iter().map(|(_, bytes)| *bytes)),
            _ => stretches.push(Stretch::Data(run.iter().map(|(_, bytes)| *bytes).collect())),
        }
    }
    stretches
}

/// The chunks, cut where a block of the file begins and zeros do or end; and whether they are zeros.
fn pieces(chunks: &[Bytes], mut offset: u64) -> Vec<(bool, &[u8])> {
    let mut pieces = Vec::new();
    for chunk in chunks {
        let mut begun: Option<(bool, Range<usize>)> = None;
        let mut at = 0;
        while at < chunk.len() {
            let into_block = usize::try_from(offset % BLOCK as u64).unwrap_or_default();
            let len = (BLOCK - into_block).min(chunk.len() - at);
            let zero = is_zero(&chunk[at..at + len]);
            match &mut begun {
                Some((same, range)) if *same == zero => range.end += len,
                _ => pieces.extend(begun.replace((zero, at..at + len)).map(|(zero, range)| (zero, &chunk[range]))),
            }
            at += len;
            offset += len as u64;
        }
        pieces.extend(begun.map(|(zero, range)| (zero, &chunk[range])));
    }
    pieces
}

/// Whether a piece no longer than a block is all zeros. Comparing memory ends at the first
/// difference and is as fast as the machine can.
fn is_zero(piece: &[u8]) -> bool {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    *piece == ZEROS[..piece.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The batch as it would be read back.
    fn rebuilt(stretches: &[Stretch<'_>]) -> Vec<u8> {
        let bytes = |stretch: &Stretch<'_>| match stretch {
            Stretch::Data(slices) => slices.concat(),
            Stretch::Hole(len) => vec![0; *len],
        };
        stretches.iter().flat_map(bytes).collect()
    }

    #[test]
    fn zeros_become_holes_where_it_pays() {
        let batch = |parts: &[(u8, usize)]| -> Vec<Bytes> {
            parts.iter().map(|(byte, len)| Bytes::from(vec![*byte; *len])).collect()
        };
        let shape = |parts: &[(u8, usize)]| -> Vec<(bool, usize)> {
            let batch = batch(parts);
            let len = |slices: &Vec<&[u8]>| slices.iter().map(|slice| slice.len()).sum();
            let shape = |stretch: &Stretch<'_>| match stretch {
                Stretch::Data(slices) => (false, len(slices)),
                Stretch::Hole(len) => (true, *len),
            };
            stretches(&batch, 0).iter().map(shape).collect()
        };
        assert_eq!(shape(&[(0, 100_000)]), [(true, 100_000)]);
        assert_eq!(shape(&[(0, 50_000), (0, 50_000)]), [(true, 100_000)]);
        assert_eq!(shape(&[(1, 8192), (0, HOLE), (1, 1)]), [(false, 8192), (true, HOLE), (false, 1)]);
        assert_eq!(shape(&[(1, 8192), (0, HOLE - BLOCK), (1, 1)]), [(false, 8192 + HOLE - BLOCK + 1)]);
        assert_eq!(shape(&[(0, 10), (1, 10), (0, 10)]), [(true, 10), (false, 10), (true, 10)]);
        assert_eq!(shape(&[(1, 300_000)]), [(false, 300_000)]);
    }

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

    proptest! {
        #[test]
        fn data_and_holes_make_up_the_batch(
            parts in prop::collection::vec((0..2u8, 1..40_000usize), 0..12), offset in 0..10_000u64
        ) {
            let chunks: Vec<Bytes> = parts.iter().map(|(byte, len)| vec![*byte; *len].into()).collect();
            let stretches = stretches(&chunks, offset);
            prop_assert!(rebuilt(&stretches) == chunks.concat());
            prop_assert!(stretches.windows(2).all(|pair| matches!(
                pair, [Stretch::Data(_), Stretch::Hole(_)] | [Stretch::Hole(_), Stretch::Data(_)]
            )));
        }
    }
}
