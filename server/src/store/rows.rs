//! Rows of the database to values and back. What a file holds is not trusted: it is checked like any input.

use serde_json::value::{RawValue, to_raw_value};

use super::StoreError;
use super::sql::Row;
use crate::access::UserName;
use crate::ids::{ChannelName, ClientId, EventName, Millis, ProjectId, Seq, TaskId};
use crate::json;

use crate::protocol::{DATA_DEPTH_MAX, Event, EventFields, event_text};
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

pub(super) fn read_event(channel: &ChannelName, row: &Row) -> Result<Event, StoreError> {
    let name = EventName::parse(row.text(1)?).map_err(|_bad| StoreError::Corrupt("event name"))?;
    let data = RawValue::from_string(row.text(2)?.to_owned());
    // Other programs may write events, too. What nests too deep for a page is not for it.
    let data = data
        .ok()
        .and_then(|data| json::compact(&data, DATA_DEPTH_MAX));
    let data = data.ok_or(StoreError::Corrupt("event payload"))?;
    let by = row.optional_text(3)?.map(ClientId::parse).transpose();
    let by = by.map_err(|_bad| StoreError::Corrupt("client id"))?;
    make_event(
        channel,
        Seq(row.natural(0)?),
        &name,
        &data,
        by.as_ref(),
        Millis(row.natural(4)?),
    )
}

pub(super) fn read_task(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: TaskId(row.natural(0)?),
        project: row.optional_text(1)?.map(str::to_owned),
        title: row.text(2)?.to_owned(),
        status: Status::parse(row.text(3)?).ok_or(StoreError::Corrupt("status"))?,
        version: row.natural(4)?,
        created_at: Millis(row.natural(5)?),
        updated_at: Millis(row.natural(6)?),
    })
}

pub(super) fn raw(value: &(impl serde::Serialize + ?Sized)) -> Result<Box<RawValue>, StoreError> {
    to_raw_value(value).map_err(|_error| StoreError::Corrupt("record"))
}

pub(super) fn user(text: Option<&str>) -> Result<Option<UserName>, StoreError> {
    let user = text.map(UserName::parse).transpose();
    user.map_err(|_bad| StoreError::Corrupt("user name"))
}
