//! What is kept: tasks, and what may be asked of them; events that are to be published.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock;
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

/// The id of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BlockId(pub(crate) TaskId);

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// When it begins.
    pub(crate) start: Millis,
    /// When it is over.
    pub(crate) end: Millis,
}

/// A block of the demo's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// Given by the store, never used twice.
    pub(crate) id: BlockId,
    /// What it is for.
    pub(crate) title: String,
    /// What kind of thing that is.
    pub(crate) kind: String,
    /// When it begins.
    pub(crate) start: Millis,
    /// When it is over.
    pub(crate) end: Millis,
    /// Counts the moves, from 1.
    pub(crate) version: u64,
    /// When it was last moved.
    pub(crate) updated_at: Millis,
}

/// A block that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewBlock {
    /// What it is for.
    pub(crate) title: &'static str,
    /// What kind of thing that is.
    pub(crate) kind: &'static str,
    /// When it is.
    pub(crate) span: Span,
}

/// What `timeblock_updated` tells.
#[derive(Debug, Serialize)]
pub(crate) struct BlockMoved<'a> {
    timeblock: MovedBlock<'a>,
    timestamp: String,
}

#[derive(Debug, Serialize)]
struct MovedBlock<'a> {
    id: BlockId,
    title: &'a str,
    start_time: String,
    end_time: String,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'static str,
    old_start_time: String,
    old_end_time: String,
    version: u64,
}

impl Block {
    /// That it has moved, told in the words of the calendar's clients.
    pub(crate) fn moved_from(&self, before: &Self) -> BlockMoved<'_> {
        BlockMoved {
            timeblock: MovedBlock {
                id: self.id,
                title: &self.title,
                start_time: clock::iso(self.start),
                end_time: clock::iso(self.end),
                kind: &self.kind,
                source: "pulse",
                old_start_time: clock::iso(before.start),
                old_end_time: clock::iso(before.end),
                version: self.version,
            },
            timestamp: clock::iso(self.updated_at),
        }
    }
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
