//! The cipher of location URLs.
//!
//! AES-CBC under a random initialisation vector, in URL-safe base64 of vector and ciphertext. The
//! padding is Glance's own: a zero byte, then random bytes other than zero up to a whole block.
//! Nothing authenticates the text; the scheme is upstream's, deprecated there, and here for the rows
//! of clouds that use it.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use glance_core::store::BoxError;

const BLOCK: usize = 16;

/// The key that location URLs are encrypted with. It does not print.
#[derive(Clone)]
pub struct LocationKey(Key);

#[derive(Clone)]
enum Key {
    Short([u8; 16]),
    Middle([u8; 24]),
    Long([u8; 32]),
}

/// The key has no length that AES takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("metadata_encryption_key must be 16, 24 or 32 bytes long")]
pub struct BadKey;

impl LocationKey {
    /// Takes the bytes of `text` as the key.
    ///
    /// # Errors
    ///
    /// [`BadKey`] if they are not 16, 24 or 32.
    pub fn new(text: &str) -> Result<Self, BadKey> {
        let bytes = text.as_bytes();
        if let Ok(key) = bytes.try_into() {
            return Ok(Self(Key::Short(key)));
        }
        if let Ok(key) = bytes.try_into() {
            return Ok(Self(Key::Middle(key)));
        }
        bytes.try_into().map(|key| Self(Key::Long(key))).map_err(|_| BadKey)
    }

    /// The encrypted form of `url`; another one each time.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn seal(&self, url: &str) -> Result<String, BoxError> {
        let mut vector = [0; BLOCK];
        getrandom::fill(&mut vector)?;
        let mut text = padded(url)?;
        let length = text.len();
        let sealed = match &self.0 {
            Key::Short(key) => cbc::Encryptor::<Aes128>::new(key.into(), (&vector).into())
                .encrypt_padded::<NoPadding>(&mut text, length)
                .map(<[u8]>::to_vec),
            Key::Middle(key) => cbc::Encryptor::<Aes192>::new(key.into(), (&vector).into())
                .encrypt_padded::<NoPadding>(&mut text, length)
                .map(<[u8]>::to_vec),
            Key::Long(key) => cbc::Encryptor::<Aes256>::new(key.into(), (&vector).into())
                .encrypt_padded::<NoPadding>(&mut text, length)
                .map(<[u8]>::to_vec),
        };
        let sealed = sealed.map_err(|_| BoxError::from("the text is no whole number of blocks"))?;
        Ok(URL_SAFE.encode([&vector[..], &sealed].concat()))
    }

    /// The URL behind `text`. Rows written before the key was set are in the clear, and come back as
    /// they are: an encrypted text holds no colon, a URL always does.
    ///
    /// # Errors
    ///
    /// If `text` was not made with this key.
    pub fn open(&self, text: &str) -> Result<String, BoxError> {
        if text.contains("://") {
            return Ok(text.to_owned());
        }
        let unreadable = || BoxError::from("a location cannot be decrypted with metadata_encryption_key");
        let mut bytes = URL_SAFE.decode(text).map_err(|_| unreadable())?;
        if bytes.len() < 2 * BLOCK || !bytes.len().is_multiple_of(BLOCK) {
            return Err(unreadable());
        }
        let (vector, sealed) = bytes.split_at_mut(BLOCK);
        let vector: [u8; BLOCK] = (&*vector).try_into()?;
        let plain = match &self.0 {
            Key::Short(key) => {
                cbc::Decryptor::<Aes128>::new(key.into(), (&vector).into()).decrypt_padded::<NoPadding>(sealed)
            }
            Key::Middle(key) => {
                cbc::Decryptor::<Aes192>::new(key.into(), (&vector).into()).decrypt_padded::<NoPadding>(sealed)
            }
            Key::Long(key) => {
                cbc::Decryptor::<Aes256>::new(key.into(), (&vector).into()).decrypt_padded::<NoPadding>(sealed)
            }
        };
        let plain = plain.map_err(|_| unreadable())?;
        let end = plain.iter().rposition(|byte| *byte == 0).ok_or_else(unreadable)?;
        // The cause would quote the text. Of what another key makes of a text, one in a hundred and
        // thirty would pass for text, most of it empty or of a letter; none is a URL.
        String::from_utf8(plain[..end].to_vec()).ok().filter(|url| url.contains("://")).ok_or_else(unreadable)
    }
}

/// The text, a zero byte, and random bytes up to a whole block: a whole block more where the text
/// fills its last one.
fn padded(url: &str) -> Result<Vec<u8>, BoxError> {
    let mut text = url.as_bytes().to_vec();
    text.push(0);
    let mut filler = vec![0; text.len().next_multiple_of(BLOCK) - text.len()];
    getrandom::fill(&mut filler)?;
    text.extend(filler.into_iter().map(|byte| if byte == 0 { 1 } else { byte }));
    Ok(text)
}

impl fmt::Debug for LocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocationKey")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0123456789abcdef";

    /// Written by the Python server.
    #[test]
    fn what_the_python_server_wrote_is_read() {
        let sealed = "a1W9kkhroqJZAT_RJT0MA5UChTrqZxg-Dy7SdDKzU2CRxmcP_KokgEJL9pSFfHkTFHMTxEtod9_z0x-bLRl3gptpsJTzLyyIkCHh6ffXwQI=";
        let url = LocationKey::new(KEY).unwrap().open(sealed).unwrap();
        assert_eq!(url, "rbd://fsid/images/5a241d8e-d6df-4d32-97e2-4b5b89f04e79/snap");
    }

    #[test]
    fn rows_in_the_clear_are_read_as_they_are() {
        assert_eq!(LocationKey::new(KEY).unwrap().open("file:///a/b").unwrap(), "file:///a/b");
    }

    /// As another key would read it, by chance.
    #[test]
    fn what_is_no_url_was_not_sealed_with_this_key() {
        let key = LocationKey::new(KEY).unwrap();
        for text in ["", "q", "https:/host"] {
            assert!(key.open(&key.seal(text).unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_have_the_lengths_of_aes() {
        for (length, good) in [(0, false), (15, false), (16, true), (24, true), (32, true), (33, false)] {
            assert_eq!(LocationKey::new(&"k".repeat(length)).is_ok(), good, "{length}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened_again(url in "[a-z+]{1,9}://[^\\x00]{0,300}", length in prop::sample::select(vec![16, 24, 32])) {
            let key = LocationKey::new(&"k".repeat(length)).unwrap();
            let sealed = key.seal(&url).unwrap();
            prop_assert!(!sealed.contains(':'));
            prop_assert_eq!(key.open(&sealed).unwrap(), url);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9_=-]{0,200}") {
            let _ = LocationKey::new(KEY).unwrap().open(&text);
        }
    }
}
