//! What can be wrong with image data, each with a name that stays.

use std::fmt;

/// How far a finding reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The structure does not hold together: refused as the format it is, of no matter where the
    /// bytes are taken as they lie.
    Structure,
    /// Not safe in the hands of whoever guesses the format: refused as `raw` as well.
    Unsafe,
    /// Leads whoever opens it to another file, or may and cannot be told: refused whatever is
    /// declared, and also where formats need not match.
    Reference,
}

macro_rules! findings {
    ($($variant:ident $name:literal $weight:ident $text:literal)*) => {
        /// One thing that is wrong with image data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Finding {
            $(#[doc = $text] $variant,)*
        }

        impl Finding {
            /// Every finding there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name, which programs may rely on.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How far it reaches.
            #[must_use]
            pub fn weight(self) -> Weight {
                match self { $(Self::$variant => Weight::$weight,)* }
            }

            /// What it means, as part of a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

findings! {
    BackingFile "backing_file" Reference "names a backing file"
    DataFile "data_file" Reference "keeps its data in another file"
    Parent "parent" Reference "needs a parent disk"
    ExtentPath "extent_path" Reference "names an extent by a path"
    ExternalExtent "external_extent" Reference "keeps its data in extent files"
    SideFile "side_file" Reference "names a file beside it"
    DescriptorPlace "descriptor_place" Reference "has its descriptor where none belongs, or too long a one"
    DescriptorText "descriptor_text" Reference "has a descriptor that is no plain text"
    DescriptorLine "descriptor_line" Reference "has a line in its descriptor that is not understood"
    PendingLog "pending_log" Reference "has changes in its log that are yet to be made"

    UnknownFeatures "unknown_features" Unsafe "asks for features that are not known"
    Version "version" Unsafe "has a version that is not accepted"
    Banned "banned" Unsafe "QEMU's abandoned format"
    CreateType "create_type" Unsafe "is of a kind other than monolithicSparse and streamOptimized"
    SeveralCreateTypes "several_create_types" Unsafe "says more than once of which kind it is"
    DescriptorMissing "descriptor_missing" Unsafe "has no descriptor"
    NoExtent "no_extent" Unsafe "has no extent"
    SeveralExtents "several_extents" Unsafe "has several extents"
    Footer "footer" Unsafe "has a footer that is not like its header"
    Contradiction "contradiction" Unsafe "says the same thing twice and differently"
    VirtualSize "virtual_size" Unsafe "claims a disk of 2^63 bytes or more"
    MbrBootFlag "mbr_boot_flag" Unsafe "has a partition whose boot flag is neither set nor unset"
    MbrProtective "mbr_protective" Unsafe "has a protective partition that does not begin where it should"
    MbrExtraPartition "mbr_extra_partition" Unsafe "has partitions beside the protective one"
    MbrEmpty "mbr_empty" Unsafe "has a boot signature and no partition"

    Truncated "truncated" Structure "ends before what its header speaks of"
    Overlap "overlap" Structure "has structures that lie on one another"
    Malformed "malformed" Structure "has numbers in its header that make no sense"
    Checksum "checksum" Structure "has a header whose checksum is wrong"

    MemberPath "member_path" Unsafe "has a member that would leave the folder it is unpacked in"
    MemberLink "member_link" Unsafe "has a member that is a link or device"
    MemberName "member_name" Unsafe "has a member whose name is too long"
}

impl Finding {
    /// The name of the check in Python Glance that it belongs to, as `gpt_safety_checks_nonfatal`
    /// has it; its own name where there is no such check.
    #[must_use]
    pub fn check(self) -> &'static str {
        match self {
            Self::MbrBootFlag | Self::MbrProtective | Self::MbrExtraPartition | Self::MbrEmpty => "mbr",
            other => other.as_str(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.as_str(), self.meaning())
    }
}

/// A set of findings, of fixed size.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Findings(u64);

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.0 |= 1 << finding as u32;
    }

    pub(super) fn add_if(&mut self, wrong: bool, finding: Finding) {
        if wrong {
            self.add(finding);
        }
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `finding` is among them.
    #[must_use]
    pub fn contains(self, finding: Finding) -> bool {
        self.0 & 1 << finding as u32 != 0
    }

    /// Each of them, references first.
    pub fn iter(self) -> impl Iterator<Item = Finding> {
        Finding::ALL.iter().copied().filter(move |finding| self.contains(*finding))
    }

    /// Those of at least `weight`.
    #[must_use]
    pub fn of(self, weight: Weight) -> Self {
        self.without(|finding| finding.weight() < weight)
    }

    /// All but those that `dropped` names.
    #[must_use]
    pub fn without(self, dropped: impl Fn(Finding) -> bool) -> Self {
        self.iter().filter(|finding| !dropped(*finding)).collect()
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        let mut set = Self::default();
        findings.into_iter().for_each(|finding| set.add(finding));
        set
    }
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, finding) in self.iter().enumerate() {
            if count > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}
