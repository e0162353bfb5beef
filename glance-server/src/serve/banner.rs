//! What the server says when it begins to serve.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::{AuthMode, Settings};

/// Where the server is, what it keeps where, whom it believes, and how to talk to it.
pub(super) struct Banner<'a> {
    pub(super) settings: &'a Settings,
    /// Where it listens: the port may have been chosen by the system.
    pub(super) address: SocketAddr,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.settings.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", reachable(self.address));
        writeln!(f, "glance-server {} serves the Image API at {url}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "{}", self.settings.summary())?;
        match self.settings.glance_rs.auth.mode {
            AuthMode::None => write!(
                f,
                "Talk to it with the openstack client or with curl:\n  \
                 openstack --os-auth-type none --os-endpoint {url} image list\n  \
                 curl {url}/v2/images"
            ),
            AuthMode::Fake => {
                write!(
                    f,
                    "Talk to it with curl:\n  curl -H 'X-Auth-Token: me:my-project:member,reader' {url}/v2/images"
                )
            }
            AuthMode::HttpBasic => write!(
                f,
                "Talk to it as a user that `glance-server users add` made:\n  \
                 OS_AUTH_TYPE=http_basic OS_ENDPOINT={url} OS_IMAGE_ENDPOINT_OVERRIDE={url} OS_USERNAME=NAME \
                 OS_PASSWORD=PASSWORD openstack image list\n  curl -u NAME {url}/v2/images"
            ),
            AuthMode::Keystone => write!(
                f,
                "Talk to it with a token:\n  curl -H \"X-Auth-Token: $(openstack token issue -f value -c id)\" {url}/v2/images"
            ),
            AuthMode::TrustedHeaders => write!(
                f,
                "Talk to it through the proxy that authenticates, or from a trusted address:\n  \
                 curl -H 'X-Identity-Status: Confirmed' -H 'X-Project-Id: my-project' -H 'X-Roles: member,reader' \
                 {url}/v2/images"
            ),
        }
    }
}

/// An address that a client on this machine can use, where the server listens on all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
