//! Sharing images with projects.

use super::Images;
use super::create::now;
use crate::database::{RepoError, SeenImage};
use crate::error::Error;
use crate::events::{EventType, Payload};
use crate::image::{Image, ImageId, MAX_NAME, Visibility, fits_three_bytes};
use crate::member::{Member, MemberStatus};

impl Images<'_> {
    /// The members of a shared image: all of them for its owner and administrators, a member's own
    /// entry for the member.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] by policy or if the image is not shared.
    pub async fn members(&self, id: ImageId) -> Result<Vec<Member>, Error> {
        let seen = self.shared(id).await?;
        self.allow("get_members", &seen)?;
        if self.allow("get_member", &seen).is_err() {
            return Ok(Vec::new());
        }
        self.members_shown(&seen.image).await
    }

    /// One member of a shared image.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for whatever reason.
    pub async fn member(&self, id: ImageId, project: &str) -> Result<Member, Error> {
        let found = match self.shared(id).await {
            Ok(seen) => self.member_of(&seen, project).await,
            Err(error) => Err(error),
        };
        // Saying that it is forbidden would say that it exists.
        found.map_err(|error| match error {
            Error::Forbidden(why) => Error::NotFound(why),
            other => other,
        })
    }

    /// Shares the image with `project`, which then sees it and may accept it into its lists.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an empty or over-long project; [`Error::NotFound`];
    /// [`Error::Forbidden`]; [`Error::Conflict`] if it is a member; [`Error::OverLimit`].
    pub async fn add_member(&self, id: ImageId, project: &str) -> Result<Member, Error> {
        self.refuse_read_only()?;
        check(project)?;
        let seen = self.shared(id).await?;
        self.own_in_legacy_mode(&seen.image, "share the image", true)?;
        self.allow("add_member", &seen)?;
        self.require_owner(&seen.image)?;
        let limit = self.registry.settings.image_member_quota;
        let note = self.registry.note_readers_of_shared(id).await?;
        let added = self.registry.database.add_member(id, project, limit, now()).await;
        // Before anything else is waited for: the caller may go away meanwhile.
        if let Ok(member) = &added {
            self.registry.events.info(EventType::MemberCreate, || Payload::member(member, None));
        }
        self.registry.end_note(note, &added, Some(self.context)).await;
        match added {
            Ok(member) => Ok(member),
            Err(RepoError::Exists) => Err(Error::Conflict(format!("{project} is a member of image {id} already"))),
            Err(RepoError::OverLimit { wanted, limit }) => {
                Err(Error::OverLimit(format!("image {id} would have {wanted} members; the maximum is {limit}")))
            }
            Err(RepoError::NotFound) => Err(super::access::no_image(id)),
            Err(error) => Err(error.into()),
        }
    }

    /// Records what a member answers to the share.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`] to everybody but the member and administrators.
    pub async fn set_member_status(&self, id: ImageId, project: &str, status: MemberStatus) -> Result<Member, Error> {
        self.may_set_member_status(id, project).await?;
        let set = self.registry.database.set_member_status(id, project, status, now()).await;
        let member = set.map_err(|error| no_member(error, id))?;
        self.registry.events.info(EventType::MemberUpdate, || Payload::member(&member, None));
        Ok(member)
    }

    /// Whether the caller may answer for a member: for those who want to refuse what is no answer,
    /// but to nobody who may not answer at all.
    ///
    /// # Errors
    ///
    /// As [`Images::set_member_status`].
    pub async fn may_set_member_status(&self, id: ImageId, project: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        let seen = self.shared(id).await?;
        self.own_in_legacy_mode(&seen.image, "answer for a member", false)?;
        self.member_of(&seen, project).await?;
        self.allow("modify_member", &seen)
    }

    /// Ends the share.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn remove_member(&self, id: ImageId, project: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        let seen = self.shared(id).await?;
        self.own_in_legacy_mode(&seen.image, "end a share", true)?;
        let member = self.member_of(&seen, project).await?;
        self.allow("delete_member", &seen)?;
        self.require_owner(&seen.image)?;
        let at = now();
        let note = self.registry.note_readers_of_shared(id).await?;
        let removed = self.registry.database.remove_member(id, project, at).await;
        if removed.is_ok() {
            self.registry.events.info(EventType::MemberDelete, || Payload::member(&member, Some(at)));
        }
        self.registry.end_note(note, &removed, Some(self.context)).await;
        removed.map_err(|error| no_member(error, id))
    }

    /// An image that can have members at all, if the caller sees it.
    async fn shared(&self, id: ImageId) -> Result<SeenImage, Error> {
        let seen = self.seen(id).await?;
        // Before policy is asked, as in the Python server.
        if seen.image.visibility != Visibility::Shared {
            return Err(Error::Forbidden("only shared images have members".to_owned()));
        }
        self.allow("get_image", &seen)?;
        Ok(seen)
    }

    async fn member_of(&self, seen: &SeenImage, project: &str) -> Result<Member, Error> {
        self.allow("get_member", seen)?;
        self.members_shown(&seen.image)
            .await?
            .into_iter()
            .find(|member| member.project == project)
            .ok_or_else(|| no_member(RepoError::NotFound, seen.image.id))
    }

    async fn members_shown(&self, image: &Image) -> Result<Vec<Member>, Error> {
        let mut members = self.registry.database.members(image.id).await?;
        if !self.admin && !self.context.is_project(image.owner.as_deref()) {
            members.retain(|member| self.context.is_project(Some(&member.project)));
        }
        Ok(members)
    }

    /// Legacy policies let everybody do everything, so ownership is asked beside them: `owner` says
    /// whether the call is for the owner, or for anybody else.
    fn own_in_legacy_mode(&self, image: &Image, call: &str, owner: bool) -> Result<(), Error> {
        let legacy = !self.registry.policy.load().enforces_new_defaults();
        if legacy && !self.admin && self.context.is_project(image.owner.as_deref()) != owner {
            return Err(Error::Forbidden(format!("you are not permitted to {call}")));
        }
        Ok(())
    }
}

fn no_member(error: RepoError, id: ImageId) -> Error {
    match error {
        RepoError::NotFound => Error::NotFound(format!("no such member of image {id}")),
        error => error.into(),
    }
}

fn check(project: &str) -> Result<(), Error> {
    if project.is_empty() || project.chars().count() > MAX_NAME {
        return Err(Error::Invalid("a member is a project id of 1 to 255 characters".to_owned()));
    }
    if !fits_three_bytes(project) {
        return Err(Error::Invalid("the member holds characters no database here keeps".to_owned()));
    }
    Ok(())
}
