//! Keystone as a client sees it: logging in, the catalogue, and who a token belongs to.
//!
//! Swift logs in to its accounts with it, and the server asks it about the tokens of callers. Nothing
//! here is kept beyond the token of the account that asks: what to believe for how long is for
//! whoever asks to say.

mod credentials;
mod error;
mod grant;
mod session;
mod token;
mod validate;

pub use self::credentials::{Application, Credentials, Domain, Key, Login, Project, Scope, User};
pub use self::error::KeystoneError;
pub use self::grant::Grant;
pub use self::session::Session;
pub use self::token::{AccessRule, Holder, Named, Token, TokenProject};
pub use self::validate::{Keystone, KeystoneConfig};

/// The longest answer that is read, in bytes: catalogues are long.
const LONGEST: usize = 4 * 1024 * 1024;
