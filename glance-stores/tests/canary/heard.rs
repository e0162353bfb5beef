//! All that is said, and what may not be among it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::level_filters::LevelFilter;

/// The log of this process at its most talkative, and what tests add.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Listens from now on.
    pub(crate) fn everything() -> Self {
        let heard = Self::default();
        let log = heard.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(move || log.clone()).finish()).unwrap();
        tracing::trace!("the test listens");
        heard
    }

    /// Adds what was shown elsewhere.
    pub(crate) fn note(&self, shown: &str) {
        let mut heard = self.0.lock().unwrap();
        heard.extend_from_slice(shown.as_bytes());
        heard.push(b'\n');
    }

    pub(crate) fn holds(&self, text: &str) {
        assert!(self.text().contains(text), "{text:?} was not heard");
    }

    pub(crate) fn holds_nothing_of<const N: usize>(&self, secrets: [&str; N]) {
        let text = self.text();
        for secret in secrets {
            for spelling in spellings(secret) {
                if let Some(line) = text.lines().find(|line| line.contains(&spelling)) {
                    panic!("{secret} came to light as {spelling}: {line}");
                }
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ways in which a secret may be written down: as it is, as in URLs, in the escapes of `Debug` and JSON, and in
/// base64 behind anything.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    const PART: &AsciiSet = &PATH.add(b'/');
    let mut spellings = vec![secret.to_owned(), secret.replace('/', "\\/")];
    spellings.extend([PATH, PART, NON_ALPHANUMERIC].map(|set| utf8_percent_encode(secret, set).to_string()));
    // Three bytes become four letters, so it matters how many stand before; those that share a letter with others go.
    for before in 0..3 {
        let letters = base64(&[&vec![0; before][..], secret.as_bytes()].concat());
        let first = (before * 8).div_ceil(6);
        let whole = (before + secret.len()) * 8 / 6;
        spellings.push(letters[first..whole].to_owned());
    }
    spellings
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
