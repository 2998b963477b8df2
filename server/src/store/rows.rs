//! Rows of the database to values and back. What a file holds is not trusted: it is checked like any input.

use rusqlite::Row;
use serde_json::value::{RawValue, to_raw_value};

use super::StoreError;
use crate::ids::{ChannelName, ClientId, EventName, Millis, ProjectId, Seq, TaskId};
use crate::protocol::{Event, EventFields, event_text};
use crate::records::{Status, Task};

/// The columns that [`read_task`] reads, in its order.
pub(super) const TASK_COLUMNS: &str = "id, project, title, status, version, created_at, updated_at";

/// A part of the tasks is known by the channel that tells of its changes.
pub(super) fn collection(project: Option<&ProjectId>) -> ChannelName {
    project.map_or_else(ChannelName::tasks, ProjectId::channel)
}

pub(super) fn make_event(
    channel: &ChannelName,
    seq: Seq,
    name: &EventName,
    data: &RawValue,
    by: Option<&ClientId>,
    at: Millis,
) -> Result<Event, StoreError> {
    let text = event_text(&EventFields {
        ch: channel,
        s: seq,
        name,
        data,
        by,
        at,
    })
    .map_err(|_error| StoreError::Corrupt("event"))?;
    Ok(Event {
        channel: channel.clone(),
        seq,
        at,
        text,
    })
}

pub(super) fn read_event(channel: &ChannelName, row: &Row<'_>) -> Result<Event, StoreError> {
    let (name, data, by): (String, String, Option<String>) =
        (row.get(1)?, row.get(2)?, row.get(3)?);
    let name = EventName::parse(&name).map_err(|_bad| StoreError::Corrupt("event name"))?;
    let data = RawValue::from_string(data).map_err(|_bad| StoreError::Corrupt("event payload"))?;
    let by = match by.as_deref().map(ClientId::parse) {
        Some(Ok(by)) => Some(by),
        Some(Err(_bad)) => return Err(StoreError::Corrupt("client id")),
        None => None,
    };
    make_event(
        channel,
        Seq(natural(row, 0)?),
        &name,
        &data,
        by.as_ref(),
        Millis(natural(row, 4)?),
    )
}

pub(super) fn read_task(row: &Row<'_>) -> Result<Task, StoreError> {
    let status: String = row.get(3)?;
    Ok(Task {
        id: TaskId(natural(row, 0)?),
        project: row.get(1)?,
        title: row.get(2)?,
        status: Status::parse(&status).ok_or(StoreError::Corrupt("status"))?,
        version: natural(row, 4)?,
        created_at: Millis(natural(row, 5)?),
        updated_at: Millis(natural(row, 6)?),
    })
}

pub(super) fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, StoreError> {
    to_raw_value(value).map_err(|_error| StoreError::Corrupt("record"))
}

/// SQLite's integers have a sign; ours never need more than 63 bits.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn natural(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column)
        .map(|number| u64::try_from(number).unwrap_or(0))
}
