//! What the service manager is told.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::server::Server;

#[test]
fn the_service_manager_is_told_when_requests_are_answered_and_when_not_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let next = || {
        let mut state = [0; 64];
        let length = manager.recv(&mut state).unwrap();
        String::from_utf8_lossy(&state[..length]).into_owned()
    };
    let data = folder.path().join("data");
    let arguments = ["--data-dir", data.to_str().unwrap()];
    let server = Server::start_within(&arguments, &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    assert_eq!(next(), "READY=1");
    assert_eq!(server.ask("GET /v2/images", "", "").0, 200);
    server.signal(Signal::TERM);
    assert_eq!(next(), "STOPPING=1");
    server.stop();
}
