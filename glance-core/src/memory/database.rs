//! Records in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::list;
use super::metadefs::Metadefs;
use crate::database::{
    ImageQuery, ImageRepo, Journal, JournalEntry, Marker, MemberRepo, Registration, Removal, RemovalOf, RepoError,
    SeenImage, Upload, Work,
};
use crate::image::{Assigned, Image, ImageChange, ImageId, Status};
use crate::limits::{ProjectLimits, Resource, Usage};
use crate::member::{Member, MemberStatus};

/// Records in memory, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryDatabase(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) metadefs: Metadefs,
    images: HashMap<ImageId, Kept>,
    journal: Vec<Entry>,
    last_row: i64,
}

#[derive(Debug)]
struct Kept {
    image: Image,
    deleted: bool,
    members: Vec<KeptMember>,
}

/// A member that was removed keeps its row, and with it the time it was first added.
#[derive(Debug)]
struct KeptMember {
    member: Member,
    deleted: bool,
}

#[derive(Debug)]
struct Entry {
    entry: JournalEntry,
    project: Option<String>,
}

impl MemoryDatabase {
    /// A database without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn seen(&self, project: Option<&str>) -> SeenImage {
        let membership = self
            .members
            .iter()
            .find(|kept| !kept.deleted && project == Some(&kept.member.project))
            .map(|kept| kept.member.status);
        SeenImage { image: self.image.clone(), membership }
    }

    fn member(&mut self, project: &str) -> Result<&mut KeptMember, RepoError> {
        self.members.iter_mut().find(|kept| !kept.deleted && kept.member.project == project).ok_or(RepoError::NotFound)
    }
}

impl State {
    fn living(&mut self, id: ImageId) -> Result<&mut Kept, RepoError> {
        self.images.get_mut(&id).filter(|kept| !kept.deleted).ok_or(RepoError::NotFound)
    }

    fn expect(&mut self, id: ImageId, expected: Status) -> Result<&mut Kept, RepoError> {
        let kept = self.living(id)?;
        let found = kept.image.status;
        if found == expected { Ok(kept) } else { Err(RepoError::Stale { expected, found }) }
    }

    fn change(
        &mut self,
        id: ImageId,
        expected: Status,
        change: &ImageChange,
        limits: &ProjectLimits,
    ) -> Result<Image, RepoError> {
        let mut row = self.last_row;
        let before = self.expect(id, expected)?.image.clone();
        let mut image = before.clone().changed(change);
        if !change.locations_removed.is_empty() && change.status().is_none() && image.locations.is_empty() {
            return Err(RepoError::LastLocation);
        }
        if *limits != ProjectLimits::NONE && change.owned_by.as_ref().is_some_and(|owner| *owner != image.owner) {
            return Err(RepoError::Changed);
        }
        if image.owner == before.owner {
            self.fits_with(&image, change.locations_added.len(), limits)?;
        } else {
            self.may_be_given(&image, limits)?;
        }
        number_locations(&mut image, &mut row);
        self.living(id)?.image = image.clone();
        self.last_row = row;
        Ok(image)
    }

    /// What a project holds, an image it is about to change left out.
    fn usage(&self, project: &str, without: Option<ImageId>) -> Usage {
        let images = self.images.values().map(|kept| &kept.image);
        let images = images.filter(|image| image.owner.as_deref() == Some(project) && Some(image.id) != without);
        let stored = images.map(Usage::of_image).fold(Usage::default(), Usage::and);
        let reserved = self.journal.iter().filter(|kept| kept.project.as_deref() == Some(project));
        let reserved = reserved.map(|kept| kept.entry.reserved).fold(0, u64::saturating_add);
        stored.and(Usage { image_size_total: reserved, ..Usage::default() })
    }

    fn fits(&self, project: Option<&str>, more: u64, limits: &ProjectLimits) -> Result<(), RepoError> {
        let Some(project) = project else { return Ok(()) };
        Ok(limits.allow(Resource::ImageSizeTotal, self.usage(project, None).image_size_total, more)?)
    }

    /// Whether data may come into `image`, beside the others of the project that it comes into.
    fn may_take_data(&self, image: ImageId, project: Option<&str>, limits: &ProjectLimits) -> Result<(), RepoError> {
        let Some(project) = project else { return Ok(()) };
        let others = self.usage(project, Some(image)).image_count_uploading;
        Ok(limits.allow(Resource::ImageCountUploading, others, 1)?)
    }

