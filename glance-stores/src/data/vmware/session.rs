//! Being logged in. Whoever finds the session ended logs in again, one for all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::Failure;
use super::soap::{Call, Object};
use super::xml::{BadAnswer, Element};

/// The cookie by which the server knows a session.
const COOKIE: &str = "vmware_soap_session";
/// How long a refused login is not tried again: servers lock accounts after a few.
const REFUSED: Duration = Duration::from_secs(10);

/// Who logs in.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) username: String,
    pub(super) password: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(****)")
    }
}

impl Account {
    pub(super) fn login(&self, manager: &Object) -> Call {
        Call::new("Login", manager).text("userName", &self.username).text("password", &self.password)
    }
}

/// A login, as long as the server knows it.
pub(super) struct Session {
    pub(super) cookie: HeaderValue,
    pub(super) services: Services,
}

/// The objects of a server through which everything else is asked.
#[derive(Debug, Clone)]
pub(super) struct Services {
    pub(super) sessions: Object,
    pub(super) properties: Object,
    pub(super) search: Object,
    pub(super) files: Object,
}

impl Services {
    /// The call that asks for them.
    pub(super) fn call() -> Call {
        Call::new("RetrieveServiceContent", &Object::well_known("ServiceInstance", "ServiceInstance"))
    }

    pub(super) fn of(answer: &Element) -> Result<Self, BadAnswer> {
        let content = answer.child("returnval").ok_or(BadAnswer("it has no services"))?;
        let service = |name| content.child(name).ok_or(BadAnswer("a service is missing")).and_then(Object::of);
        Ok(Self {
            sessions: service("sessionManager")?,
            properties: service("propertyCollector")?,
            search: service("searchIndex")?,
            files: service("fileManager")?,
        })
    }
}

/// The session's cookie among those that an answer sets, ready to be sent.
pub(super) fn cookie(headers: &http::HeaderMap) -> Option<HeaderValue> {
    let set = headers.get_all(http::header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|cookie| cookie.split(';').next()).map(str::trim);
    let pair =
        pairs.find(|pair| pair.split_once('=').is_some_and(|(name, value)| name == COOKIE && !value.is_empty()))?;
    let mut value = HeaderValue::from_str(pair).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The session that all requests share.
#[derive(Default)]
pub(super) struct SharedSession(Mutex<State>);

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// When logging in last failed, and why.
    failure: Option<(Instant, Failure)>,
}

impl SharedSession {
    /// The session, unless it is the one that `ended`: then the one that `login` makes. Those who
    /// wait for a login that fails fail with it, instead of trying one after the other.
    pub(super) async fn get(
        &self,
        ended: Option<&Arc<Session>>,
        login: impl Future<Output = Result<Session, Failure>>,
    ) -> Result<Arc<Session>, Failure> {
        let asked = Instant::now();
        let mut state = self.0.lock().await;
        if let Some(session) = &state.session
            && !ended.is_some_and(|ended| Arc::ptr_eq(ended, session))
        {
            return Ok(Arc::clone(session));
        }
        if let Some((at, failure)) = &state.failure {
            let refused = failure.is_fault("InvalidLogin") && at.elapsed() < REFUSED;
            if refused || *at > asked {
                return Err(failure.clone());
            }
        }
        state.session = None;
        match login.await {
            Ok(session) => {
                let session = Arc::new(session);
                *state = State { session: Some(Arc::clone(&session)), failure: None };
                Ok(session)
            }
            Err(failure) => {
                state.failure = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let object = Object::well_known("a", "b");
        let services =
            Services { sessions: object.clone(), properties: object.clone(), search: object.clone(), files: object };
        Session { cookie: HeaderValue::from_static("a=b"), services }
    }

    fn forbidden() -> std::future::Ready<Result<Session, Failure>> {
        std::future::ready(Err(Failure::NoDatastore))
    }

    #[tokio::test]
    async fn one_login_serves_all_until_it_ends() {
        let shared = SharedSession::default();
        let first = shared.get(None, async { Ok(session()) }).await.unwrap();
        assert!(Arc::ptr_eq(&first, &shared.get(None, forbidden()).await.unwrap()));
        let second = shared.get(Some(&first), async { Ok(session()) }).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        // Another request finds only now that the first one ended.
        assert!(Arc::ptr_eq(&second, &shared.get(Some(&first), forbidden()).await.unwrap()));
    }

    #[tokio::test]
    async fn a_refused_login_is_not_tried_again_at_once() {
        let shared = SharedSession::default();
        let refusal = || async { Err(Failure::Fault(super::super::soap::Fault("InvalidLogin".into()))) };
        assert!(shared.get(None, refusal()).await.is_err());
        let again = shared.get(None, forbidden()).await.err().unwrap();
        assert!(again.is_fault("InvalidLogin"), "{again:?}");
    }

    #[tokio::test]
    async fn an_unanswered_login_is_tried_again_by_those_who_come_later() {
        let shared = SharedSession::default();
        assert!(shared.get(None, async { Err(Failure::SessionEnded) }).await.is_err());
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(shared.get(None, async { Ok(session()) }).await.is_ok());
    }

    #[test]
    fn the_cookie_of_the_session_is_found_among_others() {
        let mut headers = http::HeaderMap::new();
        for set in ["x=y", "vmware_soap_session=", "vmware_soap_session=\"abc\"; Path=/; HttpOnly"] {
            headers.append(http::header::SET_COOKIE, HeaderValue::from_static(set));
        }
        assert_eq!(cookie(&headers).unwrap(), "vmware_soap_session=\"abc\"");
        assert!(cookie(&headers).unwrap().is_sensitive());
        assert_eq!(cookie(&http::HeaderMap::new()), None);
    }
}
