//! Where the server listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::StartError;
use crate::config::{Bind, Settings};
use crate::http;

/// Listens for those who use the API.
///
/// # Errors
///
/// [`StartError::Listen`]; [`StartError::Unauthenticated`] for an address that others reach while nobody is asked who they
/// are.
pub(super) async fn for_clients(settings: &Settings) -> Result<TcpListener, StartError> {
    let address = address_of(&settings.default.bind).await?;
    // The configuration was judged by the name alone, which the resolver may have had its own idea of.
    if settings.glance_rs.auth.confined && !address.ip().to_canonical().is_loopback() {
        return Err(StartError::Unauthenticated(address));
    }
    at_address(&settings.default.bind, address, settings.default.backlog)
}

/// Listens on the first address that the configured name stands for.
///
/// # Errors
///
/// [`StartError::Listen`].
pub(super) async fn at(bind: &Bind, backlog: u32) -> Result<TcpListener, StartError> {
    at_address(bind, address_of(bind).await?, backlog)
}

async fn address_of(bind: &Bind) -> Result<SocketAddr, StartError> {
    #[expect(clippy::disallowed_methods, reason = "to listen, not to connect")]
    let addresses = tokio::net::lookup_host((bind.host.as_str(), bind.port)).await;
    let first = addresses.and_then(|mut all| all.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    first.map_err(|cause| StartError::Listen { bind: bind.to_string(), cause })
}

fn at_address(bind: &Bind, address: SocketAddr, backlog: u32) -> Result<TcpListener, StartError> {
    http::bind(address, backlog).map_err(|cause| StartError::Listen { bind: bind.to_string(), cause })
}
