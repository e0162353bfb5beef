use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const LIMITS: Limits = Limits { line: 200, head: 1000 };

/// What a stream cut at `cuts` lets through, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    passed: Vec<u8>,
    requests: usize,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    BetweenRequests,
    InHead,
    InBody,
    Refused(Violation),
}

fn judge<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let mut framing = Framing::new(LIMITS);
    let (mut passed, mut requests) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            let in_body = framing.in_body();
            let step = if in_body { framing.body(rest).map(|taken| (taken, None)) } else { framing.head(rest) };
            match step {
                Ok((taken, head)) => {
                    assert!(taken > 0, "no progress");
                    requests += usize::from(head.is_some());
                    if in_body {
                        passed.extend_from_slice(&rest[..taken]);
                    }
                    passed.extend(head.unwrap_or_default());
                    rest = &rest[taken..];
                }
                Err(violation) => {
                    return Verdict { passed, requests, end: End::Refused(violation) };
                }
            }
        }
    }
    let end = if framing.in_body() {
        End::InBody
    } else if framing.in_head() {
        End::InHead
    } else {
        End::BetweenRequests
    };
    Verdict { passed, requests, end }
}

fn end_of(stream: &str) -> End {
    judge([stream.as_bytes()]).end
}

fn refused(stream: &str) -> bool {
    matches!(end_of(stream), End::Refused(Violation::Malformed(_)))
}

#[test]
fn what_could_be_read_two_ways_is_refused() {
    for stream in [
        // Two lengths.
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        // Lengths that are none.
        "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3.0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1 2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: ٣\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        // Codings other than the one.
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked;a=b\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        // Header lines.
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\tfolded: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHöst: a\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\x0bc\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\x7fc\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\r\n\r\n",
        // Line ends.
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\n\r\n",
        // Request lines.
        "GET /\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET /\t HTTP/1.1\r\n\r\n",
        "G\0T / HTTP/1.1\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\n\r\n",
        "GET images HTTP/1.1\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        assert!(refused(stream), "{stream:?}: {:?}", end_of(stream));
    }
}