    /// Whether the owner of an image may hold it as it is about to be, with so many more locations.
    fn fits_with(&self, image: &Image, more: usize, limits: &ProjectLimits) -> Result<(), RepoError> {
        let Some(owner) = image.owner.as_deref().filter(|_| more > 0) else { return Ok(()) };
        let then = self.usage(owner, Some(image.id)).and(Usage::of_image(image)).image_size_total;
        let more = image.size.unwrap_or(0).saturating_mul(more as u64);
        Ok(limits.allow(Resource::ImageSizeTotal, then.saturating_sub(more), more)?)
    }

    /// Whether the owner of an image may hold it, who does not own it yet.
    fn may_be_given(&self, image: &Image, limits: &ProjectLimits) -> Result<(), RepoError> {
        let Some(owner) = image.owner.as_deref().filter(|_| *limits != ProjectLimits::NONE) else { return Ok(()) };
        let on_its_way = |entry: &Entry| matches!(entry.entry.work, Work::Upload(_) | Work::Registration(_));
        if self.journal.iter().any(|entry| entry.entry.image == image.id && on_its_way(entry)) {
            return Err(RepoError::DataOnItsWay);
        }
        Ok(limits.allow_all(&self.usage(owner, Some(image.id)), &Usage::of_image(image))?)
    }

    fn note(&mut self, image: ImageId, removals: &[RemovalOf], process: &str, lease_until: Timestamp) {
        self.journal.extend(removals.iter().map(|removal| Entry {
            project: None,
            entry: JournalEntry {
                id: removal.entry,
                work: Work::Removal(removal.location.clone()),
                image,
                store: removal.store.clone(),
                reserved: 0,
                process: process.to_owned(),
                lease_until,
            },
        }));
    }

    /// Where the registration of that name stands, if it is one of data of `image`.
    fn registration(&self, entry: Uuid, image: ImageId) -> Result<usize, RepoError> {
        let at = self.position(entry).ok_or(RepoError::TakenOver)?;
        let kept = &self.journal[at].entry;
        let is_it = kept.image == image && matches!(kept.work, Work::Registration(_));
        if is_it { Ok(at) } else { Err(RepoError::TakenOver) }
    }

    fn position(&self, entry: Uuid) -> Option<usize> {
        self.journal.iter().position(|kept| kept.entry.id == entry)
    }
}

fn number_locations(image: &mut Image, last_row: &mut i64) {
    for location in &mut image.locations {
        location.id.get_or_insert_with(|| {
            *last_row += 1;
            *last_row
        });
    }
}

#[async_trait]
impl ImageRepo for MemoryDatabase {
    async fn create_image(&self, image: &Image, limits: &ProjectLimits) -> Result<Image, RepoError> {
        let mut state = self.lock();
        if state.images.contains_key(&image.id) {
            return Err(RepoError::Exists);
        }
        if let Some(owner) = &image.owner {
            limits.allow(Resource::ImageCountTotal, state.usage(owner, None).image_count_total, 1)?;
        }
        let tags = ImageChange { tags_added: image.tags.clone(), ..ImageChange::touch(image.updated_at) };
        let mut image = Image { tags: Vec::new(), ..image.clone() }.changed(&tags);
        number_locations(&mut image, &mut state.last_row);
        let kept = Kept { image: image.clone(), deleted: false, members: Vec::new() };
        state.images.insert(image.id, kept);
        Ok(image)
    }

    async fn image(&self, id: ImageId, project: Option<&str>) -> Result<SeenImage, RepoError> {
        Ok(self.lock().living(id)?.seen(project))
    }

    async fn images(&self, query: &ImageQuery) -> Result<Vec<SeenImage>, RepoError> {
        let state = self.lock();
        let project = query.viewer.project.as_deref();
        let living = state.images.values().filter(|kept| !kept.deleted).map(|kept| kept.seen(project));
        Ok(list::page(living, query))
    }

    async fn marker(&self, id: ImageId, project: Option<&str>) -> Result<Marker, RepoError> {
        let state = self.lock();
        let kept = state.images.get(&id).ok_or(RepoError::NotFound)?;
        Ok(Marker { seen: kept.seen(project), deleted: kept.deleted })
    }

