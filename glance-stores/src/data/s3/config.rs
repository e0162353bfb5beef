//! How a store in S3 is set up.

use std::fmt;

use object_store::aws::AwsCredential;

use super::endpoint::{Endpoint, is_bucket_name};

/// Bytes of a part where nobody says otherwise.
const PART_SIZE: usize = 10 << 20;
/// Bytes below which S3 takes no part but the last.
const SMALLEST_PART: usize = 5 << 20;
/// Bytes from which data goes in parts where nobody says otherwise.
const PARTS_FROM: usize = 100 << 20;

/// A store in S3: where, as whom, and how data gets there.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct S3Config {
    pub(super) endpoint: Endpoint,
    pub(super) bucket: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) create_bucket: bool,
    pub(super) parts_from: usize,
    pub(super) part_size: usize,
    pub(super) parallel_parts: usize,
    pub(super) checksums: bool,
    pub(super) check_reads: bool,
    pub(super) credentials_in_locations: bool,
}

/// How a bucket is named in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addressing {
    /// In the host name at Amazon, and in the path elsewhere.
    #[default]
    Auto,
    /// In the host name.
    Virtual,
    /// In the path.
    Path,
}

/// Why there can be no store as it was set up. No message shows a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum S3ConfigError {
    /// The host is no `http` or `https` URL, or has more than host, port and path.
    #[error("the host must be http:// or https:// and a host name")]
    Host,
    /// The bucket's name would not stay one part of a URL.
    #[error("the bucket's name must be letters, digits, dots, hyphens and underscores")]
    Bucket,
    /// The bucket's name cannot be part of a host name, and was to be.
    #[error("virtual addressing needs a bucket whose name is a DNS label")]
    VirtualBucket,
    /// A key or the region is empty or cannot be sent.
    #[error("access key, secret key and region must be visible ASCII characters")]
    Credential,
    /// S3 takes no parts of that size.
    #[error("parts must be 5 MiB at least")]
    PartSize,
}

impl S3Config {
    /// A store in `bucket` at `host`, such as `https://s3.example`. The region is the one that the name of a host of
    /// Amazon tells, else `us-east-1`; parts are 10 MiB, from 100 MiB on.
    ///
    /// # Errors
    ///
    /// [`S3ConfigError`].
    pub fn new(host: &str, bucket: &str, access_key: &str, secret_key: &str) -> Result<Self, S3ConfigError> {
        let endpoint = Endpoint::parse(host)?;
        if !is_bucket_name(bucket) {
            return Err(S3ConfigError::Bucket);
        }
        if !is_visible(access_key) || !is_visible(secret_key) {
            return Err(S3ConfigError::Credential);
        }
        Ok(Self {
            endpoint,
            bucket: bucket.to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            create_bucket: false,
            parts_from: PARTS_FROM,
            part_size: PART_SIZE,
            parallel_parts: 10,
            checksums: false,
            check_reads: false,
            credentials_in_locations: false,
        })
    }

    /// The same store in this region. It is then reached under the host that was given, also if Amazon has another one
    /// for the region.
    ///
    /// # Errors
    ///
    /// [`S3ConfigError::Credential`] if it cannot be sent.
    pub fn region(mut self, region: &str) -> Result<Self, S3ConfigError> {
        if !is_visible(region) {
            return Err(S3ConfigError::Credential);
        }
        self.endpoint = self.endpoint.in_region(region);
        Ok(self)
    }

    /// The same store with its buckets addressed so, by default [`Addressing::Auto`].
    ///
    /// # Errors
    ///
    /// [`S3ConfigError::VirtualBucket`].
    pub fn addressing(mut self, addressing: Addressing) -> Result<Self, S3ConfigError> {
        self.endpoint = self.endpoint.addressed(addressing);
        if self.endpoint.can_address(&self.bucket) { Ok(self) } else { Err(S3ConfigError::VirtualBucket) }
    }

    /// The same store, which makes its bucket if there is none, by default not.
    #[must_use]
    pub fn create_bucket(self, create: bool) -> Self {
        Self { create_bucket: create, ..self }
    }

    /// The same store with parts of `part_size` bytes for data of `parts_from` bytes and more, of which `parallel` may
    /// be on their way at the same time. How much memory that may take is limited: see [`S3Store`](super::S3Store).
    ///
    /// # Errors
    ///
    /// [`S3ConfigError::PartSize`] if it is less than 5 MiB.
    pub fn parts(self, part_size: usize, parts_from: usize, parallel: usize) -> Result<Self, S3ConfigError> {
        if part_size < SMALLEST_PART {
            return Err(S3ConfigError::PartSize);
        }
        Ok(Self { part_size, parts_from, parallel_parts: parallel.max(1), ..self })
    }

    /// The same store, which sends a checksum (SHA-256) with each request's data and keeps it with the object, by
    /// default not. Not all servers know them.
    #[must_use]
    pub fn checksums(self, send: bool) -> Self {
        Self { checksums: send, ..self }
    }

    /// The same store, which compares data that is read as a whole with the SHA-256 that the server keeps of it, by
    /// default not. It has one of what was written in one request with [`checksums`](Self::checksums).
    #[must_use]
    pub fn check_reads(self, check: bool) -> Self {
        Self { check_reads: check, ..self }
    }

    /// The same store, whose locations hold its credentials, by default not: Python Glance wants them up to 2026.1.
    #[must_use]
    pub fn credentials_in_locations(self, hold: bool) -> Self {
        Self { credentials_in_locations: hold, ..self }
    }
}

impl S3Config {
    /// What requests are signed with.
    pub(super) fn credential(&self) -> AwsCredential {
        AwsCredential { key_id: self.access_key.clone(), secret_key: self.secret_key.clone(), token: None }
    }
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let new = |host, bucket, access, secret| S3Config::new(host, bucket, access, secret).map(drop);
        assert_eq!(new("http://h", "b", "a", "s"), Ok(()));
        assert_eq!(new("ftp://h", "b", "a", "s"), Err(S3ConfigError::Host));
        assert_eq!(new("http://h", "b/c", "a", "s"), Err(S3ConfigError::Bucket));
        for (access, secret) in [("", "s"), ("a", ""), ("a\nb", "s"), ("a b", "s"), ("ä", "s")] {
            assert_eq!(new("http://h", "b", access, secret), Err(S3ConfigError::Credential));
        }
        let config = S3Config::new("http://h", "B_b", "a", "s").unwrap();
        assert_eq!(config.clone().region("x\ny").map(drop), Err(S3ConfigError::Credential));
        assert_eq!(config.clone().parts((5 << 20) - 1, 0, 1).map(drop), Err(S3ConfigError::PartSize));
        assert_eq!(config.addressing(Addressing::Virtual).map(drop), Err(S3ConfigError::VirtualBucket));
    }

    #[test]
    fn credentials_are_not_printed() {
        let config = S3Config::new("http://h", "b", "canary-access", "canary-secret").unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }
}
