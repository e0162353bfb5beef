//! Stores as callers use them: with accounts of their own, where a store keeps data in those.

use std::sync::Arc;

use super::Registry;
use crate::context::RequestContext;
use crate::image::Readers;
use crate::location::Location;
use crate::store::{Store, StoreError};
use crate::stores::NamedStore;

/// What becomes of data when an image is deleted or shared.
#[derive(Clone, Copy)]
pub(super) enum OnData<'a> {
    /// It is removed.
    Delete(&'a Location),
    /// These may read it.
    SetReaders(&'a Location, &'a Readers),
}

impl Registry {
    /// The store as the caller uses it.
    ///
    /// # Errors
    ///
    /// As [`Store::for_caller`].
    pub(super) async fn for_caller(
        &self,
        named: &NamedStore,
        context: &RequestContext,
    ) -> Result<Arc<dyn Store>, StoreError> {
        Ok(named.store.for_caller(context).await?.unwrap_or_else(|| Arc::clone(&named.store)))
    }

    /// Does as the caller what follows from a call that was allowed; where the store does not let the caller, or nobody
    /// calls, with the account of this server: who may delete or share an image need not own the place of its data.
    ///
    /// # Errors
    ///
    /// Those of the call on the store, and of [`Store::for_caller`].
    pub(super) async fn as_caller_or_server(
        &self,
        caller: Option<&RequestContext>,
        named: &NamedStore,
        work: OnData<'_>,
    ) -> Result<(), StoreError> {
        let view = match caller {
            Some(context) => named.store.for_caller(context).await,
            None => Ok(None),
        };
        let done = match view {
            Ok(Some(view)) => work.run(&*view).await,
            Ok(None) => return work.run(&*named.store).await,
            Err(error) => Err(error),
        };
        match done {
            Err(StoreError::Denied { .. }) => work.run(&*named.store).await,
            done => done,
        }
    }
}

impl OnData<'_> {
    async fn run(self, store: &dyn Store) -> Result<(), StoreError> {
        match self {
            Self::Delete(at) => store.delete(at).await,
            Self::SetReaders(at, readers) => store.set_readers(at, readers).await,
        }
    }
}
