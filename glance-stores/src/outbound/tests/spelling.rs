//! URLs that mean this machine without saying so, and names that lead to it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;

use http::Method;

use super::super::testing::{Reply, SECOND, Web};
use super::super::*;
use super::{guarded, quick};

/// Everything that comes to loopback or to no address in some parser; `PORT` is the canary's.
const SPELLINGS: &[&str] = &[
    "http://127.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0X7F.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://017700000001:PORT/",
    "http://0177.0.0.01:PORT/",
    "http://0177.0x0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.1.:PORT/",
    "http://127.255.255.254:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127%2e0%2e0%2e1:PORT/",
    "http://１２７.０.０.１:PORT/",
    "http://127。0。0。1:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[0000::0001]:PORT/",
    "http://[::]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[::7f00:1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::FFFF:7F00:0001]:PORT/",
    "http://[::ffff:0:127.0.0.1]:PORT/",
    "http://[::ffff:0.0.0.0]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b:1::127.0.0.1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2002:7f00:1::1]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[2001:0:5ef5:79fd::80ff:fffe]:PORT/",
    "http://[fe80::5efe:127.0.0.1]:PORT/",
    "http://[2a00::5efe:127.0.0.1]:PORT/",
    "http://[2a00::200:5efe:127.0.0.1]:PORT/",
    "http://[::1%25lo]:PORT/",
    "http://user@127.0.0.1:PORT/",
    "http://user:pass@127.0.0.1:PORT/",
    "http://images.example@127.0.0.1:PORT/",
    "http://images.example:80@127.0.0.1:PORT/",
    "http://images.example%40127.0.0.1:PORT/",
    "http://images.example#@127.0.0.1:PORT/",
    "http://images.example\\@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@images.example/",
    "http://127.0.0.1:PORT#@images.example/",
    "http://127.0.0.1:PORT?@images.example/",
    "http:\\\\127.0.0.1:PORT\\",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:////127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "hTtP://LOCALHOST:PORT/",
    "http://localhost:PORT/",
    "http://localhost.:PORT/",
    "http://LocalHost.:PORT/",
    "http://ｌｏｃａｌｈｏｓｔ:PORT/",
    "http://%6cocalhost:PORT/",
    " http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/ ",
    "ht\ttp://127.0.0.1:PORT/",
    "http://127.0\t.0.1:PORT/",
    "http://127.0\n.0.1:PORT/",
    "http://127.0.0.1\r\n:PORT/",
    "http://127.0.0.1 :PORT/",
    "http://127.0.0.1\0:PORT/",
    "http://127.0.0.1:PORT\t/",
    "http://127.0.0.1:0PORT/",
    "http://127.0.0.1:000000PORT/",
    "http://127.0.0.1:/",
    "http://127.0.0.1",
    "//127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "unix:/run/docker.sock",
];

/// The same of addresses that no image comes from: those of services of clouds for their own guests, of a link, of
/// groups and of everybody.
const ELSEWHERE: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",
    "http://025177524776/",
    "http://169.254.169.254./",
    "http://%31%36%39.254.169.254/",
    "http://169%2e254%2e169%2e254/",
    "http://１６９.２５４.１６９.２５４/",
    "http://169。254。169。254/",
    "http://images.example@169.254.169.254/",
    "http://[::169.254.169.254]/",
    "http://[::a9fe:a9fe]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fe80::5efe:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://169.254.170.2/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://3758096385/",
    "http://0xe0000001/",
    "http://0340.0.0.1/",
    "http://[::ffff:224.0.0.1]/",
    "http://[64:ff9b::e000:1]/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
    "http://255.255.255.255/",
    "http://4294967295/",
    "http://[::ffff:255.255.255.255]/",
    "http://[fe80::1]/",
    "http://[FE80:0:0:0:0:0:0:1]/",
    "http://[fec0::1]/",
];

#[tokio::test]
async fn no_spelling_of_an_address_leads_to_those_of_links_groups_and_clouds() {
    let client = quick(Guard::default());
    for spelling in ELSEWHERE {
        let Ok(url) = UserUrl::parse(spelling) else { continue };
        let answer = client.send(Request::new(Method::GET, url)).await;
        assert!(matches!(answer, Err(OutboundError::Refused)), "{spelling}: {answer:?}");
    }
}

/// Counts whoever comes.
async fn canary() -> Web {
    Web::new(|_| Reply::new("200 OK", "Content-Length: 6\r\n", b"secret")).await
}