    async fn update_image(
        &self,
        id: ImageId,
        expected: Status,
        change: &ImageChange,
        limits: &ProjectLimits,
    ) -> Result<Image, RepoError> {
        self.lock().change(id, expected, change, limits)
    }

    async fn destroy_image(&self, id: ImageId, expected: Status, removal: &Removal) -> Result<(), RepoError> {
        let mut state = self.lock();
        let kept = state.expect(id, expected)?;
        kept.deleted = true;
        kept.image.status = removal.status;
        kept.image.updated_at = removal.at;
        kept.image.properties.clear();
        kept.image.tags.clear();
        kept.image.locations.clear();
        kept.members.clear();
        if removal.status == Status::PendingDelete {
            return Ok(());
        }
        state.note(id, &removal.locations, &removal.process, removal.lease_until);
        Ok(())
    }
}

#[async_trait]
impl MemberRepo for MemoryDatabase {
    async fn members(&self, image: ImageId) -> Result<Vec<Member>, RepoError> {
        let state = self.lock();
        let members = state.images.get(&image).map_or(&[][..], |kept| &kept.members);
        let mut members: Vec<Member> =
            members.iter().filter(|kept| !kept.deleted).map(|kept| kept.member.clone()).collect();
        members.sort_by_key(|member| member.created_at);
        Ok(members)
    }

    async fn add_member(
        &self,
        image: ImageId,
        project: &str,
        limit: Option<u64>,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        let mut state = self.lock();
        let kept = state.living(image)?;
        if kept.member(project).is_ok() {
            return Err(RepoError::Exists);
        }
        let wanted = kept.members.iter().filter(|member| !member.deleted).count() as u64 + 1;
        if let Some(limit) = limit.filter(|limit| wanted > *limit) {
            return Err(RepoError::OverLimit { wanted, limit });
        }
        if let Some(former) = kept.members.iter_mut().find(|member| member.member.project == project) {
            former.deleted = false;
            former.member.status = MemberStatus::Pending;
            former.member.updated_at = now;
            return Ok(former.member.clone());
        }
        let member = Member {
            image_id: image,
            project: project.to_owned(),
            status: MemberStatus::Pending,
            created_at: now,
            updated_at: now,
        };
        kept.members.push(KeptMember { member: member.clone(), deleted: false });
        Ok(member)
    }

    async fn set_member_status(
        &self,
        image: ImageId,
        project: &str,
        status: MemberStatus,
        now: Timestamp,
    ) -> Result<Member, RepoError> {
        let mut state = self.lock();
        let kept = state.living(image)?.member(project)?;
        kept.member.status = status;
        kept.member.updated_at = now;
        Ok(kept.member.clone())
    }

    async fn remove_member(&self, image: ImageId, project: &str, now: Timestamp) -> Result<(), RepoError> {
        let mut state = self.lock();
        let kept = state.living(image)?.member(project)?;
        kept.deleted = true;
        kept.member.updated_at = now;
        Ok(())
    }
}

#[async_trait]
impl Journal for MemoryDatabase {
    async fn begin_upload(
        &self,
        upload: &Upload,
        from: Status,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        let mut state = self.lock();
        state.expect(upload.image, from)?;
        state.fits(upload.project.as_deref(), upload.reserved, limits)?;
        state.may_take_data(upload.image, upload.project.as_deref(), limits)?;
        let kept = state.living(upload.image)?;
        if upload.reserved > 0 && kept.image.owner != upload.project {
            return Err(RepoError::Changed);
        }
        kept.image.status = Status::Saving;
        kept.image.updated_at = now;
        let image = kept.image.clone();
        state.journal.push(Entry {
            project: upload.project.clone(),
            entry: JournalEntry {
                id: upload.entry,
                work: Work::Upload(upload.destination.clone()),
                image: upload.image,
                store: upload.store.clone(),
                reserved: upload.reserved,
                process: upload.process.clone(),
                lease_until: upload.lease_until,
            },
        });
        Ok(image)
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, limits: &ProjectLimits) -> Result<(), RepoError> {
        let mut state = self.lock();
        let at = state.position(entry).ok_or(RepoError::NotFound)?;
        let (image, reserved) = (state.journal[at].entry.image, state.journal[at].entry.reserved);
        state.living(image)?;
        if bytes > reserved {
            state.fits(state.journal[at].project.as_deref(), bytes - reserved, limits)?;
            state.journal[at].entry.reserved = bytes;
        }
        Ok(())
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        let mut state = self.lock();
        let at = state.position(entry).ok_or(RepoError::TakenOver)?;
        let noted = &state.journal[at].entry;
        if noted.image != image || !matches!(noted.work, Work::Upload(_)) {
            return Err(RepoError::TakenOver);
        }
        let image = state.change(image, Status::Saving, change, &ProjectLimits::NONE)?;
        state.journal.remove(at);
        Ok(image)
    }

