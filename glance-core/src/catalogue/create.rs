//! Creating and showing images.

use jiff::Timestamp;

use super::Images;
use crate::database::RepoError;
use crate::error::Error;
use crate::events::EventType;
use crate::image::{Image, ImageId, NewImage, Visibility, fields};
use crate::policy::{Target, Value};

impl Images<'_> {
    /// Registers an image, without data.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field; [`Error::Forbidden`] by policy, for reserved names, for
    /// properties the caller may not create, and for callers without a project who name no owner;
    /// [`Error::Conflict`] if the id was ever used; [`Error::OverLimit`] for too many tags or
    /// properties, or more images than the owner may have; [`Error::Limits`] if nobody knows how many
    /// those are.
    pub async fn create(&self, mut new: NewImage) -> Result<Image, Error> {
        self.refuse_read_only()?;
        let owner = new.owner.clone().unwrap_or_else(|| self.context.project_id.clone());
        // The reference asks with this default, although the image will be shared.
        let visibility = new.visibility.unwrap_or(Visibility::Private);
        self.allow_create(owner.as_deref(), visibility)?;
        let settings = &self.registry.settings;
        // In the order in which the reference server refuses.
        self.allow_new_properties(&new.properties)?;
        self.check_tags(*new.id.get_or_insert_with(ImageId::random), new.tags.len())?;
        let image = new.into_image(self.context.project_id.as_deref(), settings.schema(), now())?;
        self.check_properties(&image)?;
        let limits = self.registry.limits_of(image.owner.as_deref()).await?;
        match self.registry.database.create_image(&image, &limits).await {
            Ok(image) => {
                self.registry.events.image(EventType::ImageCreate, &image);
                Ok(self.shown(image))
            }
            Err(RepoError::Exists) => Err(Error::Conflict(format!("image ID {} already exists", image.id))),
            Err(RepoError::OverProjectLimit(excess)) => Err(self.registry.over(image.owner.as_deref(), &excess)),
            Err(error) => Err(error.into()),
        }
    }

    /// The image of `id`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none that the caller may look at.
    pub async fn get(&self, id: ImageId) -> Result<Image, Error> {
        let seen = self.seen(id).await?;
        self.allow("get_image", &seen)?;
        Ok(self.shown(seen.image))
    }

    fn allow_create(&self, owner: Option<&str>, visibility: Visibility) -> Result<(), Error> {
        let target =
            [("project_id", Value::from(owner)), ("owner", owner.into()), ("visibility", visibility.as_str().into())];
        let foreign = !self.context.is_project(owner);
        self.allow_on("add_image", &target).map_err(|denied| match owner {
            Some(owner) if foreign => {
                Error::Forbidden(format!("you are not permitted to create images owned by {owner:?}"))
            }
            _ => denied,
        })?;
        self.allow_visibility(visibility, &target as &dyn Target)?;
        if foreign && !self.admin {
            return Err(Error::Forbidden("you are not permitted to create images that are not your project's".into()));
        }
        Ok(())
    }

    /// Whether an image has no more custom properties than it may.
    pub(super) fn check_properties(&self, image: &Image) -> Result<(), Error> {
        let properties = image.properties.keys().filter(|name| !name.starts_with(fields::RESERVED_PREFIX)).count();
        over("properties", image.id, properties, self.registry.settings.image_property_quota)
    }

    /// Whether an image may have so many tags. Where a caller gives a list, repeated ones count, as with the Python
    /// server.
    pub(super) fn check_tags(&self, id: ImageId, tags: usize) -> Result<(), Error> {
        over("tags", id, tags, self.registry.settings.image_tag_quota)
    }
}

/// Refuses more than `limit` of something.
pub(super) fn over(what: &str, id: ImageId, wanted: usize, limit: Option<u64>) -> Result<(), Error> {
    match limit {
        Some(limit) if wanted as u64 > limit => {
            Err(Error::OverLimit(format!("image {id} would have {wanted} {what}; the maximum is {limit}")))
        }
        _ => Ok(()),
    }
}

/// Now, as databases keep it: to the microsecond.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
