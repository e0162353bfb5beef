//! The id of an image.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// An image's id: a UUID in its 36-character form, kept letter for letter.
///
/// Upper- and lower-case spellings of one UUID are two images, as they are for the Python server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId([u8; 36]);

/// The text is no UUID in the 8-4-4-4-12 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an image id: expected a UUID such as 71c675ab-d94f-49cd-a114-e12490b328d9")]
pub struct NotAnImageId;

impl ImageId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        let mut text = [0; 36];
        Uuid::new_v4().hyphenated().encode_lower(&mut text);
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for ImageId {
    type Err = NotAnImageId;

    fn from_str(text: &str) -> Result<Self, NotAnImageId> {
        let bytes: [u8; 36] = text.as_bytes().try_into().map_err(|_| NotAnImageId)?;
        let well_formed = bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        if well_formed { Ok(Self(bytes)) } else { Err(NotAnImageId) }
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_spelling() {
        let id: ImageId = "71C675AB-d94f-49cd-a114-e12490b328d9".parse().unwrap();
        assert_eq!(id.to_string(), "71C675AB-d94f-49cd-a114-e12490b328d9");
        assert_ne!(id, "71c675ab-d94f-49cd-a114-e12490b328d9".parse().unwrap());
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "x",
            "71c675abd94f49cda114e12490b328d9",
            "71c675ab-d94f-49cd-a114-e12490b328dg",
            "71c675ab-d94f-49cd-a114-e12490b328d9\n",
            "71c675ab_d94f-49cd-a114-e12490b328d9",
            "{71c675ab-d94f-49cd-a114-e12490b328",
        ] {
            assert_eq!(text.parse::<ImageId>(), Err(NotAnImageId), "{text:?}");
        }
    }

    #[test]
    fn a_random_id_is_an_id() {
        let id = ImageId::random();
        assert_eq!(id.as_str().parse(), Ok(id));
    }
}
