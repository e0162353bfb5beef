//! Taking connections, and letting go of them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, info, warn};

use super::connection::Connection;
use super::exchange::Exchange;
use super::options::HttpOptions;
use super::service::Requests;
use super::tls::is_about_the_client;
use super::wire::Wire;

/// How long to leave a listener alone that had no descriptor or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a body that are read at once at most. The memory of an upload is some of these; larger ones made none faster.
const BODY_READ: usize = 256 << 10;

/// How far the server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Requests under way are finished, no others begin.
    Draining,
    Over,
}

/// Listens on `address` with room for `backlog` connections not yet accepted.
///
/// # Errors
///
/// Those of the socket: the address is taken, is not ours, or needs privileges.
pub fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Resolves when the process is asked to end: `SIGTERM` or `SIGINT`.
///
/// A signal that cannot be listened for never comes.
pub async fn termination() {
    use tokio::signal::unix::{SignalKind, signal};
    let came = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                warn!(%error, "cannot listen for a signal to stop");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = came(SignalKind::terminate()) => {}
        () = came(SignalKind::interrupt()) => {}
    }
}

/// Serves `router` on `listener` until `shutdown` resolves and the requests under way are answered,
/// transfers included.
///
/// # Errors
///
/// None at present: failing to accept a connection concerns that connection alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_until(listener, router, options, shutdown, std::future::pending()).await
}

/// Like [`serve`], but drops what is still under way when `abort` resolves. `abort` is first polled
/// after `shutdown` has resolved, so both can be [`termination`].
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
    abort: impl Future<Output = ()>,
) -> io::Result<()> {
    let limit = options.shutdown_limit;
    let (phase, watched) = watch::channel(Phase::Serving);
    let room = room(options.max_connections);
    options.figures.limit.set(i64::try_from(room).unwrap_or(i64::MAX));
    let server = Server { router, room: Arc::new(Semaphore::new(room)), options: Arc::new(options), phase: watched };
    tokio::select! {
        never = server.accept_all(&listener) => match never {},
        () = shutdown => {}
    }
    phase.send_replace(Phase::Draining);
    // Clients that come now are to be refused, not kept waiting.
    drop(listener);
    drop(server);
    tokio::select! {
        () = phase.closed() => {}
        () = abort => debug!("told again to stop"),
        () = after(limit) => warn!("requests were still running at the shutdown limit"),
    }
    phase.send_replace(Phase::Over);
    phase.closed().await;
    Ok(())
}

/// Lets the process have as many file descriptors as the system allows it at all.
///
/// To be called once, at the start: every connection takes a descriptor, and so does every file.
///
/// # Errors
///
/// The system said no; the limit is as it was.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// How many connections to serve at once, given that `wanted` are.
///
/// Half of the descriptors are left for what the requests open: a request that is accepted should
/// not fail for the want of one.
fn room(wanted: usize) -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let most = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
    if wanted > most {
        warn!(connections = most, "the limit of file descriptors allows fewer connections");
    }
    wanted.min(most).clamp(1, Semaphore::MAX_PERMITS)
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

struct Server {
    router: Router,
    room: Arc<Semaphore>,
    options: Arc<HttpOptions>,
    phase: watch::Receiver<Phase>,
}

impl Server {
    async fn accept_all(&self, listener: &TcpListener) -> Infallible {
        loop {
            // The semaphore is never closed, so there always is a permit to wait for.
            let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (stream, peer) = accept(listener).await;
            let open = self.options.figures.accept();
            let connection =
                serve_connection(stream, peer, self.router.clone(), Arc::clone(&self.options), self.phase.clone());
            tokio::spawn(async move {
                connection.await;
                drop((open, permit));
            });
        }
    }
}

/// The next connection, however long the system has no room for one.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut said = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    warn!(%error, "cannot accept connections for now");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the client, not this process, is the reason.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: Arc<HttpOptions>,
    mut phase: watch::Receiver<Phase>,
) {
    if let Err(error) = tune(&stream, &options) {
        debug!(%error, %peer, "cannot set the options of a connection");
    }
    let shaken = tokio::select! {
        // Whoever has not asked for anything yet is not waited for.
        () = beyond(&mut phase, Phase::Serving) => None,
        wire = secured(stream, peer, &options) => wire,
    };
    let Some(wire) = shaken else { return };
    let exchange = Arc::new(Exchange::new());
    let requests = Requests {
        router,
        peer,
        over_tls: options.tls.is_some(),
        sender: wire.sender().cloned(),
        exchange: Arc::clone(&exchange),
        figures: options.figures.clone(),
    };
    let connection = Connection::new(wire, exchange, Arc::clone(&options));
    let service = service_fn(move |request| requests.clone().answer(request));
    let mut http = pin!(
        http1::Builder::new()
            .keep_alive(options.keepalive)
            // A client that has said all it had to say may still want to hear the answer.
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(options.max_head.max(BODY_READ))
            .serve_connection(TokioIo::new(connection), service)
    );
    let mut served = tokio::select! {
        // What is answered from now on says that no further request is taken.
        biased;
        () = beyond(&mut phase, Phase::Serving) => None,
        served = http.as_mut() => Some(served),
    };
    if served.is_none() {
        http.as_mut().graceful_shutdown();
        served = tokio::select! {
            served = http => Some(served),
            () = beyond(&mut phase, Phase::Draining) => None,
        };
    }
    if let Some(Err(error)) = served {
        debug!(error = &error as &dyn std::error::Error, %peer, "a connection broke");
    }
}

/// The connection with TLS around it, where TLS is spoken; `None` if the client does not get that far in time.
async fn secured(stream: TcpStream, peer: SocketAddr, options: &HttpOptions) -> Option<Wire> {
    let Some(tls) = &options.tls else { return Some(Wire::plain(stream)) };
    match tokio::time::timeout(options.header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => return Some(Wire::Tls(Box::new(stream))),
        Ok(Err(error)) if is_about_the_client(&error) => info!(%error, %peer, "refused the certificate of a client"),
        Ok(Err(error)) => debug!(%error, %peer, "a TLS handshake failed"),
        Err(_) => debug!(%peer, "a TLS handshake took too long"),
    }
    None
}

/// Resolves when the server has got past `phase`.
async fn beyond(phase: &mut watch::Receiver<Phase>, past: Phase) {
    // A server that went away without a word is over.
    let _ = phase.wait_for(|now| *now > past).await;
}

fn tune(stream: &TcpStream, options: &HttpOptions) -> io::Result<()> {
    // Answers are written whole; waiting for more would only delay the last packet.
    stream.set_nodelay(true)?;
    if let Some(idle) = options.tcp_keepidle {
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, idle)?;
    }
    Ok(())
}