    async fn begin_registration(
        &self,
        registration: &Registration,
        limits: &ProjectLimits,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        let mut state = self.lock();
        state.expect(registration.image, Status::Queued)?;
        state.may_take_data(registration.image, registration.project.as_deref(), limits)?;
        if state.living(registration.image)?.image.owner != registration.project {
            return Err(RepoError::Changed);
        }
        let importing = ImageChange { fields: vec![Assigned::Status(Status::Importing)], ..ImageChange::touch(now) };
        let image = state.change(registration.image, Status::Queued, &importing, &ProjectLimits::NONE)?;
        state.journal.push(Entry {
            project: registration.project.clone(),
            entry: JournalEntry {
                id: registration.entry,
                work: Work::Registration(registration.location.clone()),
                image: registration.image,
                store: registration.store.clone(),
                reserved: 0,
                process: registration.process.clone(),
                lease_until: registration.lease_until,
            },
        });
        Ok(image)
    }

    async fn continue_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        let mut state = self.lock();
        let at = state.registration(entry, image)?;
        let image = state.change(image, Status::Importing, change, &ProjectLimits::NONE)?;
        state.journal[at].entry.reserved = 0;
        Ok(image)
    }

    async fn finish_registration(
        &self,
        entry: Uuid,
        image: ImageId,
        expected: Status,
        change: &ImageChange,
    ) -> Result<Image, RepoError> {
        let mut state = self.lock();
        let at = state.registration(entry, image)?;
        let image = state.change(image, expected, change, &ProjectLimits::NONE)?;
        state.journal.remove(at);
        Ok(image)
    }

    async fn note_removals(
        &self,
        image: ImageId,
        removals: &[RemovalOf],
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        self.lock().note(image, removals, process, lease_until);
        Ok(())
    }

    async fn note_readers(
        &self,
        image: ImageId,
        entry: Uuid,
        process: &str,
        lease_until: Timestamp,
    ) -> Result<(), RepoError> {
        let process = process.to_owned();
        let entry =
            JournalEntry { id: entry, work: Work::Readers, image, store: None, reserved: 0, process, lease_until };
        self.lock().journal.push(Entry { project: None, entry });
        Ok(())
    }

    async fn close_entry(&self, entry: Uuid) -> Result<(), RepoError> {
        self.lock().journal.retain(|kept| kept.entry.id != entry);
        Ok(())
    }

    async fn renew_leases(&self, process: &str, until: Timestamp) -> Result<(), RepoError> {
        for kept in self.lock().journal.iter_mut().filter(|kept| kept.entry.process == process) {
            kept.entry.lease_until = until;
        }
        Ok(())
    }

    async fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>, RepoError> {
        let mut entries: Vec<_> = self.lock().journal.iter().map(|kept| kept.entry.clone()).collect();
        entries.sort_by_key(|entry| entry.lease_until);
        entries.truncate(limit);
        Ok(entries)
    }

    async fn take_entry(
        &self,
        seen: &JournalEntry,
        process: &str,
        until: Timestamp,
    ) -> Result<Option<JournalEntry>, RepoError> {
        let mut state = self.lock();
        let Some(at) = state.journal.iter().position(|kept| kept.entry == *seen) else { return Ok(None) };
        let entry = &mut state.journal[at].entry;
        entry.id = Uuid::new_v4();
        process.clone_into(&mut entry.process);
        entry.lease_until = until;
        Ok(Some(entry.clone()))
    }

    async fn usage(&self, project: &str) -> Result<Usage, RepoError> {
        Ok(self.lock().usage(project, None))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    crate::database_conformance!(|| ((), Arc::new(MemoryDatabase::new())));
    mod metadefs {
        crate::metadef_conformance!(|| ((), super::Arc::new(super::MemoryDatabase::new())));
    }
}
