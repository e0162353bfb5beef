//! What objects, properties and tags have in common: they are read, recorded, changed and removed by their names.

use jiff::Timestamp;

use super::{Metadefs, recorded, refuse_protected};
use crate::catalogue::create::now;
use crate::database::{ItemChange, MetadefChange, MetadefRepo, RepoError, Within};
use crate::error::Error;
use crate::events::{EventType, InNamespace, Payload};
use crate::metadefs::{Named, Object, Property, Recorded, Tag};

/// A kind of thing that a namespace holds under a name.
pub(super) trait Item: Named + Clone + Send + Sync {
    /// What messages call it.
    const WHAT: &'static str;
    /// What the message calls it that says that a name is taken.
    const TAKEN: &'static str;
    /// The rule of reading one.
    const READ: &'static str;
    /// The rule of recording one.
    const ADD: &'static str;
    /// The rule of changing one.
    const MODIFY: &'static str;
    /// The rule of removing one.
    const REMOVE: &'static str;

    /// What is told when one was recorded, changed or removed.
    const EVENTS: [EventType; 3];

    /// What is told of one, which was removed at `deleted` if it was.
    fn payload(named: InNamespace, item: &Recorded<Self>, deleted: Option<Timestamp>) -> Payload;

    /// The change to things of this kind in `namespace`.
    fn change(namespace: &str, change: ItemChange<Self>) -> MetadefChange;

    /// The one called `name` in `namespace`.
    fn read(
        database: &dyn MetadefRepo,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Within<Option<Recorded<Self>>>, RepoError>> + Send;
}

impl Item for Object {
    const WHAT: &'static str = "object";
    const TAKEN: &'static str = "metadata definition object";
    const READ: &'static str = "get_metadef_object";
    const ADD: &'static str = "add_metadef_object";
    const MODIFY: &'static str = "modify_metadef_object";
    const REMOVE: &'static str = "delete_metadef_object";

    const EVENTS: [EventType; 3] = [EventType::ObjectCreate, EventType::ObjectUpdate, EventType::ObjectDelete];

    fn payload(named: InNamespace, object: &Recorded<Self>, deleted: Option<Timestamp>) -> Payload {
        Payload::object(named, object, deleted)
    }

    fn change(namespace: &str, change: ItemChange<Self>) -> MetadefChange {
        MetadefChange::Object(namespace.to_owned(), change)
    }

    async fn read(
        database: &dyn MetadefRepo,
        namespace: &str,
        name: &str,
    ) -> Result<Within<Option<Recorded<Self>>>, RepoError> {
        database.object(namespace, name).await
    }
}

impl Item for Property {
    const WHAT: &'static str = "property";
    const TAKEN: &'static str = "metadata definition property";
    const READ: &'static str = "get_metadef_property";
    const ADD: &'static str = "add_metadef_property";
    const MODIFY: &'static str = "modify_metadef_property";
    const REMOVE: &'static str = "remove_metadef_property";

    const EVENTS: [EventType; 3] = [EventType::PropertyCreate, EventType::PropertyUpdate, EventType::PropertyDelete];

    fn payload(named: InNamespace, property: &Recorded<Self>, deleted: Option<Timestamp>) -> Payload {
        Payload::property(named, property, deleted)
    }

    fn change(namespace: &str, change: ItemChange<Self>) -> MetadefChange {
        MetadefChange::Property(namespace.to_owned(), change)
    }

    async fn read(
        database: &dyn MetadefRepo,
        namespace: &str,
        name: &str,
    ) -> Result<Within<Option<Recorded<Self>>>, RepoError> {
        database.property(namespace, name).await
    }
}

impl Item for Tag {
    const WHAT: &'static str = "tag";
    const TAKEN: &'static str = "metadata tag";
    const READ: &'static str = "get_metadef_tag";
    const ADD: &'static str = "add_metadef_tag";
    const MODIFY: &'static str = "modify_metadef_tag";
    const REMOVE: &'static str = "delete_metadef_tag";

    const EVENTS: [EventType; 3] = [EventType::TagCreate, EventType::TagUpdate, EventType::TagDelete];

