//! A whole server, asked for everything, and then all that was heard of it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Server, eventually, output, page};
use crate::secrets::{
    APPLICATION, AUTHTOKEN, BROKER, Heard, LIMITS, LOCATION, PROXY, S3_ACCESS, SIGNATURE, SWIFT_KEY, SWIFT_REFERENCE,
    SWIFT_USER, shown,
};
use crate::stage::{Manners, Stage};
use crate::traffic::{BIG, broken_rules, broken_uploads, images, locations, strangers};

/// What commands say of the same files.
fn commands(folder: &Path, heard: &mut Heard) {
    let rules = folder.join("policy.yaml");
    for arguments in [
        &["config", "check"][..],
        &["policy", "explain", "deactivate"],
        &["policy", "explain", "get_image", "--json"],
        &["policy", "list"],
        &["policy", "diff", "--default", rules.to_str().unwrap()],
        &["policy", "check", "--rule", "deactivate", "--roles", "member"],
    ] {
        let said = output(folder, arguments);
        assert_ne!(said.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        heard.note(arguments.join(" "), [said.stdout, said.stderr].concat());
    }
}

fn run(manners: &Manners) {
    let stage = Stage::new();
    stage.configure(manners);
    let mut heard = Heard::default();
    let server = Server::start(stage.folder.path(), None);
    images(&server, &mut heard);
    locations(&stage, &server, &mut heard, manners.show_locations);
    broken_uploads(&server, &mut heard);
    broken_rules(&stage, &server, &mut heard);
    let log = String::from_utf8(stage.read("api.log")).unwrap();
    let metrics = log.lines().find(|line| line.contains("metrics are shown")).unwrap();
    let (_, port) = metrics.rsplit_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    strangers(&stage, &server, &mut heard);
    let page = page(&format!("127.0.0.1:{port}"), "/metrics");
    assert!(page.ends_with(b"# EOF\n"));
    heard.note("metrics", page);
    let sent = |messages: &[u8]| String::from_utf8_lossy(messages).matches("image.send").count();
    eventually(|| sent(&stage.broker.messages()) >= 4);
    server.stop();
    commands(stage.folder.path(), &mut heard);
    for name in ["stdout", "stderr", "api.log", "data/glance.db"] {
        heard.note(name, stage.read(name));
    }
    heard.note("broker", stage.broker.messages());
    was_used(&stage, manners);
    a_broken_download_was_told(&heard);
    heard.hides(&[], &allowed(manners.show_locations));
    stage.runtime.shutdown_timeout(Duration::from_secs(1));
}

/// Fails unless the secrets went where they belong: what never left could never have been shown.
fn was_used(stage: &Stage, manners: &Manners) {
    let logins = Value::Array(stage.keystone.said().logins.clone()).to_string();
    let own = if manners.auth_type == "password" { AUTHTOKEN } else { APPLICATION };
    assert!(logins.contains(own) && logins.contains(LIMITS), "{logins}");
    assert!(shown(&stage.broker.logins(), BROKER.as_bytes()).is_some());
    let sent = stage.echo.sent();
    for secret in [SWIFT_USER, SWIFT_KEY, SWIFT_REFERENCE, S3_ACCESS, PROXY, LOCATION, SIGNATURE] {
        assert!(shown(&sent, secret.as_bytes()).is_some(), "{secret}: {}", String::from_utf8_lossy(&sent));
    }
}

/// Fails unless one `image.send` tells of less than all of the image.
fn a_broken_download_was_told(heard: &Heard) {
    let messages = heard.at("broker").replace('\\', "");
    let told = messages.split("\"bytes_sent\":").skip(1);
    let told: Vec<usize> =
        told.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()).collect();
    assert!(told.contains(&BIG) && told.iter().any(|bytes| (11..BIG).contains(bytes)), "{told:?}");
}

/// Who may see what on purpose.
fn allowed(show_locations: bool) -> Vec<(&'static str, &'static str)> {
    // Links to pages repeat what was asked, and what is refused is named to whoever asked.
    let mut allowed =
        vec![("answer to GET /v2/images?", "query of a request"), ("answer to PUT", "query of a request")];
    // Services are told locations, by a call of their own.
    let mut places = vec!["answer to a service"];
    if show_locations {
        // Whoever sees an image sees its locations then: that is what the options are for.
        places.extend(["answer to PATCH /v2/images/", "answer to GET /v2/images"]);
    }
    let locations = ["credentials in a location", "signature in a location"];
    allowed.extend(places.iter().flat_map(|place| locations.map(|location| (*place, location))));
    allowed
}

#[test]
fn a_server_that_shows_locations_hides_every_other_secret() {
    run(&Manners { json: false, show_locations: true, auth_type: "password" });
}

#[test]
fn a_server_that_shows_no_locations_hides_every_secret() {
    run(&Manners { json: true, show_locations: false, auth_type: "v3applicationcredential" });
}
