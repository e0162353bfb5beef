//! Opening connections: the one place where a socket is made.
//!
//! A name is resolved once, and what is judged is what is dialled: nobody can answer differently
//! the second time.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use glance_core::store::BoxError;
use http::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use super::connection::Connection;
use super::error::Forbidden;
use super::guard::Guard;
use super::own;
use super::proxy::{Proxies, Proxy};
use super::resolve::Resolve;

/// Connects to the host of a URL.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    deadline: Duration,
    resolver: Arc<dyn Resolve>,
    /// What is asked about every address; `None` where the operator answers for it.
    guard: Option<Arc<Guard>>,
    proxies: Arc<Proxies>,
}

impl Dialer {
    /// Connects to whatever it is told to.
    pub(super) fn trusting(deadline: Duration, resolver: Arc<dyn Resolve>) -> Self {
        Self { deadline, resolver, guard: None, proxies: Arc::default() }
    }

    /// The same dialer for URLs of users.
    pub(super) fn guarded(self, guard: Arc<Guard>, proxies: Arc<Proxies>) -> Self {
        Self { guard: Some(guard), proxies, ..self }
    }

    async fn connect(&self, uri: &Uri) -> Result<Connection, BoxError> {
        let proxy = self.proxies.of(uri.scheme_str().unwrap_or_default());
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let listed = self.guard.as_deref().is_some_and(|guard| guard.lists(host));
        if let Some(proxy) = proxy
            && listed
        {
            return self.through(proxy, uri).await;
        }
        let addresses = self.addresses(host).await?;
        if !listed {
            self.judge(host, &addresses).await?;
        }
        match proxy {
            Some(proxy) => self.through(proxy, uri).await,
            None => Ok(Connection::direct(TokioIo::new(dial(&addresses, port(uri)).await?))),
        }
    }

    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => self.resolver.resolve(host).await,
        }
    }

    async fn judge(&self, host: &str, addresses: &[IpAddr]) -> Result<(), BoxError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        // Files of the kernel, which may be long on a router.
        let own = tokio::task::spawn_blocking(own::addresses).await?.map_err(|error| {
            tracing::warn!(%error, "the addresses of this machine are not known: no URL of a user is connected to");
            Forbidden
        })?;
        guard.judge(addresses, &own).map_err(|refused| {
            let (address, class) = (refused.address, refused.class);
            tracing::warn!(host, %address, %class, "not connected to where a user's URL leads; outbound_allowed would allow it");
            Forbidden.into()
        })
    }

    /// Through a proxy, which is the operator's.
    async fn through(&self, proxy: &Proxy, uri: &Uri) -> Result<Connection, BoxError> {
        let mut plain = Self::trusting(self.deadline, Arc::clone(&self.resolver));
        if uri.scheme_str() != Some("https") {
            return Ok(plain.call(proxy.uri.clone()).await?.proxied());
        }
        let tunnel = Tunnel::new(proxy.uri.clone(), plain);
        let mut tunnel = match &proxy.authorization {
            Some(value) => tunnel.with_auth(value.clone()),
            None => tunnel,
        };
        Ok(tunnel.call(uri.clone()).await?)
    }
}

impl Service<Uri> for Dialer {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let connected = tokio::time::timeout(dialer.deadline, dialer.connect(&uri)).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Connects to the first address that answers.
async fn dial(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        #[expect(clippy::disallowed_methods, reason = "this is the place where connections are opened")]
        match TcpStream::connect((*address, port)).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
