//! The store against a web server that others wrote: `GLANCE_TEST_WEB`, its address as
//! `http://host:port`. `tests/backends/web` starts one with what these tests ask for.

use super::*;

/// What `/noise` holds: 3 MiB and 7 bytes that tell where they lie.
const SIZE: usize = 3 * 1024 * 1024 + 7;

/// Runs a case if there is such a server.
fn with(case: impl AsyncFnOnce(&str)) {
    let Some(address) = glance_core::conformance::backend("GLANCE_TEST_WEB") else { return };
    glance_core::conformance::run(case(&address));
}

fn place(address: &str, path: &str) -> Location {
    Location::new(format!("{address}{path}"))
}

#[test]
fn a_real_server_serves_every_range() {
    with(async |address| {
        let (store, at, all) = (store(), place(address, "/noise"), data(SIZE));
        let size = SIZE as u64;
        assert_eq!(store.size(&at).await.unwrap(), size);
        assert!(store.read(&at, ByteRange::ALL).await.unwrap() == all);
        let starts = [0, 1, 511, 4096, 1 << 20, size - 1];
        for start in starts {
            for end in starts.into_iter().chain([start + 1, size, size + 1, u64::MAX]).filter(|end| *end >= start) {
                let cut = usize::try_from(start).unwrap()..usize::try_from(end.min(size)).unwrap();
                assert!(store.read(&at, range(start, end)).await.unwrap() == all[cut], "{start}-{end}");
            }
        }
        for start in [size, size + 1, u64::MAX] {
            let read = store.get(&at, range(start, None)).await;
            assert!(matches!(read, Err(StoreError::OutOfRange { size: told, .. }) if told == size), "{read:?}");
        }
    });
}

#[test]
fn a_real_server_without_ranges_serves_every_range_too() {
    with(async |address| {
        let (store, at, all) = (store(), place(address, "/norange/noise"), data(SIZE));
        assert!(store.read(&at, range(1 << 20, (1 << 20) + 9)).await.unwrap() == all[1 << 20..(1 << 20) + 9]);
        let read = store.get(&at, range(SIZE as u64, None)).await;
        assert!(matches!(read, Err(StoreError::OutOfRange { .. })), "{read:?}");
    });
}

#[test]
fn a_real_server_says_what_is_missing_forbidden_or_elsewhere() {
    with(async |address| {
        let store = store();
        let size = |path: &str| {
            let (store, at) = (store.clone(), place(address, path));
            async move { store.size(&at).await }
        };
        assert!(matches!(size("/missing").await, Err(StoreError::NotFound { .. })));
        assert!(matches!(size("/forbidden").await, Err(StoreError::Denied { .. })));
        assert_eq!(size("/empty").await.unwrap(), 0);
        assert_eq!(size("/moved").await.unwrap(), SIZE as u64);
        assert!(matches!(size("/round").await, Err(StoreError::Failed { .. })));
        assert!(matches!(size("/broken").await, Err(StoreError::Unavailable { .. })));
    });
}

#[test]
fn a_real_server_asks_for_credentials() {
    with(async |address| {
        let store = store();
        let with = |pair: &str| place(&address.replace("http://", &format!("http://{pair}@")), "/private/noise");
        assert!(store.read(&with("reader:secret"), range(5, 9)).await.unwrap() == data(9)[5..]);
        for refused in [place(address, "/private/noise"), with("reader:wrong")] {
            let read = store.get(&refused, ByteRange::ALL).await;
            assert!(matches!(read, Err(StoreError::Denied { .. })), "{read:?}");
        }
    });
}
