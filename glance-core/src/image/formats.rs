//! The disk and container formats a registry accepts.

/// The formats that images may declare; operators extend or shorten both lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formats {
    /// Accepted for `disk_format` (`[image_format] disk_formats`).
    pub disk: Vec<String>,
    /// Accepted for `container_format` (`[image_format] container_formats`).
    pub container: Vec<String>,
}

impl Default for Formats {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            disk: owned(&["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"]),
            container: owned(&["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]),
        }
    }
}
