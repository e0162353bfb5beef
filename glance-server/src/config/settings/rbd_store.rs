//! Options of an `rbd` store.

use std::path::PathBuf;

use crate::config::resolve::Resolved;

/// How a store in a Ceph cluster is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbdStoreSettings {
    /// `rbd_store_chunk_size`: MiB of a chunk, and of an object the next smaller power of two (8).
    pub chunk_size_mib: u64,
    /// `rbd_store_pool`: the pool (`images`).
    pub pool: String,
    /// `rbd_store_user`: the cephx user, without `client.`; `None`: the one librados takes.
    pub user: Option<String>,
    /// `rbd_store_ceph_conf`: the cluster's configuration file; `None` (empty): where librados looks.
    pub ceph_conf: Option<PathBuf>,
    /// `rados_connect_timeout`: seconds that connecting and each operation may take, 0 for ever; `None` (-1): what
    /// the cluster's configuration and the store's own limits say.
    pub connect_timeout: Option<u32>,
    /// `rbd_thin_provisioning`: whether runs of zeros are left out (false).
    pub thin_provisioning: bool,
}

impl RbdStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        let text = |name| options.text(section, name).filter(|text| !text.is_empty());
        let pool = text("rbd_store_pool");
        if pool.is_none() {
            options.refuse(section, "rbd_store_pool", "must name a pool");
        }
        let timeout: i64 = options.int(section, "rados_connect_timeout").unwrap_or(-1);
        Self {
            chunk_size_mib: options.int(section, "rbd_store_chunk_size").unwrap_or_default(),
            pool: pool.unwrap_or_default(),
            user: text("rbd_store_user"),
            ceph_conf: text("rbd_store_ceph_conf").map(PathBuf::from),
            connect_timeout: u32::try_from(timeout).ok(),
            thin_provisioning: options.flag(section, "rbd_thin_provisioning"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings};

    fn store(text: &str) -> RbdStoreSettings {
        match settings(text).stores.stores.remove(0).kind {
            StoreKind::Rbd(rbd) => rbd,
            other => panic!("{other:?}"),
        }
    }

    fn single(options: &str) -> String {
        format!("[glance_store]\nstores = rbd\ndefault_store = rbd\n{options}")
    }

    #[test]
    fn the_defaults_are_those_of_python_glance() {
        let unset = RbdStoreSettings {
            chunk_size_mib: 8,
            pool: "images".to_owned(),
            user: None,
            ceph_conf: None,
            connect_timeout: None,
            thin_provisioning: false,
        };
        assert_eq!(store(&single("")), unset);
        assert_eq!(store(&single("rbd_store_user =\nrbd_store_ceph_conf =\nrados_connect_timeout = -1")), unset);
    }

    #[test]
    fn every_option_counts_in_either_way_of_naming_stores() {
        let options = "rbd_store_chunk_size = 16\nrbd_store_pool = pictures\nrbd_store_user = glance\n\
                       rbd_store_ceph_conf = /etc/ceph/other.conf\nrados_connect_timeout = 5\nrbd_thin_provisioning = true";
        let read = store(&single(options));
        assert_eq!((read.chunk_size_mib, read.pool.as_str(), read.user.as_deref()), (16, "pictures", Some("glance")));
        assert_eq!(read.ceph_conf, Some("/etc/ceph/other.conf".into()));
        assert_eq!((read.connect_timeout, read.thin_provisioning), (Some(5), true));
        let several = |section: &str| {
            let stores = "[DEFAULT]\nenabled_backends = far:rbd\n[glance_store]\ndefault_backend = far";
            store(&format!("{stores}\n[{section}]\n{options}"))
        };
        assert_eq!(several("far"), read);
        assert_eq!(several("backend_defaults"), read);
    }

    #[test]
    fn what_ceph_would_refuse_is_refused() {
        for refused in ["rbd_store_chunk_size = 0", "rbd_store_chunk_size = 64", "rbd_store_pool ="] {
            assert_eq!(problems(&single(refused)).len(), 1, "{refused}");
        }
    }
}
