//! The traits behind which records are kept. Implementations hold no rules: they read and write.

mod metadefs;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::image::{Image, ImageChange, ImageId, Status, Visibility};
use crate::limits::{Excess, ProjectLimits, Usage};
use crate::location::Location;
use crate::member::{Member, MemberStatus};
use crate::store::BoxError;

pub use metadefs::{
    ItemChange, ListedNamespace, MetadefChange, MetadefRepo, NamespaceQuery, NamespaceSortKey, TagQuery, TagSortKey,
    Within,
};

/// Everything a registry needs of a database.
///
/// Times are kept to the microsecond; an engine whose columns are coarser keeps the second.
pub trait Database: ImageRepo + MemberRepo + Journal + MetadefRepo {}

impl<T: ImageRepo + MemberRepo + Journal + MetadefRepo> Database for T {}

/// Image records with their properties, tags and locations.
///
/// A record that was deleted is not found by any method, except as a marker; its id stays taken.
/// Rows of other programs that make no image here (an unknown status, an id that is no UUID) are
/// left out of lists; asked for by id they are [`RepoError::Failed`].
#[async_trait]
pub trait ImageRepo: fmt::Debug + Send + Sync + 'static {
    /// Writes a new record, its properties, tags and locations, and returns it as it then is, unless its
    /// owner then had more images than `limits` allow.
    ///
    /// # Errors
    ///
    /// [`RepoError::Exists`] if the id was ever used, also by an image deleted since;
    /// [`RepoError::OverProjectLimit`].
    async fn create_image(&self, image: &Image, limits: &ProjectLimits) -> Result<Image, RepoError>;

    /// The record of `id`, whoever may see it, and what `project` answered to being a member of it.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`].
    async fn image(&self, id: ImageId, project: Option<&str>) -> Result<SeenImage, RepoError>;

    /// The images `query` asks for, in its order, at most `query.limit` of them. Killed images are
    /// never listed.
    ///
    /// Fewer than `query.limit` images are the end of the list.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn images(&self, query: &ImageQuery) -> Result<Vec<SeenImage>, RepoError>;

    /// The record behind a marker: as [`ImageRepo::image`], but deleted ones are found too and said
    /// to be so.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`].
    async fn marker(&self, id: ImageId, project: Option<&str>) -> Result<Marker, RepoError>;

    /// Makes `change` to the record and returns it as it then is, provided it still has the status
    /// `expected`. All of the change is written or none, and nothing that the change does not name.
    ///
    /// What is there already is not added twice, and what is gone already is not missed. A change that adds
    /// locations is held to the bytes that the image's owner may hold by `limits`, and one that gives the image to another
    /// owner to all that this one may hold; others are not.
    ///
    /// # Errors
    ///
    /// [`RepoError::Stale`] if another writer moved the image first; [`RepoError::NotFound`];
    /// [`RepoError::OverProjectLimit`];
    /// [`RepoError::LastLocation`] if the change takes locations away, gives no status, and no
    /// location would be left: of two clients that each remove one of two locations, one wins.
    async fn update_image(
        &self,
        id: ImageId,
        expected: Status,
        change: &ImageChange,
        limits: &ProjectLimits,
    ) -> Result<Image, RepoError>;

    /// Marks the record deleted, with its properties, tags, members and locations, provided it still
    /// has the status `expected`; and notes in the journal, in the same transaction, that the data at
    /// `removal.locations` is to be removed. Entries of uploads to the image stay: their owners
    /// find the image gone and close them.
    ///
    /// # Errors
    ///
    /// [`RepoError::Stale`]; [`RepoError::NotFound`].
    async fn destroy_image(&self, id: ImageId, expected: Status, removal: &Removal) -> Result<(), RepoError>;
}

