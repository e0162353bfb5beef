//! Log lines: where they go, and that each stays one line.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::StartError;
use crate::config::LoggingSettings;

/// Where log lines go.
#[derive(Debug, Clone)]
pub(super) struct Log(Arc<Sinks>);

#[derive(Debug)]
struct Sinks {
    file: Option<(PathBuf, Mutex<File>)>,
    stderr: bool,
    /// Whether lines are JSON objects.
    json: bool,
}

/// Begins to log.
///
/// # Errors
///
/// [`StartError::File`] if the log file cannot be written.
pub(super) fn start(settings: &LoggingSettings) -> Result<Log, StartError> {
    let file = settings.file.clone().map(|path| {
        let file = open(&path).map_err(StartError::file(&path))?;
        Ok::<_, StartError>((path, Mutex::new(file)))
    });
    let file = file.transpose()?;
    let stderr = settings.use_stderr || file.is_none();
    let log = Log(Arc::new(Sinks { file, stderr, json: settings.use_json }));
    let ours = "glance_core=debug,glance_stores=debug,glance_server=debug";
    // The library's own words on brokers would say twice what `notify` says, and could show a password.
    let usual = "info,lapin=off";
    let filter = EnvFilter::new(if settings.debug { format!("{usual},{ours}") } else { usual.to_owned() });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(false);
    // A second server in one process, as tests have it, logs where the first does.
    let _ = if settings.use_json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        lines.try_init()
    };
    log_panics();
    Ok(log)
}

fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload().downcast_ref::<&str>().copied();
        let message = message.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
        tracing::error!(place, message, "a bug: the work in hand is broken off");
    }));
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

impl Log {
    /// Opens the file anew, after it was renamed by whoever keeps old logs.
    pub(super) fn reopen(&self) {
        if let Some((path, file)) = &self.0.file {
            match open(path) {
                Ok(anew) => *locked(file) = anew,
                Err(error) => tracing::warn!(%error, "cannot open the log file anew"),
            }
        }
    }
}

fn locked(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// Takes one event and writes one line.
#[derive(Debug)]
pub(super) struct Line<'a>(&'a Sinks);

impl Write for Line<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = one_line(event, self.0.json);
        if let Some((_, file)) = &self.0.file {
            locked(file).write_all(line.as_bytes())?;
        }
        if self.0.stderr {
            io::stderr().lock().write_all(line.as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The event with everything escaped that could pass for the end of a line or move a terminal's
/// cursor, whatever names clients chose. In JSON, such characters stand in texts only, and stay what they are.
fn one_line(event: &[u8], json: bool) -> String {
    let event = String::from_utf8_lossy(event);
    let event = event.strip_suffix('\n').unwrap_or(&event);
    let mut line = String::with_capacity(event.len() + 1);
    for char in event.chars() {
        if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') {
            if json {
                let _ = write!(line, "\\u{:04x}", u32::from(char));
            } else {
                line.extend(char.escape_default());
            }
        } else {
            line.push(char);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_one_line() {
        let one_line = |event: &[u8]| one_line(event, false);
        assert_eq!(one_line(b"a\nb\r\x1b[31mc\xc2\x85d\xe2\x80\xa8e\n"), "a\\nb\\r\\u{1b}[31mc\\u{85}d\\u{2028}e\n");
        assert_eq!(one_line("naïve \u{fffd}".as_bytes()), "naïve \u{fffd}\n");
        assert_eq!(one_line(b"\xff"), "\u{fffd}\n");
    }

    #[test]
    fn an_escaped_line_of_json_is_json() {
        let name = "a\u{85}b\u{2028}c\u{202e}d\u{7f}e\n";
        let event = format!("{}\n", serde_json::json!({ "name": name }));
        let line = one_line(event.as_bytes(), true);
        assert!(line.lines().count() == 1 && line.trim_end().chars().all(|char| char.is_ascii_graphic()), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["name"], name);
    }

    #[test]
    fn a_renamed_log_file_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("glance.log");
        let file = open(&path).unwrap();
        let log = Log(Arc::new(Sinks { file: Some((path.clone(), Mutex::new(file))), stderr: false, json: false }));
        log.make_writer().write_all(b"one\n").unwrap();
        std::fs::rename(&path, folder.path().join("old.log")).unwrap();
        log.reopen();
        log.make_writer().write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    }
}
