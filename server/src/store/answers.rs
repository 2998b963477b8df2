//! What was answered to writes that named themselves, kept in the transaction of the write itself: so there is an
//! answer exactly if there was an effect.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rows::integer;
use super::{StoreError, StoreLimits};
use crate::ids::{Millis, WriteKey};

const SCHEMA: &str = "
    CREATE TABLE answer (
        key TEXT PRIMARY KEY,
        asked INTEGER NOT NULL,
        answer TEXT NOT NULL,
        at INTEGER NOT NULL
    );
    CREATE INDEX answer_by_age ON answer (at);
";

/// How often old answers are looked for: at every so many new ones.
const PRUNE_EVERY: i64 = 64;

/// A write that is to be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Once {
    /// Its name.
    pub(crate) key: WriteKey,
    /// A hash of what it asks for.
    pub(crate) asked: u64,
}

pub(super) fn begin(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(SCHEMA)?)
}

/// What was answered when this was done, if it was.
pub(super) fn find<T: DeserializeOwned>(
    connection: &Connection,
    once: &Once,
) -> Result<Option<T>, StoreError> {
    let row: Option<(i64, String)> = connection
        .prepare_cached("SELECT asked, answer FROM answer WHERE key = ?1")?
        .query_row([once.key.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((asked, answer)) = row else {
        return Ok(None);
    };
    if asked.cast_unsigned() != once.asked {
        return Err(StoreError::KeyReused);
    }
    let answer = serde_json::from_str(&answer).map_err(|_bad| StoreError::Corrupt("answer"))?;
    Ok(Some(answer))
}

/// Keeps an answer, and lets those go that are too old or too many.
pub(super) fn keep<T: Serialize>(
    connection: &Connection,
    once: &Once,
    answer: &T,
    limits: StoreLimits,
    now: Millis,
) -> Result<(), StoreError> {
    let answer = serde_json::to_string(answer).map_err(|_bad| StoreError::Corrupt("answer"))?;
    connection
        .prepare_cached("INSERT INTO answer (key, asked, answer, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            once.key.as_str(),
            once.asked.cast_signed(),
            answer,
            integer(now.0)
        ])?;
    if connection.last_insert_rowid() % PRUNE_EVERY == 0 {
        let oldest = now.0.saturating_sub(limits.answers_age_ms_max);
        connection
            .prepare_cached("DELETE FROM answer WHERE at < ?1")?
            .execute([integer(oldest)])?;
        connection
            .prepare_cached(
                "DELETE FROM answer WHERE rowid IN
                 (SELECT rowid FROM answer ORDER BY at DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([integer(limits.answers_max)])?;
    }
    Ok(())
}
