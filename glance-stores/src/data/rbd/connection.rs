//! The way to a cluster: connecting when it is first needed, and calls that block.
//!
//! librados tries for ever where nothing says otherwise. Here, whatever its configuration file leaves
//! unlimited gets a limit, and behind that stands a deadline of our own, after which a caller is told that the
//! cluster is not reachable. The call itself may hang on then, so calls run on threads of their own, not on
//! the runtime's: a cluster that is down takes [`THREADS`] of them and no more, and keeps no program from
//! ending.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::error::timed_out;
use super::ffi::{CephError, Cluster, Libraries, Login, Onlooker, Progress, errno};
use super::limits::{deadline, login};

/// Calls to one cluster that may block at the same time.
const THREADS: usize = 16;

/// A connection to one cluster, shared by all stores that connect to it in the same way.
pub(super) struct Connection {
    login: Login,
    deadline: Duration,
    threads: Arc<Semaphore>,
    attempt: Mutex<Option<Attempt>>,
    fsid: OnceLock<String>,
}

type Attempt = Shared<BoxFuture<'static, Result<&'static Cluster, CephError>>>;

impl Connection {
    /// The connection for these options of a store. Nothing is connected yet.
    pub(super) fn shared(user: Option<String>, conf: Option<PathBuf>, seconds: Option<u32>) -> Arc<Self> {
        static SHARED: Mutex<Option<HashMap<Login, Arc<Connection>>>> = Mutex::new(None);
        let login = login(user, conf, seconds);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = shared.get_or_insert_default().entry(login.clone());
        Arc::clone(shared.or_insert_with(|| Arc::new(Self::new(login, deadline(seconds)))))
    }

    fn new(login: Login, deadline: Duration) -> Self {
        let threads = Arc::new(Semaphore::new(THREADS));
        Self { login, deadline, threads, attempt: Mutex::default(), fsid: OnceLock::new() }
    }

    /// The cluster's id, once there was a connection.
    pub(super) fn fsid(&self) -> Option<&str> {
        self.fsid.get().map(String::as_str)
    }

    /// Runs `work`, which may block, and waits for what it comes to. What nobody waits for any more is
    /// dropped by the thread, and does not begin another [step](Progress::next_step).
    ///
    /// # Errors
    ///
    /// Those of `work`; a time-out if there is no connection in time, or `work` makes no progress.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&'static Cluster, &Progress) -> Result<T, CephError> + Send + 'static,
    ) -> Result<T, CephError> {
        let cluster = self.cluster().await?;
        let permit = self.within("a free thread", Arc::clone(&self.threads).acquire_owned()).await?;
        let progress = Arc::new(Progress::default());
        let onlooker = Onlooker(Arc::clone(&progress));
        let result = on_a_thread(move || {
            let _permit = permit;
            work(cluster, &progress)
        })?;
        let result = self.watched(result, &onlooker.0).await;
        if result.as_ref().is_err_and(|error| error.is(errno::SHUT_DOWN)) {
            // A cluster that has shut this client out does not take the same one back.
            self.forget();
        }
        result
    }

    /// What `operation` comes to, unless it takes too long.
    pub(super) async fn within<T, E: Into<Hindrance>>(
        &self,
        what: &'static str,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CephError> {
        let done = timeout(self.deadline, operation).await.map_err(|_| timed_out(what))?;
        done.map_err(|error| error.into().0)
    }

    /// How long anything may take that shows no progress.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    async fn cluster(&self) -> Result<&'static Cluster, CephError> {
        let attempt = self.attempt();
        let connected = self.within("connecting to the cluster", attempt.clone()).await;
        match &connected {
            Ok(cluster) => {
                let _ = self.fsid.set(cluster.fsid().to_owned());
            }
            // The next to come tries again. As long as an attempt is under way, there is no other.
            Err(_) => drop(self.lock().take_if(|current| current.ptr_eq(&attempt) && attempt.peek().is_some())),
        }
        connected
    }

    fn attempt(&self) -> Attempt {
        self.lock().get_or_insert_with(|| connecting(self.login.clone()).boxed().shared()).clone()
    }

    fn forget(&self) {
        self.lock().take_if(|current| current.peek().is_some());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Attempt>> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a thread for as long as it gets on.
    async fn watched<T>(
        &self,
        mut result: oneshot::Receiver<Result<T, CephError>>,
        progress: &Progress,
    ) -> Result<T, CephError> {
        loop {
            let steps = progress.steps();
            match timeout(self.deadline, &mut result).await {
                Ok(result) => return result.unwrap_or_else(|_| Err(timed_out("a thread that is gone"))),
                Err(_) if progress.steps() == steps => return Err(timed_out("a call to the cluster")),
                Err(_) => {}
            }
        }
    }
}

