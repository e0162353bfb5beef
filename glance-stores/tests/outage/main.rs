//! Backends that are killed while data goes in and out, and come back.
//!
//! One test at a time has a backend, as there is one of each. The script that started it kills it and brings it up again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "cloud")]
mod object;
#[cfg(feature = "amqp")]
mod rabbitmq;
#[cfg(feature = "rbd")]
mod rbd;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "swift")]
mod swift;

use std::process::{Command, Stdio};

use bytes::Bytes;
use futures::StreamExt;
use glance_core::store::ByteStream;

const MIB: usize = 1 << 20;

/// Has the script that started a backend do something to it.
async fn control(script: &str, verb: &'static str, settings: &[(&'static str, &'static str)]) {
    let mut script = Command::new(script);
    // The backend keeps what it is given of ours, so there is no end of its output to wait for.
    script.arg(verb).envs(settings.iter().copied()).stdout(Stdio::null());
    let status = tokio::task::spawn_blocking(move || script.status().unwrap()).await.unwrap();
    assert!(status.success(), "{verb}: {status}");
}

fn data(len: usize) -> Bytes {
    (0..=250).cycle().take(len).collect::<Vec<u8>>().into()
}

/// Reads on, after the `first` bytes of `whole`, from a backend that has gone: what comes is right, and the end is an
/// error.
async fn read_until_broken(mut reading: ByteStream, first: Bytes, whole: &[u8]) {
    let mut read = 0;
    let mut next = Some(Ok(first));
    while let Some(Ok(chunk)) = next {
        assert!(chunk == whole[read..read + chunk.len()]);
        read += chunk.len();
        next = reading.next().await;
    }
    assert!(next.is_some() && read < whole.len(), "{read} bytes read as if they were all");
}
