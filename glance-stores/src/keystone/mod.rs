//! Keystone as a client sees it: logging in, the catalogue, who a token belongs to, and what projects may hold.
//!
//! Swift logs in to its accounts with it, and the server asks it about the tokens of callers. What
//! to believe for how long is for whoever asks to say.

mod credentials;
mod error;
mod grant;
mod limits;
mod patience;
mod session;
mod token;
mod trust;
mod validate;

pub use self::credentials::{Application, Credentials, Domain, Key, Login, Project, Scope, User};
pub use self::error::KeystoneError;
pub use self::grant::Grant;
pub use self::limits::{KeystoneLimits, LimitedService, LimitsConfig};
pub use self::session::Session;
#[cfg(feature = "swift")]
pub(crate) use self::token::header as token_header;
pub use self::token::{AccessRule, Holder, Named, Token, TokenProject};
pub use self::trust::{Trust, Trusts};
pub use self::validate::{Keystone, KeystoneConfig};

/// The longest answer that is read, in bytes: catalogues are long.
const LONGEST: usize = 4 * 1024 * 1024;
