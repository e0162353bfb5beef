//! Users of this server's own, with passwords (`OS_AUTH_TYPE=http_basic`).
//!
//! Checking a password is slow on purpose, so that stolen hashes are of little use. It happens away from the
//! threads that serve, a few at a time, and what was right is remembered for a while. Whether a user exists
//! shows neither in the answer nor in how long it takes.

mod files;
mod line;
mod proven;
mod rewrite;
mod throttle;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use glance_core::RequestContext;
use glance_core::digest::{HashAlgorithm, Hasher};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::files::Users;
pub use self::files::{BadUsers, Grant, UserFiles};
use self::line::Line;
use self::proven::Proven;
use self::throttle::Throttle;
use super::AuthError;
use super::flights::Flights;
use super::headers::Headers;
use crate::sight::Sight;

/// The longest password that bcrypt takes in whole, in bytes.
const LONGEST: usize = 72;

/// Users who prove themselves with a password.
pub struct BasicAuth {
    files: UserFiles,
    seen: Mutex<[Sight; 2]>,
    users: ArcSwap<Users>,
    /// Known to this process alone, so that what is remembered of passwords cannot be tried elsewhere.
    salt: String,
    proven: Mutex<Proven>,
    throttle: Mutex<Throttle>,
    flights: Flights<String, Result<bool, AuthError>>,
    hashing: Arc<Semaphore>,
    waiting: Line,
}

impl BasicAuth {
    /// The users of these files. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadUsers`] if a file cannot be read or used.
    pub fn open(files: UserFiles) -> Result<Self, BadUsers> {
        let seen = files.look();
        let users = Users::read(&files)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            files,
            seen: Mutex::new(seen),
            users: ArcSwap::from_pointee(users),
            salt: format!("{}{}", Uuid::new_v4(), Uuid::new_v4()),
            proven: Mutex::default(),
            throttle: Mutex::default(),
            flights: Flights::default(),
            hashing: Arc::new(Semaphore::new(threads.div_ceil(2).min(4))),
            waiting: Line::default(),
        })
    }

    /// Reads the files anew if they changed since they were read last, and says whether they did. Blocks.
    ///
    /// # Errors
    ///
    /// [`BadUsers`], and the users stay as they were. A file that cannot be read is tried again the next time; one
    /// that makes no sense, when it changes.
    pub fn follow(&self) -> Result<bool, BadUsers> {
        let sight = self.files.look();
        let mut seen = lock(&self.seen);
        if *seen == sight {
            return Ok(false);
        }
        let read = Users::read(&self.files);
        if !matches!(read, Err(BadUsers::File { .. })) {
            *seen = sight;
        }
        self.users.store(Arc::new(read?));
        Ok(true)
    }

    pub(super) async fn context(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<RequestContext, AuthError> {
        let (name, password) = credentials(headers).ok_or(AuthError::Unauthenticated)?;
        let users = self.users.load_full();
        let user = users.get(&name);
        // Somebody unknown is held against the hash of one who is known, always the same: that takes as long.
        let hash = user.map_or_else(|| users.decoy(&self.proof(&name, "", "")), |user| user.hash.as_str());
        let proof = self.proof(&name, hash, &password);
        if !lock(&self.proven).knows(&proof, Instant::now()) {
            let work = self.check(&name, user.is_some(), hash.to_owned(), password, peer);
            if !self.flights.share(proof.clone(), work).await? {
                return Err(AuthError::Unauthenticated);
            }
            lock(&self.proven).remember(proof, Instant::now());
        }
        match user.and_then(|user| user.grant.as_ref()) {
            Some(grant) => Ok(RequestContext::new(name, &grant.project, &grant.roles)),
            None => Err(AuthError::Unauthenticated),
        }
    }

    /// Whether the password is right. It counts as wrong until it turns out not to be, also if
    /// whoever sent it does not wait for the outcome.
    async fn check(
        &self,
        name: &str,
        is_known: bool,
        hash: String,
        password: String,
        peer: Option<IpAddr>,
    ) -> Result<bool, AuthError> {
        let busy = || AuthError::Unavailable(Arc::new(Busy));
        let place = throttle::place(peer, name);
        let _seat = self.waiting.enter(place.0).ok_or_else(busy)?;
        let pause = lock(&self.throttle).attempt(place.clone(), Instant::now());
        if let Some(pause) = pause {
            return Err(AuthError::Throttled { seconds: pause.as_secs().max(1) });
        }
        let permit = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| busy())?;
        let checked = tokio::task::spawn_blocking(move || {
            let is_right = is_password(&password, &hash);
            drop(permit);
            is_right && is_known
        });
        let is_right = checked.await.map_err(|error| AuthError::Unavailable(Arc::new(error)))?;
        if is_right {
            lock(&self.throttle).succeeded(&place);
        } else {
            tracing::warn!(peer = peer.map(tracing::field::display), "a wrong user or password");
        }
        Ok(is_right)
    }

    /// What stands for a password where it is remembered: no use to whoever does not know the salt.
    fn proof(&self, name: &str, hash: &str, password: &str) -> String {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        for part in [&self.salt, name, hash, password] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finish()
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("files", &self.files).finish_non_exhaustive()
    }
}

/// More passwords are to be checked than the server has time for.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("too many passwords wait to be checked")]
struct Busy;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The user and the password of `Authorization: Basic` (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let headers = Headers(headers);
    let (scheme, encoded) = headers.one(AUTHORIZATION.as_str())??.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Whether `hash` is one of `password`. Takes as long for a password that bcrypt would cut.
pub(super) fn is_password(password: &str, hash: &str) -> bool {
    let fits = password.len() <= LONGEST && !password.contains('\0');
    let cut = &password.as_bytes()[..password.len().min(LONGEST)];
    let matches = bcrypt::verify(cut, hash).unwrap_or(false);
    matches && fits
}

#[cfg(test)]
mod tests;
