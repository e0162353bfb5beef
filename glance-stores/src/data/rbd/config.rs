//! The settings of an [`RbdStore`], by the names of the Python configuration.

use std::path::PathBuf;

use super::RbdStore;
use super::connection::Connection;

/// `rbd_store_chunk_size` where nobody says otherwise, in MiB.
const CHUNK_MIB: u64 = 8;
/// Bytes of the smallest and of the largest object an image may consist of, as powers of two: Ceph takes no other.
const ORDERS: std::ops::RangeInclusive<u32> = 12..=25;

/// Settings of an [`RbdStore`] to be opened.
#[derive(Debug)]
pub struct RbdStoreBuilder {
    pool: String,
    user: Option<String>,
    conf: Option<PathBuf>,
    connect_timeout: Option<u32>,
    order: u8,
    thin: bool,
}

impl RbdStoreBuilder {
    pub(super) fn new(pool: String) -> Self {
        let order = order(CHUNK_MIB << 20);
        Self { pool, user: None, conf: None, connect_timeout: None, order, thin: false }
    }

    /// `rbd_store_user`: the cephx user, without `client.`; `admin` if nothing is said.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// `rbd_store_ceph_conf`: the cluster's configuration file. It is looked for where librados looks if
    /// nothing is said: `$CEPH_CONF`, `/etc/ceph/ceph.conf` and more.
    #[must_use]
    pub fn ceph_conf(self, path: impl Into<PathBuf>) -> Self {
        Self { conf: Some(path.into()), ..self }
    }

    /// `rados_connect_timeout`: seconds that connecting, and each operation after it, may take; 0: for ever, as
    /// far as librados is concerned. If nothing is said, what the cluster's configuration file sets holds,
    /// and where that sets nothing, 30 seconds for connecting and 60 for an operation.
    #[must_use]
    pub fn connect_timeout(self, seconds: u32) -> Self {
        Self { connect_timeout: Some(seconds), ..self }
    }

    /// `rbd_store_chunk_size`, but in bytes; 8 MiB by default. Images consist of objects of this size, or of the
    /// next smaller power of two. What is out of the bounds 4 KiB and 32 MiB of Ceph means the bound.
    #[must_use]
    pub fn chunk_size(self, bytes: u64) -> Self {
        Self { order: order(bytes), ..self }
    }

    /// `rbd_thin_provisioning`: whether runs of zeros are left out, and occupy nothing. Off by default.
    #[must_use]
    pub fn thin_provisioning(self, thin: bool) -> Self {
        Self { thin, ..self }
    }

    /// Makes the store. The cluster is connected to when the store is first used.
    #[must_use]
    pub fn open(self) -> RbdStore {
        let connection = Connection::shared(self.user, self.conf, self.connect_timeout);
        RbdStore::new(connection, self.pool, self.order, self.thin)
    }
}

/// The power of two that is an object's size for chunks of `bytes`.
fn order(bytes: u64) -> u8 {
    let order = bytes.max(1).ilog2().clamp(*ORDERS.start(), *ORDERS.end());
    u8::try_from(order).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_the_power_of_two_below_a_chunk() {
        let mib = |mib: u64| order(mib << 20);
        assert_eq!([1, 2, 3, 4, 7, 8, 9, 15, 16, 32, 63].map(mib), [20, 21, 21, 22, 22, 23, 23, 23, 24, 25, 25]);
        assert_eq!((order(0), order(4096), order(u64::MAX)), (12, 12, 25));
    }
}
