//! The locations of an image, changed by patches (where the operator allows it).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::create::over;
use super::{Images, Registry};
use crate::context::RequestContext;
use crate::digest::HashAlgorithm;
use crate::error::Error;
use crate::image::patch::{Operation, Verb};
use crate::image::{self, Image, ImageId, Status};
use crate::location::{ImageLocation, Location};

/// Lengths, in bytes, of the data at locations that a patch adds.
pub(super) type Sizes = HashMap<String, u64>;

/// Schemes that clients may not name: they would read files of the server, or with its accounts.
const NOT_FOR_CLIENTS: [&str; 3] = ["file", "filesystem", "swift+config"];

/// Locations that one patch may bring, whatever an image may have: for each of them, a store is asked.
const IN_ONE_PATCH: usize = 100;

/// Who says where data lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// Anybody: a store is asked what it reads with an account of its own.
    Client,
    /// A service that keeps data in the stores itself.
    Service,
}

impl Images<'_> {
    /// Asks the stores about every location that `operations` bring, in their order, and no further than they go: a store
    /// is asked only where everything before is allowed, and can be done.
    pub(super) async fn sizes_of_new_locations(&self, id: ImageId, operations: &[Operation]) -> Result<Sizes, Error> {
        let mut sizes = Sizes::new();
        let bring = |operation: &&Operation| operation.name == "locations" && operation.verb != Verb::Remove;
        let brought: usize = operations.iter().filter(bring).map(|operation| places(&operation.value).len()).sum();
        if brought == 0 {
            return Ok(sizes);
        }
        let seen = self.seen(id).await?;
        if brought > IN_ONE_PATCH {
            return Err(Error::OverLimit(format!("a patch brings at most {IN_ONE_PATCH} locations")));
        }
        while let Err(Stop::Unknown(url)) = self.patched(&seen, operations, &sizes) {
            let size = self.registry.size_of(id, &url, NamedBy::Client, Some(self.context)).await?;
            sizes.insert(url.expose().to_owned(), size);
        }
        Ok(sizes)
    }

    pub(super) fn patch_locations(&self, image: &mut Image, operation: &Operation, sizes: &Sizes) -> Result<(), Stop> {
        self.changes_locations(image, operation.verb == Verb::Remove)?;
        match operation.verb {
            Verb::Remove => Ok(remove(image, operation)?),
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

    fn add(&self, image: &mut Image, operation: &Operation, sizes: &Sizes) -> Result<(), Stop> {
        let count = image.locations.len();
        over("locations", image.id, count + 1, self.registry.settings.image_location_quota)?;
        let at = position(operation.element.as_deref(), count, true)
            .ok_or_else(|| Error::Invalid("not a position for a location".to_owned()))?;
        self.check_validation_data(image, &operation.value)?;
        let location = self.location_of(image, &operation.value)?;
        if image.locations.iter().any(|known| known.url == location.url && known.metadata == location.metadata) {
            return Err(Error::Invalid("the image has this location already".to_owned()).into());
        }
        let size = size_at(&location.url, image, sizes)?;
        take_data(image, &operation.value, size)?;
        image.locations.insert(at.min(count), location);
        Ok(())
    }

    fn replace(&self, image: &mut Image, value: &Value, sizes: &Sizes) -> Result<(), Stop> {
        let mut wanted: Vec<ImageLocation> = Vec::new();
        over("locations", image.id, places(value).len(), self.registry.settings.image_location_quota)?;
        if places(value).is_empty() {
            return Err(Error::Forbidden("an image cannot be left without locations".to_owned()).into());
        }
        for place in places(value) {
            self.check_validation_data(image, place)?;
            let mut location = self.location_of(image, place)?;
            location.id = image.locations.iter().find(|known| known.url == location.url).and_then(|known| known.id);
            wanted.push(location);
        }
        let distinct: HashSet<_> = wanted.iter().map(|location| (location.url.expose(), &location.metadata)).collect();
        if distinct.len() < wanted.len() {
            return Err(Error::Invalid("a location stands there twice".to_owned()).into());
        }
        let mut before: Vec<&str> = image.locations.iter().map(|location| location.url.expose()).collect();
        let mut after: Vec<&str> = wanted.iter().map(|location| location.url.expose()).collect();
        before.sort_unstable();
        after.sort_unstable();
        if !before.is_empty() && before != after {
            let why = "replacing locations changes their metadata, not where they lead";
            return Err(Error::Invalid(why.to_owned()).into());
        }
        let found =
            wanted.iter().map(|location| size_at(&location.url, image, sizes)).collect::<Result<Vec<_>, _>>()?;
        take_data(image, &places(value)[0], found[0])?;
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

impl Registry {
    /// The length of the data at `url`, which is to be an image's, as `caller` finds it; `None` asks with the account of
    /// this server.
    pub(super) async fn size_of(
        &self,
        id: ImageId,
        url: &Location,
        by: NamedBy,
        caller: Option<&RequestContext>,
    ) -> Result<u64, Error> {
        // One answer for every reason, so that nobody learns what a store holds or reaches.
        let refused = || Error::Invalid("invalid location".to_owned());
        if NOT_FOR_CLIENTS.contains(&url.scheme()) {
            return Err(refused());
        }
        let named = self.stores.of(&ImageLocation::new(url.clone(), Map::new())).ok_or_else(refused)?;
        let store = match caller {
            Some(context) => self.for_caller(named, context).await,
            None => Ok(Arc::clone(&named.store)),
        };
        let size = match store {
            Ok(store) if by == NamedBy::Client && !store.is_for_clients(id, url) => return Err(refused()),
            Ok(store) => store.size(url).await,
            Err(error) => Err(error),
        };
        let cap = self.settings.image_size_cap;
        match size {
            Ok(size) if size > cap => Err(Error::OverLimit(format!("image data is longer than {cap} bytes"))),
            Ok(size) if size > 0 => Ok(size),
            Ok(_) => Err(refused()),
            Err(error) => {
                tracing::info!(location = %url, %error, "refused a location");
                Err(refused())
            }
        }
    }

    /// A location that is not recorded yet, with the store that holds it.
    pub(super) fn located(&self, url: Location) -> ImageLocation {
        let mut location = ImageLocation::new(url, Map::new());
        if self.stores.are_named()
            && let Some(named) = self.stores.of(&location)
        {
            location.metadata.insert(ImageLocation::STORE.to_owned(), named.id.clone().into());
        }
        location
    }
}

/// Why the operations of a patch do not go on.
pub(super) enum Stop {
    /// They must not.
    Refused(Error),
    /// Nobody has asked yet how long the data at this place is.
    Unknown(Location),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The length of the data at `url`; `None` where the image has this location already.
fn size_at(url: &Location, image: &Image, sizes: &Sizes) -> Result<Option<u64>, Stop> {
    if image.locations.iter().any(|known| known.url == *url) {
        return Ok(None);
    }
    sizes.get(url.expose()).map(|size| Some(*size)).ok_or_else(|| Stop::Unknown(url.clone()))
}

/// A queued image becomes active with its first location.
fn take_data(image: &mut Image, place: &Value, size: Option<u64>) -> Result<(), Error> {
    // As in the Python server, no data at all counts as not known.
    if image.size.is_none_or(|known| known == 0) {
        image.size = size.or(image.size);
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