/// The projects images are shared with.
#[async_trait]
pub trait MemberRepo: fmt::Debug + Send + Sync + 'static {
    /// The members of an image, oldest first. Whether the image exists is not looked at.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn members(&self, image: ImageId) -> Result<Vec<Member>, RepoError>;

    /// Shares `image` with `project`, pending, unless it then had more than `limit` members
    /// (`None`: no limit). A member that was removed before comes back with its first `created_at`.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if the image is gone; else [`RepoError::Exists`] if the project is a
    /// member; else [`RepoError::OverLimit`].
    async fn add_member(
        &self,
        image: ImageId,
        project: &str,
        limit: Option<u64>,
        now: Timestamp,
    ) -> Result<Member, RepoError>;

    /// Records what a member answered.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if the project is no member.
    async fn set_member_status(
        &self,
        image: ImageId,
        project: &str,
        status: MemberStatus,
        now: Timestamp,
    ) -> Result<Member, RepoError>;

    /// Ends the share.
    ///
    /// # Errors
    ///
    /// [`RepoError::NotFound`] if the project is no member.
    async fn remove_member(&self, image: ImageId, project: &str, now: Timestamp) -> Result<(), RepoError>;
}

/// Data that is on its way into a store or out of it, so that a process which dies in the middle
/// leaves nothing behind.
///
/// An entry belongs to the process that works on it and holds a lease. Whoever finds a lease run
/// out may take the entry over, and takes it under a new name: what the former owner still tries
/// under the old one finds nothing.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync + 'static {
    /// Begins an upload, in one transaction: moves the image from `from` to [`Status::Saving`],
    /// reserves `upload.reserved` bytes of what the project may hold, writes the entry. Returns the image as
    /// it then is. `now` becomes its `updated_at`.
    ///
    /// # Errors
    ///
    /// [`RepoError::Stale`] if the image has another status; [`RepoError::NotFound`];
    /// [`RepoError::Changed`] if bytes are reserved and the image is not the project's;
    /// [`RepoError::OverProjectLimit`] if the project would hold more bytes than `limits` allow, or data
    /// would be on its way into more of its images.
    async fn begin_upload(
        &self,
        upload: &Upload,
        from: Status,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError>;

    /// Raises what an upload or a registration has reserved to `bytes` altogether. Lowering is not done, and succeeds.
    ///
    /// # Errors
    ///
    /// [`RepoError::OverProjectLimit`]; [`RepoError::NotFound`] if the entry was taken over or its image
    /// deleted, after which neither can succeed.
    async fn reserve(&self, entry: Uuid, bytes: u64, limits: &ProjectLimits) -> Result<(), RepoError>;

    /// Ends an upload: makes `change`, which leads away from [`Status::Saving`], and removes the entry,
    /// in one transaction. With it goes the reservation. After an error the entry is still there.
    ///
    /// # Errors
    ///
    /// [`RepoError::TakenOver`] if there is no such entry for the image; [`RepoError::NotFound`] if
    /// the image was deleted; [`RepoError::Stale`] if it is no longer saving.
    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError>;

    /// Begins to make data that lies somewhere already the data of an image, in one transaction: moves the image from
    /// [`Status::Queued`] to [`Status::Importing`] and writes the entry. Returns the image as it then is. `now` becomes
    /// its `updated_at`.
    ///
    /// # Errors
    ///
    /// [`RepoError::Stale`] if the image has another status; [`RepoError::NotFound`]; [`RepoError::OverProjectLimit`] if
    /// data would be on its way into more images of the project than `limits` allow.
    async fn begin_registration(
        &self,
        registration: &Registration,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError>;

    /// Makes `change` to an image that is still importing, and keeps the entry, without what it had reserved: the image
    /// has its data, and something remains to be found out about it.
    ///
    /// # Errors
    ///
    /// [`RepoError::TakenOver`] if there is no such entry for the image; [`RepoError::NotFound`] if the image was
    /// deleted; [`RepoError::Stale`] if it is no longer importing.
    async fn continue_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        change: &ImageChange,
    ) -> Result<Image, RepoError>;

    /// Ends a registration: makes `change`, provided the image still has the status `expected`, and removes the entry,
    /// in one transaction. With it goes the reservation. After an error the entry is still there.
    ///
    /// # Errors
    ///
    /// As [`Journal::continue_registration`], with `expected` in place of importing.
    async fn finish_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        expected: Status,
        change: &ImageChange,
    ) -> Result<Image, RepoError>;

    /// Notes, before a record changes, that data of a living image is to be removed.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn note_removals(
        &self,
        image: ImageId,
        removals: &[RemovalOf],
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError>;

    /// Notes, before a record changes, that stores are to be told who may read the image's data.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn note_readers(
        &self,
        image: ImageId,
        entry: Uuid,
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError>;

    /// Removes an entry whose work is done. Succeeds where there is none.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn close_entry(&self, entry: Uuid) -> Result<(), RepoError>;

    /// Moves the end of all leases of `process` to `until`.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn renew_leases(&self, process: &str, until: Timestamp) -> Result<(), RepoError>;

    /// All entries, those whose leases end first before the others, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, RepoError>;

    /// Takes over an entry that is still exactly as it was seen, and returns it under its new name;
    /// `None` if it is gone or changed, for instance because its lease was renewed.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn take_entry(
        &self,
        seen: &JournalEntry,
        process: &str,
        until: Timestamp,
    ) -> Result<Option<JournalEntry>, RepoError>;

    /// What `project` holds: the sum over its images ([`Usage::of_image`]), and the bytes that uploads
    /// under way have reserved. Limits are held against the same sums.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn usage(&self, project: &str) -> Result<Usage, RepoError>;

    /// The bytes among what [`Journal::usage`] says that are in stores or on their way there.
    ///
    /// # Errors
    ///
    /// [`RepoError::Failed`].
    async fn bytes_held(&self, project: &str) -> Result<u64, RepoError> {
        Ok(self.usage(project).await?.image_size_total)
    }
}