    fn payload(named: InNamespace, tag: &Recorded<Self>, deleted: Option<Timestamp>) -> Payload {
        Payload::tag(named, tag, deleted)
    }

    fn change(namespace: &str, change: ItemChange<Self>) -> MetadefChange {
        MetadefChange::Tag(namespace.to_owned(), change)
    }

    async fn read(
        database: &dyn MetadefRepo,
        namespace: &str,
        name: &str,
    ) -> Result<Within<Option<Recorded<Self>>>, RepoError> {
        database.metadef_tag(namespace, name).await
    }
}

impl Metadefs<'_> {
    /// The thing called `name`, if policy allows the call `rule` on its namespace.
    async fn find<T: Item>(&self, rule: &str, namespace: &str, name: &str) -> Result<Within<Recorded<T>>, Error> {
        let within = self.shown(rule, namespace, T::read(self.database(), namespace, name).await)?;
        let found = within.found.ok_or_else(|| missing::<T>(namespace, name))?;
        Ok(Within { namespace: within.namespace, found })
    }

    pub(super) async fn item<T: Item>(&self, namespace: &str, name: &str) -> Result<Recorded<T>, Error> {
        Ok(self.find(T::READ, namespace, name).await?.found)
    }

    pub(super) async fn add_item<T: Item>(&self, namespace: &str, item: T) -> Result<Recorded<T>, Error> {
        let seen = self.changeable(T::ADD, namespace).await?;
        let added = recorded(item);
        let change = T::change(namespace, ItemChange::Add(added.clone()));
        let name = added.item.name();
        self.change(&seen, [change], || taken::<T>(namespace, name), || no_item::<T>(namespace, name)).await?;
        self.tell_added(namespace, &added);
        Ok(added)
    }

    pub(super) async fn update_item<T: Item>(&self, namespace: &str, name: &str, to: T) -> Result<Recorded<T>, Error> {
        self.refuse_read_only()?;
        let Within { namespace: seen, found } = self.find::<T>(T::MODIFY, namespace, name).await?;
        let at = now();
        let change = T::change(namespace, ItemChange::Set { name: name.to_owned(), to: to.clone(), at });
        self.change(&seen, [change], || taken::<T>(namespace, to.name()), || no_item::<T>(namespace, name)).await?;
        let updated = Recorded { item: to, created_at: found.created_at, updated_at: Some(at) };
        self.registry.events.info(T::EVENTS[1], || {
            let named = InNamespace { name_old: name.to_owned(), ..InNamespace::unchanged(namespace, updated.name()) };
            T::payload(named, &updated, None)
        });
        Ok(updated)
    }

    pub(super) async fn delete_item<T: Item>(&self, namespace: &str, name: &str) -> Result<(), Error> {
        self.refuse_read_only()?;
        let Within { namespace: seen, found } = self.find::<T>(T::REMOVE, namespace, name).await?;
        refuse_protected(&seen, T::WHAT, name)?;
        let change = T::change(namespace, ItemChange::Remove(name.to_owned()));
        self.remove(&seen, change, || no_item::<T>(namespace, name)).await?;
        let named = || InNamespace::unchanged(namespace, name);
        self.registry.events.info(T::EVENTS[2], || T::payload(named(), &found, Some(now())));
        Ok(())
    }

    pub(super) fn tell_added<T: Item>(&self, namespace: &str, added: &Recorded<T>) {
        let named = || InNamespace::unchanged(namespace, added.name());
        self.registry.events.info(T::EVENTS[0], || T::payload(named(), added, None));
    }
}

fn no_item<T: Item>(namespace: &str, name: &str) -> String {
    format!("The metadata definition {} with name={name} was not found in namespace={namespace}.", T::WHAT)
}

pub(super) fn missing<T: Item>(namespace: &str, name: &str) -> Error {
    Error::NotFound(no_item::<T>(namespace, name))
}

pub(super) fn taken<T: Item>(namespace: &str, name: &str) -> String {
    format!("A {} with name={name} already exists in namespace={namespace}.", T::TAKEN)
}