/// Why something that [`Connection::within`] waited for did not work.
pub(super) struct Hindrance(CephError);

impl From<CephError> for Hindrance {
    fn from(error: CephError) -> Self {
        Self(error)
    }
}

impl From<tokio::sync::AcquireError> for Hindrance {
    fn from(_: tokio::sync::AcquireError) -> Self {
        Self(timed_out("a free thread"))
    }
}

async fn connecting(login: Login) -> Result<&'static Cluster, CephError> {
    let connected = on_a_thread(move || Cluster::connect(Libraries::get()?, &login))?;
    connected.await.unwrap_or_else(|_| Err(timed_out("a thread that is gone")))
}

/// Runs `work` on a thread of its own, which begins at once.
fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CephError> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, CephError>>, CephError> {
    let (tell, result) = oneshot::channel();
    let run = move || drop(tell.send(work()));
    match thread::Builder::new().name("rbd".to_owned()).spawn(run) {
        Ok(_) => Ok(result),
        Err(cause) => {
            let code = cause.raw_os_error().unwrap_or(errno::TIMED_OUT);
            Err(CephError::Call { call: "starting a thread", code })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unconnected() -> Connection {
        Connection::new(login(None, Some("/nonexistent/ceph.conf".into()), Some(1)), Duration::from_millis(200))
    }

    #[test]
    fn stores_that_connect_alike_share_a_connection() {
        let shared = |user: &str, seconds| Connection::shared(Some(user.into()), Some("/c".into()), seconds);
        assert!(Arc::ptr_eq(&shared("glance", None), &shared("glance", None)));
        assert!(!Arc::ptr_eq(&shared("glance", None), &shared("nova", None)));
        assert!(!Arc::ptr_eq(&shared("glance", None), &shared("glance", Some(5))));
    }

    #[tokio::test]
    async fn a_thread_that_hangs_is_not_waited_for() {
        let connection = unconnected();
        let (end, waiting) = std::sync::mpsc::channel::<()>();
        let hanging = on_a_thread(move || {
            let _ = waiting.recv();
            Ok(())
        })
        .unwrap();
        let result = connection.watched(hanging, &Progress::default()).await;
        assert!(result.is_err_and(|error| error.is(errno::TIMED_OUT)));
        drop(end);
    }

    #[tokio::test]
    async fn a_thread_that_gets_on_is_waited_for() {
        let connection = unconnected();
        let (progress, steps) = (Arc::new(Progress::default()), 5);
        let working = Arc::clone(&progress);
        let work = move || {
            // Each step is shorter than the deadline, all of them are longer.
            (0..steps).for_each(|_| {
                thread::sleep(Duration::from_millis(120));
                working.step();
            });
            Ok(progress_of(&working))
        };
        let result = on_a_thread(work).unwrap();
        assert_eq!(connection.watched(result, &progress).await.unwrap(), steps);
    }

    fn progress_of(progress: &Progress) -> u64 {
        progress.steps()
    }

    #[tokio::test]
    async fn calls_beyond_the_limit_are_refused_and_not_piled_up() {
        let connection = unconnected();
        let permits = Arc::clone(&connection.threads).acquire_many_owned(u32::try_from(THREADS).unwrap()).await;
        let waited = connection.within("a free thread", Arc::clone(&connection.threads).acquire_owned()).await;
        assert!(waited.is_err_and(|error| error.is(errno::TIMED_OUT)));
        drop(permits);
        assert!(connection.within("a free thread", Arc::clone(&connection.threads).acquire_owned()).await.is_ok());
    }

    #[tokio::test]
    async fn a_result_that_nobody_waits_for_is_dropped_by_its_thread() {
        let (kept, hold) = (Arc::new(()), std::sync::mpsc::channel::<()>());
        let result = Arc::clone(&kept);
        let waiting = on_a_thread(move || {
            let _ = hold.1.recv();
            Ok(result)
        })
        .unwrap();
        drop(waiting);
        drop(hold.0);
        while Arc::strong_count(&kept) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
