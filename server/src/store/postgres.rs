//! PostgreSQL: the same tables in a schema of their own, which several servers and any other program may share.
//!
//! The client is a blocking one, because the store has a thread of its own anyway: so one transaction is one piece of
//! straight code for both databases, and no runtime is waited for by another.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use bytes::BytesMut;
use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use super::database::{Database, new_epoch};
use super::sql::{Column, Row, Sql, Value};
use super::{DatabaseError, StoreError, StoreLimits, Trouble, lease};
use crate::ids::{Epoch, Millis};

const SCHEMA: &str = include_str!("postgres.sql");

/// Stands in the schema, so that a later program knows what it reads.
const SCHEMA_VERSION: u64 = 1;

/// How long it may take to connect. The store's thread waits, and with it all requests.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// For every session. Locks and statements have an end, since one thread does all the work: whoever holds a row of ours
/// for longer in a transaction of their own makes writes fail, and not the server stand still. A commit is on the
/// disk before it is answered, whatever the database is set to: its numbers must not be given out again.
const SESSION: &str = "
    SET search_path = everfresh;
    SET synchronous_commit = on;
    SET lock_timeout = '5s';
    SET statement_timeout = '15s';
    SET idle_in_transaction_session_timeout = '30s';
    SET client_min_messages = warning;
";

/// The lock under which servers write, one after the other. A number of ours, since these locks have no names.
const BEGIN: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(7234893421); SET LOCAL everfresh.by_server = 'on'";

/// Numbers below this are the connections of one server.
pub(super) const SESSIONS_OF_ONE: u64 = 1 << 32;

/// Connects, and makes the schema where there is none.
pub(super) fn open(url: &str, limits: StoreLimits, now: Millis) -> Result<Database, StoreError> {
    let mut sql = Postgres::new(url)?;
    let epoch = sql.make_ready(limits, now)?;
    Database::new(Box::new(sql), epoch, limits, now)
}

/// Connects as one part of the server.
pub(super) fn connect(url: &str, part: &str) -> Result<Client, StoreError> {
    let mut config: Config = url.parse().map_err(failed)?;
    config
        .application_name(part)
        .connect_timeout(CONNECT_MAX)
        // A database that is gone without a word is noticed within half a minute.
        .keepalives_idle(Duration::from_secs(15))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    let mut client = config.connect(NoTls).map_err(failed)?;
    client.batch_execute(SESSION).map_err(failed)?;
    Ok(client)
}

struct Postgres {
    url: String,
    client: Client,
    prepared: BTreeMap<String, Statement>,
    in_transaction: bool,
}

impl Postgres {
    fn new(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            url: url.to_owned(),
            client: connect(url, "everfresh")?,
            prepared: BTreeMap::new(),
            in_transaction: false,
        })
    }

    fn make_ready(&mut self, limits: StoreLimits, now: Millis) -> Result<Epoch, StoreError> {
        self.begin()?;
        let sql: &mut dyn Sql = self;
        let there = sql.query(
            "SELECT 1::BIGINT WHERE to_regclass('everfresh.version') IS NOT NULL",
            &[],
        )?;
        if there.is_empty() {
            self.client.batch_execute(SCHEMA).map_err(failed)?;
            let sql: &mut dyn Sql = self;
            sql.execute(
                "INSERT INTO version (number) VALUES (?1)",
                &[SCHEMA_VERSION.into()],
            )?;
            sql.execute(
                "INSERT INTO epoch (name) VALUES (?1)",
                &[(&new_epoch()?).into()],
            )?;
            lease::begin(sql, now)?;
        }
        let sql: &mut dyn Sql = self;
        if sql.number("SELECT number FROM version", &[])? != SCHEMA_VERSION {
            return Err(StoreError::Corrupt("version: another program wrote it"));
        }
        sql.execute(
            "UPDATE setting SET versions_max = ?1, history_max = ?2",
            &[limits.versions_max.into(), limits.history_max.into()],
        )?;
        let epoch = sql.first("SELECT name FROM epoch", &[])?;
        let epoch = epoch.ok_or(StoreError::Corrupt("epoch"))?;
        let epoch = Epoch::parse(epoch.text(0)?).map_err(|_bad| StoreError::Corrupt("epoch"))?;
        sql.commit()?;
        Ok(epoch)
    }

    /// Connects anew where the connection is lost. What was prepared on it is gone, too.
    fn revive(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            self.prepared.clear();
            self.in_transaction = false;
            self.client = connect(&self.url, "everfresh")?;
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self
            .client
            .prepare(&sql.replace('?', "$"))
            .map_err(failed)?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn rows(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql)?;
        let rows = self.client.query(&statement, &parameters(values));
        rows.map_err(failed)?.iter().map(read).collect()
    }

    /// Outside of a transaction nothing was begun that a lost connection could have cut in two: so it is asked again.
    fn again<T>(
        &mut self,
        ask: impl Fn(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.in_transaction {
            return ask(self);
        }
        self.revive()?;
        match ask(self) {
            Err(error) if error.is(Trouble::Lost) => {
                self.revive()?;
                ask(self)
            }
            other => other,
        }
    }
}

impl Sql for Postgres {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.again(|it| {
            let statement = it.prepare(sql)?;
            let changed = it.client.execute(&statement, &parameters(values));
            changed.map_err(failed)
        })
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.again(|it| it.rows(sql, values))
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let begun = self.again(|it| it.client.batch_execute(BEGIN).map_err(failed));
        if begun.is_err() {
            self.rollback();
        }
        begun?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.client.batch_execute("COMMIT").map_err(failed)?;
        self.in_transaction = false;
        Ok(())
    }

    fn rollback(&mut self) {
        self.in_transaction = false;
        // A lost connection has rolled back by itself.
        let _undone = self.client.batch_execute("ROLLBACK");
    }

    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }
}

/// Rows as the statements of the store have them: numbers of 64 bits and texts.
pub(super) fn read(row: &postgres::Row) -> Result<Row, StoreError> {
    let columns = row.columns().iter().enumerate();
    let columns = columns.map(|(index, column)| {
        let read = match *column.type_() {
            Type::INT8 => row
                .try_get::<_, Option<i64>>(index)
                .map(|value| value.map(Column::Int)),
            _ => row
                .try_get::<_, Option<String>>(index)
                .map(|value| value.map(Column::Text)),
        };
        read.map(|column| column.unwrap_or(Column::Null))
            .map_err(failed)
    });
    Ok(Row(columns.collect::<Result<_, _>>()?))
}

fn parameters<'a>(values: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT)
    }

    to_sql_checked!();
}

/// What PostgreSQL said, in a line, and what may be done about it.
pub(super) fn failed(error: postgres::Error) -> StoreError {
    const AGAIN: [SqlState; 3] = [
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        // Two servers keep the answer to the same write: the second one finds it now.
        SqlState::UNIQUE_VIOLATION,
    ];
    let trouble = match error.code() {
        Some(code) if AGAIN.contains(code) => Trouble::Again,
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Trouble::Held,
        // It is stopped, or somebody ended our session.
        Some(code) if code.code().starts_with("57P") || code.code().starts_with("08") => {
            Trouble::Lost
        }
        Some(_) => Trouble::Other,
        None if error.is_closed() => Trouble::Lost,
        // Of its own errors those without a code and a cause in the system are about the link.
        None if error
            .source()
            .is_some_and(|cause| cause.is::<std::io::Error>()) =>
        {
            Trouble::Lost
        }
        None => Trouble::Other,
    };
    let mut text = format!("PostgreSQL: {error}");
    if let Some(cause) = error.source() {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    StoreError::Database(DatabaseError { trouble, text })
}