/// An upload about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Names the journal entry.
    pub entry: Uuid,
    /// The image that gets the data.
    pub image: ImageId,
    /// The store that gets it; `None` where a registry has a single store.
    pub store: Option<String>,
    /// Where it goes, if nobody could know that later.
    pub destination: Option<Location>,
    /// The project whose quota the data counts against; `None` counts against none.
    pub project: Option<String>,
    /// Bytes to reserve at once.
    pub reserved: u64,
    /// The process that works on it.
    pub process: String,
    /// When the lease ends unless it is renewed.
    pub lease_until: Timestamp,
}

/// The registration of data that lies somewhere already, about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Names the journal entry.
    pub entry: Uuid,
    /// The image whose data it is to be.
    pub image: ImageId,
    /// The store that the data lies in; `None` where a registry has a single store, and where none is known to hold it.
    pub store: Option<String>,
    /// Where it lies.
    pub location: Location,
    /// The project whose quota the data counts against; `None` counts against none.
    pub project: Option<String>,
    /// The process that works on it.
    pub process: String,
    /// When the lease ends unless it is renewed.
    pub lease_until: Timestamp,
}

/// The removal of an image's data, noted before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// Status the record ends with: [`Status::Deleted`], or [`Status::PendingDelete`] when a
    /// scrubber removes the data later; then no journal entry is made and locations are marked
    /// `pending_delete`.
    pub status: Status,
    /// What is to be removed: the journal entry's name, and the place.
    pub locations: Vec<RemovalOf>,
    /// The process that works on it.
    pub process: String,
    /// When the lease ends unless it is renewed.
    pub lease_until: Timestamp,
    /// The moment of deletion.
    pub at: Timestamp,
}

/// One place to be emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalOf {
    /// Names the journal entry.
    pub entry: Uuid,
    /// The store; `None` where a registry has a single store.
    pub store: Option<String>,
    /// The place.
    pub location: Location,
}

/// Work under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The entry's name.
    pub id: Uuid,
    /// What is being done.
    pub work: Work,
    /// The image.
    pub image: ImageId,
    /// The store; `None` where a registry has a single store.
    pub store: Option<String>,
    /// Bytes reserved of the project's quota.
    pub reserved: u64,
    /// The process that works on it.
    pub process: String,
    /// When the lease ends unless it is renewed.
    pub lease_until: Timestamp,
}

/// What a journal entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Data is being written for the image, to this place if nobody could know that from the store.
    Upload(Option<Location>),
    /// The data at the location is being made the image's, or digested after that.
    Registration(Location),
    /// The data at the location is being removed.
    Removal(Location),
    /// Stores are told who may read the image's data.
    Readers,
}

/// A record, and how the project that asked stands to it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenImage {
    /// The record.
    pub image: Image,
    /// What the project answered to the share; `None` if it is no member.
    pub membership: Option<MemberStatus>,
}

/// The record a page begins behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Marker {
    /// The record and the membership.
    pub seen: SeenImage,
    /// Whether the image was deleted.
    pub deleted: bool,
}

