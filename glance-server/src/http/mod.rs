//! Everything between the listening socket and the router: connections, TLS, their limits, the
//! framing of HTTP/1.1, file data sent by the kernel, paths in one canonical form.
//!
//! What a request means is the router's business. This layer answers by itself only where no
//! request could be made out.

mod alarm;
mod connection;
mod exchange;
mod figures;
mod framing;
mod inbound;
pub mod normalise;
mod options;
mod sendfile;
mod serve;
mod service;
mod tls;
mod wire;

pub use figures::ConnectionFigures;
pub use normalise::{TargetError, normalised};
pub use options::HttpOptions;
pub use sendfile::{FileBody, FileSender, Sent};
pub use serve::{bind, raise_descriptor_limit, serve, serve_until, termination};
pub use service::{OverTls, PeerAddr};
pub use tls::{Tls, TlsError, TlsFiles};
