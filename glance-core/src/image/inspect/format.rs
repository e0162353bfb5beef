//! The formats that are told apart.

use std::fmt;

/// A format that data is recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Whatever nothing else claims.
    Raw,
    /// QEMU's copy-on-write format, all versions.
    Qcow2,
    /// Microsoft's older virtual disk, which QEMU calls `vpc`.
    Vhd,
    /// Microsoft's newer virtual disk.
    Vhdx,
    /// VMware's virtual disk.
    Vmdk,
    /// `VirtualBox`'s virtual disk.
    Vdi,
    /// QEMU's abandoned enhanced disk.
    Qed,
    /// ISO 9660 and UDF.
    Iso,
    /// A disk with an MBR or GPT partition table.
    Gpt,
    /// An encrypted LUKS volume.
    Luks,
    /// An archive, as OVA envelopes are. Never what a disk format declares: see [`Report::envelope`].
    ///
    /// [`Report::envelope`]: super::Report::envelope
    Tar,
}

impl Format {
    /// Every format that `disk_format` may name.
    pub const DISKS: [Self; 10] = [
        Self::Raw,
        Self::Qcow2,
        Self::Vhd,
        Self::Vhdx,
        Self::Vmdk,
        Self::Vdi,
        Self::Qed,
        Self::Iso,
        Self::Gpt,
        Self::Luks,
    ];

    /// The name, as `disk_format` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Qed => "qed",
            Self::Iso => "iso",
            Self::Gpt => "gpt",
            Self::Luks => "luks",
            Self::Tar => "tar",
        }
    }

    /// The format that a `disk_format` names; `None` for names that no data can be held to, such as
    /// `ami`.
    #[must_use]
    pub fn declared(name: &str) -> Option<Self> {
        Self::DISKS.into_iter().find(|format| format.as_str() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
