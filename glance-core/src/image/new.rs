//! What a caller says of an image it creates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fields::Schema;
use super::{Image, ImageId, Visibility, fields};
use crate::error::Error;

/// An image to be created. What is `None` takes its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewImage {
    /// The id; a random one by default.
    pub id: Option<ImageId>,
    /// A name for people.
    pub name: Option<String>,
    /// Who may see it; shared by default.
    pub visibility: Option<Visibility>,
    /// Whether deletion is refused.
    pub protected: bool,
    /// Whether ordinary lists leave it out.
    pub hidden: bool,
    /// The owning project; the caller's by default. `Some(None)` is an image nobody owns.
    pub owner: Option<Option<String>>,
    /// The format of the disk.
    pub disk_format: Option<String>,
    /// The format of the envelope.
    pub container_format: Option<String>,
    /// Smallest disk in GiB.
    pub min_disk: u32,
    /// Least memory in MiB.
    pub min_ram: u32,
    /// Labels. The image gets repeated ones once; against the quota, each counts.
    pub tags: Vec<String>,
    /// Custom properties. `None` for those that are to have no value, where the operator allows it.
    pub properties: BTreeMap<String, Option<String>>,
}

impl NewImage {
    /// An image with a name and both formats, ready for data.
    pub fn named(name: impl Into<String>, disk_format: impl Into<String>, container_format: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            disk_format: Some(disk_format.into()),
            container_format: Some(container_format.into()),
            ..Self::default()
        }
    }

    /// Reads the body of a create request.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field whose value its schema does not allow;
    /// [`Error::Forbidden`] for fields that clients do not write and for reserved names.
    pub fn from_json(body: &Map<String, Value>, schema: Schema<'_>) -> Result<Self, Error> {
        if let Some(link) = fields::LINKS.iter().find(|link| body.contains_key(**link)) {
            return Err(read_only(link));
        }
        for (name, value) in body {
            // Whether a database keeps it is asked of the record, by those who may create one.
            fields::check_schema(name, value, schema)?;
        }
        schema.check_required(|name| body.contains_key(name))?;
        for name in body.keys() {
            if !fields::is_attribute(name) {
                fields::check_property_name(name)?;
            }
            if fields::is_reserved(name) || name == "locations" {
                return Err(reserved(name));
            }
        }
        if let Some(name) = body.keys().find(|name| *name != "id" && fields::READ_ONLY.contains(&name.as_str())) {
            return Err(read_only(name));
        }
        let mut image = Image::queued(ImageId::random(), Timestamp::UNIX_EPOCH);
        for (name, value) in body {
            fields::assign(&mut image, name, value)?;
        }
        Ok(Self {
            id: body.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()),
            name: image.name,
            visibility: body.contains_key("visibility").then_some(image.visibility),
            protected: image.protected,
            hidden: image.hidden,
            owner: body.contains_key("owner").then_some(image.owner),
            disk_format: image.disk_format,
            container_format: image.container_format,
            min_disk: image.min_disk,
            min_ram: image.min_ram,
            tags: body.get("tags").map(fields::texts_of).unwrap_or_default(),
            properties: image.properties,
        })
    }

    /// The record this makes, with every value checked as if it had come as JSON: an embedder's
    /// images keep the same rules.
    pub(crate) fn into_image(self, owner: Option<&str>, schema: Schema<'_>, now: Timestamp) -> Result<Image, Error> {
        let image = Image {
            name: self.name,
            visibility: self.visibility.unwrap_or(Visibility::Shared),
            protected: self.protected,
            hidden: self.hidden,
            owner: self.owner.unwrap_or_else(|| owner.map(str::to_owned)).filter(|owner| !owner.is_empty()),
            disk_format: self.disk_format,
            container_format: self.container_format,
            min_disk: self.min_disk,
            min_ram: self.min_ram,
            tags: fields::once(self.tags),
            properties: self.properties,
            ..Image::queued(self.id.unwrap_or_else(ImageId::random), now)
        };
        check_record(&image, schema)?;
        Ok(image)
    }
}

