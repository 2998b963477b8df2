//! One write and its events, in one transaction.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answers;
use super::history::{self, Written as Made};
use super::lease;
use super::rows::{TASK_COLUMNS, collection, make_event, raw, read_task};
use super::sql::{Sql, Transaction};
use super::stamps::Stamps;
use super::{Origin, StoreError, StoreLimits, Written};
use crate::ids::{ChannelName, ClientId, EventName, ProjectId, Seq, TaskId};
use crate::protocol::Event;
use crate::records::Task;

/// How often events beyond the number that is kept are let go: at every so many events of a channel.
const PRUNE_EVERY: u64 = 256;

/// The same for answers: at every so many of this server's.
const ANSWERS_PRUNE_EVERY: u64 = 64;

/// A write and its events: one transaction. Dropped without `commit`, it has not happened.
pub(super) struct Write<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) limits: StoreLimits,
    stamps: &'a mut Stamps,
    answers: &'a mut u64,
    origin: &'a Origin,
    pub(super) events: Vec<Event>,
}

impl<'a> Write<'a> {
    pub(super) fn begin(
        sql: &'a mut dyn Sql,
        stamps: &'a mut Stamps,
        answers: &'a mut u64,
        limits: StoreLimits,
        origin: &'a Origin,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            transaction: Transaction::begin(sql)?,
            limits,
            stamps,
            answers,
            origin,
            events: Vec::new(),
        })
    }

    /// What was answered when this very write was done before, if it was. That holds also when its lease has ended
    /// since.
    pub(super) fn done_before<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        match &self.origin.once {
            Some(once) => answers::find(self.transaction.sql, once),
            None => Ok(None),
        }
    }

    pub(super) fn commit<T: Serialize>(self, answer: T) -> Result<Written<T>, StoreError> {
        if let Some(once) = &self.origin.once {
            let now = self.origin.now;
            answers::keep(self.transaction.sql, once, &answer, now)?;
            *self.answers += 1;
            if self.answers.is_multiple_of(ANSWERS_PRUNE_EVERY) {
                answers::prune(self.transaction.sql, self.limits, now)?;
            }
        }
        self.transaction.commit()?;
        Ok(Written {
            answer,
            events: self.events,
        })
    }

    /// The write was made under leases. One whose fence is not the last one of its field comes too late: somebody
    /// else may have read the field, and writes it now.
    pub(super) fn under_its_leases(&mut self) -> Result<(), StoreError> {
        for claim in &self.origin.claims {
            if !lease::holds(self.transaction.sql, claim)? {
                return Err(StoreError::StaleFence);
            }
        }
        Ok(())
    }

    /// A record that is to be written, if it is a version that the write may be made over.
    pub(super) fn task(&mut self, id: TaskId) -> Result<Task, StoreError> {
        let sql = &mut *self.transaction.sql;
        let text = format!(
            "SELECT {TASK_COLUMNS} FROM task WHERE id = ?1{}",
            sql.for_update()
        );
        let row = sql.first(&text, &[id.0.into()])?;
        let task = read_task(&row.ok_or(StoreError::NotFound)?)?;
        match &self.origin.over {
            Some(versions) if !versions.contains(&task.version) => {
                Err(StoreError::NotOver(raw(&task)?))
            }
            _ => Ok(task),
        }
    }

    /// Keeps what the write does to a field, `task` having its new version already. False where somebody else wrote
    /// the field later: then it is to stay as it is.
    pub(super) fn remember<T: Serialize>(
        &mut self,
        task: &Task,
        field: &str,
        from: Option<&T>,
        to: Option<&T>,
    ) -> Result<bool, StoreError> {
        let (sql, origin) = (&mut *self.transaction.sql, self.origin);
        let seen = history::last_stamp(sql, task.id, field)?;
        let stamp = self.stamps.of_write(
            origin.now,
            origin.stamp.as_ref(),
            seen.as_ref(),
            origin.over.is_some() || origin.knows,
        );
        let Some(stamp) = stamp else {
            return Ok(false);
        };
        let made = Made {
            task: task.id,
            version: task.version,
            stamp,
            by: origin.by.as_ref(),
            user: origin.user.as_ref(),
            at: origin.now,
        };
        made.keep(sql, field, from, to)?;
        Ok(true)
    }

    /// Keeps what a new record was made with.
    pub(super) fn remember_all(&mut self, task: &Task) -> Result<(), StoreError> {
        if task.project.is_some() {
            self.remember(task, "project", None, task.project.as_ref())?;
        }
        self.remember(task, "title", None, Some(&task.title))?;
        self.remember(task, "status", None, Some(&task.status))?;
        Ok(())
    }

    /// Keeps that a record went. Its id is never used again, so nobody is judged by its stamps any more.
    pub(super) fn remember_deletion(&mut self, task: &Task) -> Result<(), StoreError> {
        self.remember(task, "deleted", None, Some(&true))?;
        self.transaction
            .sql
            .execute("DELETE FROM stamp WHERE task = ?1", &[task.id.0.into()])?;
        Ok(())
    }

    /// Lets the versions of a record go that are more than are kept.
    pub(super) fn forget_versions(&mut self, task: &Task) -> Result<(), StoreError> {
        let oldest = task.version.saturating_sub(self.limits.versions_max);
        if oldest > 0 {
            self.transaction.sql.execute(
                "DELETE FROM history WHERE task = ?1 AND version <= ?2",
                &[task.id.0.into(), oldest.into()],
            )?;
        }
        Ok(())
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
            self.transaction.sql.execute(
                "INSERT INTO collection (name, version) VALUES (?1, 1)
                 ON CONFLICT (name) DO UPDATE SET version = collection.version + 1",
                &[channel.as_str().into()],
            )?;
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
        let (sql, now) = (&mut *self.transaction.sql, self.origin.now);
        let seq = sql.number(
            "INSERT INTO channel (name, head) VALUES (?1, 1)
             ON CONFLICT (name) DO UPDATE SET head = channel.head + 1 RETURNING head",
            &[channel.as_str().into()],
        )?;
        if seq == 1 {
            has_room(sql, channel, self.limits)?;
        }
        sql.execute(
            "INSERT INTO event (channel, seq, name, data, by, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                channel.as_str().into(),
                seq.into(),
                name.as_str().into(),
                data.get().into(),
                by.map(ClientId::as_str).into(),
                now.0.into(),
            ],
        )?;
        if seq.is_multiple_of(PRUNE_EVERY) {
            let first = seq.saturating_sub(self.limits.history_max);
            sql.execute(
                "DELETE FROM event WHERE channel = ?1 AND seq <= ?2",
                &[channel.as_str().into(), first.into()],
            )?;
        }
        self.events
            .push(make_event(channel, Seq(seq), name, data, by, now)?);
        Ok(())
    }
}

/// A channel is new: are there too many of its kind? Those of people are counted for themselves, so that an app with
/// many people has room for the others, and the others for them.
fn has_room(
    sql: &mut dyn Sql,
    channel: &ChannelName,
    limits: StoreLimits,
) -> Result<(), StoreError> {
    let (is, most, what) = match channel.is_of_user() {
        true => ("=", limits.users_max, "channels of people"),
        false => ("<>", limits.channels_max, "channels"),
    };
    let count = format!("SELECT count(*) FROM channel WHERE substr(name, 1, 5) {is} 'user:'");
    if sql.number(&count, &[])? > most {
        return Err(StoreError::Full(what));
    }
    Ok(())
}
