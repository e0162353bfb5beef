//! Requests to the server: calls of its API at `/sdk`, and files below `/folder/`.
//!
//! Both go with the cookie of one session. A session that ended is replaced and the request made
//! once more; so is one that the server was too busy for, with pauses, as often as configured.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, RANGE};
use http::{HeaderValue, Method, StatusCode};

use super::error::Failure;
use super::retry::Retries;
use super::session::{Account, Services, Session, SharedSession, cookie};
use super::soap::{self, ACTION, Call, Fault};
use super::xml::Element;
use crate::outbound::{self, OperatorUrl, Payload, Request, Response};

/// The longest answer of the API that is read, in bytes: some ten thousand datastores.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;
/// How many redirects of one request are followed.
const REDIRECTS: usize = 5;

/// Whether a call may be made again when it is not known whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It may: done twice is as good as once.
    Always,
    /// It may not.
    IfRefused,
}

/// A server, and the session with it.
pub(super) struct Client {
    http: outbound::Client,
    url: OperatorUrl,
    account: Account,
    session: SharedSession,
    retries: u32,
}

impl Client {
    /// Nothing is connected to before it is needed.
    pub(super) fn new(http: outbound::Client, url: OperatorUrl, account: Account, retries: u32) -> Self {
        Self { http, url, account, session: SharedSession::default(), retries }
    }

    /// Makes a call of the API and gives the answer.
    pub(super) async fn call(&self, repeat: Repeat, call: impl Fn(&Services) -> Call) -> Result<Element, Failure> {
        let call = &call;
        self.with_session(repeat, |session| async move {
            let (answer, _) = self.post(&call(&session.services), Some(&session.cookie)).await?;
            Ok(answer)
        })
        .await
    }

    /// Asks for a file, or about it, and gives the answer whatever its status, unless a later one
    /// may be better.
    pub(super) async fn file(
        &self,
        method: Method,
        at: &OperatorUrl,
        range: Option<&HeaderValue>,
    ) -> Result<Response, Failure> {
        let method = &method;
        self.with_session(Repeat::Always, |session| async move {
            let answer = self.follow(method, at, &session, range).await?;
            match answer.status {
                StatusCode::UNAUTHORIZED => Err(Failure::SessionEnded),
                status if Failure::Status(status).is_transient() => Err(Failure::Status(status)),
                _ => Ok(answer),
            }
        })
        .await
    }

    /// Writes a file, once: the data is there only once. Whether the session lives should have
    /// been seen a moment ago.
    pub(super) async fn write(&self, at: &OperatorUrl, data: Payload) -> Result<StatusCode, Failure> {
        let session = self.session.get(None, self.login()).await?;
        let request = Request::new(Method::PUT, at.clone())
            .header(COOKIE, session.cookie.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .payload(data);
        let answer = self.http.send(request).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Err(Failure::SessionEnded),
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => Err(Failure::Redirected),
            status => Ok(status),
        }
    }

    async fn with_session<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        repeat: Repeat,
        attempt: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, Failure> {
        let mut retries = Retries::new(self.retries);
        let mut ended = None;
        loop {
            let session = match self.session.get(ended.as_ref(), self.login()).await {
                Ok(session) => session,
                Err(failure) if failure.is_transient() => {
                    retries.pause(failure).await?;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            match attempt(Arc::clone(&session)).await {
                Err(Failure::SessionEnded) => {
                    retries.take(Failure::SessionEnded)?;
                    ended = Some(session);
                }
                Err(failure) if failure.is_transient() && (repeat == Repeat::Always || failure.is_refusal()) => {
                    retries.pause(failure).await?;
                }
                done => return done,
            }
        }
    }

    async fn login(&self) -> Result<Session, Failure> {
        let (content, first) = self.post(&Services::call(), None).await?;
        let services = Services::of(&content)?;
        let login = self.account.login(&services.sessions);
        let (_, renewed) = self.post(&login, first.as_ref()).await?;
        let cookie = renewed.or(first).ok_or(Failure::SessionEnded)?;
        Ok(Session { cookie, services })
    }

    /// Sends a call, and gives the answer with the session cookie it sets, if it does.
    async fn post(
        &self,
        call: &Call,
        cookie_sent: Option<&HeaderValue>,
    ) -> Result<(Element, Option<HeaderValue>), Failure> {
        let mut request = Request::new(Method::POST, self.url.below(["sdk"]))
            .header(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))
            .header("soapaction", HeaderValue::from_static(ACTION))
            .payload(Payload::Bytes(Bytes::from(call.message())));
        if let Some(cookie) = cookie_sent {
            request = request.header(COOKIE, cookie.clone());
        }
        let answer = self.http.send(request).await?;
        let (status, set) = (answer.status, cookie(&answer.headers));
        // Faults come with the status 500.
        if status != StatusCode::OK && status != StatusCode::INTERNAL_SERVER_ERROR {
            let ended = status == StatusCode::UNAUTHORIZED;
            return Err(if ended { Failure::SessionEnded } else { Failure::Status(status) });
        }
        let document = answer.read(LONGEST_ANSWER).await?;
        match soap::answer(&document) {
            Ok(Err(fault)) if fault.is(Fault::NOT_AUTHENTICATED) => Err(Failure::SessionEnded),
            Ok(Err(fault)) => Err(fault.into()),
            // A front in between says so, rather than the server itself.
            _ if status != StatusCode::OK => Err(Failure::Status(status)),
            Ok(Ok(content)) => Ok((content, set)),
            Err(bad) => Err(bad.into()),
        }
    }

    /// Sends a request and follows where the server redirects it to: a vCenter may hand it on to
    /// the host that has the file, with a ticket in the URL. The cookie stays with its own origin.
    async fn follow(
        &self,
        method: &Method,
        at: &OperatorUrl,
        session: &Session,
        range: Option<&HeaderValue>,
    ) -> Result<Response, Failure> {
        let mut at = at.clone();
        for _ in 0..=REDIRECTS {
            let mut request = Request::new(method.clone(), at.clone());
            if at.expose().origin() == self.url.expose().origin() {
                request = request.header(COOKIE, session.cookie.clone());
            }
            if let Some(range) = range {
                request = request.header(RANGE, range.clone());
            }
            let answer = self.http.send(request).await?;
            if !matches!(answer.status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) {
                return Ok(answer);
            }
            at = redirected(&at, answer.header(LOCATION)).ok_or(Failure::Redirected)?;
        }
        Err(Failure::Redirected)
    }
}

/// Where a redirect leads: over TLS, or nowhere.
fn redirected(from: &OperatorUrl, to: Option<&str>) -> Option<OperatorUrl> {
    let to = from.expose().join(to?).ok()?;
    let plain = to.scheme() == "https" && to.username().is_empty() && to.password().is_none();
    plain.then(|| OperatorUrl::parse(to.as_str()).ok())?
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_over_tls_or_nowhere() {
        let from = OperatorUrl::parse("https://vc/folder/a?dsName=d").unwrap();
        let to = |to| redirected(&from, to).map(|url| url.expose().to_string());
        assert_eq!(to(Some("/folder/b")).as_deref(), Some("https://vc/folder/b"));
        assert_eq!(to(Some("https://esx/folder/a?ticket=1")).as_deref(), Some("https://esx/folder/a?ticket=1"));
        for bad in
            [None, Some("http://vc/folder/a"), Some("https://u:p@vc/"), Some("file:///etc/passwd"), Some("https://")]
        {
            assert_eq!(to(bad), None, "{bad:?}");
        }
    }
}
