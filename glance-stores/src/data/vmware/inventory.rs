//! Which datastores there are and how much room they have.

use std::sync::{Arc, Mutex, PoisonError};

use super::client::{Client, Repeat};
use super::config::Datastore;
use super::error::Failure;
use super::soap::{Call, Object};
use super::xml::{BadAnswer, Element};

/// How many times an answer may be continued.
const PAGES: usize = 1000;

/// A configured datastore that the server knows.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) datastore: Datastore,
    pub(super) datacenter: Object,
    object: Object,
    /// What searches its files.
    pub(super) browser: Object,
}

/// How a datastore is at the moment.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) found: Found,
    pub(super) free: u64,
    pub(super) accessible: bool,
}

/// The configured datastores as the server knows them.
#[derive(Debug)]
pub(super) struct Inventory {
    datastores: Vec<Datastore>,
    /// What they were found to be, unless some are missing.
    known: Mutex<Option<Arc<Vec<Found>>>>,
}

impl Inventory {
    pub(super) fn new(datastores: Vec<Datastore>) -> Self {
        Self { datastores, known: Mutex::new(None) }
    }

    /// The configured datastores, the heaviest first, and how each is now. Those the server does not
    /// have are left out, with a warning.
    pub(super) async fn rooms(&self, client: &Client) -> Result<Vec<Room>, Failure> {
        let found = self.find(client).await?;
        match rooms(client, &found).await {
            // One was removed and made again, or the server is another by now.
            Err(failure) if failure.is_fault("ManagedObjectNotFound") => {
                self.remember(None);
                rooms(client, &self.find(client).await?).await
            }
            rooms => rooms,
        }
    }

    fn remember(&self, found: Option<Arc<Vec<Found>>>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    async fn find(&self, client: &Client) -> Result<Arc<Vec<Found>>, Failure> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut found = Vec::new();
        let mut datacenters: Vec<&str> = self.datastores.iter().map(|wanted| wanted.datacenter.as_str()).collect();
        datacenters.sort_unstable();
        datacenters.dedup();
        for datacenter in datacenters {
            let of_it = self.datastores.iter().filter(|wanted| wanted.datacenter == datacenter);
            found.extend(find_in(client, datacenter, of_it).await?);
        }
        found.sort_by_key(|found| std::cmp::Reverse(found.datastore.weight));
        let found = Arc::new(found);
        if found.len() == self.datastores.len() {
            self.remember(Some(Arc::clone(&found)));
        }
        Ok(found)
    }
}

/// The datastore for `size` bytes: the heaviest of those with room, and among equals the emptiest.
pub(super) fn choose(rooms: &[Room], size: u64) -> Option<&Room> {
    let fitting = rooms.iter().filter(|room| room.accessible && room.free >= size);
    fitting.max_by_key(|room| (room.found.datastore.weight, room.free))
}

/// The datacenter at a path of the inventory.
pub(super) async fn datacenter(client: &Client, path: &str) -> Result<Option<Object>, Failure> {
    let answer = client
        .call(Repeat::Always, |services| Call::new("FindByInventoryPath", &services.search).text("inventoryPath", path))
        .await?;
    let found = answer.child("returnval").map(Object::of).transpose()?;
    Ok(found.filter(|object| object.kind() == "Datacenter"))
}

async fn find_in(client: &Client, path: &str, wanted: impl Iterator<Item = &Datastore>) -> Result<Vec<Found>, Failure> {
    let Some(datacenter) = datacenter(client, path).await? else {
        tracing::warn!(datacenter = path, "the server has no such datacenter");
        return Ok(Vec::new());
    };
    let objects = datastores_of(client, &datacenter).await?;
    let described = properties(client, &objects, "Datastore", &["summary.name", "browser"]).await?;
    let mut found = Vec::new();
    for datastore in wanted {
        let Some(described) = described.iter().find(|one| one.text("summary.name") == datastore.name) else {
            tracing::warn!(datastore = datastore.name, datacenter = path, "the server has no such datastore");
            continue;
        };
        let browser = described.value("browser").ok_or(BadAnswer("a datastore has no browser"))?;
        let browser = Object::of(browser)?;
        let (datastore, datacenter) = (datastore.clone(), datacenter.clone());
        found.push(Found { datastore, datacenter, object: described.object.clone(), browser });
    }
    Ok(found)
}

async fn datastores_of(client: &Client, datacenter: &Object) -> Result<Vec<Object>, Failure> {
    let described = properties(client, std::slice::from_ref(datacenter), "Datacenter", &["datastore"]).await?;
    let list = described.first().and_then(|one| one.value("datastore"));
    let objects = list.into_iter().flat_map(|list| &list.children).map(Object::of);
    Ok(objects.collect::<Result<_, _>>()?)
}