fn check_record(image: &Image, schema: Schema<'_>) -> Result<(), Error> {
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::from);
    fields::check("name", &text(&image.name), schema)?;
    fields::check("owner", &text(&image.owner), schema)?;
    fields::check("disk_format", &text(&image.disk_format), schema)?;
    fields::check("container_format", &text(&image.container_format), schema)?;
    fields::check("min_disk", &image.min_disk.into(), schema)?;
    fields::check("min_ram", &image.min_ram.into(), schema)?;
    fields::check("tags", &image.tags.clone().into(), schema)?;
    for (name, value) in &image.properties {
        fields::check_property_name(name)?;
        if fields::is_reserved(name) || fields::is_base(name) {
            return Err(reserved(name));
        }
        schema.check_property(name, value.as_deref())?;
        fields::check_kept(name, &text(value))?;
    }
    // What a field says by default it says, too.
    schema.check_required(|name| fields::is_base(name) || image.properties.contains_key(name))
}

pub(super) fn read_only(name: &str) -> Error {
    Error::Forbidden(format!("attribute {name:?} is read-only"))
}

pub(super) fn reserved(name: &str) -> Error {
    Error::Forbidden(format!("attribute {name:?} is reserved"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::{CustomProperties, Formats};

    fn read(body: &Value) -> Result<NewImage, Error> {
        NewImage::from_json(body.as_object().unwrap(), (&Formats::default()).into())
    }

    #[test]
    fn an_empty_body_is_an_image_of_defaults() {
        assert_eq!(read(&json!({})).unwrap(), NewImage::default());
    }

    #[test]
    fn every_writable_field_is_read() {
        let new = read(&json!({
            "id": "71c675ab-d94f-49cd-a114-e12490b328d9", "name": "n", "visibility": "private", "protected": true,
            "os_hidden": true, "owner": "o", "disk_format": "raw", "container_format": "bare", "min_disk": 1.0,
            "min_ram": 2, "tags": ["b", "a", "b"], "colour": "red", "base": "x",
        }))
        .unwrap();
        assert_eq!(new.owner, Some(Some("o".into())));
        assert_eq!((new.min_disk, new.min_ram), (1, 2));
        assert_eq!(new.tags, ["b", "a", "b"]);
        assert_eq!(new.properties.len(), 2);
        assert!(new.protected && new.hidden && new.id.is_some());
    }

    /// Comparing each with all others would not come to an end.
    #[test]
    fn a_body_full_of_tags_is_read() {
        let tags: Vec<String> = (0..300_000).map(|number| format!("{number}")).collect();
        assert_eq!(read(&json!({ "tags": tags })).unwrap().tags, tags);
    }

    /// `errors.md` section 3.1.
    #[test]
    fn bad_bodies_are_refused_with_the_right_kind_of_error() {
        for bad in [
            json!({"name": 5}),
            json!({"name": "x".repeat(256)}),
            json!({"id": "x"}),
            json!({"min_disk": true}),
            json!({"min_ram": null}),
            json!({"min_ram": 1.5}),
            json!({"disk_format": "exe"}),
            json!({"visibility": "all"}),
            json!({"tags": "a"}),
            json!({"tags": ["x".repeat(256)]}),
            json!({"colour": 1}),
            json!({"colour": null}),
            json!({"colour": {}}),
            json!({"x".repeat(256): "v"}),
            json!({"status": 5}),
            json!({"protected": "true"}),
            json!({"\u{1F600}": "v"}),
        ] {
            assert!(matches!(read(&bad), Err(Error::Invalid(_))), "{bad}");
        }
        for forbidden in [
            json!({"self": "x"}),
            json!({"stores": "x"}),
            json!({"direct_url": 5}),
            json!({"status": "active"}),
            json!({"size": 5}),
            json!({"os_hash_algo": "md5"}),
            json!({"os_hash_value": "00"}),
            json!({"created_at": "x"}),
            json!({"location": "x"}),
            json!({"deleted": "x"}),
            json!({"os_glance_x": "x"}),
            json!({"os_glancex": "x"}),
            json!({"locations": [{"url": "file:///x", "metadata": {}}]}),
        ] {
            assert!(matches!(read(&forbidden), Err(Error::Forbidden(_))), "{forbidden}");
        }
    }

    /// Faults that only those are told who may create the image.
    #[test]
    fn what_no_database_keeps_is_refused_with_the_record() {
        for bad in [
            json!({"min_disk": -1}),
            json!({"min_disk": -1e300}),
            json!({"min_ram": 2_147_483_648_u64}),
            json!({"min_ram": 1e300}),
            json!({"min_ram": u64::MAX}),
            json!({"name": "\u{1F600}"}),
            json!({"tags": ["\u{1F600}"]}),
            json!({"colour": "\u{1F600}"}),
        ] {
            let image = read(&bad).unwrap().into_image(Some("me"), (&Formats::default()).into(), Timestamp::UNIX_EPOCH);
            assert!(matches!(image, Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn defined_properties_are_held_to_their_definitions_on_both_ways() {
        let file = json!({"properties": {
            "kernel": {"type": ["null", "string"], "pattern": "^[0-9]+$"},
            "cores": {"type": "integer", "maximum": 8},
        }, "required": ["cores", "name"]});
        let (formats, custom) = (Formats::default(), CustomProperties::parse(file.as_object().unwrap()).unwrap());
        let schema = Schema { formats: &formats, custom: Some(&custom) };
        for (body, good) in [
            (json!({"name": "n", "cores": 8, "kernel": null}), true),
            (json!({"name": "n", "cores": 8, "kernel": "12", "other": "text"}), true),
            (json!({"name": "n", "cores": 9}), false),
            (json!({"name": "n", "cores": "8"}), false),
            (json!({"name": "n", "cores": 8, "kernel": "x"}), false),
            (json!({"name": "n", "cores": 8, "other": 5}), false),
            (json!({"name": "n"}), false),
            (json!({"cores": 8}), false),
        ] {
            let read = NewImage::from_json(body.as_object().unwrap(), schema);
            assert_eq!(read.is_ok(), good, "{body}");
            let Ok(new) = read else { continue };
            assert_eq!(new.properties["cores"].as_deref(), Some("8"));
            assert!(new.into_image(None, schema, Timestamp::UNIX_EPOCH).is_ok(), "{body}");
        }
        let make = |cores: Option<&str>| {
            let properties = [("cores".to_owned(), cores.map(str::to_owned))].into();
            NewImage { properties, ..NewImage::default() }.into_image(None, schema, Timestamp::UNIX_EPOCH)
        };
        assert!(make(Some("8")).is_ok());
        assert!(make(Some("9")).is_err() && make(None).is_err());
        assert!(NewImage::default().into_image(None, schema, Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn an_embedder_keeps_the_same_rules() {
        let make = |new: NewImage| new.into_image(Some("me"), (&Formats::default()).into(), Timestamp::UNIX_EPOCH);
        assert_eq!(make(NewImage::named("n", "raw", "bare")).unwrap().owner.as_deref(), Some("me"));
        assert!(make(NewImage::named("n".repeat(256), "raw", "bare")).is_err());
        assert!(make(NewImage::named("n", "exe", "bare")).is_err());
        assert!(make(NewImage::named("\u{1F600}", "raw", "bare")).is_err());
        assert!(make(NewImage { tags: vec!["\u{1F600}".into()], ..NewImage::default() }).is_err());
        let property =
            |name: &str| NewImage { properties: [(name.into(), Some("v".into()))].into(), ..NewImage::default() };
        for name in ["os_glance_x", "status", "deleted", "locations"] {
            assert!(matches!(make(property(name)), Err(Error::Forbidden(_))), "{name}");
        }
    }
}
