//! What an operator wants to read when the server starts.

use std::fmt;

use super::{AuthMode, Connection, Settings, StoreKind};

/// Where the server listens, what it keeps where and whom it believes, one line each.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a>(pub(super) &'a Settings);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { default, stores, database, glance_rs, files, .. } = self.0;
        match files.files.as_slice() {
            [] => writeln!(f, "configuration: none found, built-in settings")?,
            files => {
                let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
                writeln!(f, "configuration: {}", names.join(", "))?;
            }
        }
        writeln!(f, "address: {}", default.bind)?;
        match glance_rs.auth.mode {
            AuthMode::None => writeln!(f, "callers: not authenticated, all are administrators")?,
            AuthMode::Fake => writeln!(f, "callers: taken at their word (X-Auth-Token: user:project:roles)")?,
            AuthMode::HttpBasic => {
                writeln!(f, "callers: users in {}", glance_rs.auth.user_files.passwords.display())?;
            }
            AuthMode::Keystone => {
                let url = self.0.authtoken.as_ref().map(|authtoken| authtoken.login.address.expose());
                let host = url.and_then(|url| url.host_str()).unwrap_or("nowhere");
                writeln!(f, "callers: tokens, checked by Keystone at {host}")?;
            }
            AuthMode::TrustedHeaders => {
                let peers: Vec<_> = glance_rs.auth.trusted_peers.iter().map(ToString::to_string).collect();
                writeln!(f, "callers: identity headers from {}", peers.join(", "))?;
            }
        }
        match &database.connection {
            Connection::SqliteFile(path) => writeln!(f, "records: SQLite in {}", path.display())?,
            Connection::SqliteMemory => writeln!(f, "records: in memory, gone when the server ends")?,
        }
        for store in &stores.stores {
            let default = if store.id == stores.default { " (default)" } else { "" };
            write!(f, "store {}{default}: {}", store.id, store.kind.name())?;
            match &store.kind {
                StoreKind::File(file) => {
                    let paths: Vec<_> = file.datadirs.iter().map(|dir| dir.path.display().to_string()).collect();
                    writeln!(f, " in {}", paths.join(", "))?;
                }
                StoreKind::Http(_) => writeln!(f, ", images elsewhere on the web, only read")?,
                StoreKind::Swift(swift) => writeln!(f, " in container {}", swift.container)?,
                StoreKind::Vmware(vmware) => writeln!(f, " on {}", vmware.server_host)?,
                StoreKind::S3(s3) => writeln!(f, " in the bucket {} at {}", s3.bucket, s3.host)?,
                StoreKind::Gcs(gcs) => writeln!(f, " in the bucket {}", gcs.bucket)?,
                StoreKind::Azure(azure) => writeln!(f, " in the container {} of {}", azure.container, azure.account)?,
                StoreKind::Rbd(rbd) => writeln!(f, ", pool {} of a Ceph cluster", rbd.pool)?,
                StoreKind::Other { .. } => writeln!(f)?,
            }
        }
        let staging: Vec<_> = stores.staging.datadirs.iter().map(|dir| dir.path.display().to_string()).collect();
        write!(f, "staging: {}", staging.join(", "))
    }
}
