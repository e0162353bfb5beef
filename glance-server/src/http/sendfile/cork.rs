//! Holding back packets that are not full.

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// Whether full packets alone leave a socket (`TCP_CORK`).
///
/// `sendfile(2)` hands over 64 KiB at a time, and without this each of them leaves by itself and wakes the
/// client: a third less speed for one client on an idle machine, and twice the processor time. For the same reason it
/// stays from the first byte of a file to the last: a client that ran out of data falls asleep, and where waking it is
/// dear (a processor of a virtual machine that is idle), it falls asleep before each of the packets that follow, too.
#[derive(Debug, Default)]
pub(in crate::http) struct Cork(bool);

impl Cork {
    /// From now on, what does not fill a packet waits for more.
    pub(super) fn set(&mut self, stream: &TcpStream) {
        // A socket that cannot do this sends all the same.
        self.0 = self.0 || sockopt::set_tcp_cork(stream, true).is_ok();
    }

    /// Sends what waits, and whatever comes from now on at once. To be called whenever nothing further is
    /// about to be written, or a client waits for the end of its answer until the system loses patience.
    pub(in crate::http) fn release(&mut self, stream: &TcpStream) {
        if std::mem::take(&mut self.0) {
            let _ = sockopt::set_tcp_cork(stream, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a socket to be looked at")]
    async fn connected() -> TcpStream {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_held_back_leaves_on_release() {
        let stream = connected().await;
        let mut cork = Cork::default();
        cork.set(&stream);
        assert!(sockopt::tcp_cork(&stream).unwrap());
        cork.release(&stream);
        assert!(!sockopt::tcp_cork(&stream).unwrap());
    }

    #[tokio::test]
    async fn a_socket_is_left_alone_until_it_sends_a_file() {
        let stream = connected().await;
        sockopt::set_tcp_cork(&stream, true).unwrap();
        Cork::default().release(&stream);
        assert!(sockopt::tcp_cork(&stream).unwrap());
    }
}
