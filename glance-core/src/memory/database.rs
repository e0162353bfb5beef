//! Records in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::list;
use super::metadefs::Metadefs;
use crate::database::{
    ImageQuery, ImageRepo, Journal, JournalEntry, Marker, MemberRepo, Removal, RemovalOf, RepoError, SeenImage, Upload,
    Work,
};
use crate::image::{Image, ImageChange, ImageId, Status};
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

    fn change(&mut self, id: ImageId, expected: Status, change: &ImageChange) -> Result<Image, RepoError> {
        let mut row = self.last_row;
        let kept = self.expect(id, expected)?;
        let mut image = kept.image.clone().changed(change);
        if !change.locations_removed.is_empty() && change.status().is_none() && image.locations.is_empty() {
            return Err(RepoError::LastLocation);
        }
        number_locations(&mut image, &mut row);
        kept.image = image.clone();
        self.last_row = row;
        Ok(image)
    }

    fn held(&self, project: &str) -> u64 {
        let stored: u64 = self
            .images
            .values()
            .filter(|kept| kept.image.owner.as_deref() == Some(project))
            .filter(|kept| !matches!(kept.image.status, Status::Killed | Status::Deleted | Status::PendingDelete))
            .map(|kept| kept.image.size.unwrap_or(0).saturating_mul(kept.image.locations.len() as u64))
            .fold(0, u64::saturating_add);
        self.journal
            .iter()
            .filter(|kept| kept.project.as_deref() == Some(project))
            .map(|kept| kept.entry.reserved)
            .fold(stored, u64::saturating_add)
    }

    fn fits(&self, project: Option<&str>, more: u64, quota: Option<u64>) -> Result<(), RepoError> {
        let (Some(project), Some(limit)) = (project, quota) else { return Ok(()) };
        let wanted = self.held(project).saturating_add(more);
        if wanted > limit { Err(RepoError::OverLimit { wanted, limit }) } else { Ok(()) }
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
    async fn create_image(&self, image: &Image) -> Result<Image, RepoError> {
        let mut state = self.lock();
        if state.images.contains_key(&image.id) {
            return Err(RepoError::Exists);
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

    async fn update_image(&self, id: ImageId, expected: Status, change: &ImageChange) -> Result<Image, RepoError> {
        self.lock().change(id, expected, change)
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
        quota: Option<u64>,
        now: Timestamp,
    ) -> Result<Image, RepoError> {
        let mut state = self.lock();
        state.expect(upload.image, from)?;
        state.fits(upload.project.as_deref(), upload.reserved, quota)?;
        let kept = state.living(upload.image)?;
        kept.image.status = Status::Saving;
        kept.image.updated_at = now;
        let image = kept.image.clone();
        state.journal.push(Entry {
            project: upload.project.clone(),
            entry: JournalEntry {
                id: upload.entry,
                work: Work::Upload,
                image: upload.image,
                store: upload.store.clone(),
                reserved: upload.reserved,
                process: upload.process.clone(),
                lease_until: upload.lease_until,
            },
        });
        Ok(image)
    }

    async fn reserve(&self, entry: Uuid, bytes: u64, quota: Option<u64>) -> Result<(), RepoError> {
        let mut state = self.lock();
        let at = state.position(entry).ok_or(RepoError::NotFound)?;
        let (image, reserved) = (state.journal[at].entry.image, state.journal[at].entry.reserved);
        state.living(image)?;
        if bytes > reserved {
            state.fits(state.journal[at].project.as_deref(), bytes - reserved, quota)?;
            state.journal[at].entry.reserved = bytes;
        }
        Ok(())
    }

    async fn finish_upload(&self, entry: Uuid, image: ImageId, change: &ImageChange) -> Result<Image, RepoError> {
        let mut state = self.lock();
        let at = state.position(entry).ok_or(RepoError::TakenOver)?;
        if state.journal[at].entry.image != image || state.journal[at].entry.work != Work::Upload {
            return Err(RepoError::TakenOver);
        }
        let image = state.change(image, Status::Saving, change)?;
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

    async fn bytes_held(&self, project: &str) -> Result<u64, RepoError> {
        Ok(self.lock().held(project))
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
