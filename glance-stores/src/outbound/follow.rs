//! Redirects, one hop after the other.

use http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::error::OutboundError;
use super::request::Request;
use super::response::Response;
use super::target::{OperatorUrl, Target, UserUrl};
use super::{Client, Payload};

impl Client {
    /// Sends a `GET` or `HEAD` without data and follows redirects, in at most `limit` requests.
    /// Other requests are sent once, and a redirect is their answer.
    ///
    /// Each hop is parsed, judged and connected to as a URL of its own. Whatever tells who is
    /// asking (credentials of the URL, `Authorization`, `Cookie`, headers marked as sensitive) goes to
    /// no other origin and does not come back with a way back; credentials that a redirect names
    /// are not used. A redirect away from the operator's server is the word of that server and
    /// not of the operator, so it is followed as a user's URL; the same origin stays trusted.
    ///
    /// # Errors
    ///
    /// As [`Client::send`]; [`OutboundError::Redirects`] if the last answer is a redirect as well;
    /// [`OutboundError::Refused`] if one leads to something else than `http` or `https`.
    pub async fn follow(&self, request: Request, limit: usize) -> Result<Response, OutboundError> {
        let mut request = request.with_credentials_in_header();
        for _ in 0..limit {
            let Some(asked) = request.repeatable() else { return self.send(request).await };
            let answer = self.send(request).await?;
            let Some(next) = next(&answer) else { return Ok(answer) };
            request = asked.redirected(next)?;
        }
        Err(OutboundError::Redirects { limit })
    }
}

/// Where an answer sends on to; `None` if it does not.
fn next(answer: &Response) -> Option<&str> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    answer.header(LOCATION).filter(|_| redirects.contains(&answer.status))
}

impl Request {
    /// The same request once more, if a redirect of it is to be followed.
    fn repeatable(&self) -> Option<Self> {
        let plain = matches!(self.payload, Payload::Empty) && [Method::GET, Method::HEAD].contains(&self.method);
        plain.then(|| Self {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            payload: Payload::Empty,
            until: self.until,
            at_most: self.at_most,
        })
    }

    /// The same request for another place.
    fn redirected(mut self, place: &str) -> Result<Self, OutboundError> {
        let from = self.target.url();
        let url = from.join(place).ok().and_then(plain).ok_or_else(|| {
            tracing::warn!("not followed: a redirect to something else than http or https");
            OutboundError::Refused
        })?;
        let same = url.origin() == from.origin();
        if !same {
            forget_who_asks(&mut self.headers);
        }
        self.target = match self.target {
            Target::Operator(_) if same => Target::Operator(OperatorUrl::new(url)),
            _ => Target::User(UserUrl::new(url)),
        };
        Ok(self)
    }
}

/// A URL that can be asked for, without what tells who is asking.
fn plain(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

fn forget_who_asks(headers: &mut HeaderMap) {
    let telling = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
    let secret = headers.iter().filter(|(name, value)| value.is_sensitive() || telling.contains(name));
    let secret: Vec<_> = secret.map(|(name, _)| name.clone()).collect();
    for name in secret {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Where a request is after some redirects, whether as a user's, and whether it tells who asks.
    fn after(target: impl Into<Target>, places: &[&str]) -> (String, bool, bool) {
        let mut request = Request::new(Method::GET, target).header(COOKIE, HeaderValue::from_static("secret"));
        for place in places {
            request = request.redirected(place).unwrap();
        }
        let user = matches!(request.target, Target::User(_));
        (request.target.url().to_string(), user, request.headers.contains_key(COOKIE))
    }

    #[test]
    fn another_scheme_port_or_host_is_another_origin() {
        let start = || OperatorUrl::parse("https://host/a").unwrap();
        assert_eq!(after(start(), &["b", "/c", "https://host:443/d"]), ("https://host/d".to_owned(), false, true));
        for place in ["http://host/d", "https://host:444/d", "https://other/d", "//other/d", "https://host./d"] {
            let (_, user, tells) = after(start(), &[place]);
            assert!(user && !tells, "{place}");
        }
        // Trust that was lost on the way does not come back with the place.
        assert_eq!(after(start(), &["http://host/", "https://host/d"]), ("https://host/d".to_owned(), true, false));
    }
}
