//! Proxies of the operator.

use http::Method;

use super::super::testing::{Reply, Web};
use super::super::*;
use super::guarded;

async fn proxy() -> Web {
    Web::new(|head| match head.method() {
        "CONNECT" => Reply::new("502 No", "", b""),
        _ => Reply::new("200 OK", "Content-Length: 5\r\n", b"proxy"),
    })
    .await
}

fn through(web: &Web, guard: Guard) -> Client {
    let address = format!("http://me:pw@{}", web.address);
    let proxies = Proxies::default().with("http", &address).unwrap().with("https", &address).unwrap();
    guarded(guard).proxies(proxies).build().unwrap()
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, UserUrl::parse(url).unwrap())
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let web = proxy().await;
    let answer = through(&web, Guard::default()).send(get("http://93.184.216.34/x?y")).await.unwrap();
    assert_eq!(answer.read(10).await.unwrap(), "proxy");
    let asked = &web.requests()[0];
    assert_eq!(asked.target(), "http://93.184.216.34/x?y");
    assert_eq!(asked.header("proxy-authorization"), Some("Basic bWU6cHc="));
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let web = proxy().await;
    let answer = through(&web, Guard::default()).send(get("https://93.184.216.34/secret")).await;
    assert!(matches!(answer, Err(OutboundError::Connect(_))), "{answer:?}");
    let asked = &web.requests()[0];
    assert_eq!((asked.method(), asked.target()), ("CONNECT", "93.184.216.34:443"));
    assert_eq!(asked.header("proxy-authorization"), Some("Basic bWU6cHc="));
}

#[tokio::test]
async fn what_is_behind_a_proxy_is_judged_all_the_same() {
    let web = proxy().await;
    let client = through(&web, Guard::default());
    for url in ["http://127.0.0.1/", "http://localhost/", "https://169.254.169.254/", "http://[::1]/"] {
        let answer = client.send(get(url)).await;
        assert!(matches!(answer, Err(OutboundError::Refused)), "{url}: {answer:?}");
    }
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn a_name_unknown_here_goes_to_the_proxy_if_it_is_listed() {
    let web = proxy().await;
    let answer = through(&web, Guard::default()).send(get("http://unknown.invalid/")).await;
    assert!(matches!(answer, Err(OutboundError::Connect(_))), "{answer:?}");
    assert_eq!(web.connections(), 0);
    let guard = Guard::default().except("unknown.invalid".parse().unwrap());
    assert!(through(&web, guard).send(get("http://unknown.invalid/")).await.is_ok());
}

#[tokio::test]
async fn the_operators_own_urls_pass_no_proxy() {
    let web = proxy().await;
    let own = Web::new(|_| Reply::new("200 OK", "Content-Length: 3\r\n", b"own")).await;
    let url = OperatorUrl::parse(&own.url("/")).unwrap();
    let answer = through(&web, Guard::default()).send(Request::new(Method::GET, url)).await.unwrap();
    assert_eq!(answer.read(10).await.unwrap(), "own");
    assert_eq!(web.connections(), 0);
}
