//! The tables: Glance's own, and what we add beside them.

use rusqlite::{Connection, TransactionBehavior};

use crate::database::OpenError;

const GLANCE: &str = include_str!("schema.sql");
const ADDITIONS: &str = include_str!("additions.sql");

/// The newest revision, and the one that every database has on the way to it. All that lies between
/// the two is empty, so both make the same tables.
const CURRENT: [&str; 2] = ["2024_1_contract01", "2024_1_expand01"];

/// Refuses a database that is neither empty nor Glance's, without writing to it.
///
/// # Errors
///
/// [`OpenError::NotGlance`], [`OpenError::OtherRelease`].
pub(super) fn check(db: &Connection) -> Result<(), OpenError> {
    state(db).map(drop)
}

/// Makes what is missing: everything in an empty database, our additions in one of Glance's.
///
/// # Errors
///
/// As [`check`].
pub(super) fn complete(db: &mut Connection) -> Result<(), OpenError> {
    let failed = || OpenError::failed::<rusqlite::Error>("creating tables");
    // Two programs may open one empty file at once: the second has to see what the first made.
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    if state(&transaction)? == State::Empty {
        transaction.execute_batch(GLANCE).map_err(failed())?;
    }
    let renews = knows_less(&transaction).map_err(failed())?;
    if renews {
        transaction.execute_batch(JOURNAL_ASIDE).map_err(failed())?;
    }
    transaction.execute_batch(ADDITIONS).map_err(failed())?;
    if renews {
        transaction.execute_batch(JOURNAL_BACK).map_err(failed())?;
    }
    transaction.commit().map_err(failed())
}

/// A journal that was made before there were these kinds of work refuses them.
fn knows_less(db: &Connection) -> rusqlite::Result<bool> {
    let made = texts(db, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'glance_rs_journal'")?;
    Ok(made.iter().any(|sql| ["'registration'", "'readers'"].iter().any(|work| !sql.contains(work))))
}

const JOURNAL_ASIDE: &str = "CREATE TEMP TABLE journal_aside AS SELECT * FROM glance_rs_journal;
     DROP TABLE glance_rs_journal";
const JOURNAL_BACK: &str = "INSERT INTO glance_rs_journal SELECT * FROM journal_aside; DROP TABLE journal_aside";

#[derive(PartialEq)]
enum State {
    Empty,
    Glance,
}

fn state(db: &Connection) -> Result<State, OpenError> {
    let failed = || OpenError::failed::<rusqlite::Error>("reading the schema");
    let tables =
        texts(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
            .map_err(failed())?;
    if tables.is_empty() {
        return Ok(State::Empty);
    }
    let has = |table: &str| tables.iter().any(|name| name == table);
    if !has("alembic_version") || !has("images") {
        return Err(OpenError::NotGlance);
    }
    let revisions = texts(db, "SELECT version_num FROM alembic_version ORDER BY version_num").map_err(failed())?;
    if revisions.is_empty() {
        return Err(OpenError::NotGlance);
    }
    let columns = texts(db, "SELECT name FROM pragma_table_info('images')").map_err(failed())?;
    let has_column = |column: &str| columns.iter().any(|name| name == column);
    // Between expand and contract of an old upgrade, both columns exist and triggers join them.
    if revisions.iter().any(|revision| CURRENT.contains(&revision.as_str()))
        && has_column("visibility")
        && !has_column("is_public")
    {
        return Ok(State::Glance);
    }
    Err(OpenError::OtherRelease { found: revisions.join(", "), needed: CURRENT[0] })
}

fn texts(db: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    db.prepare(query)?.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(batch: &str) -> OpenError {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(batch).unwrap();
        let before = dump(&db);
        assert!(check(&db).is_err());
        let refusal = complete(&mut db).unwrap_err();
        assert_eq!(dump(&db), before, "a refused database is left as it was");
        refusal
    }

    fn dump(db: &Connection) -> Vec<String> {
        texts(db, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").unwrap()
    }

    #[test]
    fn an_empty_database_gets_the_tables_and_opens_again() {
        let mut db = Connection::open_in_memory().unwrap();
        complete(&mut db).unwrap();
        let made = dump(&db);
        complete(&mut db).unwrap();
        assert_eq!(dump(&db), made);
        assert_eq!(texts(&db, "SELECT version_num FROM alembic_version").unwrap(), ["2024_1_contract01"]);
    }

    #[test]
    fn a_database_of_glance_gets_our_additions() {
        for revisions in [&["2024_1_contract01"][..], &["2024_1_expand01"], &["2024_1_expand01", "2023_1_contract01"]] {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(GLANCE).unwrap();
            db.execute_batch("DELETE FROM alembic_version").unwrap();
            for revision in revisions {
                db.execute("INSERT INTO alembic_version VALUES (?1)", [revision]).unwrap();
            }
            complete(&mut db).unwrap();
            let ours = "SELECT name FROM sqlite_master WHERE name = 'glance_rs_journal'";
            assert_eq!(texts(&db, ours).unwrap().len(), 1, "{revisions:?}");
        }
    }

    #[test]
    fn a_journal_of_an_earlier_version_is_made_anew_with_what_it_holds() {
        let mut db = Connection::open_in_memory().unwrap();
        complete(&mut db).unwrap();
        let made = dump(&db);
        db.execute_batch(
            "DROP TABLE glance_rs_journal;
             CREATE TABLE glance_rs_journal (id VARCHAR(36) NOT NULL, work VARCHAR(16) NOT NULL, image_id VARCHAR(36)
                NOT NULL, store VARCHAR(255), location TEXT, project VARCHAR(255), reserved BIGINT NOT NULL, process
                VARCHAR(255) NOT NULL, lease_until DATETIME NOT NULL, PRIMARY KEY (id),
                CHECK (work IN ('upload', 'removal')));
             INSERT INTO glance_rs_journal VALUES ('e', 'removal', 'i', NULL, 'file:///x', NULL, 0, 'p', 't')",
        )
        .unwrap();
        complete(&mut db).unwrap();
        assert_eq!(dump(&db), made);
        assert_eq!(texts(&db, "SELECT id || location FROM glance_rs_journal").unwrap(), ["efile:///x"]);
    }

    #[test]
    fn tables_of_another_program_are_refused() {
        for batch in [
            "CREATE TABLE accounts (id INTEGER)",
            "CREATE TABLE images (id INTEGER)",
            "CREATE TABLE alembic_version (version_num TEXT); CREATE TABLE images (id TEXT)",
        ] {
            assert!(matches!(refusal(batch), OpenError::NotGlance), "{batch}");
        }
    }

    #[test]
    fn another_release_is_refused_with_the_way_out() {
        let old =
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('zed_contract01');
                   CREATE TABLE images (id TEXT, visibility TEXT)";
        let refused = refusal(old).to_string();
        assert!(refused.contains("zed_contract01") && refused.contains("glance-manage db sync"), "{refused}");
        let half = "CREATE TABLE alembic_version (version_num TEXT);
                    INSERT INTO alembic_version VALUES ('2024_1_expand01');
                    CREATE TABLE images (id TEXT, visibility TEXT, is_public BOOLEAN)";
        assert!(matches!(refusal(half), OpenError::OtherRelease { .. }));
    }
}
