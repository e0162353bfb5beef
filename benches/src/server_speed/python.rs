//! The opponent of requests and uploads: Python Glance under uWSGI, over a database of its own.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use glance_core::store::BoxError;

use super::process::Process;
use super::server::{Server, free_address};

/// An environment with Python Glance and uWSGI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Python<'a>(pub(super) &'a Path);

impl Python<'_> {
    /// Serves the folder `data`: its `glance.db`, which is made if there is none, and files below `images`.
    /// A worker for each core but four at least, as is usual; nobody is asked who they are.
    pub(super) fn start(self, data: &Path) -> Result<Server, BoxError> {
        std::fs::create_dir_all(data.join("images"))?;
        let (data, log) = (std::path::absolute(data)?, data.with_extension("log"));
        let configuration = data.join("glance-api.conf");
        std::fs::write(&configuration, self.config(&data))?;
        self.make_database(&configuration, &data)?;
        let address = free_address()?;
        let workers = thread::available_parallelism().map_or(1, NonZero::get).max(4);
        let mut command = Command::new(self.program("uwsgi"));
        command.args(["--http-socket", &address.to_string(), "--module", "glance.wsgi.api:application"]);
        command.arg("--virtualenv").arg(self.0).args(["--processes", &workers.to_string(), "--threads", "1"]);
        command.args(["--master", "--die-on-term", "--lazy-apps", "--enable-threads", "--thunder-lock"]);
        command.args(["--http-auto-chunked", "--http-chunked-input", "--http-raw-body", "--buffer-size", "65535"]);
        command.args(["--add-header", "Connection: close", "--socket-timeout", "60", "--disable-logging"]);
        command.env("OS_GLANCE_CONFIG_DIR", &data);
        Server::when_it_answers(Process::start(&mut command, &log)?, address, &data)
    }

    /// The tables that are missing are made by Glance's own tool.
    fn make_database(self, configuration: &Path, data: &Path) -> Result<(), BoxError> {
        let log = data.with_extension("sync.log");
        let file = std::fs::File::create(&log)?;
        let mut command = Command::new(self.program("glance-manage"));
        command.arg("--config-file").arg(configuration).arg("db_sync");
        if command.stdout(file.try_clone()?).stderr(file).status()?.success() {
            return Ok(());
        }
        Err(format!("glance-manage db_sync failed: see {}", log.display()).into())
    }

    fn program(self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }

    fn config(self, data: &Path) -> String {
        let (data, environment) = (data.display(), self.0.display());
        format!(
            "[DEFAULT]\nlog_file = {data}/api.log\nenabled_backends = files:file\n\
             [database]\nconnection = sqlite:///{data}/glance.db\n\
             [glance_store]\ndefault_backend = files\n[files]\nfilesystem_store_datadir = {data}/images\n\
             [os_glance_staging_store]\nfilesystem_store_datadir = {data}/staging\n\
             [os_glance_tasks_store]\nfilesystem_store_datadir = {data}/tasks\n\
             [paste_deploy]\nconfig_file = {environment}/etc/glance/glance-api-paste.ini\n\
             [oslo_policy]\nenforce_new_defaults = false\nenforce_scope = false\n\
             [oslo_concurrency]\nlock_path = {data}/lock\n"
        )
    }
}
