//! What librados is told before it connects, above all how long anything may take.

use std::path::PathBuf;
use std::time::Duration;

use super::ffi::Login;

/// Seconds an operation on an object may take, where the configuration of Ceph sets no limit.
const OPERATION: u32 = 60;
/// Seconds until connecting is given up, and a question to a monitor, where that configuration says nothing.
const CONNECT: u32 = 30;
/// What `client_mount_timeout` is where it says nothing.
const CONNECT_OF_CEPH: u32 = 300;

/// What librados is told. `rados_connect_timeout` limits everything, as in the reference, and 0 nothing.
pub(super) fn login(user: Option<String>, conf: Option<PathBuf>, seconds: Option<u32>) -> Login {
    const OPERATIONS: &str = "rados_osd_op_timeout";
    const QUESTIONS: &str = "rados_mon_op_timeout";
    const CONNECTING: &str = "client_mount_timeout";
    const THREADS: &str = "librados_thread_count";
    let mut settings = vec![
        // A write counts when the cluster has it, not when it is in memory here.
        ("rbd_cache", "false".to_owned()),
        // What is written does not change any more, so it need not be copied first.
        ("rbd_disable_zero_copy_writes", "false".to_owned()),
    ];
    // With one thread, a snapshot cannot be unprotected (see `Pool::turn_to_unprotect`).
    let mut limits = vec![(THREADS, 1, 2.to_string())];
    match seconds {
        Some(seconds) => {
            settings.extend([OPERATIONS, QUESTIONS, CONNECTING].map(|name| (name, seconds.to_string())));
        }
        None => limits.extend([
            (OPERATIONS, 0, OPERATION.to_string()),
            (QUESTIONS, 0, CONNECT.to_string()),
            (CONNECTING, CONNECT_OF_CEPH, CONNECT.to_string()),
        ]),
    }
    Login { user, conf, settings, limits }
}

/// Twice what librados gets, so that its own answer, which says more, comes first.
pub(super) fn deadline(seconds: Option<u32>) -> Duration {
    let seconds = seconds.filter(|seconds| *seconds > 0).unwrap_or(OPERATION);
    Duration::from_secs(u64::from(seconds) * 2 + 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_limits_everything_and_0_nothing() {
        let named =
            |login: &Login, name: &str| login.settings.iter().find(|set| set.0 == name).map(|set| set.1.clone());
        for seconds in [0, 7] {
            let login = login(None, None, Some(seconds));
            for name in ["rados_osd_op_timeout", "rados_mon_op_timeout", "client_mount_timeout"] {
                assert_eq!(named(&login, name), Some(seconds.to_string()));
            }
            assert_eq!(login.limits.len(), 1, "that of threads");
        }
        let unset = login(None, None, None);
        assert_eq!(named(&unset, "rados_osd_op_timeout"), None);
        assert_eq!(unset.limits.len(), 4);
        assert!(deadline(Some(7)) > Duration::from_secs(7) && deadline(Some(0)) > Duration::ZERO);
    }
}
