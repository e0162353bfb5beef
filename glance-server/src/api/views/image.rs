//! One image.

use std::fmt;

use glance_core::image::{CustomProperties, Image};
use glance_core::location::ImageLocation;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use glance_core::Moment;

/// Which parts of an image the configuration shows.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Shown<'a> {
    /// `direct_url` (`show_image_direct_url`).
    pub(in crate::api) direct_url: bool,
    /// `locations` (`show_multiple_locations`).
    pub(in crate::api) locations: bool,
    /// `stores`: whether stores have names.
    pub(in crate::api) stores: bool,
    /// Properties that the operator defined.
    pub(in crate::api) custom: Option<&'a CustomProperties>,
}

/// An image as a flat object: its fields, and its properties beside them.
#[derive(Debug)]
pub(in crate::api) struct ImageView<'a> {
    image: &'a Image,
    shown: Shown<'a>,
    written: AsWritten<'a>,
}

impl<'a> ImageView<'a> {
    pub(in crate::api) fn new(image: &'a Image, shown: Shown<'a>) -> Self {
        Self { image, shown, written: AsWritten::default() }
    }

    /// The answer to the call that wrote the image.
    pub(in crate::api) fn repeating(self, written: AsWritten<'a>) -> Self {
        Self { written, ..self }
    }
}

/// What the answer to a call says as the client wrote it, and later answers say as it is kept: `1.0` for the whole
/// number 1, and an empty owner for none. Python Glance answers with what it was given, before the database has it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::api) struct AsWritten<'a> {
    min_disk: Option<&'a Value>,
    min_ram: Option<&'a Value>,
    owner: Option<&'a Value>,
}

impl<'a> AsWritten<'a> {
    /// Of fields in the order they were written; the last one of a name counts.
    pub(in crate::api) fn of(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        let mut written = Self::default();
        for (name, value) in fields {
            match name {
                "min_disk" => written.min_disk = Some(value).filter(|value| has_a_fraction(value)),
                "min_ram" => written.min_ram = Some(value).filter(|value| has_a_fraction(value)),
                "owner" => written.owner = Some(value).filter(|value| value.as_str() == Some("")),
                _ => {}
            }
        }
        written
    }
}

impl Serialize for ImageView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let image = self.image;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &image.properties {
            let is_defined = || self.shown.custom.is_some_and(|custom| custom.defines(name));
            match value {
                // Old releases wrote no value where they meant an empty one.
                None if !is_defined() => map.serialize_entry(name, "")?,
                value => map.serialize_entry(name, value)?,
            }
        }
        map.serialize_entry("name", &image.name)?;
        map.serialize_entry("disk_format", &image.disk_format)?;
        map.serialize_entry("container_format", &image.container_format)?;
        map.serialize_entry("visibility", image.visibility.as_str())?;
        map.serialize_entry("size", &image.size)?;
        map.serialize_entry("virtual_size", &image.virtual_size)?;
        map.serialize_entry("status", image.status.as_str())?;
        map.serialize_entry("checksum", &image.checksum)?;
        map.serialize_entry("protected", &image.protected)?;
        entry(&mut map, "min_ram", self.written.min_ram, &image.min_ram)?;
        entry(&mut map, "min_disk", self.written.min_disk, &image.min_disk)?;
        entry(&mut map, "owner", self.written.owner, &image.owner)?;
        map.serialize_entry("os_hidden", &image.hidden)?;
        map.serialize_entry("os_hash_algo", &image.os_hash_algo)?;
        map.serialize_entry("os_hash_value", &image.os_hash_value)?;
        map.serialize_entry("id", image.id.as_str())?;
        map.serialize_entry("created_at", &Moment(image.created_at))?;
        map.serialize_entry("updated_at", &Moment(image.updated_at))?;
        self.places(&mut map)?;
        map.serialize_entry("tags", &image.tags)?;
        map.serialize_entry("self", &Path(image, ""))?;
        map.serialize_entry("file", &Path(image, "/file"))?;
        map.serialize_entry("schema", "/v2/schemas/image")?;
        map.end()
    }
}

impl ImageView<'_> {
    /// Where the data lies, as far as the configuration shows it.
    fn places<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let locations = &self.image.locations;
        if self.shown.locations {
            map.serialize_entry("locations", &PlacesView::new(locations))?;
        }
        if let Some(best) = locations.first().filter(|_| self.shown.direct_url) {
            map.serialize_entry("direct_url", best.url.expose())?;
        }
        let stores: Vec<&str> = locations.iter().filter_map(ImageLocation::store).collect();
        if self.shown.stores && !stores.is_empty() {
            map.serialize_entry("stores", &stores.join(","))?;
        }
        Ok(())
    }
}

