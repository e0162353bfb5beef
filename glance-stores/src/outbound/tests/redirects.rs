//! Redirects, wherever they lead.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use http::{HeaderValue, Method};

use super::super::testing::{Head, Reply, SECOND, Web};
use super::super::*;
use super::{guarded, quick};

fn second_only() -> Guard {
    Guard::default().except("127.0.0.2".parse().unwrap())
}

/// Sends `/n` on to `/n-1`, and `/0` to `end`.
async fn countdown(end: String) -> Web {
    Web::at((SECOND, 0), move |head| match head.target()[1..].parse::<u32>() {
        Ok(0) => Reply::redirect(302, &end),
        Ok(n) => Reply::redirect(301, &format!("/{}", n - 1)),
        Err(_) => Reply::new("200 OK", "Content-Length: 4\r\n", b"here"),
    })
    .await
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, UserUrl::parse(url).unwrap())
}

#[tokio::test]
async fn redirects_are_followed_up_to_the_limit() {
    let web = countdown("/here".to_owned()).await;
    let client = quick(second_only());
    for (hops, limit) in [(0, 2), (3, 5), (1, 9)] {
        let answer = client.follow(get(&web.url(&format!("/{hops}"))), limit).await.unwrap();
        assert_eq!(answer.read(10).await.unwrap(), "here");
    }
    let before = web.connections();
    let answer = client.follow(get(&web.url("/4")), 5).await;
    assert!(matches!(answer, Err(OutboundError::Redirects { limit: 5 })), "{answer:?}");
    assert_eq!(web.connections() - before, 5);
}

#[tokio::test]
async fn a_redirect_to_a_bad_place_is_refused_at_every_hop() {
    let canary = Web::new(|_| Reply::new("200 OK", "Content-Length: 6\r\n", b"secret")).await;
    let port = canary.address.port();
    for bad in [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("\\\\127.0.0.1:{port}\\"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.2/".to_owned(),
        "data:,x".to_owned(),
        "http://".to_owned(),
    ] {
        let web = countdown(bad.clone()).await;
        let client = quick(second_only());
        for hop in 0..5 {
            let answer = client.follow(get(&web.url(&format!("/{hop}"))), 9).await;
            assert!(matches!(answer, Err(OutboundError::Refused)), "{bad} at hop {}: {answer:?}", hop + 1);
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_filtered_like_the_first_url() {
    let target = Web::at((SECOND, 0), |_| Reply::new("200 OK", "Content-Length: 0\r\n", b"")).await;
    let web = countdown(target.url("/")).await;
    let filter = UrlFilter::default().ports(&[web.address.port()], &[]);
    let client = guarded(second_only()).filter(filter).build().unwrap();
    let answer = client.follow(get(&web.url("/1")), 9).await;
    assert!(matches!(answer, Err(OutboundError::Refused)), "{answer:?}");
    assert_eq!(target.connections(), 0);
}

/// Whether a request still says who asks.
fn tells(head: &Head) -> Vec<bool> {
    ["authorization", "cookie", "x-secret", "accept"].iter().map(|name| head.header(name).is_some()).collect()
}

fn telling(url: &str) -> Request {
    let mut secret = HeaderValue::from_static("token");
    secret.set_sensitive(true);
    get(url)
        .header(COOKIE, HeaderValue::from_static("c"))
        .header("x-secret", secret)
        .header(ACCEPT, HeaderValue::from_static("*/*"))
}

#[tokio::test]
async fn credentials_do_not_leave_their_origin() {
    let other = Web::at((SECOND, 0), |_| Reply::new("200 OK", "Content-Length: 0\r\n", b"")).await;
    let web = countdown(other.url("/last")).await;
    let url = web.url("/1").replace("http://", "http://user:pass@");
    quick(second_only()).follow(telling(&url), 9).await.unwrap();
    let asked: Vec<_> = web.requests().iter().map(tells).collect();
    assert_eq!(asked, vec![vec![true; 4]; 2]);
    assert_eq!(tells(&other.requests()[0]), [false, false, false, true]);
}

#[tokio::test]
async fn credentials_do_not_come_back_and_none_are_taken_from_a_redirect() {
    let back = Arc::new(std::sync::Mutex::new(String::new()));
    let place = Arc::clone(&back);
    let other = Web::at((SECOND, 0), move |_| Reply::redirect(302, &place.lock().unwrap())).await;
    let web = countdown(other.url("/").replace("http://", "http://evil:evil@")).await;
    *back.lock().unwrap() = web.url("/here");
    let request = telling(&web.url("/0")).header(AUTHORIZATION, HeaderValue::from_static("Basic x"));
    quick(second_only()).follow(request, 9).await.unwrap();
    assert_eq!(tells(&other.requests()[0]), [false, false, false, true]);
    assert_eq!(tells(&web.requests()[1]), [false, false, false, true]);
}

#[tokio::test]
async fn a_head_stays_a_head_and_other_requests_are_not_repeated() {
    let web = countdown("/here".to_owned()).await;
    let client = quick(second_only());
    let url = || UserUrl::parse(&web.url("/1")).unwrap();
    client.follow(Request::new(Method::HEAD, url()), 9).await.unwrap();
    assert!(web.requests().iter().all(|head| head.method() == "HEAD"));
    let answer = client.follow(Request::new(Method::POST, url()), 9).await.unwrap();
    assert_eq!((answer.status.as_u16(), web.requests().len()), (301, 4));
}

#[tokio::test]
async fn a_server_of_the_operator_vouches_for_itself_alone() {
    let canary = Web::new(|_| Reply::new("200 OK", "Content-Length: 0\r\n", b"")).await;
    let elsewhere = canary.url("/");
    let own = Web::at((SECOND, 0), move |head| match head.target() {
        "/away" => Reply::redirect(307, &elsewhere),
        "/near" => Reply::redirect(308, "/"),
        _ => Reply::new("200 OK", "Content-Length: 0\r\n", b""),
    })
    .await;
    let client = quick(Guard::default());
    let ask = |path: &str| Request::new(Method::GET, OperatorUrl::parse(&own.url(path)).unwrap());
    assert!(client.follow(ask("/near"), 5).await.is_ok());
    let answer = client.follow(ask("/away"), 5).await;
    assert!(matches!(answer, Err(OutboundError::Refused)), "{answer:?}");
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn an_answer_is_held_to_its_size_and_its_end() {
    let web = Web::at((SECOND, 0), |head| match head.target() {
        "/hang" => Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234".to_vec()),
        _ => Reply::new("200 OK", "Content-Length: 9\r\n", b"123456789"),
    })
    .await;
    let client = quick(second_only());
    let answer = client.follow(get(&web.url("/")).at_most(9), 5).await.unwrap();
    assert_eq!(answer.read(100).await.unwrap(), "123456789");
    let answer = client.follow(get(&web.url("/")).at_most(8), 5).await.unwrap();
    assert!(matches!(answer.read(100).await, Err(OutboundError::TooLong { limit: 8 })));
    let answer = client.follow(get(&web.url("/hang")).within(Duration::from_millis(300)), 5).await.unwrap();
    assert!(matches!(answer.read(100).await, Err(OutboundError::TimedOut)));
}
