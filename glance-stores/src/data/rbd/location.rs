//! URLs of images in Ceph: `rbd://<fsid>/<pool>/<image>/<snapshot>`, or only `rbd://<image>`.
//!
//! Each of the four parts is percent-encoded, so that what stands in it cannot be taken for a separator. The
//! short form is what ancient servers wrote: an image in the store's own pool, without a snapshot, its name
//! as it is.

use std::fmt::Write;

use glance_core::location::Location;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const SCHEME: &str = "rbd://";
/// What Python's `quote` leaves as it is when told that nothing is safe.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a location names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The cluster's id and the pool; `None`: those of the store.
    pub(super) pool: Option<(String, String)>,
    pub(super) image: String,
    /// The snapshot that holds the data; `None`: the image itself does.
    pub(super) snapshot: Option<String>,
}

impl Place {
    /// Reads a location; `None` if it is no location of an image in Ceph.
    pub(super) fn parse(at: &Location) -> Option<Self> {
        let parts: Vec<&str> = at.expose().strip_prefix(SCHEME)?.split('/').collect();
        let usable = |part: &str| !part.is_empty() && !part.contains('\0');
        match parts[..] {
            [image] => usable(image).then(|| Self { pool: None, image: image.to_owned(), snapshot: None }),
            [fsid, pool, image, snapshot] => {
                let decoded = |part: &str| {
                    let part = percent_decode_str(part).decode_utf8().ok()?.into_owned();
                    usable(&part).then_some(part)
                };
                let pool = (decoded(fsid)?, decoded(pool)?);
                Some(Self { pool: Some(pool), image: decoded(image)?, snapshot: Some(decoded(snapshot)?) })
            }
            _ => None,
        }
    }
}

/// The location of a snapshot.
pub(super) fn of(fsid: &str, pool: &str, image: &str, snapshot: &str) -> Location {
    let mut url = SCHEME.to_owned();
    for (position, part) in [fsid, pool, image, snapshot].into_iter().enumerate() {
        // Writing to a text does not fail.
        let _ = write!(url, "{}{}", if position == 0 { "" } else { "/" }, utf8_percent_encode(part, ENCODED));
    }
    Location::new(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(url: &str) -> Option<Place> {
        Place::parse(&Location::new(url))
    }

    #[test]
    fn a_location_is_written_as_python_writes_it() {
        let plain = of("b1c2-d3", "images", "0c4a", "snap");
        assert_eq!(plain.expose(), "rbd://b1c2-d3/images/0c4a/snap");
        let odd = of("f", "my pool/ns", "ä@b_~.-", "100%");
        assert_eq!(odd.expose(), "rbd://f/my%20pool%2Fns/%C3%A4%40b_~.-/100%25");
    }

    #[test]
    fn a_location_has_four_parts_or_one() {
        let place = parse("rbd://f/my%20pool/i%2f1/snap").unwrap();
        assert_eq!(place.pool, Some(("f".to_owned(), "my pool".to_owned())));
        assert_eq!((place.image.as_str(), place.snapshot.as_deref()), ("i/1", Some("snap")));
        let short = parse("rbd://old%20image").unwrap();
        assert_eq!(short, Place { pool: None, image: "old%20image".to_owned(), snapshot: None });
        for refused in [
            "",
            "rbd:",
            "rbd://",
            "rbd:///",
            "rbd://a/b",
            "rbd://a/b/c",
            "rbd://a/b/c/d/e",
            "rbd:///b/c/d",
            "rbd://a//c/d",
            "rbd://a/b//d",
            "rbd://a/b/c/",
            "RBD://a/b/c/d",
            "rbd://a/b/%00/d",
            "rbd://a/b/%ff/d",
            "file:///a/b/c/d",
            "rbd://\0",
        ] {
            assert_eq!(parse(refused), None, "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(parts in prop::array::uniform4("[^\0]{1,12}")) {
            let [fsid, pool, image, snapshot] = parts;
            let place = Place::parse(&of(&fsid, &pool, &image, &snapshot)).unwrap();
            prop_assert_eq!(place, Place { pool: Some((fsid, pool)), image, snapshot: Some(snapshot) });
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            let _ = parse(&text);
            let _ = parse(&format!("rbd://{text}"));
        }
    }
}
