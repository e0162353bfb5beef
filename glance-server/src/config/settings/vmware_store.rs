//! Options of a `vmware` store.

use std::path::PathBuf;
use std::time::Duration;

use glance_stores::data::vmware::Datastore;

use crate::config::resolve::Resolved;
use crate::config::secret::Secret;

/// How a store in vSphere is set up.
#[derive(Debug, Clone)]
pub struct VmwareStoreSettings {
    /// `vmware_server_host`: the vCenter or ESX host, with `:port` if it is not 443; has to be set.
    pub server_host: String,
    /// `vmware_server_username`: who logs in; has to be set.
    pub server_username: String,
    /// `vmware_server_password`: with which password; has to be set.
    pub server_password: Secret,
    /// `vmware_datastores`: where images go; at least one.
    pub datastores: Vec<Datastore>,
    /// `vmware_store_image_dir`: the folder for images in each datastore (`/openstack_glance`).
    pub store_image_dir: String,
    /// `vmware_api_retry_count`: how often a request is made again at most (10).
    pub api_retry_count: u32,
    /// `vmware_task_poll_interval`: the longest pause between two looks at a task, in seconds (5).
    pub task_poll_interval: Duration,
    /// `vmware_insecure`: whether the server's certificate goes unverified (false). The next two
    /// override it.
    pub insecure: bool,
    /// `vmware_ca_file`: authorities to believe instead of those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// `vmware_thumbprint`: the SHA-1 thumbprint of the one certificate to believe. Python Glance does
    /// not have this option.
    pub thumbprint: Option<String>,
}

impl VmwareStoreSettings {
    /// The store that `section` sets up.
    pub(super) fn from(options: &Resolved, section: &str) -> Self {
        let needed = |option| {
            let value = options.text(section, option);
            if value.is_none() {
                options.refuse(section, option, "must be set for a vmware store");
            }
            value.unwrap_or_default()
        };
        let ca_file = options.text(section, "vmware_ca_file").map(PathBuf::from);
        let thumbprint = options.text(section, "vmware_thumbprint");
        if ca_file.is_some() && thumbprint.is_some() {
            options.refuse(section, "vmware_thumbprint", "and vmware_ca_file exclude each other");
        }
        Self {
            server_host: needed("vmware_server_host"),
            server_username: needed("vmware_server_username"),
            server_password: Secret::new(needed("vmware_server_password")),
            datastores: datastores(options, section),
            store_image_dir: options.text(section, "vmware_store_image_dir").unwrap_or_default(),
            api_retry_count: options.int(section, "vmware_api_retry_count").unwrap_or(u32::MAX),
            task_poll_interval: Duration::from_secs(
                options.int(section, "vmware_task_poll_interval").unwrap_or_default(),
            ),
            insecure: options.flag(section, "vmware_insecure"),
            ca_file,
            thumbprint,
        }
    }
}

fn datastores(options: &Resolved, section: &str) -> Vec<Datastore> {
    const OPTION: &str = "vmware_datastores";
    let lines = options.list(section, OPTION).into_iter().filter(|line| !line.trim().is_empty());
    let read: Result<Vec<Datastore>, _> = lines.map(|line| line.parse()).collect();
    match read {
        Ok(datastores) if datastores.is_empty() => options.refuse(section, OPTION, "must be set for a vmware store"),
        Ok(datastores) => return datastores,
        Err(_) => options.refuse(section, OPTION, "must be <datacenter path>:<datastore>[:<weight>] on each line"),
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreKind;
    use crate::config::testing::{problems, settings, warnings};

    const NEEDED: &str = "vmware_server_host = vc.example\nvmware_server_username = glance\n\
                          vmware_server_password = canary\nvmware_datastores = f/dc:ds 1:100\nvmware_datastores = dc:ds2";

    fn single(more: &str) -> String {
        format!("[glance_store]\nstores = vmware\ndefault_store = vsphere\n{NEEDED}\n{more}")
    }

    fn store(text: &str) -> VmwareStoreSettings {
        match settings(text).stores.stores.remove(0).kind {
            StoreKind::Vmware(vmware) => *vmware,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_single_store_has_the_defaults_of_glance() {
        let read = store(&single(""));
        assert_eq!((read.server_host.as_str(), read.server_username.as_str()), ("vc.example", "glance"));
        assert_eq!(read.server_password.expose(), "canary");
        assert!(!format!("{read:?}").contains("canary"));
        let datastores: Vec<_> = read.datastores.iter().map(|one| (one.name.as_str(), one.weight)).collect();
        assert_eq!(datastores, [("ds 1", 100), ("ds2", 0)]);
        assert_eq!(read.store_image_dir, "/openstack_glance");
        assert_eq!((read.api_retry_count, read.task_poll_interval), (10, Duration::from_secs(5)));
        assert_eq!((read.insecure, read.ca_file, read.thumbprint), (false, None, None));
        assert_eq!(warnings(&single("vmware_insecure = true")), [""; 0]);
    }

    #[test]
    fn a_backend_falls_back_on_the_common_section() {
        let read = store(&format!(
            "[DEFAULT]\nenabled_backends = vc:vmware\n[glance_store]\ndefault_backend = vc\n\
             [backend_defaults]\n{NEEDED}\nvmware_api_retry_count = 3\n\
             [vc]\nvmware_server_host = 10.0.0.1\nvmware_store_image_dir = images\nvmware_task_poll_interval = 1\n\
             vmware_api_insecure = true\nvmware_ca_file = /ca.pem"
        ));
        assert_eq!((read.server_host.as_str(), read.store_image_dir.as_str()), ("10.0.0.1", "images"));
        assert_eq!((read.api_retry_count, read.task_poll_interval), (3, Duration::from_secs(1)));
        assert_eq!((read.insecure, read.ca_file), (true, Some(PathBuf::from("/ca.pem"))));
        assert_eq!(read.datastores.len(), 2);
    }

    #[test]
    fn a_store_needs_its_server_its_account_and_a_datastore() {
        for option in ["vmware_server_host", "vmware_server_username", "vmware_server_password", "vmware_datastores"] {
            let without: Vec<_> = NEEDED.lines().filter(|line| !line.starts_with(option)).collect();
            let text = format!("[glance_store]\nstores = vmware\ndefault_store = vsphere\n{}", without.join("\n"));
            let found = problems(&text);
            assert!(found.len() == 1 && found[0].contains(option), "{option}: {found:?}");
            assert!(!found[0].contains("canary"), "{found:?}");
        }
        assert_eq!(problems(&single("vmware_datastores = ds")).len(), 1);
        assert_eq!(problems(&single("vmware_ca_file = /ca\nvmware_thumbprint = aa")).len(), 1);
    }
}
