//! Those that a server connects to, each connection on a thread of its own.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Has `serve` talk to whoever connects to `address`, as long as the test runs, and keep in `heard` what it is told. The
/// address that it got. The end of a connection, good or bad, ends no more than this one.
pub(crate) fn listening<T: Send + Sync + 'static>(
    address: &str,
    heard: &Arc<T>,
    serve: fn(TcpStream, &T) -> io::Result<()>,
) -> String {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = Arc::clone(&heard);
            thread::spawn(move || serve(stream, &heard).ok());
        }
    });
    address
}
