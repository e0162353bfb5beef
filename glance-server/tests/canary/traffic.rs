//! Callers who ask for everything that a server does.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::echo::DATA;
use crate::fake::Manner;
use crate::program::{Server, eventually};
use crate::secrets::{
    ANSWER, HEADER, Heard, LOCATION, POLICY, QUERY, REFUSED, SERVICE, SERVICE_HEADER, SIGNATURE, TOKEN, UNKNOWN, shown,
};
use crate::stage::{Stage, policy};

const IMAGE: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";
/// The length of an image that no buffer holds.
pub(crate) const BIG: usize = 4 << 20;

/// Headers of the caller with `token`, and others with a secret in them.
fn by(token: &str) -> String {
    format!(
        "X-Auth-Token: {token}\r\nX-Service-Token: {SERVICE_HEADER}\r\nX-Odd: {HEADER}\r\n\
         Cookie: session={HEADER}\r\nAuthorization: Bearer {HEADER}\r\nReferer: http://u:{HEADER}@h/\r\n"
    )
}

/// Asks as the caller with `token`; the body's type follows from the method.
fn ask(server: &Server, heard: &mut Heard, token: &str, line: &str, body: &str) -> u16 {
    let media_type = match line {
        line if line.starts_with("PATCH") => "application/openstack-images-v2.1-json-patch",
        line if line.starts_with("PUT") && line.contains("/file") => "application/octet-stream",
        _ => "application/json",
    };
    server.ask(heard, line, &format!("{}Content-Type: {media_type}\r\n", by(token)), body)
}

