//! A client put together.

use std::sync::Arc;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::body::RequestBody;
use super::connect::Dialer;
use super::resolve::SystemResolver;
use super::{Client, Deadlines, Guard, POOLED, Proxies, Resolve, Tls, TlsError, UrlFilter};

/// What a [`Client`] is made of. Guard, filter and proxies concern URLs of users alone.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    tls: Tls,
    deadlines: Deadlines,
    guard: Guard,
    filter: UrlFilter,
    proxies: Proxies,
    resolver: Arc<dyn Resolve>,
}

impl ClientBuilder {
    pub(super) fn new(tls: Tls) -> Self {
        Self {
            tls,
            deadlines: Deadlines::default(),
            guard: Guard::default(),
            filter: UrlFilter::default(),
            proxies: Proxies::default(),
            resolver: Arc::new(SystemResolver),
        }
    }

    /// How long the client waits.
    #[must_use]
    pub fn deadlines(self, deadlines: Deadlines) -> Self {
        Self { deadlines, ..self }
    }

    /// Which addresses URLs of users may lead to.
    #[must_use]
    pub fn guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Which URLs of users are asked for; all of them if this is not called.
    #[must_use]
    pub fn filter(self, filter: UrlFilter) -> Self {
        Self { filter, ..self }
    }

    /// Through whom URLs of users are asked for; directly if this is not called.
    #[must_use]
    pub fn proxies(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Who is asked for addresses; the operating system if this is not called.
    #[must_use]
    pub fn resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a certificate or key cannot be read or used.
    pub fn build(self) -> Result<Client, TlsError> {
        let trusting = Dialer::trusting(self.deadlines.connect, self.resolver);
        let proxies = Arc::new(self.proxies);
        let guarded = trusting.clone().guarded(Arc::new(self.guard), Arc::clone(&proxies));
        // A server that a user named has no business seeing the operator's certificate.
        let anonymous = Tls { trust: self.tls.trust.clone(), identity: None };
        Ok(Client {
            trusted: pool(trusting, self.tls.config()?),
            guarded: pool(guarded, anonymous.config()?),
            filter: Arc::new(self.filter),
            proxies,
            deadlines: self.deadlines,
        })
    }
}

fn pool(dialer: Dialer, tls: ClientConfig) -> Pool<HttpsConnector<Dialer>, RequestBody> {
    #[expect(clippy::disallowed_methods, reason = "its connections come from the dialer")]
    Pool::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOLED)
        .build(HttpsConnector::from((dialer, tls)))
}
