//! Tags, one at a time.

use super::Images;
use super::create::over;
use crate::error::Error;
use crate::image::{ImageId, MAX_NAME, fits_three_bytes};

impl Images<'_> {
    /// Gives the image a tag. One that it has already is left as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a tag of more than 255 characters; [`Error::NotFound`];
    /// [`Error::Forbidden`]; [`Error::OverLimit`].
    pub async fn add_tag(&self, id: ImageId, tag: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        check(tag)?;
        self.change(id, |seen| {
            self.allow_change("modify_image", seen)?;
            let mut image = seen.image.clone();
            if !image.tags.iter().any(|known| known == tag) {
                image.tags.push(tag.to_owned());
                over("tags", id, image.tags.len(), self.registry.settings.image_tag_quota)?;
            }
            Ok(image)
        })
        .await
        .map(drop)
    }

    /// Takes a tag away.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if the image does not have the tag; [`Error::Forbidden`].
    pub async fn remove_tag(&self, id: ImageId, tag: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        self.change(id, |seen| {
            self.allow_change("modify_image", seen)?;
            let mut image = seen.image.clone();
            if !image.tags.iter().any(|known| known == tag) {
                return Err(Error::NotFound(format!("image {id} has no such tag")));
            }
            image.tags.retain(|known| known != tag);
            Ok(image)
        })
        .await
        .map(drop)
    }
}

fn check(tag: &str) -> Result<(), Error> {
    if tag.chars().count() > MAX_NAME {
        return Err(Error::Invalid("a tag has at most 255 characters".to_owned()));
    }
    if !fits_three_bytes(tag) {
        return Err(Error::Invalid("the tag holds characters no database here keeps".to_owned()));
    }
    Ok(())
}
