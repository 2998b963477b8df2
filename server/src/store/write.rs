//! One write and its events, in one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answers;
use super::lease;
use super::rows::{TASK_COLUMNS, collection, integer, make_event, natural, read_task};
use super::{Origin, StoreError, StoreLimits, Written};
use crate::ids::{ChannelName, ClientId, EventName, ProjectId, Seq, TaskId};
use crate::protocol::Event;
use crate::records::Task;

/// How often old events are looked for: at every so many events of a channel.
const PRUNE_EVERY: u64 = 256;

/// A write and its events: one transaction. Dropped without `commit`, it has not happened.
pub(super) struct Write<'a> {
    pub(super) transaction: Transaction<'a>,
    limits: StoreLimits,
    origin: &'a Origin,
    pub(super) events: Vec<Event>,
}

impl<'a> Write<'a> {
    pub(super) fn begin(
        connection: &'a mut Connection,
        limits: StoreLimits,
        origin: &'a Origin,
    ) -> Result<Self, StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Self {
            transaction,
            limits,
            origin,
            events: Vec::new(),
        })
    }

    /// What was answered when this very write was done before, if it was. That holds also when its lease has ended
    /// since.
    pub(super) fn done_before<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        match &self.origin.once {
            Some(once) => answers::find(&self.transaction, once),
            None => Ok(None),
        }
    }

    pub(super) fn commit<T: Serialize>(self, answer: T) -> Result<Written<T>, StoreError> {
        if let Some(once) = &self.origin.once {
            answers::keep(
                &self.transaction,
                once,
                &answer,
                self.limits,
                self.origin.now,
            )?;
        }
        self.transaction.commit()?;
        Ok(Written {
            answer,
            events: self.events,
        })
    }

    /// The write was made under leases. One whose fence is not the last one of its field comes too late: somebody
    /// else may have read the field, and writes it now.
    pub(super) fn under_its_leases(&self) -> Result<(), StoreError> {
        for claim in &self.origin.claims {
            if !lease::holds(&self.transaction, claim)? {
                return Err(StoreError::StaleFence);
            }
        }
        Ok(())
    }

    pub(super) fn task(&self, id: TaskId) -> Result<Task, StoreError> {
        let sql = format!("SELECT {TASK_COLUMNS} FROM task WHERE id = ?1");
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let mut rows = statement.query([integer(id.0)])?;
        rows.next()?.map_or(Err(StoreError::NotFound), read_task)
    }

    /// Counts the collections that hold `task` on, appends the event to their channels, and commits.
    pub(super) fn tasks_changed(
        mut self,
        task: Task,
        name: &str,
        data: impl FnOnce(&Task) -> Result<Box<RawValue>, StoreError>,
    ) -> Result<Written<Task>, StoreError> {
        let name = EventName::parse(name).map_err(|_bad| StoreError::Corrupt("event name"))?;
        let data = data(&task)?;
        let project = match task.project.as_deref().map(ProjectId::parse) {
            Some(Ok(project)) => Some(project),
            Some(Err(_bad)) => return Err(StoreError::Corrupt("project id")),
            None => None,
        };
        let channels = [
            Some(collection(None)),
            project.as_ref().map(|project| collection(Some(project))),
        ];
        for channel in channels.into_iter().flatten() {
            self.transaction
                .prepare_cached(
                    "INSERT INTO collection (name, version) VALUES (?1, 1)
                     ON CONFLICT (name) DO UPDATE SET version = version + 1",
                )?
                .execute([channel.as_str()])?;
            self.append(&channel, &name, &data, self.origin.by.as_ref())?;
        }
        self.commit(task)
    }

    /// Numbers an event and writes it to its channel's log.
    pub(super) fn append(
        &mut self,
        channel: &ChannelName,
        name: &EventName,
        data: &RawValue,
        by: Option<&ClientId>,
    ) -> Result<(), StoreError> {
        let seq = self
            .transaction
            .prepare_cached(
                "INSERT INTO channel (name, head) VALUES (?1, 1)
                 ON CONFLICT (name) DO UPDATE SET head = head + 1 RETURNING head",
            )?
            .query_row([channel.as_str()], |row| natural(row, 0))?;
        if seq == 1 {
            let count = self
                .transaction
                .query_row("SELECT count(*) FROM channel", [], |row| natural(row, 0))?;
            if count > self.limits.channels_max {
                return Err(StoreError::Full("channels"));
            }
        }
        self.transaction
            .prepare_cached("INSERT INTO event (channel, seq, name, data, by, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                channel.as_str(),
                integer(seq),
                name.as_str(),
                data.get(),
                by.map(ClientId::as_str),
                integer(self.origin.now.0)
            ])?;
        if seq % PRUNE_EVERY == 0 {
            let (first, at) = (
                seq.saturating_sub(self.limits.history_max),
                self.origin.now.0.saturating_sub(self.limits.age_ms_max),
            );
            self.transaction
                .prepare_cached("DELETE FROM event WHERE channel = ?1 AND (seq <= ?2 OR at < ?3)")?
                .execute(params![channel.as_str(), integer(first), integer(at)])?;
        }
        self.events.push(make_event(
            channel,
            Seq(seq),
            name,
            data,
            by,
            self.origin.now,
        )?);
        Ok(())
    }
}
