//! Options that say where configuration is and override some of it.

use std::path::PathBuf;

use clap::{ArgMatches, Args};

use crate::config::{CliArgs, Source};

/// Options of every command that reads the configuration, named as oslo.config and oslo.log name
/// them.
#[derive(Debug, Args)]
pub(super) struct ConfigOptions {
    /// Read this file; may repeat, later ones win [default: glance.conf and glance-api.conf from
    /// ~/.glance, ~, /etc/glance, /etc].
    #[arg(long, value_name = "FILE")]
    config_file: Vec<PathBuf>,
    /// Read every *.conf in this folder, in name order; may repeat.
    #[arg(long, value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    /// Listen here, such as `127.0.0.1:9292`, `[::1]:9292` or `:9292`; beats `bind_host` and
    /// `bind_port`.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    bind: Option<(String, u16)>,
    /// Keep glance.db, images/ and staging/ here unless options place them elsewhere.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    logging: LoggingOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of oslo.log")]
struct LoggingOptions {
    /// Log at debug level.
    #[arg(long, short = 'd', overrides_with = "nodebug")]
    debug: bool,
    #[arg(long, hide = true)]
    nodebug: bool,
    /// Log to this file.
    #[arg(long, value_name = "FILE", alias = "logfile")]
    log_file: Option<String>,
    /// The folder of the log file.
    #[arg(long, value_name = "DIR", alias = "logdir")]
    log_dir: Option<String>,
    /// Write log lines as JSON.
    #[arg(long, overrides_with = "nouse_json")]
    use_json: bool,
    #[arg(long, hide = true)]
    nouse_json: bool,
    #[arg(long, hide = true, overrides_with = "nouse_syslog")]
    use_syslog: bool,
    #[arg(long, hide = true)]
    nouse_syslog: bool,
    #[arg(long, hide = true, overrides_with = "nouse_journal")]
    use_journal: bool,
    #[arg(long, hide = true)]
    nouse_journal: bool,
    #[arg(long, hide = true, overrides_with = "nowatch_log_file")]
    watch_log_file: bool,
    #[arg(long, hide = true)]
    nowatch_log_file: bool,
    #[arg(long, hide = true, alias = "log-config")]
    log_config_append: Option<String>,
    #[arg(long, hide = true)]
    log_date_format: Option<String>,
    #[arg(long, hide = true)]
    syslog_log_facility: Option<String>,
}

impl ConfigOptions {
    /// What the options mean for the configuration; `matches` knows their order.
    pub(super) fn into_args(self, matches: &ArgMatches) -> CliArgs {
        let mut overrides = self.logging.overrides();
        if let Some((host, port)) = self.bind {
            if !host.is_empty() {
                overrides.push(("DEFAULT", "bind_host", literal(&host)));
            }
            overrides.push(("DEFAULT", "bind_port", port.to_string()));
        }
        if let Some(dir) = self.data_dir {
            overrides.push(("glance_rs", "data_dir", literal(&dir.display().to_string())));
        }
        let files = at(matches, "config_file", self.config_file, Source::File);
        let dirs = at(matches, "config_dir", self.config_dir, Source::Dir);
        let mut sources: Vec<_> = files.chain(dirs).collect();
        sources.sort_by_key(|(position, _)| *position);
        CliArgs { sources: sources.into_iter().map(|(_, source)| source).collect(), overrides }
    }
}

/// Each value of the option called `id`, with its position on the command line.
fn at(
    matches: &ArgMatches,
    id: &str,
    paths: Vec<PathBuf>,
    source: fn(PathBuf) -> Source,
) -> impl Iterator<Item = (usize, Source)> {
    let positions: Vec<_> = matches.indices_of(id).into_iter().flatten().collect();
    positions.into_iter().zip(paths).map(move |(position, path)| (position, source(path)))
}

/// A value that a configuration reads as exactly `text`.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

impl LoggingOptions {
    fn overrides(self) -> Vec<(&'static str, &'static str, String)> {
        let switches = [
            ("debug", self.debug, self.nodebug),
            ("use_json", self.use_json, self.nouse_json),
            ("use_syslog", self.use_syslog, self.nouse_syslog),
            ("use_journal", self.use_journal, self.nouse_journal),
            ("watch_log_file", self.watch_log_file, self.nowatch_log_file),
        ];
        let switches = switches
            .into_iter()
            .filter(|(_, on, off)| *on || *off)
            .map(|(name, on, _)| ("DEFAULT", name, on.to_string()));
        let texts = [
            ("log_file", self.log_file),
            ("log_dir", self.log_dir),
            ("log_config_append", self.log_config_append),
            ("log_date_format", self.log_date_format),
            ("syslog_log_facility", self.syslog_log_facility),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some(("DEFAULT", name, literal(&text?))));
        switches.chain(texts).collect()
    }
}

/// Reads `host:port`, with an IPv6 address in brackets; an empty host leaves the host as it is.
fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("must be HOST:PORT")?;
    let port = port.parse().map_err(|_| "the port must be a number from 0 to 65535")?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(address) => Ok((address.to_owned(), port)),
        None if host.contains(':') => Err("an IPv6 address goes in brackets: [::1]:9292".to_owned()),
        None => Ok((host.to_owned(), port)),
    }
}