#[test]
fn chunks_that_are_none_are_refused() {
    for body in [
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        ";a\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1\r\na\r\r",
        "1\r\na0\r\n\r\n",
        "1;a\nb\r\n",
        "1;a\0\r\n",
        "1000000000000000\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\n folded: a\r\n\r\n",
        "0\r\nA b: c\r\n\r\n",
        "0\r\nA\r\n\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA: \0\r\n\r\n",
        "0\r\n: a\r\n\r\n",
    ] {
        let stream = format!("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert!(refused(&stream), "{body:?}: {:?}", end_of(&stream));
    }
}

#[test]
fn streams_that_stop_early_are_told_apart() {
    assert_eq!(end_of(""), End::BetweenRequests);
    assert_eq!(end_of("\r\n"), End::BetweenRequests);
    assert_eq!(end_of("GET / HT"), End::InHead);
    assert_eq!(end_of("GET / HTTP/1.1\r\n"), End::InHead);
    assert_eq!(end_of("PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\na"), End::InBody);
    for body in ["", "1", "1\r\na", "1\r\na\r\n", "0\r\n", "0\r\nA: b\r\n", "0\r\n\r"] {
        let stream = format!("PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n{body}");
        assert_eq!(end_of(&stream), End::InBody, "{body:?}");
    }
}

#[test]
fn names_with_underscores_do_not_pass_and_do_not_count() {
    let stream = "PUT / HTTP/1.1\r\nX_Roles: admin\r\nHost: a\r\nContent_Length: 9\r\n\
                  Content-Length: 1\r\n_: b\r\n\r\nz";
    let verdict = judge([stream.as_bytes()]);
    assert_eq!(verdict.end, End::BetweenRequests);
    assert_eq!(String::from_utf8(verdict.passed).unwrap(), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz");
}

#[test]
fn offers_to_change_the_protocol_do_not_pass() {
    let verdict = judge([b"GET / HTTP/1.1\r\nupGrade: h2c\r\nHost: a\r\n\r\n".as_slice()]);
    assert_eq!(verdict.end, End::BetweenRequests);
    assert_eq!(String::from_utf8(verdict.passed).unwrap(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn heads_have_limits() {
    let line = |length: usize| format!("GET / HTTP/1.1\r\nA:{}\r\n\r\n", "b".repeat(length - 2));
    assert_eq!(end_of(&line(200)), End::BetweenRequests);
    assert_eq!(end_of(&line(201)), End::Refused(Violation::HeadTooLarge));
    let target = "a".repeat(200);
    assert_eq!(end_of(&format!("GET /{target}")), End::Refused(Violation::HeadTooLarge));

    let lines = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A:b\r\n".repeat(count));
    assert_eq!(end_of(&lines(100)), End::BetweenRequests);
    assert_eq!(end_of(&lines(101)), End::Refused(Violation::HeadTooLarge));

    let long = format!("GET / HTTP/1.1\r\n{}\r\n", "Abcdefgh: ijklmnop\r\n".repeat(60));
    assert_eq!(end_of(&long), End::Refused(Violation::HeadTooLarge));
    assert_eq!(end_of(&"\r\n".repeat(501)), End::Refused(Violation::HeadTooLarge));
}

#[test]
fn extensions_and_trailers_have_limits() {
    let head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(!refused(&format!("{head}1;{}", "a".repeat(8000))));
    assert!(refused(&format!("{head}1;{}", "a".repeat(8200))));
    assert!(refused(&format!("{head}{}", "1;aaaa\r\nb\r\n".repeat(2000))));
    assert!(refused(&format!("{head}0\r\n{}", "A: b\r\n".repeat(3000))));
}

/// A request as a careful client writes it.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let headers = vec(("[A-Za-z-]{1,8}x", "[ -~\u{e4}]{0,12}"), 0..4);
    let body = prop_oneof![
        Just(None),
        vec(any::<u8>(), 0..60).prop_map(|body| Some((false, vec![body]))),
        vec(vec(any::<u8>(), 1..40), 0..4).prop_map(|chunks| Some((true, chunks))),
    ];
    ("[A-Z]{1,7}", "/[!-~]{0,20}", headers, body).prop_map(|(method, target, headers, body)| {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        match body {
            None => bytes.extend(b"\r\n"),
            Some((false, body)) => {
                bytes.extend(format!("Content-Length: {}\r\n\r\n", body[0].len()).bytes());
                bytes.extend(&body[0]);
            }
            Some((true, chunks)) => {
                bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    bytes.extend(format!("{:X};x=\"y\"\r\n", chunk.len()).bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\nDigest: z\r\n\r\n");
            }
        }
        bytes
    })
}

/// Bytes that look enough like requests to get somewhere.
fn almost_requests() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), "[\r\n\0 :;_0-9a-f]"), 0..4);
    (vec(request(), 1..4), changes).prop_map(|(requests, changes)| {
        let mut bytes = requests.concat();
        for (at, new) in changes {
            let at = at.index(bytes.len());
            bytes[at] = new.as_bytes()[0];
        }
        bytes
    })
}

fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|part| &bytes[part[0]..part[1]]).collect()
}

fn how_it_went(verdict: Verdict) -> (usize, End, Option<Vec<u8>>) {
    // How much of a body passes before a violation in it depends on the reads, and matters to nobody.
    let whole = !matches!(verdict.end, End::Refused(_));
    (verdict.requests, verdict.end, whole.then_some(verdict.passed))
}

proptest! {
    #[test]
    fn careful_requests_pass_unchanged(requests in vec(request(), 0..5), cuts in vec(any::<Index>(), 0..8)) {
        let stream = requests.concat();
        let verdict = judge(cut(&stream, &cuts));
        prop_assert_eq!(verdict.requests, requests.len());
        prop_assert_eq!(verdict.end, End::BetweenRequests);
        prop_assert_eq!(verdict.passed, stream);
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_reads(stream in almost_requests(), cuts in vec(any::<Index>(), 0..8)) {
        let whole = how_it_went(judge([&stream[..]]));
        prop_assert_eq!(&how_it_went(judge(cut(&stream, &cuts))), &whole);
        prop_assert_eq!(&how_it_went(judge(stream.chunks(1))), &whole);
    }

    #[test]
    fn any_bytes_get_a_verdict(stream in vec(any::<u8>(), 0..300), cuts in vec(any::<Index>(), 0..8)) {
        prop_assert_eq!(how_it_went(judge(cut(&stream, &cuts))), how_it_went(judge([&stream[..]])));
    }
}
