//! From the calls of the facade to who listens.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Event, EventType, ImagePayload, ImportLists, Notifier, Payload, Priority};
use crate::image::Image;

/// Tells events, and costs nothing while nobody listens: payloads are made for those who do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Emitter(Option<Arc<Listener>>);

#[derive(Debug)]
struct Listener {
    notifier: Arc<dyn Notifier>,
    disabled: Vec<EventType>,
}

impl Emitter {
    /// Tells `notifier` of all but what `disabled` names.
    pub(crate) fn new(notifier: Arc<dyn Notifier>, disabled: &[String]) -> Self {
        let is_disabled = |event: &&EventType| disabled.iter().any(|name| event.is_meant_by(name));
        let disabled = EventType::ALL.iter().filter(is_disabled).copied().collect();
        Self(Some(Arc::new(Listener { notifier, disabled })))
    }

    pub(crate) fn wants(&self, event: EventType) -> bool {
        self.0.as_ref().is_some_and(|listener| !listener.disabled.contains(&event))
    }

    pub(crate) fn tell(&self, event_type: EventType, priority: Priority, payload: impl FnOnce() -> Payload) {
        if let Some(listener) = self.0.as_ref().filter(|_| self.wants(event_type)) {
            listener.notifier.notify(Event { event_type, priority, payload: payload() });
        }
    }

    /// Something was done.
    pub(crate) fn info(&self, event: EventType, payload: impl FnOnce() -> Payload) {
        self.tell(event, Priority::Info, payload);
    }

    /// Something was done with an image.
    pub(crate) fn image(&self, event: EventType, image: &Image) {
        self.info(event, || ImagePayload::of(image).into());
    }

    /// An image was deleted, and ended as `image`.
    pub(crate) fn image_deleted(&self, image: &Image, at: Timestamp) {
        self.info(EventType::ImageDelete, || ImagePayload::of(image).deleted(at).into());
    }

    /// Data is about to go to a store, or is there; `backend` names the store where stores have names.
    pub(crate) fn data(&self, event: EventType, image: &Image, backend: Option<&str>) {
        self.info(event, || {
            let imports = Some(ImportLists::of(image));
            ImagePayload { imports, backend: backend.map(str::to_owned), ..ImagePayload::of(image) }.into()
        });
    }

    /// Data did not get into a store.
    pub(crate) fn upload_failed(&self, image: &Image, why: &dyn std::fmt::Display) {
        self.tell(EventType::ImageUpload, Priority::Error, || {
            Payload::Text(format!("Failed to upload data of image {}: {why}", image.id))
        });
    }
}