async fn rooms(client: &Client, found: &[Found]) -> Result<Vec<Room>, Failure> {
    let objects: Vec<_> = found.iter().map(|found| found.object.clone()).collect();
    let described = properties(client, &objects, "Datastore", &["summary.freeSpace", "summary.accessible"]).await?;
    let room = |found: &Found| {
        let now = described.iter().find(|one| one.object == found.object);
        Room {
            found: found.clone(),
            free: now.and_then(|now| now.text("summary.freeSpace").parse().ok()).unwrap_or_default(),
            accessible: now.is_some_and(|now| now.text("summary.accessible") == "true"),
        }
    };
    Ok(found.iter().map(room).collect())
}

/// An object with the properties that were asked for and that it has.
#[derive(Debug)]
pub(super) struct Described {
    object: Object,
    values: Vec<(String, Element)>,
}

impl Described {
    fn value(&self, property: &str) -> Option<&Element> {
        self.values.iter().find(|(name, _)| name == property).map(|(_, value)| value)
    }

    pub(super) fn into_value(self, property: &str) -> Option<Element> {
        self.values.into_iter().find(|(name, _)| name == property).map(|(_, value)| value)
    }

    fn text(&self, property: &str) -> &str {
        self.value(property).map_or("", |value| value.text.trim())
    }

    fn of(content: Element) -> Result<Self, BadAnswer> {
        let object = content.child("obj").ok_or(BadAnswer("an object is missing")).and_then(Object::of)?;
        let mut values = Vec::new();
        for set in content.children.into_iter().filter(|child| child.name == "propSet") {
            let name = set.text_of("name").to_owned();
            let value = set.children.into_iter().find(|child| child.name == "val");
            values.push((name, value.ok_or(BadAnswer("a value is missing"))?));
        }
        Ok(Self { object, values })
    }
}

/// Asks for properties of objects of one kind.
pub(super) async fn properties(
    client: &Client,
    objects: &[Object],
    kind: &str,
    paths: &[&str],
) -> Result<Vec<Described>, Failure> {
    let mut described = Vec::new();
    if objects.is_empty() {
        return Ok(described);
    }
    let first = |services: &super::session::Services| {
        Call::new("RetrievePropertiesEx", &services.properties)
            .nested("specSet", |spec| {
                let spec = spec.nested("propSet", |set| {
                    paths.iter().fold(set.text("type", kind), |set, path| set.text("pathSet", path))
                });
                objects.iter().fold(spec, |spec, object| spec.nested("objectSet", |set| set.object("obj", object)))
            })
            .nested("options", |options| options)
    };
    let mut answer = client.call(Repeat::Always, first).await?;
    for _ in 0..PAGES {
        let Some(page) = answer.children.into_iter().find(|child| child.name == "returnval") else { break };
        let token = page.text_of("token").to_owned();
        let contents = page.children.into_iter().filter(|child| child.name == "objects");
        described.extend(contents.map(Described::of).collect::<Result<Vec<_>, _>>()?);
        if token.is_empty() {
            break;
        }
        answer = client
            .call(Repeat::Always, |services| {
                Call::new("ContinueRetrievePropertiesEx", &services.properties).text("token", &token)
            })
            .await?;
    }
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str, weight: i32, free: u64, accessible: bool) -> Room {
        let object = Object::well_known("Datastore", name);
        let datastore = Datastore { datacenter: "dc".into(), name: name.into(), weight };
        let found = Found { datastore, datacenter: object.clone(), browser: object.clone(), object };
        Room { found, free, accessible }
    }

    fn chosen(rooms: &[Room], size: u64) -> Option<&str> {
        choose(rooms, size).map(|room| room.found.datastore.name.as_str())
    }

    #[test]
    fn the_heaviest_with_room_is_chosen_and_among_equals_the_emptiest() {
        let rooms =
            [room("a", 100, 50, true), room("b", 100, 60, true), room("c", 1, 1000, true), room("d", -5, 9000, true)];
        assert_eq!(chosen(&rooms, 0), Some("b"));
        assert_eq!(chosen(&rooms, 60), Some("b"));
        assert_eq!(chosen(&rooms, 61), Some("c"));
        assert_eq!(chosen(&rooms, 9000), Some("d"));
        assert_eq!(chosen(&rooms, 9001), None);
        assert_eq!(chosen(&[], 0), None);
    }

    #[test]
    fn what_is_not_accessible_is_not_chosen() {
        assert_eq!(chosen(&[room("a", 100, 50, false), room("b", 1, 10, true)], 5), Some("b"));
        assert_eq!(chosen(&[room("a", 100, 50, false)], 5), None);
    }
}
