//! What a server does besides answering.

use std::convert::Infallible;
use std::time::Duration;

use glance_core::Glance;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::logging::Log;
use super::policy::Files;
use crate::auth::Identity;
use crate::process::Machine;

/// Between two looks at what other processes left behind.
const RECOVERY: Duration = Duration::from_secs(10);

/// Between two looks at the files of users.
const USERS: Duration = Duration::from_secs(2);

/// Between two looks at the policy files.
const POLICY: Duration = Duration::from_secs(5);

/// Unwinds or finishes what processes left that are no more.
pub(super) async fn recover(glance: &Glance, machine: Option<&Machine>) {
    let is_dead = |name: &str| machine.is_some_and(|machine| machine.knows_dead(name));
    match glance.recover(is_dead).await {
        Ok(done) if done == glance_core::catalogue::Recovered::default() => {}
        Ok(done) => {
            info!(
                uploads = done.uploads,
                removals = done.removals,
                left = done.left,
                "put in order what was left behind"
            );
        }
        Err(error) => warn!(%error, "cannot look for what was left behind"),
    }
}

/// Does so again and again.
pub(super) async fn keep_recovering(glance: Glance, machine: Option<Machine>) -> Infallible {
    loop {
        tokio::time::sleep(RECOVERY).await;
        recover(&glance, machine.as_ref()).await;
    }
}

/// Puts the policy in force anew when its files change and when `SIGHUP` asks for it, which also
/// has the log file opened anew.
pub(super) async fn follow_policy(glance: Glance, mut files: Files, log: Log) -> Infallible {
    let mut hangup = signal(SignalKind::hangup()).inspect_err(|error| warn!(%error, "cannot listen for SIGHUP")).ok();
    loop {
        let asked = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            _ = asked => true,
            () = tokio::time::sleep(POLICY) => false,
        };
        if asked {
            log.reopen();
        }
        // A few small local files, every few seconds.
        if asked || tokio::task::block_in_place(|| files.changed()) {
            match tokio::task::block_in_place(|| files.load()) {
                Ok(policy) => {
                    glance.set_policy(policy);
                    info!("policy read anew");
                }
                Err(error) => warn!(%error, "the policy stays as it was"),
            }
        }
    }
}

/// Takes over users as their files change.
pub(super) async fn follow_users(identity: Identity) -> Infallible {
    let Identity::Basic(users) = identity else { return std::future::pending().await };
    let mut said = String::new();
    loop {
        tokio::time::sleep(USERS).await;
        match tokio::task::block_in_place(|| users.follow()) {
            Ok(true) => {
                said.clear();
                info!("users read anew");
            }
            Ok(false) => {}
            // What cannot be read is tried again each time.
            Err(error) if error.to_string() == said => {}
            Err(error) => {
                warn!(%error, "the users stay as they were");
                said = error.to_string();
            }
        }
    }
}
