//! Keeps a disk image in SQLite and a folder, takes it out again and compares the two:
//! `embed_sqlite_and_files FILE [DATA_DIR]`.
//!
//! Exit code 0 if what came out has the hashes of what went in.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::BytesMut;
use futures::{StreamExt, stream};
use glance_core::catalogue::{DownloadOptions, ListRequest, UploadOptions};
use glance_core::digest::{HashAlgorithm, Hasher};
use glance_core::image::{Image, ImageId, NewImage};
use glance_core::store::ByteStream;
use glance_core::{Glance, Images, RequestContext, Stores};
use glance_stores::data::file::FileStore;
use glance_stores::database::sqlite::Sqlite;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CHUNK: usize = 1 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(file), data_dir, None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: embed_sqlite_and_files FILE [DATA_DIR]");
        return ExitCode::from(2);
    };
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from("glance-data"));
    match keep_and_compare(&file, &data_dir).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn keep_and_compare(file: &Path, data_dir: &Path) -> Outcome<bool> {
    let glance = open(data_dir).await?;
    // Everything is done on somebody's behalf; this program acts for itself.
    let caller = RequestContext::admin("embedder");
    let images = glance.images(&caller);

    let image = upload(&images, file).await?;
    list(&images).await?;
    download_and_compare(&images, &image).await
}

/// The registry that lives in `data_dir`, which is made if it is not there.
async fn open(data_dir: &Path) -> Outcome<Glance> {
    tokio::fs::create_dir_all(data_dir).await?;
    let records = Sqlite::open(data_dir.join("glance.db"))?;
    // Locations of images name the folder in full.
    let data = FileStore::builder(std::path::absolute(data_dir.join("images"))?).open()?;
    let glance = Glance::builder(Arc::new(records), Stores::single(Arc::new(data))).build();
    // Puts in order what an earlier run left when it was killed, as soon as its lease has run out.
    let recovered = glance.recover(|_| false).await?;
    if recovered.uploads + recovered.removals > 0 {
        println!("unwound {} uploads, finished {} removals", recovered.uploads, recovered.removals);
    }
    Ok(glance)
}

async fn upload(images: &Images<'_>, path: &Path) -> Outcome<Image> {
    let file = File::open(path).await?;
    let size = file.metadata().await?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let image = images.create(NewImage::named(name, disk_format(path), "bare")).await?;
    println!("created {}", image.id);
    let options = UploadOptions { size: Some(size), ..UploadOptions::default() };
    let image = images.upload(image.id, with_progress(file, size), options).await?;
    println!("status: {}", image.status);
    println!("md5: {}", image.checksum.as_deref().unwrap_or_default());
    println!("{}: {}", HashAlgorithm::Sha512.as_str(), image.os_hash_value.as_deref().unwrap_or_default());
    Ok(image)
}

/// The format a file's name speaks of.
fn disk_format(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("iso") => "iso",
        Some("qcow2") => "qcow2",
        Some("vhd" | "vpc") => "vhd",
        Some("vhdx") => "vhdx",
        Some("vmdk") => "vmdk",
        _ => "raw",
    }
}

/// The content of `file`, and a line for each tenth of it.
fn with_progress(file: File, size: u64) -> ByteStream {
    Box::pin(stream::try_unfold((file, 0u64), move |(mut file, sent)| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        if read == 0 {
            return Ok(None);
        }
        let now = sent + read as u64;
        if tenths(now, size) > tenths(sent, size) {
            println!("{:3} % of {size} bytes", tenths(now, size) * 10);
        }
        Ok(Some((chunk.freeze(), (file, now))))
    }))
}

fn tenths(part: u64, whole: u64) -> u64 {
    part.saturating_mul(10) / whole.max(1)
}

/// Prints all images, page by page.
async fn list(images: &Images<'_>) -> Outcome<()> {
    let mut request = ListRequest::default();
    loop {
        let page = images.list(&request).await?;
        for image in &page.images {
            let name = image.name.as_deref().unwrap_or("-");
            println!("{}  {:8}  {:>12}  {name}", image.id, image.status, image.size.unwrap_or(0));
        }
        match page.next {
            Some(last) => request.marker = Some(last),
            None => return Ok(()),
        }
    }
}

/// Whether the data that comes out has the hashes recorded when it went in.
async fn download_and_compare(images: &Images<'_>, image: &Image) -> Outcome<bool> {
    let (md5, sha512) = hashes(images, image.id).await?;
    let equal = image.checksum.as_deref() == Some(&md5) && image.os_hash_value.as_deref() == Some(&sha512);
    println!("{}", if equal { "verified: equal hashes" } else { "DAMAGED: the data is not what was stored" });
    Ok(equal)
}

/// MD5 and SHA-512 of an image's data.
async fn hashes(images: &Images<'_>, id: ImageId) -> Outcome<(String, String)> {
    let mut data = images.download(id, &DownloadOptions::default()).await?.reading.stream;
    let (mut md5, mut sha512) = (Hasher::new(HashAlgorithm::Md5), Hasher::new(HashAlgorithm::Sha512));
    while let Some(chunk) = data.next().await {
        let chunk = chunk?;
        md5.update(&chunk);
        sha512.update(&chunk);
    }
    Ok((md5.finish(), sha512.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.raw");
        tokio::fs::write(&file, vec![7; 3 * CHUNK + 1]).await.unwrap();
        assert!(keep_and_compare(&file, &folder.path().join("data")).await.unwrap());
    }

    #[tokio::test]
    async fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.raw");
        tokio::fs::write(&file, b"as it was").await.unwrap();
        let glance = open(folder.path()).await.unwrap();
        let caller = RequestContext::admin("embedder");
        let images = glance.images(&caller);
        let image = upload(&images, &file).await.unwrap();
        tokio::fs::write(folder.path().join("images").join(image.id.to_string()), b"as it is!").await.unwrap();
        assert!(!download_and_compare(&images, &image).await.unwrap());
    }

    #[test]
    fn nothing_is_counted_of_an_empty_file() {
        assert_eq!((tenths(0, 0), tenths(5, 10), tenths(10, 10)), (0, 5, 10));
    }
}
