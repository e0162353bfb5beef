//! What a caller may do to protected properties.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Images;
use crate::RequestContext;
use crate::database::Filter;
use crate::error::Error;
use crate::image::patch::{self, Verb};
use crate::image::{Image, fields};
use crate::policy::Policy;
use crate::protection::{Operation, PropertyProtections};

/// The properties that a caller may read, each looked up once while a call lasts.
pub(super) struct Readable<'a> {
    protections: Option<Arc<PropertyProtections>>,
    policy: Arc<Policy>,
    caller: &'a RequestContext,
    known: HashMap<String, bool>,
}

impl Readable<'_> {
    /// Takes away what the caller may not read.
    pub(super) fn keep_readable(&mut self, image: &mut Image) {
        if self.protections.is_some() {
            image.properties.retain(|name, _| self.is(name));
        }
    }

    fn is(&mut self, name: &str) -> bool {
        let Some(protections) = &self.protections else { return true };
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let readable = protections.allow(Operation::Read, name, &self.policy, self.caller);
        self.known.insert(name.to_owned(), readable);
        readable
    }
}

impl<'a> Images<'a> {
    pub(super) fn readable(&self) -> Readable<'a> {
        Readable {
            protections: self.registry.protections.load_full(),
            policy: self.registry.policy.load_full(),
            caller: self.context,
            known: HashMap::new(),
        }
    }

    fn may(&self, operation: Operation, name: &str) -> bool {
        let protections = self.registry.protections.load();
        protections
            .as_ref()
            .is_none_or(|protections| protections.allow(operation, name, &self.registry.policy.load(), self.context))
    }

    /// Whether the caller may create every property of a new image.
    pub(super) fn allow_new_properties(&self, properties: &BTreeMap<String, Option<String>>) -> Result<(), Error> {
        match properties.keys().find(|name| !self.may(Operation::Create, name)) {
            Some(name) => Err(protected(name)),
            None => Ok(()),
        }
    }

    /// Whether the caller may do to a custom property what a step of a patch says. One that the caller may not read is
    /// not there to be replaced or removed; and it is not overwritten.
    pub(super) fn allow_property(&self, image: &Image, step: &patch::Operation) -> Result<(), Error> {
        let name = step.name.as_str();
        if fields::is_attribute(name) {
            return Ok(());
        }
        let present = image.properties.contains_key(name);
        let visible = present && self.may(Operation::Read, name);
        let allowed = match step.verb {
            Verb::Replace | Verb::Remove if !visible => {
                return Err(Error::Conflict(format!("property {name} does not exist")));
            }
            Verb::Remove => self.may(Operation::Delete, name),
            Verb::Replace => self.may(Operation::Update, name),
            Verb::Add | Verb::AddNew if visible => self.may(Operation::Update, name),
            Verb::Add | Verb::AddNew => !present && self.may(Operation::Create, name),
        };
        if allowed { Ok(()) } else { Err(protected(name)) }
    }

    /// The filters of a list. A property that the caller may not read has no value that it could be found by: else,
    /// lists would tell what views do not.
    pub(super) fn readable_filters(&self, filters: &[Filter]) -> Vec<Filter> {
        let mut readable = self.readable();
        let filter = |filter: &Filter| match filter {
            Filter::Property(name, _) if !readable.is(name) => Filter::Nothing,
            other => other.clone(),
        };
        filters.iter().map(filter).collect()
    }
}

fn protected(name: &str) -> Error {
    Error::Forbidden(format!("property {name:?} is protected"))
}