/// Which images to list, and in what order.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageQuery {
    /// Who lists.
    pub viewer: Viewer,
    /// Which visibilities are wanted.
    pub visibility: VisibilityFilter,
    /// Shared images are listed if the membership has this status; `None` takes every status.
    /// Images of the viewer's own project are listed whatever it says.
    pub member_status: Option<MemberStatus>,
    /// Lists hidden images only (true) or leaves them out (false).
    pub hidden: bool,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// The images must carry all of these tags.
    pub tags: Vec<String>,
    /// Keys and directions. The last key must be [`SortKey::Id`], so that the order is total. A value
    /// that is absent counts as lower than every other.
    pub sort: Vec<(SortKey, Direction)>,
    /// Lists only what comes after this image in the order.
    pub marker: Option<Box<Image>>,
    /// At most so many.
    pub limit: usize,
}

/// Who lists images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Sees everything.
    pub admin: bool,
    /// The project whose own images and shares are listed.
    pub project: Option<String>,
}

/// Which visibilities a list wants. It never widens what the viewer may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityFilter {
    /// Everything, but community images only of the viewer's own project.
    Usual,
    /// Everything, community images of others included.
    All,
    /// This visibility only.
    Only(Visibility),
}

/// One condition on an image.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// The field is one of these texts.
    Text(TextField, Vec<String>),
    /// The field compares so with this number.
    Number(NumberField, Comparison, i64),
    /// The field compares so with this moment.
    Time(TimeField, Comparison, Timestamp),
    /// `protected` has this value.
    Protected(bool),
    /// The custom property has this value.
    Property(String, String),
    /// Nothing fulfils this: for values that the field's type does not have.
    Nothing,
}

/// Text fields to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of `Image` with its name")]
pub enum TextField {
    Id,
    Name,
    Status,
    Visibility,
    Owner,
    DiskFormat,
    ContainerFormat,
    Checksum,
    OsHashAlgo,
    OsHashValue,
}

/// Number fields to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of `Image` with its name")]
pub enum NumberField {
    Size,
    VirtualSize,
    MinDisk,
    MinRam,
}

/// Time fields to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of `Image` with its name")]
pub enum TimeField {
    CreatedAt,
    UpdatedAt,
}

/// How a field compares with a value. An absent value fulfils none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What a list may be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field of `Image` with its name")]
pub enum SortKey {
    Name,
    Status,
    ContainerFormat,
    DiskFormat,
    Size,
    Id,
    CreatedAt,
    UpdatedAt,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Lowest first, absent values before all others.
    Ascending,
    /// Highest first, absent values after all others.
    Descending,
}

/// Why a database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// There is no such record.
    #[error("no such record")]
    NotFound,
    /// The key is taken.
    #[error("the key is taken")]
    Exists,
    /// The journal entry is no longer the caller's: its lease ran out, and whoever took it over
    /// answers for the image and its data now.
    #[error("the journal entry was taken over")]
    TakenOver,
    /// Another writer moved the image first.
    #[error("the image has the status {found}, not {expected}")]
    Stale {
        /// The status the caller had seen.
        expected: Status,
        /// The status the image has.
        found: Status,
    },
    /// Another writer changed first what the caller had seen.
    #[error("the record was changed meanwhile")]
    Changed,
    /// Data of the image is on its way, and held to the limits of the owner that it has.
    #[error("data of the image is on its way, for the owner that it has")]
    DataOnItsWay,
    /// A project would hold more than it may.
    #[error(transparent)]
    OverProjectLimit(#[from] Excess),
    /// A limit that is checked where it is written would be passed.
    #[error("{wanted} would pass the limit of {limit}")]
    OverLimit {
        /// What the count or sum would become.
        wanted: u64,
        /// What it may be.
        limit: u64,
    },
    /// The image would be left without a place to read its data from.
    #[error("the last location of an image cannot be taken away")]
    LastLocation,
    /// The database cannot work now, and may later: its disk is full, or others have it all the time.
    #[error("the database cannot work at the moment")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: BoxError,
    },
    /// Anything else: what was being done, and the cause.
    #[error("database: failed {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl RepoError {
    /// For `map_err`: wraps a cause as [`RepoError::Failed`].
    pub fn failed<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { doing, source: source.into() }
    }

    /// Whether nobody knows if the change was made: the database did not refuse it but fail.
    #[must_use]
    pub fn leaves_in_doubt(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unavailable { .. })
    }
}
