//! What was answered to writes that named themselves, kept in the transaction of the write itself: so there is an
//! answer exactly if there was an effect.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sql::Sql;
use super::{StoreError, StoreLimits};
use crate::ids::{Millis, WriteKey};

/// A write that is to be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Once {
    /// Its name.
    pub(crate) key: WriteKey,
    /// A hash of what it asks for.
    pub(crate) asked: u64,
}

/// What was answered when this was done, if it was.
pub(super) fn find<T: DeserializeOwned>(
    sql: &mut dyn Sql,
    once: &Once,
) -> Result<Option<T>, StoreError> {
    let row = sql.first(
        "SELECT asked, answer FROM answer WHERE key = ?1",
        &[once.key.as_str().into()],
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    if row.int(0)?.cast_unsigned() != once.asked {
        return Err(StoreError::KeyReused);
    }
    let answer =
        serde_json::from_str(row.text(1)?).map_err(|_bad| StoreError::Corrupt("answer"))?;
    Ok(Some(answer))
}

/// Keeps an answer.
pub(super) fn keep<T: Serialize>(
    sql: &mut dyn Sql,
    once: &Once,
    answer: &T,
    now: Millis,
) -> Result<(), StoreError> {
    let answer = serde_json::to_string(answer).map_err(|_bad| StoreError::Corrupt("answer"))?;
    sql.execute(
        "INSERT INTO answer (key, asked, answer, at) VALUES (?1, ?2, ?3, ?4)",
        &[
            once.key.as_str().into(),
            once.asked.cast_signed().into(),
            (&answer).into(),
            now.0.into(),
        ],
    )?;
    Ok(())
}

/// Lets those go that are too old or too many.
pub(super) fn prune(sql: &mut dyn Sql, limits: StoreLimits, now: Millis) -> Result<(), StoreError> {
    let oldest = now.0.saturating_sub(limits.answers_age_ms_max);
    sql.execute("DELETE FROM answer WHERE at < ?1", &[oldest.into()])?;
    sql.execute(
        "DELETE FROM answer WHERE key IN
         (SELECT key FROM answer ORDER BY at DESC LIMIT ?1 OFFSET ?2)",
        &[i64::MAX.into(), limits.answers_max.into()],
    )?;
    Ok(())
}
