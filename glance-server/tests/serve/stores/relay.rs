//! A way to a server that can be closed and opened, so that a store is away and the server behind it is not.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

/// A port that leads to a server while it is open, and refuses connections otherwise. It stays the same one.
pub(crate) struct Relay {
    port: Arc<TcpListener>,
    target: SocketAddr,
    through: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    /// Open from the beginning.
    pub(crate) fn to(target: SocketAddr) -> Self {
        // A port that the system chose is lost with the first pause in listening; one that was named is kept.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let port: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        // Connections that ended a moment ago do not keep it from listening again.
        set_socket_reuseaddr(&port, true).unwrap();
        bind(&port, &free).unwrap();
        let relay = Self { port: Arc::new(TcpListener::from(port)), target, through: Arc::default() };
        relay.open();
        relay
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.local_addr().unwrap().port()
    }

    pub(crate) fn open(&self) {
        listen(&*self.port, 64).unwrap();
        let (port, target, through) = (Arc::clone(&self.port), self.target, Arc::clone(&self.through));
        // Ends when the port listens no more.
        thread::spawn(move || {
            while let Ok((client, _)) = port.accept() {
                // A server that does not answer is the client's to notice.
                let _ = connect(client, target, &through);
            }
        });
    }

    /// Breaks off what is under way. The port stays taken: nobody else comes to listen there meanwhile.
    pub(crate) fn close(&self) {
        // It may be closed.
        let _ = rustix::net::shutdown(&*self.port, rustix::net::Shutdown::Both);
        for stream in self.through.lock().unwrap().drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

fn connect(client: TcpStream, target: SocketAddr, through: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "to a server of the test's own choice")]
    let server = TcpStream::connect(target)?;
    through.lock().unwrap().extend([client.try_clone()?, server.try_clone()?]);
    let (to_client, from_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(client, server));
    thread::spawn(move || pass(from_server, to_client));
    Ok(())
}

/// Passes on what comes, and that no more does.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
