//! SQLite: a file, or memory. One connection, used by one thread of one process.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::database::{Database, new_epoch};
use super::sql::{Column, Row, Sql, Value};
use super::{DatabaseError, StoreError, StoreLimits, Trouble};
use crate::ids::{Epoch, Millis};
use crate::store::lease;

/// Stands in the file, so that a later program knows what it reads.
const SCHEMA_VERSION: i64 = 5;

/// What each version added to the one before, oldest first.
const SCHEMAS: [&str; 5] = [
    "
    CREATE TABLE epoch (name TEXT NOT NULL);
    CREATE TABLE task (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT,
        title TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    );
    CREATE INDEX task_by_project ON task (project);
    CREATE TABLE collection (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE channel (name TEXT PRIMARY KEY, head INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE event (
        channel TEXT NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        data TEXT NOT NULL,
        by TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (channel, seq)
    ) WITHOUT ROWID;
    ",
    "
    CREATE TABLE fence (last INTEGER NOT NULL);
    CREATE TABLE lease (
        channel TEXT NOT NULL,
        field TEXT NOT NULL,
        fence INTEGER NOT NULL,
        client TEXT NOT NULL,
        user TEXT,
        shown_client TEXT,
        shown_user TEXT,
        session INTEGER NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (channel, field)
    ) WITHOUT ROWID;
    CREATE INDEX lease_by_end ON lease (until);
    CREATE INDEX lease_by_session ON lease (session);
    ",
    "
    CREATE TABLE answer (
        key TEXT PRIMARY KEY,
        asked INTEGER NOT NULL,
        answer TEXT NOT NULL,
        at INTEGER NOT NULL
    );
    CREATE INDEX answer_by_age ON answer (at);
    ",
    "
    CREATE TABLE history (
        task INTEGER NOT NULL,
        version INTEGER NOT NULL,
        field TEXT NOT NULL,
        was TEXT,
        now TEXT,
        stamp TEXT NOT NULL,
        client TEXT,
        person TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (task, version, field)
    ) WITHOUT ROWID;
    CREATE INDEX history_by_age ON history (at);
    CREATE TABLE stamp (
        task INTEGER NOT NULL,
        field TEXT NOT NULL,
        last TEXT NOT NULL,
        PRIMARY KEY (task, field)
    ) WITHOUT ROWID;
    CREATE INDEX event_by_age ON event (at);
    ",
    "
    CREATE TABLE block (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        kind TEXT NOT NULL,
        starts INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        version INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    );
    CREATE INDEX block_by_start ON block (starts);
    ",
];

/// Opens a file, or memory, and makes it ready.
pub(super) fn open(
    path: Option<&Path>,
    limits: StoreLimits,
    now: Millis,
) -> Result<Database, StoreError> {
    let connection = match path {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    // Exclusive: events that another process writes would never reach our hub.
    // WAL: a write is one append to one file, and readers of a backup do not hold it up.
    // FULL: the log is on the disk before a write is answered. With NORMAL, which WAL is often run with, the last
    // writes may be gone after a loss of power, and their numbers would be given out again: a page would take what
    // is new for what it already knows. `kill -9` alone would do no harm with NORMAL either.
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    let mut sqlite = Sqlite(connection);
    sqlite.begin()?;
    let epoch = make_ready(&mut sqlite, now)?;
    sqlite.commit()?;
    Database::new(Box::new(sqlite), epoch, limits, now)
}

fn make_ready(sqlite: &mut Sqlite, now: Millis) -> Result<Epoch, StoreError> {
    let version: i64 = sqlite
        .0
        .query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = usize::try_from(version)
        .ok()
        .filter(|_| version <= SCHEMA_VERSION);
    let known = known.ok_or(StoreError::Corrupt("version: a later program wrote it"))?;
    for (index, schema) in SCHEMAS.iter().enumerate().skip(known) {
        sqlite.0.execute_batch(schema)?;
        match index {
            0 => drop(sqlite.execute(
                "INSERT INTO epoch (name) VALUES (?1)",
                &[(&new_epoch()?).into()],
            )?),
            1 => lease::begin(sqlite, now)?,
            _ => {}
        }
    }
    sqlite
        .0
        .pragma_update(None, "user_version", SCHEMA_VERSION)?;
    // The connections of the last run are all lost. Their numbers are given out again.
    lease::forget_sessions(sqlite)?;
    let epoch = (sqlite as &mut dyn Sql).first("SELECT name FROM epoch", &[])?;
    let epoch = epoch.ok_or(StoreError::Corrupt("epoch"))?;
    Epoch::parse(epoch.text(0)?).map_err(|_bad| StoreError::Corrupt("epoch"))
}

struct Sqlite(Connection);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl Sql for Sqlite {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let changed = self
            .0
            .prepare_cached(sql)?
            .execute(params_from_iter(values))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = (0..columns).map(|column| match row.get_ref(column)? {
                ValueRef::Null => Ok(Column::Null),
                ValueRef::Integer(number) => Ok(Column::Int(number)),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) => Ok(Column::Text(text.to_owned())),
                    Err(_bad) => Err(StoreError::Corrupt("text")),
                },
                ValueRef::Real(_) | ValueRef::Blob(_) => Err(StoreError::Corrupt("column")),
            });
            out.push(Row(columns.collect::<Result<_, StoreError>>()?));
        }
        Ok(out)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        Ok(self.0.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        Ok(self.0.execute_batch("COMMIT")?)
    }

    fn rollback(&mut self) {
        // There may be nothing to undo any more: some errors end the transaction by themselves.
        let _undone = self.0.execute_batch("ROLLBACK");
    }

    fn for_update(&self) -> &'static str {
        ""
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let trouble = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => Trouble::InUse,
            _ => Trouble::Other,
        };
        Self::Database(DatabaseError {
            trouble,
            text: format!("SQLite: {error}"),
        })
    }
}
