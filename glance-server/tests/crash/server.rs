//! The program as an operator starts it, on a data folder of its own.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::Client;
use crate::eventually;

const PROGRAM: &str = env!("CARGO_BIN_EXE_glance-server");

/// A data folder that outlives the servers working on it.
pub(crate) struct DataFolder(TempDir);

/// A running server. It is killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl DataFolder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Starts the server here and waits for it to answer.
    pub(crate) fn serve(&self) -> Server {
        self.start(|arguments| {
            let mut command = Command::new(PROGRAM);
            command.args(arguments);
            command
        })
    }

    /// Starts it with these lines in a configuration file.
    pub(crate) fn serve_configured(&self, config: &str) -> Server {
        let file = self.0.path().join("glance-api.conf");
        fs::write(&file, config).unwrap();
        self.start(|arguments| {
            let mut command = Command::new(PROGRAM);
            command.args(arguments).arg("--config-file").arg(&file);
            command
        })
    }

    /// The file of the database, once a server has been started.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("data/glance.db")
    }

    /// Starts it so that no file can grow beyond `bytes`, as on a disk that is full by then.
    pub(crate) fn serve_with_room_for(&self, bytes: u64) -> Server {
        // The shell counts in blocks of 512 bytes. Ignored signals stay ignored in the program, so
        // that it sees the error a full disk would give.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        self.start(|arguments| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script, PROGRAM]).args(arguments);
            command
        })
    }

    fn start(&self, command: impl Fn(&[&str]) -> Command) -> Server {
        let data = self.0.path().join("data");
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        // Somebody else may take the port between the choice and its use.
        for _ in 0..5 {
            let address = free_address();
            let mut command = command(&["api", "--data-dir", data.to_str().unwrap(), "--bind", &address.to_string()]);
            // Nothing that stands in the home of whoever runs the test may configure the server.
            command.env_clear().env("HOME", self.0.path()).current_dir(self.0.path());
            command.stdout(log.try_clone().unwrap()).stderr(log.try_clone().unwrap());
            let process = command.spawn().unwrap();
            let mut server = Server { process, address };
            if server.comes_up() {
                return server;
            }
        }
        panic!("the server does not start:\n{}", fs::read_to_string(self.log()).unwrap());
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("server.log")
    }

    /// The names of all files in the store, whatever they are.
    pub(crate) fn stored(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        collect(&self.0.path().join("data/images"), &mut names);
        names
    }

    /// Waits until the store holds the data of these images and nothing else.
    pub(crate) fn holds_only<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let wanted: BTreeSet<String> = ids.into_iter().map(str::to_owned).collect();
        eventually("nothing but the data of active images in the store", || (self.stored() == wanted).then_some(()));
    }
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), names);
        } else {
            names.insert(entry.file_name().into_string().unwrap());
        }
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Server {
    pub(crate) fn client(&self) -> Client {
        Client::of(self.address)
    }

    /// False if the program ended instead.
    fn comes_up(&mut self) -> bool {
        let client = self.client();
        let process = &mut self.process;
        eventually("the server to answer", || match process.try_wait().unwrap() {
            Some(_) => Some(false),
            None => client.is_answered().then_some(true),
        })
    }

    /// `SIGKILL`: the process gets no chance to do anything.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// `SIGTERM`, and waits until it takes no more connections.
    #[expect(clippy::disallowed_methods, reason = "a client of the server under test")]
    pub(crate) fn begin_to_stop(&self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        eventually("the server to take no more connections", || {
            TcpStream::connect(self.address).is_err().then_some(())
        });
    }

    /// How the process ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        eventually("the server to end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
