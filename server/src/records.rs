//! What is kept: tasks, and what may be asked of them; events that are to be published.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ids::{ChannelName, ClientId, EventName, Millis, ProjectId, TaskId};

/// A record of the collection `tasks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Given by the store, never used twice.
    pub(crate) id: TaskId,
    /// The project it belongs to.
    pub(crate) project: Option<String>,
    /// What is to be done.
    pub(crate) title: String,
    /// How far it is.
    pub(crate) status: Status,
    /// Counts the writes to this record, from 1.
    pub(crate) version: u64,
    /// When it was made.
    pub(crate) created_at: Millis,
    /// When it was last written.
    pub(crate) updated_at: Millis,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Not begun.
    Todo,
    /// Begun.
    Doing,
    /// Finished.
    Done,
}

impl Status {
    /// Reads a status.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "todo" => Some(Self::Todo),
            "doing" => Some(Self::Doing),
            "done" => Some(Self::Done),
            _ => None,
        }
    }

    /// The status as text.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
        }
    }
}

/// A task that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewTask {
    /// What is to be done.
    pub(crate) title: String,
    /// The project it belongs to.
    pub(crate) project: Option<ProjectId>,
    /// How far it is.
    pub(crate) status: Status,
}

/// What is to be changed in a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskChange {
    /// A new title.
    pub(crate) title: Option<String>,
    /// A new status.
    pub(crate) status: Option<Status>,
    /// The version that the change was made from. Without it the last writer wins.
    pub(crate) from: Option<u64>,
}

/// An event that is to be published.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    /// Where.
    pub(crate) channel: ChannelName,
    /// What happened.
    pub(crate) name: EventName,
    /// The payload, compact.
    pub(crate) data: Box<RawValue>,
    /// The tab that caused it.
    pub(crate) by: Option<ClientId>,
}
