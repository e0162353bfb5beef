//! Reading `glance-api.conf` as Python Glance reads it: the same files, in the same dialect, with
//! the same precedence, and [`Settings`] with types at the end.
//!
//! Stricter than the original on purpose: a value that cannot be used is refused at start, not at
//! first use, and an option nobody knows is named in a warning.

mod check;
mod contradictions;
mod error;
mod finding;
pub mod ini;
mod interpolate;
mod kind;
mod layers;
mod options;
mod resolve;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
mod testing;

pub use error::ConfigError;
pub use finding::{Finding, Origin};
pub use glance_stores::outbound::{Network, NotANetwork};
pub use secret::Secret;
pub use settings::{
    AuthMode, AuthSettings, AuthtokenSettings, AzureStoreSettings, Bind, ConfiguredStore, Connection, CorsSettings,
    DatabaseSettings, Datadir, DefaultSettings, FileStoreSettings, Filter, GcsStoreSettings, GlanceRsSettings,
    HealthcheckBackend, HealthcheckPlace, HealthcheckSettings, HttpStoreSettings, ImageFormatSettings, LimitSettings,
    LoggingSettings, NotificationSettings, OsloLimitSettings, OsloPolicySettings, OutboundSettings, PasteSettings,
    ProxyHeaders, RbdStoreSettings, S3StoreSettings, Settings, Sought, StoreKind, StoreSettings, Summary, SwiftAccount,
    SwiftStoreSettings, VmwareStoreSettings,
};
pub use sources::{ConfigFiles, Source, Surroundings};

use layers::Setting;
use resolve::Resolved;

/// What the command line says about configuration.
#[derive(Debug, Clone, Default)]
pub struct CliArgs {
    /// `--config-file` and `--config-dir`, in the order given.
    pub sources: Vec<Source>,
    /// Options that the command line sets itself, as (section, option, value).
    pub overrides: Vec<(&'static str, &'static str, String)>,
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// What the server is to do.
    pub settings: Settings,
    /// What the operator should know, in the order of the files.
    pub warnings: Vec<Finding>,
}

/// Reads the configuration of this process: command line, environment, files.
///
/// # Errors
///
/// [`ConfigError`] when a file cannot be read or a value cannot be used. All such values are named
/// at once.
pub fn load(args: &CliArgs) -> Result<Loaded, ConfigError> {
    load_in(args, &Surroundings::of_process())
}

/// Reads a configuration as [`load`] does, in other surroundings.
///
/// # Errors
///
/// As [`load`].
pub fn load_in(args: &CliArgs, around: &Surroundings) -> Result<Loaded, ConfigError> {
    let (mut layers, files) = sources::read(&args.sources, around)?;
    layers.command_line = args.overrides.iter().map(override_setting).collect();
    let resolved = Resolved::from(&layers);
    let mut warnings = check::warnings(&layers, &resolved);
    let settings = Settings::from(&resolved, files, around, &mut warnings)?;
    warnings.extend(contradictions::warnings(&resolved, &settings));
    let problems = resolved.problems.into_inner();
    if problems.is_empty() {
        Ok(Loaded { settings, warnings })
    } else {
        Err(ConfigError::Invalid { problems, warnings })
    }
}

fn override_setting((section, option, value): &(&str, &str, String)) -> Setting {
    Setting {
        section: layers::section_name(section),
        name: layers::option_name(option),
        value: value.clone(),
        origin: Origin::CommandLine,
    }
}

#[cfg(test)]
mod tests;
