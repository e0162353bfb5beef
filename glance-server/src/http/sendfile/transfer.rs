//! Writing what hyper queued: ordinary bytes as they are, markers as the file bytes they stand for.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::cork::Cork;
use super::marker::{FileSender, Piece};

/// What one system call is asked to send at most, so that a fast client leaves room for others.
const PER_CALL: usize = 2 << 20;

/// What is copied at once where the kernel cannot send from the file system the file is on.
const COPY: usize = 64 << 10;

/// How many slices one system call takes.
const SLICES: usize = 64;

/// Writes some of `slices` to `stream` and says how many bytes it was.
///
/// # Errors
///
/// Those of the socket; [`io::ErrorKind::UnexpectedEof`] if a file is shorter than promised; and
/// what [`FileSender::locate`] refuses. After any of them the connection is of no more use.
pub(crate) fn send(
    stream: &TcpStream,
    (sender, cork): (&FileSender, &mut Cork),
    slices: &[IoSlice<'_>],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut ordinary: [IoSlice<'_>; SLICES] = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    let mut file_follows = false;
    for slice in slices.iter().filter(|slice| !slice.is_empty()) {
        match sender.locate(slice)? {
            Some(piece) if count == 0 => {
                cork.set(stream);
                return send_file(stream, sender, &piece, cx);
            }
            Some(_) => {
                file_follows = true;
                break;
            }
            None if count == SLICES => break,
            None => {
                ordinary[count] = *slice;
                count += 1;
            }
        }
    }
    if count == 0 {
        return Poll::Ready(Ok(0));
    }
    send_bytes(stream, &ordinary[..count], file_follows, cx)
}

fn send_bytes(stream: &TcpStream, slices: &[IoSlice<'_>], more: bool, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut flags = SendFlags::NOSIGNAL;
    if more {
        // The head of the response travels in the same packet as the first bytes of the file.
        flags |= SendFlags::MORE;
    }
    when_writable(stream, cx, || {
        let mut control = SendAncillaryBuffer::new(&mut [] as &mut [MaybeUninit<u8>]);
        rustix::net::sendmsg(stream, slices, &mut control, flags)
    })
}

fn send_file(stream: &TcpStream, sender: &FileSender, piece: &Piece, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let count = ready!(when_writable(stream, cx, || {
        let mut offset = piece.offset;
        let asked = piece.len.min(PER_CALL);
        match rustix::fs::sendfile(stream, &piece.file, Some(&mut offset), asked) {
            Err(Errno::INVAL | Errno::NOSYS) => copy(stream, piece),
            result => result,
        }
    }))?;
    if count == 0 {
        return Poll::Ready(Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file is shorter than the response promised",
        )));
    }
    sender.sent(piece, count);
    Poll::Ready(Ok(count))
}

/// Sends through a buffer of ours.
fn copy(stream: &TcpStream, piece: &Piece) -> rustix::io::Result<usize> {
    let mut buffer = vec![0; piece.len.min(COPY)];
    let count = rustix::io::pread(&piece.file, &mut buffer, piece.offset)?;
    if count == 0 {
        return Ok(0);
    }
    rustix::net::send(stream, &buffer[..count], SendFlags::NOSIGNAL)
}

fn when_writable(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    mut call: impl FnMut() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(Interest::WRITABLE, || call().map_err(io::Error::from)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}