/// What everybody does with images, as Alice.
pub(crate) fn images(server: &Server, heard: &mut Heard) {
    let new = |id: &str| format!(r#"{{"id": "{id}", "disk_format": "raw", "container_format": "bare"}}"#);
    let image = format!("/v2/images/{IMAGE}");
    let store = |name: &str| format!("X-Image-Meta-Store: {name}\r\nContent-Type: application/octet-stream\r\n");
    let patch = r#"[{"op": "replace", "path": "/name", "value": "n"}]"#;
    for (line, body, status) in [
        ("POST /v2/images", &*new(IMAGE), 201),
        ("POST /v2/images", &new(IMAGE), 409),
        ("POST /v2/images", "{", 400),
        ("POST /v2/images", r#"{"visibility": "public"}"#, 403),
        (&format!("PUT {image}/file"), &"d".repeat(5_000_001), 413),
        (&format!("PUT {image}/file"), &"d".repeat(BIG), 204),
        (&format!("GET {image}/file?token={QUERY}"), "", 200),
        (&format!("GET {image}?password={QUERY}"), "", 200),
        (&format!("GET /v2/images?marker={QUERY}&password={QUERY}"), "", 400),
        (&format!("GET /v2/images?limit=9&password={QUERY}"), "", 200),
        (&format!("PATCH {image}"), patch, 200),
        (&format!("PATCH {image}"), "[{}]", 400),
        (&format!("PUT {image}/tags/t"), "", 204),
        (&format!("POST {image}/members"), r#"{"member": "m"}"#, 200),
        (&format!("GET {image}/members"), "", 200),
        (&format!("POST {image}/actions/deactivate"), "", 403),
        ("GET /v2/metadefs/namespaces", "", 200),
        ("POST /v2/metadefs/namespaces", r#"{"namespace": "n"}"#, 403),
        ("GET /v2/info/stores", "", 200),
        ("GET /v2/info/usage", "", 200),
        ("BREW /v2/images", "", 405),
    ] {
        assert_eq!(ask(server, heard, TOKEN, line, body), status, "{line}");
    }
    let ranged = format!("{}Range: bytes=3-5\r\n", by(TOKEN));
    assert_eq!(server.ask(heard, &format!("GET {image}/file"), &ranged, ""), 206);
    server.go_away(&format!("GET {image}/file"), &by(TOKEN), 2000);
    for name in ["swift", "refs", "s3", "azure", "vm", "ceph", QUERY] {
        let id = created(server, heard, "");
        let headers = format!("{}{}", by(TOKEN), store(name));
        let status = server.ask(heard, &format!("PUT /v2/images/{id}/file"), &headers, "the data");
        assert!(status >= 400, "{name}: {status}");
        assert_eq!(ask(server, heard, TOKEN, &format!("DELETE /v2/images/{id}"), ""), 204);
    }
}

/// The id of a new image that is ready for data.
fn created(server: &Server, heard: &mut Heard, more: &str) -> String {
    let body = format!(r#"{{"disk_format": "raw", "container_format": "bare"{more}}}"#);
    let headers = format!("{}Content-Type: application/json\r\n", by(TOKEN));
    let answer = String::from_utf8(server.answer("POST /v2/images", &headers, &body)).unwrap();
    let (_, image) = answer.split_once("\r\n\r\n").unwrap();
    let image: Value = serde_json::from_str(image).unwrap_or_else(|_| panic!("{answer}"));
    heard.note("answer to POST /v2/images", answer);
    image["id"].as_str().unwrap().to_owned()
}

/// Locations with credentials, which some may add and others may not.
pub(crate) fn locations(stage: &Stage, server: &Server, heard: &mut Heard, visible: bool) {
    let there = format!("http://user:{LOCATION}@{}/image?X-Amz-Signature={SIGNATURE}", stage.echo.address);
    let add = |url: &str| json!([{"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}}]);
    let id = created(server, heard, "");
    let status = ask(server, heard, TOKEN, &format!("PATCH /v2/images/{id}"), &add(&there).to_string());
    assert_eq!(status, if visible { 200 } else { 403 });
    let echo = &stage.echo.address;
    for url in [
        format!("http://user:{REFUSED}@{echo}/gone"),
        format!("http://user:{REFUSED}@127.0.0.1:1/image"),
        format!("http://user:{REFUSED}@[::1"),
        format!("swift://p:u:{REFUSED}@{echo}/v3/c/o"),
        format!("swift+http://p%3Au:{REFUSED}@{echo}/v3/c/o"),
        format!("s3://{REFUSED}:{REFUSED}@{echo}/b/o"),
        format!("swift+config://{REFUSED}/c/o"),
        format!("file:///{REFUSED}"),
        format!("rbd://{REFUSED}/pool/image/snap"),
        format!("vsphere://{REFUSED}/folder/x?dcPath=dc&dsName=ds"),
        format!("azure://account/{REFUSED}/o"),
        REFUSED.to_owned(),
    ] {
        let status = ask(server, heard, TOKEN, &format!("PATCH /v2/images/{id}"), &add(&url).to_string());
        assert!(status >= 400, "{url}: {status}");
        for token in [TOKEN, SERVICE] {
            let image = created(server, heard, "");
            let (line, body) = (format!("POST /v2/images/{image}/locations"), json!({"url": url}).to_string());
            ask(server, heard, token, &line, &body);
            settled(server, heard, &image);
            assert_eq!(ask(server, heard, TOKEN, &format!("DELETE /v2/images/{image}"), ""), 204);
        }
    }
    let image = created(server, heard, r#", "name": "on the web""#);
    let new = format!("POST /v2/images/{image}/locations");
    assert_eq!(ask(server, heard, TOKEN, &new, &json!({"url": there}).to_string()), 202);
    settled(server, heard, &image);
    assert_eq!(ask(server, heard, TOKEN, &new, &json!({"url": there}).to_string()), 409);
    let all = format!("GET /v2/images/{image}/locations");
    let told = server.answer(&all, &by(SERVICE), "");
    assert!(shown(&told, LOCATION.as_bytes()).is_some());
    heard.note("answer to a service", told);
    assert_eq!(ask(server, heard, TOKEN, &all, ""), 403);
    let file = String::from_utf8(server.answer(&format!("GET /v2/images/{image}/file"), &by(TOKEN), "")).unwrap();
    assert!(file.ends_with(DATA), "{file}");
}

/// Waits until nothing is under way with an image.
fn settled(server: &Server, heard: &mut Heard, image: &str) {
    let line = format!("GET /v2/images/{image}");
    eventually(|| {
        let answer = server.answer(&line, &by(TOKEN), "");
        let done = !String::from_utf8_lossy(&answer).contains(r#""importing""#);
        heard.note(format!("answer to {line}"), answer);
        done
    });
}

/// Callers whom Keystone does not vouch for, and a Keystone that is not itself.
pub(crate) fn strangers(stage: &Stage, server: &Server, heard: &mut Heard) {
    let mut asked = |manner: Manner, token: &str, status: u16| {
        stage.keystone.said().manner = manner;
        for line in ["GET /v2/images", "POST /v2/images"] {
            assert_eq!(ask(server, heard, token, line, r#"{"name": "x"}"#), status, "{line}");
        }
    };
    asked(Manner::Usual, UNKNOWN, 401);
    asked(Manner::Status(500), TOKEN, 503);
    asked(Manner::Status(403), UNKNOWN, 503);
    asked(Manner::Text(format!(r#"{{"error": "{TOKEN} {ANSWER}"}}"#)), TOKEN, 503);
    asked(Manner::Text(format!("<{ANSWER}>")), TOKEN, 503);
    stage.keystone.said().manner = Manner::Usual;
    {
        let mut said = stage.keystone.said();
        (said.locked, said.refusals) = (true, 9);
    }
    assert_eq!(ask(server, heard, TOKEN, "GET /v2/images", ""), 503);
    stage.keystone.stop();
    eventually(|| ask(server, heard, TOKEN, "GET /v2/images", "") == 503);
}

/// Uploads of which the client has enough.
pub(crate) fn broken_uploads(server: &Server, heard: &mut Heard) {
    let id = created(server, heard, "");
    let request = format!(
        "PUT /v2/images/{id}/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\
         Content-Type: application/octet-stream\r\n{}\r\nthe data",
        by(TOKEN)
    );
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    drop(stream);
    let line = format!("GET /v2/images/{id}");
    eventually(|| String::from_utf8_lossy(&server.answer(&line, &by(TOKEN), "")).contains(r#""queued""#));
    // Image after image, until the project has as many as it may.
    eventually(|| ask(server, heard, TOKEN, "POST /v2/images", "{}") == 413);
}

/// What the server is told to read again, none of which it can use.
pub(crate) fn broken_rules(stage: &Stage, server: &Server, heard: &mut Heard) {
    stage.write("policy.yaml", &format!("get_image: 'http://u:{POLICY}@h' or\n{POLICY}: role:a\n- {POLICY}\n"));
    server.reload();
    eventually(|| String::from_utf8_lossy(&stage.read("api.log")).contains("policy.yaml"));
    assert_eq!(ask(server, heard, TOKEN, "GET /v2/images", ""), 200);
    stage.write("policy.yaml", &policy(&stage.echo.address));
}
