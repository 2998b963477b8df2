//! What was done to records, field by field: in the transaction of the write itself, so it is complete as far back as
//! it is kept.

use everfresh::engine::hlc::Stamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::StoreError;
use super::rows::{raw, user};
use super::sql::{Row, Sql, Value};
use crate::access::UserName;
use crate::ids::{ClientId, Millis, TaskId};

/// What a write did to a field.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    /// The version of the record that it made.
    pub(crate) version: u64,
    /// The field; `deleted` where the record went.
    pub(crate) field: String,
    /// What it was; nothing where the record was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Box<RawValue>>,
    /// What it became.
    pub(crate) to: Option<Box<RawValue>>,
    /// By which the last writer wins.
    pub(crate) stamp: String,
    /// When it came to the server.
    pub(crate) at: Millis,
    /// The tab that wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<ClientId>,
    /// The person, where the server knew one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserName>,
}

/// Who wrote, and when.
pub(super) struct Written<'a> {
    pub(super) task: TaskId,
    pub(super) version: u64,
    pub(super) stamp: Stamp,
    pub(super) by: Option<&'a ClientId>,
    pub(super) user: Option<&'a UserName>,
    pub(super) at: Millis,
}

impl Written<'_> {
    /// Keeps what was done to a field, and the stamp by which the next writer of it is judged.
    pub(super) fn keep<T: Serialize>(
        &self,
        sql: &mut dyn Sql,
        field: &str,
        from: Option<&T>,
        to: Option<&T>,
    ) -> Result<(), StoreError> {
        let text = |value: Option<&T>| value.map(raw).transpose();
        let (from, to, stamp) = (text(from)?, text(to)?, self.stamp.text());
        let column =
            |value: &Option<Box<RawValue>>| value.as_ref().map(|value| value.get().to_owned());
        let (from, to) = (column(&from), column(&to));
        sql.execute(
            "INSERT INTO history (task, version, field, was, now, stamp, client, person, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                self.task.0.into(),
                self.version.into(),
                field.into(),
                from.as_ref().into(),
                to.as_ref().into(),
                (&stamp).into(),
                self.by.map(ClientId::as_str).into(),
                self.user.map(UserName::as_str).into(),
                self.at.0.into(),
            ],
        )?;
        sql.execute(
            "INSERT INTO stamp (task, field, last) VALUES (?1, ?2, ?3)
             ON CONFLICT (task, field) DO UPDATE SET last = excluded.last",
            &[self.task.0.into(), field.into(), (&stamp).into()],
        )?;
        Ok(())
    }
}

/// The stamp under which a field was last written.
pub(super) fn last_stamp(
    sql: &mut dyn Sql,
    task: TaskId,
    field: &str,
) -> Result<Option<Stamp>, StoreError> {
    let row = sql.first(
        "SELECT last FROM stamp WHERE task = ?1 AND field = ?2",
        &[task.0.into(), field.into()],
    )?;
    row.map(|row| Stamp::parse(row.text(0)?).ok_or(StoreError::Corrupt("stamp")))
        .transpose()
}

/// The project that a record was in when it was last heard of.
pub(super) fn last_project(sql: &mut dyn Sql, task: TaskId) -> Result<Option<String>, StoreError> {
    let known = sql.number(
        "SELECT count(*) FROM history WHERE task = ?1",
        &[task.0.into()],
    )?;
    if known == 0 {
        return Err(StoreError::NotFound);
    }
    let row = sql.first(
        "SELECT now FROM history WHERE task = ?1 AND field = 'project' ORDER BY version DESC LIMIT 1",
        &[task.0.into()],
    )?;
    let project = row.as_ref().map(|row| row.optional_text(0)).transpose()?;
    let project = project.flatten().map(serde_json::from_str).transpose();
    Ok(project
        .map_err(|_bad| StoreError::Corrupt("project id"))?
        .flatten())
}

/// The changes of a record before a version, the last first.
pub(super) fn read(
    sql: &mut dyn Sql,
    task: TaskId,
    before: u64,
    changes_max: usize,
) -> Result<Vec<Change>, StoreError> {
    let limit = u64::try_from(changes_max).unwrap_or(u64::MAX);
    let values: [Value<'_>; 3] = [task.0.into(), before.into(), limit.into()];
    let rows = sql.query(
        "SELECT version, field, was, now, stamp, at, client, person FROM history
         WHERE task = ?1 AND version < ?2 ORDER BY version DESC, field LIMIT ?3",
        &values,
    )?;
    rows.iter().map(read_change).collect()
}

fn read_change(row: &Row) -> Result<Change, StoreError> {
    let by = row.optional_text(6)?.map(ClientId::parse).transpose();
    Ok(Change {
        version: row.natural(0)?,
        field: row.text(1)?.to_owned(),
        from: value(row, 2)?,
        to: value(row, 3)?,
        stamp: row.text(4)?.to_owned(),
        at: Millis(row.natural(5)?),
        by: by.map_err(|_bad| StoreError::Corrupt("client id"))?,
        user: user(row.optional_text(7)?)?,
    })
}

/// What a field was, or became.
pub(super) fn value(row: &Row, column: usize) -> Result<Option<Box<RawValue>>, StoreError> {
    let text = row.optional_text(column)?;
    let value = text.map(|text| RawValue::from_string(text.to_owned()));
    value
        .transpose()
        .map_err(|_bad| StoreError::Corrupt("value of a field"))
}
