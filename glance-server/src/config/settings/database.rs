//! `[database]`: where records are kept.

use std::path::{Path, PathBuf};

use crate::config::resolve::Resolved;

const SECTION: &str = "database";

/// Options of `[database]`.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `connection`: the database; `glance.db` in the data folder where there is one and the
    /// option is unset.
    pub connection: Connection,
    /// `sqlite_synchronous`: whether an acknowledged write survives a power cut (true).
    pub sqlite_synchronous: bool,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// A SQLite file; a relative name is relative to the working folder.
    SqliteFile(PathBuf),
    /// SQLite in memory: gone when the process ends.
    SqliteMemory,
}

impl DatabaseSettings {
    pub(super) fn from(options: &Resolved, data_dir: Option<&Path>) -> Self {
        Self {
            connection: connection(options, data_dir),
            sqlite_synchronous: options.flag(SECTION, "sqlite_synchronous"),
        }
    }
}

fn connection(options: &Resolved, data_dir: Option<&Path>) -> Connection {
    let Some(url) = options.secret(SECTION, "connection") else {
        if data_dir.is_none() {
            options.refuse(SECTION, "connection", NEEDED);
        }
        return Connection::SqliteFile(data_dir.unwrap_or(Path::new("")).join("glance.db"));
    };
    parse(url.expose()).unwrap_or_else(|must| {
        options.refuse(SECTION, "connection", must);
        Connection::SqliteMemory
    })
}

const NEEDED: &str = "must be set, for example to sqlite:////var/lib/glance/glance.db \
     (or set [glance_rs] data_dir)";
const FOUR_SLASHES: &str = "must have three slashes for a relative file and four for an absolute one: \
     sqlite:////var/lib/glance/glance.db";
const SQLITE_ONLY: &str = "must be a sqlite:// URL: MySQL and PostgreSQL are served by later \
     versions, glance-server 0.1 keeps its records in SQLite alone";
const NO_DATABASE: &str = "must be a database URL such as sqlite:////var/lib/glance/glance.db";

/// Reads a URL as `SQLAlchemy` does. The messages say nothing of it, for it may hold a password.
fn parse(url: &str) -> Result<Connection, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or(NO_DATABASE)?;
    let dialect = scheme.split('+').next().unwrap_or_default();
    match dialect {
        "sqlite" => sqlite(rest),
        "mysql" | "mariadb" | "postgresql" => Err(SQLITE_ONLY),
        _ => Err(NO_DATABASE),
    }
}

fn sqlite(rest: &str) -> Result<Connection, &'static str> {
    let path = rest.split('?').next().unwrap_or_default();
    match path.strip_prefix('/') {
        Some("" | ":memory:") => Ok(Connection::SqliteMemory),
        Some(path) => Ok(Connection::SqliteFile(PathBuf::from(path))),
        None if path.is_empty() => Ok(Connection::SqliteMemory),
        None => Err(FOUR_SLASHES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_urls_name_files_as_in_sqlalchemy() {
        let file = |path: &str| Ok(Connection::SqliteFile(path.into()));
        for (url, means) in [
            ("sqlite:///glance.db", file("glance.db")),
            ("sqlite:////srv/glance.db", file("/srv/glance.db")),
            ("sqlite+pysqlite:////srv/g.db?timeout=5", file("/srv/g.db")),
            ("sqlite://", Ok(Connection::SqliteMemory)),
            ("sqlite:///", Ok(Connection::SqliteMemory)),
            ("sqlite:///:memory:", Ok(Connection::SqliteMemory)),
            ("sqlite://srv/glance.db", Err(FOUR_SLASHES)),
        ] {
            assert_eq!(parse(url), means, "{url}");
        }
    }

    #[test]
    fn other_databases_are_refused_by_name() {
        for url in [
            "mysql://u:p@h/glance",
            "mysql+pymysql://u:p@h/glance?charset=utf8",
            "mariadb+pymysql://u:p@h/glance",
            "postgresql://u:p@h/glance",
            "postgresql+psycopg2://u:p@h/glance",
        ] {
            assert_eq!(parse(url), Err(SQLITE_ONLY), "{url}");
        }
        for url in ["", "glance.db", "oracle://h/x"] {
            assert_eq!(parse(url), Err(NO_DATABASE), "{url}");
        }
    }
}
