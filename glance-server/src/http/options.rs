//! How the listening side behaves.

use std::time::Duration;

use super::figures::ConnectionFigures;
use super::tls::Tls;

/// How the listening side behaves, its limits above all. [`HttpOptions::default`] suits an ordinary API node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How many connections are served at once; those beyond wait in the listen queue.
    /// Default 4096. 0 counts as 1; no more than half the file descriptors of the process.
    pub max_connections: usize,
    /// How long an idle peer goes unprobed by TCP (`tcp_keepidle`). Default 600 s; `None`: no probes.
    pub tcp_keepidle: Option<Duration>,
    /// How long the first byte of a connection, and from its first byte on a whole request head,
    /// may take. Default 30 s.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request. Default 75 s.
    pub keepalive_timeout: Duration,
    /// How long a body on its way in or out may make no progress at all
    /// (`client_socket_timeout`). Default 900 s.
    pub idle_timeout: Duration,
    /// Whether a connection serves more than one request (`http_keepalive`). Default true.
    pub keepalive: bool,
    /// Most bytes of one header line, and of the request line, without the line break
    /// (`max_header_line`). Default 16384.
    pub max_header_line: usize,
    /// Most bytes of a request head. Default 65536.
    pub max_head: usize,
    /// How long running requests may go on after the signal to stop. Default `None`: until done.
    pub shutdown_limit: Option<Duration>,
    /// TLS that every connection begins with; a handshake may take as long as a head. Default `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// What the listener counts. By default nobody looks at it.
    pub figures: ConnectionFigures,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            tcp_keepidle: Some(Duration::from_secs(600)),
            header_timeout: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(75),
            idle_timeout: Duration::from_secs(900),
            keepalive: true,
            max_header_line: 16384,
            max_head: 65536,
            shutdown_limit: None,
            tls: None,
            figures: ConnectionFigures::default(),
        }
    }
}