#[tokio::test]
async fn no_spelling_of_an_address_reaches_this_machine() {
    let canary = canary().await;
    let client = quick(Guard::default());
    for spelling in SPELLINGS {
        let url = spelling.replace("PORT", &canary.address.port().to_string());
        let Ok(url) = UserUrl::parse(&url) else { continue };
        let host = url.expose().host().unwrap().to_owned();
        let answer = client.send(Request::new(Method::GET, url)).await;
        // A name that nobody here knows leads nowhere.
        let unknown = matches!((&host, &answer), (url::Host::Domain(_), Err(OutboundError::Connect(_))));
        assert!(unknown || matches!(answer, Err(OutboundError::Refused)), "{spelling:?} is {host}: {answer:?}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn what_the_operator_lists_is_reached_in_every_spelling_of_it() {
    let canary = canary().await;
    let client = quick(Guard::default().except("127.0.0.1".parse().unwrap()));
    for host in ["127.0.0.1", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"] {
        let url = UserUrl::parse(&format!("http://{host}:{}/", canary.address.port())).unwrap();
        let answer = client.send(Request::new(Method::GET, url)).await;
        // An IPv4-mapped address may not be routed; it is not refused.
        assert!(host.starts_with('[') || answer.is_ok(), "{host}: {answer:?}");
        assert!(!matches!(answer, Err(OutboundError::Refused)), "{host}");
    }
    assert!(canary.connections() >= 3);
}

/// Answers the first question with the first list, and so on; the last list again and again.
#[derive(Debug)]
struct Names(Mutex<Vec<Vec<IpAddr>>>);

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let lists = answers.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(lists.collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolved<'a> {
        let mut lists = self.0.lock().unwrap();
        let list = if lists.len() > 1 { lists.remove(0) } else { lists[0].clone() };
        Box::pin(async move { Ok(list) })
    }
}

fn named(port: u16) -> Request {
    Request::new(Method::GET, UserUrl::parse(&format!("http://images.example:{port}/")).unwrap())
}

#[tokio::test]
async fn a_name_with_any_bad_address_is_refused() {
    let canary = canary().await;
    for addresses in [
        &["127.0.0.1"][..],
        &["192.0.2.1", "127.0.0.1"],
        &["127.0.0.2", "127.0.0.1"],
        &["127.0.0.1", "127.0.0.2"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["127.0.0.2", "169.254.169.254"],
    ] {
        let names = Names::new(&[addresses]);
        let client = guarded(Guard::default().except("127.0.0.2".parse().unwrap())).resolver(names).build().unwrap();
        let answer = client.send(named(canary.address.port())).await;
        assert!(matches!(answer, Err(OutboundError::Refused)), "{addresses:?}: {answer:?}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_between_check_and_use_is_asked_once() {
    let canary = canary().await;
    let good = Web::at((SECOND, canary.address.port()), |_| Reply::new("200 OK", "Content-Length: 0\r\n", b"")).await;
    let names = Names::new(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let guard = Guard::default().except("127.0.0.2".parse().unwrap());
    let client = guarded(guard).resolver(Arc::<Names>::clone(&names)).build().unwrap();
    let answer = client.send(named(canary.address.port())).await;
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!((good.connections(), canary.connections(), names.left()), (1, 0, 1));
    // The next connection is judged by what the name says then.
    let answer = client.send(named(canary.address.port())).await;
    assert!(matches!(answer, Err(OutboundError::Refused)), "{answer:?}");
    assert_eq!((good.connections(), canary.connections()), (1, 0));
}

#[tokio::test]
async fn a_listed_name_may_lead_anywhere() {
    let canary = canary().await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let guard = Guard::default().except("Images.Example".parse().unwrap());
    let client = guarded(guard).resolver(names).build().unwrap();
    assert!(client.send(named(canary.address.port())).await.is_ok());
    assert_eq!(canary.connections(), 1);
}

#[tokio::test]
async fn addresses_of_this_machine_are_not_reached() {
    let own = own::addresses().unwrap().into_iter().find(|address| class_of(*address).is_none_or(Class::is_private));
    // A machine without network has none.
    let Some(own) = own else { return };
    let Ok(_) = std::net::TcpListener::bind((own, 0)) else { return };
    let canary = Web::at((own, 0), |_| Reply::new("200 OK", "", b"")).await;
    let url = UserUrl::parse(&canary.url("/")).unwrap();
    let answer = quick(Guard::default()).send(Request::new(Method::GET, url)).await;
    assert!(matches!(answer, Err(OutboundError::Refused)), "{answer:?}");
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_filtered_url_is_not_asked_for() {
    let web = canary().await;
    let guard = Guard::default().except("127.0.0.1".parse().unwrap());
    let client = guarded(guard).filter(UrlFilter::default().ports(&[80, 443], &[])).build().unwrap();
    let answer = client.send(Request::new(Method::GET, UserUrl::parse(&web.url("/")).unwrap())).await;
    assert!(matches!(answer, Err(OutboundError::Refused)), "{answer:?}");
    assert_eq!(web.connections(), 0);
    // The operator's own URLs are not filtered.
    assert!(client.send(Request::new(Method::GET, OperatorUrl::parse(&web.url("/")).unwrap())).await.is_ok());
}

#[test]
fn refused_and_unreachable_read_alike() {
    let unreachable = OutboundError::Connect("nobody listens".into());
    assert_eq!(OutboundError::Refused.to_string(), unreachable.to_string());
}
