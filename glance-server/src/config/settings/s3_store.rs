//! Options of an `s3` store.

use std::path::PathBuf;

use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

/// How a store in S3 is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub struct S3StoreSettings {
    /// `s3_store_host`: the server, as a URL. Must be set.
    pub host: String,
    /// `s3_store_region_name`: its region; `None` (empty): the one that the name of the host tells.
    pub region: Option<String>,
    /// `s3_store_access_key`: the account. Must be set.
    pub access_key: Secret,
    /// `s3_store_secret_key`: what requests are signed with. Must be set.
    pub secret_key: Secret,
    /// `s3_store_bucket`: where new data goes. Must be set.
    pub bucket: String,
    /// `s3_store_create_bucket_on_put`: whether a missing bucket is made (false).
    pub create_bucket: bool,
    /// `s3_store_bucket_url_format`: `auto` (the default), `virtual` or `path`.
    pub addressing: String,
    /// `s3_store_large_object_size`, in bytes: from here on data goes in parts (100 MiB).
    pub large_object_size: usize,
    /// `s3_store_large_object_chunk_size`, in bytes: how long parts are (10 MiB).
    pub chunk_size: usize,
    /// `s3_store_thread_pools`: parts on their way at the same time, if memory allows (10).
    pub parallel_parts: usize,
    /// `s3_store_cacert`: authorities to believe; `None` (empty): those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether checksums are sent: `s3_store_enable_data_integrity_protection` (false) and
    /// `s3_store_request_checksum_calculation` at `when_supported`.
    pub checksums: bool,
    /// Whether what is read is compared with its checksum: `s3_store_enable_data_integrity_protection` and
    /// `s3_store_response_checksum_validation` at `when_supported`.
    pub check_reads: bool,
    /// `s3_store_credentials_in_locations`: whether URLs of new data hold the keys (false).
    pub credentials_in_locations: bool,
}

impl S3StoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        let protected = options.flag(section, "s3_store_enable_data_integrity_protection");
        let wanted = |option| {
            let when = options.text(section, option).unwrap_or_default();
            protected && when.eq_ignore_ascii_case("when_supported")
        };
        Self {
            host: needed(options, section, "s3_store_host"),
            region: options.text(section, "s3_store_region_name"),
            access_key: Secret::new(needed(options, section, "s3_store_access_key")),
            secret_key: Secret::new(needed(options, section, "s3_store_secret_key")),
            bucket: needed(options, section, "s3_store_bucket"),
            create_bucket: options.flag(section, "s3_store_create_bucket_on_put"),
            addressing: options.text(section, "s3_store_bucket_url_format").unwrap_or_default(),
            large_object_size: mebibytes(options, section, "s3_store_large_object_size"),
            chunk_size: mebibytes(options, section, "s3_store_large_object_chunk_size"),
            parallel_parts: options.int(section, "s3_store_thread_pools").unwrap_or(1),
            ca_file: options.text(section, "s3_store_cacert").map(PathBuf::from),
            checksums: wanted("s3_store_request_checksum_calculation"),
            check_reads: wanted("s3_store_response_checksum_validation"),
            credentials_in_locations: options.flag(section, "s3_store_credentials_in_locations"),
        }
    }
}

/// A text that the store cannot do without.
pub(super) fn needed(options: &Resolved, section: &str, option: &str) -> String {
    options.text(section, option).unwrap_or_else(|| {
        options.refuse(section, option, "must be set");
        String::new()
    })
}

fn mebibytes(options: &Resolved, section: &str, option: &str) -> usize {
    let count: i64 = options.int(section, option).unwrap_or_default();
    usize::try_from(count.max(0)).unwrap_or(usize::MAX).saturating_mul(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    const NEEDED: &str = "s3_store_host = https://h\ns3_store_access_key = canary-a\ns3_store_secret_key = canary-s\n\
                          s3_store_bucket = b\n";

    fn store(text: &str) -> S3StoreSettings {
        match settings(text).stores.stores.remove(0).kind {
            StoreKind::S3(s3) => s3,
            other => panic!("{other:?}"),
        }
    }

    fn single(more: &str) -> String {
        format!("[glance_store]\nstores = s3\ndefault_store = s3\n{NEEDED}{more}")
    }

    #[test]
    fn a_single_store_takes_the_defaults_of_python_glance() {
        let read = store(&single(""));
        assert_eq!((read.host.as_str(), read.bucket.as_str(), read.addressing.as_str()), ("https://h", "b", "auto"));
        assert_eq!((read.large_object_size, read.chunk_size, read.parallel_parts), (100 << 20, 10 << 20, 10));
        assert_eq!((read.region.clone(), read.ca_file.clone()), (None, None));
        assert!(!read.create_bucket && !read.credentials_in_locations);
        assert!(!read.checksums && !read.check_reads);
        assert_eq!(read.secret_key.expose(), "canary-s");
        assert!(!format!("{read:?}").contains("canary"));
    }

    #[test]
    fn each_option_reaches_one_of_several_stores() {
        let read = store(&format!(
            "[DEFAULT]\nenabled_backends = far:s3\n[glance_store]\ndefault_backend = far\n\
             [backend_defaults]\n{NEEDED}[far]\ns3_store_bucket = other\ns3_store_region_name = r\n\
             s3_store_create_bucket_on_put = true\ns3_store_bucket_url_format = virtual\n\
             s3_store_large_object_size = 0\ns3_store_large_object_chunk_size = 5\ns3_store_thread_pools = 3\n\
             s3_store_cacert = /ca.pem\ns3_store_enable_data_integrity_protection = true\n\
             s3_store_request_checksum_calculation = WHEN_SUPPORTED\n\
             s3_store_response_checksum_validation = when_supported\ns3_store_credentials_in_locations = true\n"
        ));
        assert_eq!(
            (read.bucket.as_str(), read.region.as_deref(), read.addressing.as_str()),
            ("other", Some("r"), "virtual")
        );
        assert_eq!((read.large_object_size, read.chunk_size, read.parallel_parts), (0, 5 << 20, 3));
        assert_eq!(read.ca_file, Some(PathBuf::from("/ca.pem")));
        assert!(read.create_bucket && read.credentials_in_locations);
        assert!(read.checksums && read.check_reads);
    }

    #[test]
    fn checksums_need_both_options() {
        for one in [
            "s3_store_request_checksum_calculation = when_supported",
            "s3_store_response_checksum_validation = when_supported",
            "s3_store_enable_data_integrity_protection = true",
        ] {
            let read = store(&single(one));
            assert!(!read.checksums && !read.check_reads, "{one}");
        }
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_named() {
        let missing = problems("[glance_store]\nstores = s3\ndefault_store = s3");
        assert_eq!(missing.len(), 4, "{missing:?}");
        for bad in
            ["s3_store_large_object_chunk_size = 4", "s3_store_thread_pools = 0", "s3_store_bucket_url_format = x"]
        {
            assert_eq!(problems(&single(bad)).len(), 1, "{bad}");
        }
    }
}
