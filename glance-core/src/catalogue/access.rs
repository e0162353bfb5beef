//! Who may do what to which image: visibility, policy and, in legacy mode, ownership.

use super::Images;
use super::protected::Readable;
use super::target::ImageTarget;
use crate::database::{RepoError, SeenImage};
use crate::error::Error;
use crate::image::{self, Image, ImageId, Visibility, fields};
use crate::policy::{NoTarget, Target};

impl Images<'_> {
    fn project(&self) -> Option<&str> {
        self.context.project_id.as_deref()
    }

    /// The image of `id` as it is recorded, if the caller sees it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], whatever the reason.
    pub(super) async fn seen(&self, id: ImageId) -> Result<SeenImage, Error> {
        let seen = match self.registry.database.image(id, self.project()).await {
            Ok(seen) => seen,
            Err(RepoError::NotFound) => return Err(no_image(id)),
            Err(error) => return Err(error.into()),
        };
        if self.sees(&seen) { Ok(seen) } else { Err(no_image(id)) }
    }

    /// As [`Images::seen`], but services see every image: they ask about those of whoever sent them.
    pub(super) async fn seen_by_service(&self, id: ImageId) -> Result<SeenImage, Error> {
        match self.registry.database.image(id, self.project()).await {
            Ok(seen) if self.sees(&seen) || self.allow_call("service_api").is_ok() => Ok(seen),
            Ok(_) | Err(RepoError::NotFound) => Err(no_image(id)),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn sees(&self, seen: &SeenImage) -> bool {
        image::can_see(&seen.image, self.admin, self.project(), seen.membership.is_some())
    }

    /// Whether policy allows the call `rule` on an image.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], or [`Error::NotFound`] to a caller who may not even look at the image.
    pub(super) fn allow(&self, rule: &str, seen: &SeenImage) -> Result<(), Error> {
        let target = ImageTarget::new(seen, self.project());
        let policy = self.registry.policy.load();
        let Err(denied) = policy.enforce(rule, &target, self.context) else { return Ok(()) };
        if rule == "get_image" || policy.enforce("get_image", &target, self.context).is_err() {
            return Err(no_image(seen.image.id));
        }
        Err(Error::Forbidden(denied.to_string()))
    }

    /// Whether policy allows the call `rule`, which is about no image in particular.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub(super) fn allow_on(&self, rule: &str, target: &dyn Target) -> Result<(), Error> {
        let policy = self.registry.policy.load();
        policy.enforce(rule, target, self.context).map_err(|denied| Error::Forbidden(denied.to_string()))
    }

    /// As [`Images::allow`] for calls that change the image. Legacy policies are mostly empty, so in
    /// legacy mode the caller must own the image besides; in both modes nobody but the owner and
    /// administrators gets a change written.
    pub(super) fn allow_change(&self, rule: &str, seen: &SeenImage) -> Result<(), Error> {
        self.refuse_read_only()?;
        self.allow(rule, seen)?;
        self.require_owner(&seen.image)
    }

    pub(super) fn require_owner(&self, image: &Image) -> Result<(), Error> {
        if image::can_change(image, self.admin, self.project()) {
            return Ok(());
        }
        Err(Error::Forbidden("you do not own this image".to_owned()))
    }

    /// Whether the caller may give an image this visibility.
    pub(super) fn allow_visibility(&self, visibility: Visibility, target: &dyn Target) -> Result<(), Error> {
        match visibility {
            Visibility::Public => self.allow_on("publicize_image", target),
            Visibility::Community => self.allow_on("communitize_image", target),
            Visibility::Shared | Visibility::Private => Ok(()),
        }
    }

    pub(super) fn allow_visibility_of(&self, visibility: Visibility, seen: &SeenImage) -> Result<(), Error> {
        self.allow_visibility(visibility, &ImageTarget::new(seen, self.project()))
    }

    /// Whether policy allows `rule`, a rule that is about no image and no project.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn allow_call(&self, rule: &str) -> Result<(), Error> {
        self.allow_on(rule, &NoTarget)
    }

    /// Whether the caller counts as an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.admin
    }

    pub(super) fn refuse_read_only(&self) -> Result<(), Error> {
        if self.context.read_only {
            return Err(Error::Forbidden("anonymous callers have read-only access".to_owned()));
        }
        Ok(())
    }

    /// The image as this caller is shown it.
    pub(super) fn shown(&self, image: Image) -> Image {
        self.shown_with(&mut self.readable(), image)
    }

    /// As [`Images::shown`], for many images of one call.
    pub(super) fn shown_with(&self, readable: &mut Readable<'_>, mut image: Image) -> Image {
        readable.keep_readable(&mut image);
        for hidden in fields::HIDDEN_PROPERTIES {
            image.properties.remove(hidden);
        }
        if image.status == image::Status::Deactivated && !self.admin {
            image.locations.clear();
        }
        self.registry.stores.order(&mut image);
        image
    }
}

/// What is said of every image the caller does not see, so that nothing tells a hidden one from
/// one that never was.
pub(super) fn no_image(id: ImageId) -> Error {
    Error::NotFound(format!("no image found with ID {id}"))
}
