//! The program under test with all that it says, and a client that keeps all that it hears.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::secrets::Heard;

const PROGRAM: &str = env!("CARGO_BIN_EXE_glance-server");

/// A server that is configured by `glance-api.conf` in a folder.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    tls: Option<Arc<ClientConfig>>,
}

/// The program with `arguments`, as one who has nothing of their own in its surroundings.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--config-file").arg(folder.join("glance-api.conf"));
    command.env_clear().env("HOME", folder).current_dir(folder);
    command
}

/// What a command says that ends by itself.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> Output {
    output_of_input(folder, arguments, "")
}

/// What a command says that reads `input`.
pub(crate) fn output_of_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program(folder, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // Whoever does not want it may have ended already.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

impl Server {
    /// Its output goes to the files `stdout` and `stderr` there.
    pub(crate) fn start(folder: &Path, tls: Option<Arc<ClientConfig>>) -> Self {
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        let mut command = program(folder, &["api", "--bind", "127.0.0.1:0"]);
        let mut process = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
        let mut address = String::new();
        eventually(|| {
            let said = fs::read_to_string(folder.join("stdout")).unwrap();
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none(), "{said}{}", fs::read_to_string(folder.join("stderr")).unwrap());
            let line = said.lines().find_map(|line| line.rsplit_once("://"));
            line.map(|(_, found)| found.trim().clone_into(&mut address)).is_some() && said.ends_with('\n')
        });
        Self { process, address, tls }
    }

    /// The status of the answer to a request with a body; all of the answer is noted.
    pub(crate) fn ask(&self, heard: &mut Heard, line: &str, headers: &str, body: &str) -> u16 {
        let answer = self.answer(line, headers, body);
        let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok());
        heard.note(format!("answer to {line}"), answer);
        status.unwrap_or_default()
    }

    /// The whole answer to a request with a body, as far as it comes.
    pub(crate) fn answer(&self, line: &str, headers: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        let stream = self.connect();
        match &self.tls {
            None => exchange(stream, request.as_bytes()),
            Some(config) => {
                let client = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
                exchange(StreamOwned::new(client, stream), request.as_bytes())
            }
        }
    }

    /// Begins to ask, and goes away after `length` bytes of the answer.
    pub(crate) fn go_away(&self, line: &str, headers: &str, length: usize) {
        let mut stream = self.connect();
        // Otherwise the buffers between the two might take all of the answer before anybody goes away.
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4096).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
        stream.read_exact(&mut vec![0; length]).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }

    fn connect(&self) -> TcpStream {
        #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
        TcpStream::connect(&self.address).unwrap()
    }

    pub(crate) fn reload(&self) {
        kill_process(Pid::from_child(&self.process), Signal::HUP).unwrap();
    }

    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only what a failed test leaves is still running.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A connection that is cut off has said what it had to say.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// What `address` answers to a request for `path`.
pub(crate) fn page(address: &str, path: &str) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    let stream = TcpStream::connect(address).unwrap();
    exchange(stream, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Waits for what comes about by itself.
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never came about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is said by a server that may or may not start with the configuration in `folder`.
pub(crate) fn said_at_the_start(folder: &Path) -> Vec<u8> {
    let file = |name: &str| File::create(folder.join(name)).unwrap();
    let mut command = program(folder, &["api", "--bind", "127.0.0.1:0"]);
    let mut process = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
    let serves = || fs::read_to_string(folder.join("stdout")).unwrap().contains("://");
    eventually(|| process.try_wait().unwrap().is_some() || serves());
    // It may have ended by itself.
    let _ = process.kill();
    process.wait().unwrap();
    ["stdout", "stderr"].map(|name| fs::read(folder.join(name)).unwrap()).concat()
}
