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
        if let Some(folder) = &glance_rs.data_dir {
            writeln!(f, "data folder: {}", folder.display())?;
        }
        writeln!(f, "address: {}", default.bind)?;
        if let Some(tls) = &self.0.tls {
            write!(f, "TLS: certificate in {}", tls.certificate.display())?;
            match &tls.clients {
                Some(file) => writeln!(f, ", clients need one of an authority in {}", file.display())?,
                None => writeln!(f)?,
            }
        }
        if let Some(bind) = &glance_rs.metrics_bind {
            writeln!(f, "metrics: http://{bind}/metrics")?;
        }
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
                StoreKind::Vmware(vmware) => writeln!(f, " on {}", without_account(&vmware.server_host))?,
                StoreKind::S3(s3) => {
                    writeln!(f, " in the bucket {} at {}", s3.bucket, without_account(&s3.host))?;
                }
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

/// `address` without the name and password that a URL may have in front of its host.
fn without_account(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use crate::config::testing::settings;

    #[test]
    fn no_account_of_a_store_is_shown() {
        let shown = |store: &str| {
            let text = "[DEFAULT]\nenabled_backends = x:";
            settings(&format!("{text}{store}")).summary().to_string()
        };
        let default = "[glance_store]\ndefault_backend = x\n[x]\n";
        let s3 = shown(&format!(
            "s3\n{default}s3_store_host = http://u:canary@h:1\ns3_store_access_key = k\ns3_store_secret_key = k\n\
             s3_store_bucket = b"
        ));
        assert!(s3.contains("in the bucket b at h:1\n") && !s3.contains("canary"), "{s3}");
        let vmware = shown(&format!(
            "vmware\n{default}vmware_server_host = u:canary@vc\nvmware_server_username = u\n\
             vmware_server_password = p\nvmware_datastores = d:s"
        ));
        assert!(vmware.contains("on vc\n") && !vmware.contains("canary"), "{vmware}");
    }
}
