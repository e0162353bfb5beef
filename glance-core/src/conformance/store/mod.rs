//! What every [`Store`] has to do: [`store_conformance!`](crate::store_conformance).

mod broken;
mod copy;
mod put;
mod read;
mod remove;
mod source;
mod tidy;

pub use broken::*;
pub use copy::*;
pub use put::*;
pub use read::*;
pub use remove::*;
pub(super) use source::{breaking, noise, stalling, trickle};
pub use tidy::{Tidy, nowhere_to_look};

use crate::image::ImageId;
use crate::location::Location;
use crate::store::{Store, StoreError, StoreExt, stream_of};
use bytes::Bytes;

/// Makes a test of each case of the suite.
///
/// Takes an expression that can be called as `|| (backend, store)`, once for each case: a store
/// without data, and whatever has to live as long as it does. It is called inside a `tokio`
/// runtime. A store without some capability is asked to refuse what it cannot do.
///
/// And one that can be called as `async |&backend| -> Vec<String>`, which names all that lies in the backend, whatever
/// it is to the store: after a case and the removal of the data that the store knows, nothing may be left. A store in
/// memory takes [`nowhere_to_look`](crate::conformance::store::nowhere_to_look).
///
/// A backend that has to be running is asked for as `live "VARIABLE", |settings| async { (backend,
/// store) }`: see [`backend`](crate::conformance::backend).
///
/// ```
/// # use glance_core::memory::MemoryStore;
/// mod suite {
///     # use glance_core::memory::MemoryStore;
///     glance_core::store_conformance!(
///         || ((), MemoryStore::new("suite")),
///         glance_core::conformance::store::nowhere_to_look
///     );
/// }
/// ```
#[macro_export]
macro_rules! store_conformance {
    (live $variable:expr, $make:expr, $names:expr $(,)?) => {
        $crate::store_conformance! { @each (live $variable, $make, $names) }
    };
    ($make:expr, $names:expr $(,)?) => {
        $crate::store_conformance! { @each (here $make, $names) }
    };
    (@each $how:tt) => {
        $crate::store_conformance! { @tests $how;
            data_comes_back_as_it_went_in
            data_of_unknown_length_comes_back
            no_data_is_data_too
            odd_chunks_add_up
            zeros_come_back_as_zeros
            less_data_than_announced_is_refused
            more_data_than_announced_is_refused_as_soon_as_it_shows
            a_second_put_is_refused_and_the_first_data_stays
            of_puts_at_once_one_wins
            a_store_that_only_reads_refuses_data
            a_source_that_breaks_leaves_nothing
            an_error_behind_the_announced_bytes_counts
            a_refused_length_leaves_nothing
            a_dropped_put_leaves_nothing
            a_put_nobody_polls_does_nothing
            every_range_is_cut_to_the_data
            a_range_behind_the_data_is_refused
            a_reading_says_how_long_it_is
            an_offered_file_holds_the_data
            missing_data_is_not_found
            a_location_of_another_store_is_refused
            a_reading_dropped_halfway_harms_nothing
            readings_at_once_do_not_mix
            data_deleted_while_it_is_read_never_reads_wrong
            deleted_data_is_gone_and_its_id_free
            a_store_that_does_not_delete_refuses_to
            a_copy_outlives_its_source
            a_copy_does_not_replace_data
            a_copy_of_nothing_is_not_found
            discard_removes_finished_data
            discard_removes_what_a_dropped_put_left
            discard_of_nothing_succeeds
            discard_leaves_other_images_alone
        }
    };
    (@tests $how:tt; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::store_conformance! { @run $how $case }
            }
        )*
    };
    (@run (here $make:expr, $names:expr) $case:ident) => {
        $crate::conformance::run(async {
            let (backend, store) = ($make)();
            let store = $crate::conformance::store::Tidy::new(store);
            $crate::conformance::store::$case(&store).await;
            store.leaves_nothing(async || ($names)(&backend).await).await;
        });
    };
    (@run (live $variable:expr, $make:expr, $names:expr) $case:ident) => {
        let Some(settings) = $crate::conformance::backend($variable) else { return };
        $crate::conformance::run(async {
            let (backend, store) = ($make)(settings).await;
            let store = $crate::conformance::store::Tidy::new(store);
            $crate::conformance::store::$case(&store).await;
            store.leaves_nothing(async || ($names)(&backend).await).await;
        });
    };
}

/// Whether a case that writes has anything to ask of the store; one that only reads has to refuse.
async fn writes(store: &dyn Store) -> bool {
    if !store.capabilities().write {
        let refused = store.put(ImageId::random(), Some(1), stream_of(Bytes::from_static(b"x"))).await;
        assert!(matches!(refused, Err(StoreError::Unsupported { .. })), "{refused:?}");
    }
    store.capabilities().write
}

/// Where the data of `id` would lie: the store has to be able to delete to tell.
async fn place_of(store: &dyn Store, id: ImageId) -> Option<Location> {
    if !store.capabilities().delete {
        return None;
    }
    let at = store.write(id, Bytes::from_static(b"gone soon")).await.unwrap().location;
    store.delete(&at).await.unwrap();
    Some(at)
}

/// Asserts that the store holds nothing of `id`: nothing is found, and the id can be put again.
async fn assert_free(store: &dyn Store, id: ImageId, at: Option<&Location>, after: &str) {
    if let Some(at) = at {
        let size = store.size(at).await;
        assert!(matches!(size, Err(StoreError::NotFound { .. })), "{after}: {size:?}");
    }
    let data = source::noise(4099);
    let stored = store.write(id, data.clone()).await;
    let stored = stored.unwrap_or_else(|error| panic!("{after}, the id cannot be put again: {error:?}"));
    assert_holds(store, &stored.location, &data).await;
}

/// Asserts that all the data at `at` is `expected`.
async fn assert_holds(store: &dyn Store, at: &Location, expected: &Bytes) {
    let data = store.read(at, crate::store::ByteRange::ALL).await.unwrap();
    // Not `assert_eq`: megabytes of numbers help nobody.
    assert!(data == *expected, "{} bytes came back, other than the {} written", data.len(), expected.len());
}
