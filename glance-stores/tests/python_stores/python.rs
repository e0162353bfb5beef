//! A store driver of Python Glance, called through `tests/compat/stores.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use glance_core::conformance;
use glance_core::image::ImageId;
use tempfile::TempDir;

/// A driver with its configuration.
pub(crate) struct Python {
    venv: PathBuf,
    folder: TempDir,
    /// A file with the user whose calls these are; `None`: the server itself.
    caller: Option<PathBuf>,
}

impl Python {
    /// The driver `kind` with `options`, a line each; `None` where there is no Python Glance.
    pub(crate) fn with(kind: &str, options: &str) -> Option<Self> {
        let venv = conformance::backend("GLANCE_PYTHON_VENV")?.into();
        let python = Self { venv, folder: tempfile::tempdir().unwrap(), caller: None };
        let text = format!("[glance_store]\nstores = {kind}\ndefault_store = {kind}\n{options}\n");
        fs::write(python.configuration(), text).unwrap();
        Some(python)
    }

    /// The driver as a user calls it. `login` is what Keystone answered, with the token in it.
    #[cfg(feature = "swift")]
    pub(crate) fn used_by(mut self, login: &serde_json::Value) -> Self {
        let file = self.folder.path().join("caller.json");
        fs::write(&file, login.to_string()).unwrap();
        self.caller = Some(file);
        self
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("glance-api.conf")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn put(&self, id: ImageId, data: &Bytes) -> String {
        fs::write(self.data(), data).unwrap();
        self.expect(&["put", id.as_str(), self.data().to_str().unwrap()])
    }

    /// The data at a location; `None` if the driver cannot read it.
    pub(crate) fn get(&self, location: &str) -> Option<Bytes> {
        let output = self.run(&["get", location, self.data().to_str().unwrap()]);
        output.status.success().then(|| fs::read(self.data()).unwrap().into())
    }

    pub(crate) fn size(&self, location: &str) -> u64 {
        self.expect(&["size", location]).parse().unwrap()
    }

    pub(crate) fn delete(&self, location: &str) {
        self.expect(&["delete", location]);
    }

    /// Lets projects read the data, `*` everybody, and nobody else.
    #[cfg(feature = "swift")]
    pub(crate) fn share(&self, location: &str, readers: &[&str]) {
        self.expect(&[&["share", location], readers].concat());
    }

    fn expect(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}\n{out}\n{errors}");
        out.trim().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/compat/stores.py");
        let mut command = Command::new(self.venv.join("bin/python"));
        command.arg(script).arg(self.configuration());
        if let Some(caller) = &self.caller {
            command.arg("--caller").arg(caller);
        }
        command.args(arguments).output().unwrap()
    }
}
