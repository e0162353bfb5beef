//! What a server does besides answering.

use std::convert::Infallible;
use std::time::Duration;

use glance_core::Glance;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::logging::Log;
use super::policy::{Files, Reloaded};
use crate::auth::Identity;
use crate::http::Tls;
use crate::process::Machine;

/// Between two looks at what other processes left behind.
const RECOVERY: Duration = Duration::from_secs(10);

/// Between two looks at the files of users.
const USERS: Duration = Duration::from_secs(2);

/// Between two looks at the policy files.
const POLICY: Duration = Duration::from_secs(5);

/// Between two looks at the files of TLS.
const CERTIFICATE: Duration = Duration::from_secs(5);

/// Unwinds or finishes what processes left that are no more.
pub(super) async fn recover(glance: &Glance, machine: Option<&Machine>) {
    let is_dead = |name: &str| machine.is_some_and(|machine| machine.knows_dead(name));
    match glance.recover(is_dead).await {
        Ok(done) if done == glance_core::catalogue::Recovered::default() => {}
        Ok(done) => {
            info!(
                uploads = done.uploads,
                registrations = done.registrations,
                removals = done.removals,
                readers = done.told,
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

/// Puts the policy and the property protections in force anew when their files change and when `SIGHUP` asks for it, which also
/// has the log file opened anew.
pub(super) async fn follow_policy(glance: Glance, mut files: Files, log: Log, mut hangups: Hangups) -> Infallible {
    let mut said = Vec::new();
    loop {
        let asked = hangups.next_within(POLICY).await;
        if asked {
            log.reopen();
            said.clear();
        }
        // A few small local files, every few seconds.
        if asked || tokio::task::block_in_place(|| files.changed()) {
            let Reloaded { failures, findings } = tokio::task::block_in_place(|| files.reload(&glance));
            for error in failures.iter().filter(|error| !said.contains(*error)) {
                warn!("{error}");
            }
            let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
            for finding in findings.iter().filter(|finding| !said.contains(*finding)) {
                warn!("{finding}");
            }
            if failures.is_empty() {
                info!("policy read anew");
            }
            // What cannot be read for now is tried again each time.
            said = [failures, findings].concat();
        }
    }
}

/// `SIGHUP`, which asks for everything to be read anew. From [`Hangups::listen`] on it no longer ends the process.
pub(super) struct Hangups(Option<Signal>);

impl Hangups {
    pub(super) fn listen() -> Self {
        Self(signal(SignalKind::hangup()).inspect_err(|error| warn!(%error, "cannot listen for SIGHUP")).ok())
    }

    /// Waits for the signal; `false` if it did not come in `time`.
    async fn next_within(&mut self, time: Duration) -> bool {
        let Some(signal) = &mut self.0 else {
            tokio::time::sleep(time).await;
            return false;
        };
        tokio::time::timeout(time, signal.recv()).await.is_ok()
    }
}

/// Shows new connections a new certificate when its files change and when `SIGHUP` asks for it.
pub(super) async fn follow_certificate(tls: Option<Tls>, mut hangups: Hangups) -> Infallible {
    let Some(tls) = tls else { return std::future::pending().await };
    let mut said = String::new();
    loop {
        let asked = hangups.next_within(CERTIFICATE).await;
        let read = tokio::task::block_in_place(|| if asked { tls.reload().map(|()| true) } else { tls.follow() });
        match read {
            Ok(true) => {
                said.clear();
                info!("certificate read anew");
                if tls.files().key_is_exposed() {
                    warn!(file = %tls.files().key.display(), "others than its owner may read the key");
                }
            }
            Ok(false) => {}
            Err(error) if !asked && error.to_string() == said => {}
            Err(error) => {
                warn!(%error, "the certificate stays as it was");
                said = error.to_string();
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
