//! The locations of an image, changed by patches (where the operator allows it).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Images;
use super::create::over;
use crate::digest::HashAlgorithm;
use crate::error::Error;
use crate::image::patch::{Operation, Verb};
use crate::image::{self, Image, ImageId, Status};
use crate::location::{ImageLocation, Location};

/// Lengths, in bytes, of the data at locations that a patch adds.
pub(super) type Sizes = HashMap<String, u64>;

/// Schemes that clients may not name: they would read files of the server, or with its accounts.
const NOT_FOR_CLIENTS: [&str; 3] = ["file", "filesystem", "swift+config"];

impl Images<'_> {
    /// Asks the stores about every location that `operations` bring. What the caller may not do is
    /// refused before any store is asked.
    pub(super) async fn sizes_of_new_locations(&self, id: ImageId, operations: &[Operation]) -> Result<Sizes, Error> {
        let mut sizes = Sizes::new();
        let bring = |operation: &&Operation| operation.name == "locations" && operation.verb != Verb::Remove;
        let mut bringing = operations.iter().filter(bring).peekable();
        if bringing.peek().is_none() {
            return Ok(sizes);
        }
        let seen = self.seen(id).await?;
        for operation in bringing {
            if operation.verb == Verb::Replace && operation.value.as_array().is_some_and(Vec::is_empty) {
                return Err(Error::Forbidden("an image cannot be left without locations".to_owned()));
            }
            self.allow("set_image_location", &seen)?;
            self.require_owner(&seen.image)?;
            self.changes_locations(&seen.image, false)?;
            for place in places(&operation.value) {
                let url = place.get("url").and_then(Value::as_str).unwrap_or_default();
                if !seen.image.locations.iter().any(|known| known.url.expose() == url) {
                    sizes.insert(url.to_owned(), self.size_at(id, url).await?);
                }
            }
        }
        Ok(sizes)
    }

    async fn size_at(&self, id: ImageId, url: &str) -> Result<u64, Error> {
        // One answer for every reason, so that nobody learns what a store holds or reaches.
        let refused = || Error::Invalid("invalid location".to_owned());
        let location = ImageLocation::new(Location::new(url), Map::new());
        if NOT_FOR_CLIENTS.contains(&location.url.scheme()) {
            return Err(refused());
        }
        let named = self.registry.stores.of(&location).ok_or_else(refused)?;
        if !named.store.is_for_clients(id, &location.url) {
            return Err(refused());
        }
        match named.store.size(&location.url).await {
            Ok(size) if size > 0 => Ok(size),
            Ok(_) => Err(refused()),
            Err(error) => {
                tracing::info!(location = %location.url, %error, "refused a location");
                Err(refused())
            }
        }
    }

    pub(super) fn patch_locations(&self, image: &mut Image, operation: &Operation, sizes: &Sizes) -> Result<(), Error> {
        self.changes_locations(image, operation.verb == Verb::Remove)?;
        match operation.verb {
            Verb::Remove => remove(image, operation),
            Verb::Replace => self.replace(image, &operation.value, sizes),
            Verb::Add | Verb::AddNew => self.add(image, operation, sizes),
        }
    }

    fn changes_locations(&self, image: &Image, remove: bool) -> Result<(), Error> {
        if !self.registry.settings.show_multiple_locations {
            return Err(Error::Forbidden("locations are not shown here and cannot be changed".to_owned()));
        }
        match image.status {
            Status::Active => Ok(()),
            Status::Queued if !remove => Ok(()),
            status => Err(Error::Conflict(format!("locations of an image that is {status} cannot be changed"))),
        }
    }

    fn add(&self, image: &mut Image, operation: &Operation, sizes: &Sizes) -> Result<(), Error> {
        let at = position(operation.element.as_deref(), image.locations.len(), true)
            .ok_or_else(|| Error::Invalid("not a position for a location".to_owned()))?;
        self.check_validation_data(image, &operation.value)?;
        let location = self.location_of(image, &operation.value)?;
        if image.locations.iter().any(|known| known.url == location.url && known.metadata == location.metadata) {
            return Err(Error::Invalid("the image has this location already".to_owned()));
        }
        let size = sizes.get(location.url.expose()).copied();
        take_data(image, &operation.value, size)?;
        image.locations.insert(at.min(image.locations.len()), location);
        over("locations", image.id, image.locations.len(), self.registry.settings.image_location_quota)
    }

    fn replace(&self, image: &mut Image, value: &Value, sizes: &Sizes) -> Result<(), Error> {
        let mut wanted: Vec<ImageLocation> = Vec::new();
        for place in places(value) {
            self.check_validation_data(image, place)?;
            let mut location = self.location_of(image, place)?;
            location.id = image.locations.iter().find(|known| known.url == location.url).and_then(|known| known.id);
            if wanted.iter().any(|known| known.url == location.url && known.metadata == location.metadata) {
                return Err(Error::Invalid("a location stands there twice".to_owned()));
            }
            wanted.push(location);
        }
        let mut before: Vec<&str> = image.locations.iter().map(|location| location.url.expose()).collect();
        let mut after: Vec<&str> = wanted.iter().map(|location| location.url.expose()).collect();
        before.sort_unstable();
        after.sort_unstable();
        if !before.is_empty() && before != after {
            return Err(Error::Invalid("replacing locations changes their metadata, not where they lead".to_owned()));
        }
        if let Some(first) = places(value).first() {
            let size = first.get("url").and_then(Value::as_str).and_then(|url| sizes.get(url)).copied();
            take_data(image, first, size)?;
        }
        over("locations", image.id, wanted.len(), self.registry.settings.image_location_quota)?;
        image.locations = wanted;
        Ok(())
    }

    /// The location a client describes, with the store it was found to lie in.
    fn location_of(&self, image: &Image, place: &Value) -> Result<ImageLocation, Error> {
        let url = place.get("url").and_then(Value::as_str).unwrap_or_default();
        let metadata = place.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        if !metadata.values().all(is_plain) {
            return Err(Error::Invalid("metadata of a location is made of texts, lists and objects".to_owned()));
        }
        let mut location = ImageLocation::new(Location::new(url), metadata);
        // The URL decides, not what the client says of it: the store reads and removes what lies there.
        let bare = ImageLocation::new(location.url.clone(), Map::new());
        let recorded = image.locations.iter().find(|known| known.url == location.url && known.store().is_some());
        if self.registry.stores.are_named()
            && let Some(named) = self.registry.stores.of(recorded.unwrap_or(&bare))
        {
            location.metadata.insert(ImageLocation::STORE.to_owned(), named.id.clone().into());
        }
        Ok(location)
    }

    /// `members-tags-locations.md` section 3: digests a client vouches for.
    fn check_validation_data(&self, image: &Image, place: &Value) -> Result<(), Error> {
        let Some(data) = place.get("validation_data") else { return Ok(()) };
        let text = |key: &str| data.get(key).and_then(Value::as_str);
        let ours = self.registry.settings.hashing_algorithm;
        let algorithm = text("os_hash_algo").unwrap_or_default();
        if algorithm.parse::<HashAlgorithm>() != Ok(ours) {
            return Err(Error::Conflict(format!("os_hash_algo must be {ours}")));
        }
        let hex_of = |key: &str, length: usize| match text(key) {
            Some(value) if value.len() != 2 * length || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Err(Error::Conflict(format!("{key} must be {length} bytes in hex")))
            }
            _ => Ok(()),
        };
        hex_of("os_hash_value", ours.digest_len())?;
        hex_of("checksum", 16)?;
        for (key, known) in [
            ("checksum", &image.checksum),
            ("os_hash_algo", &image.os_hash_algo),
            ("os_hash_value", &image.os_hash_value),
        ] {
            match (text(key), known) {
                (Some(given), Some(known)) if given != known => {
                    return Err(Error::Conflict(format!("{key} differs from the image's")));
                }
                (Some(_), None) if image.status != Status::Queued => {
                    return Err(Error::Conflict(format!("{key} can be given before the image has data only")));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A queued image becomes active with its first location.
fn take_data(image: &mut Image, place: &Value, size: Option<u64>) -> Result<(), Error> {
    if image.size.is_none() {
        image.size = size;
    }
    if image.status != Status::Queued {
        return Ok(());
    }
    let size = image.size;
    *image = image::advance(image.clone(), Status::Active).map_err(|error| Error::Invalid(error.to_string()))?;
    image.size = size;
    if let Some(data) = place.get("validation_data") {
        let text = |key| data.get(key).and_then(Value::as_str).map(str::to_owned);
        image.checksum = text("checksum");
        image.os_hash_algo = text("os_hash_algo");
        image.os_hash_value = text("os_hash_value");
    }
    Ok(())
}

fn remove(image: &mut Image, operation: &Operation) -> Result<(), Error> {
    if image.locations.len() == 1 {
        return Err(Error::Forbidden("the last location of an image stays".to_owned()));
    }
    let at = position(operation.element.as_deref(), image.locations.len(), false)
        .ok_or_else(|| Error::Invalid("not the position of a location".to_owned()))?;
    image.locations.remove(at);
    Ok(())
}

/// The position that an element of a pointer means among `count` locations; `-` is the end.
fn position(element: Option<&str>, count: usize, add: bool) -> Option<usize> {
    let last = if add { Some(count) } else { count.checked_sub(1) };
    match element? {
        "-" => last,
        // More digits than a number has lie behind the end like any large number.
        digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let at = digits.parse().unwrap_or(usize::MAX);
            (add || at < count).then_some(at)
        }
        _ => None,
    }
}

fn places(value: &Value) -> &[Value] {
    match value {
        Value::Array(places) => places,
        one => std::slice::from_ref(one),
    }
}

/// What stores accept as metadata: texts, lists and objects of such.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(values) => values.iter().all(is_plain),
        Value::Object(object) => object.values().all(is_plain),
        _ => false,
    }
}