/// Whether a number is written with a fraction, if of nothing. `-0` reads as if it were, and is taken for a whole number.
fn has_a_fraction(value: &Value) -> bool {
    value.is_f64() && value.as_f64().is_some_and(|number| number != 0.0 || number.is_sign_positive())
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &str,
    written: Option<&Value>,
    kept: &impl Serialize,
) -> Result<(), M::Error> {
    match written {
        Some(written) => map.serialize_entry(name, written),
        None => map.serialize_entry(name, kept),
    }
}

/// The path of an image, or of something of it.
struct Path<'a>(&'a Image, &'static str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/v2/images/{}{}", self.0.id.as_str(), self.1)
    }
}

impl Serialize for Path<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Locations as an array.
#[derive(Debug)]
pub(in crate::api) struct PlacesView<'a>(&'a [ImageLocation]);

impl<'a> PlacesView<'a> {
    pub(in crate::api) fn new(locations: &'a [ImageLocation]) -> Self {
        Self(locations)
    }
}

impl Serialize for PlacesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Place))
    }
}

struct Place<'a>(&'a ImageLocation);

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("url", self.0.url.expose())?;
        map.serialize_entry("metadata", &self.0.metadata)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use glance_core::image::ImageId;
    use glance_core::location::Location;
    use jiff::Timestamp;
    use serde_json::{Map, Value, json};

    use super::*;

    const ALL: Shown<'_> = Shown { direct_url: true, locations: true, stores: true, custom: None };
    const NONE: Shown<'_> = Shown { direct_url: false, locations: false, stores: false, custom: None };

    fn image() -> Image {
        let id: ImageId = "71c675ab-d94f-49cd-a114-e12490b328d9".parse().unwrap();
        let lies_in = |store: &str| {
            let metadata: Map<String, Value> = [("store".to_owned(), store.into())].into_iter().collect();
            ImageLocation::new(Location::new(format!("file:///{store}/x")), metadata)
        };
        Image {
            properties: [("arch".into(), Some("x86".into())), ("old".into(), None)].into(),
            tags: vec!["t".into()],
            locations: vec![lies_in("fast"), lies_in("cheap")],
            ..Image::queued(id, Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn an_image_shows_its_fields_and_properties_side_by_side() {
        let id = "71c675ab-d94f-49cd-a114-e12490b328d9";
        assert_eq!(
            serde_json::to_value(ImageView::new(&image(), NONE)).unwrap(),
            json!({
                "arch": "x86", "old": "", "name": null, "disk_format": null, "container_format": null,
                "visibility": "shared", "size": null, "virtual_size": null, "status": "queued", "checksum": null,
                "protected": false, "min_ram": 0, "min_disk": 0, "owner": null, "os_hidden": false,
                "os_hash_algo": null, "os_hash_value": null, "id": id, "created_at": "1970-01-01T00:00:00Z",
                "updated_at": "1970-01-01T00:00:00Z", "tags": ["t"], "self": format!("/v2/images/{id}"),
                "file": format!("/v2/images/{id}/file"), "schema": "/v2/schemas/image",
            })
        );
    }

    #[test]
    fn a_defined_property_without_a_value_is_null() {
        let file = json!({"old": {"type": ["null", "string"]}});
        let custom = CustomProperties::parse(file.as_object().unwrap()).unwrap();
        let shown = Shown { custom: Some(&custom), ..NONE };
        assert_eq!(serde_json::to_value(ImageView::new(&image(), shown)).unwrap()["old"], json!(null));
    }

    #[test]
    fn places_are_shown_where_the_configuration_says_so() {
        let shown = serde_json::to_value(ImageView::new(&image(), ALL)).unwrap();
        assert_eq!(shown["direct_url"], "file:///fast/x");
        assert_eq!(shown["stores"], "fast,cheap");
        assert_eq!(shown["locations"][1], json!({"url": "file:///cheap/x", "metadata": {"store": "cheap"}}));
        let without = Image { locations: Vec::new(), ..image() };
        let shown = serde_json::to_value(ImageView::new(&without, ALL)).unwrap();
        assert_eq!(shown["locations"], json!([]));
        assert!(shown.get("direct_url").is_none() && shown.get("stores").is_none());
    }
}
