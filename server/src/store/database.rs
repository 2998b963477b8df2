//! What is read from the database, and what is written to it: the same for both.

use super::answers;
use super::history::{self, Change};
use super::lease::Leases;
use super::rows::{TASK_COLUMNS, collection, raw, read_event, read_task};
use super::sql::{Row, Sql};
use super::stamps::Stamps;
use super::write::Write;
use super::{ChannelLog, Origin, StoreError, StoreLimits, Written};
use crate::ids::{ChannelName, Epoch, Millis, ProjectId, Seq, TaskId, random_name};
use crate::protocol::Event;
use crate::records::{NewEvent, NewTask, Task, TaskChange};

/// Changes that are read at a time. A version has one for each field.
const CHANGES_MAX: usize = 500;

pub(super) struct Database {
    sql: Box<dyn Sql>,
    epoch: Epoch,
    limits: StoreLimits,
    stamps: Stamps,
    /// Answers that were kept since the start.
    answers: u64,
}

/// A name for one life of the numbers.
pub(super) fn new_epoch() -> Result<String, StoreError> {
    random_name().map_err(|_error| StoreError::Corrupt("source of randomness"))
}

impl Database {
    /// A database that is ready: what is too old goes.
    pub(super) fn new(
        sql: Box<dyn Sql>,
        epoch: Epoch,
        limits: StoreLimits,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let stamps = Stamps::new()?;
        let mut database = Self {
            sql,
            epoch,
            limits,
            stamps,
            answers: 0,
        };
        database.prune(now)?;
        Ok(database)
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Counts the servers that were started on this database.
    pub(super) fn instance(&mut self) -> Result<u64, StoreError> {
        self.sql.number("SELECT nextval('instance')", &[])
    }

    /// Who may edit what.
    pub(super) fn leases(&mut self) -> Leases<'_> {
        Leases {
            sql: &mut *self.sql,
            limits: self.limits,
        }
    }

    /// Lets go what is older than is kept. What is too much of one thing goes with the write that makes it so.
    pub(super) fn prune(&mut self, now: Millis) -> Result<(), StoreError> {
        let older_than = |age_ms: u64| now.0.saturating_sub(age_ms).into();
        let limits = self.limits;
        self.sql.execute(
            "DELETE FROM event WHERE at < ?1",
            &[older_than(limits.age_ms_max)],
        )?;
        self.sql.execute(
            "DELETE FROM history WHERE at < ?1",
            &[older_than(limits.versions_age_ms_max)],
        )?;
        answers::prune(&mut *self.sql, limits, now)
    }

    pub(super) fn channels(&mut self, events_max: usize) -> Result<Vec<ChannelLog>, StoreError> {
        let heads = self.heads()?;
        let mut logs = Vec::with_capacity(heads.len());
        for (name, head) in heads {
            let events = last_events(&mut *self.sql, &name, Seq(0), events_max)?;
            // Others may have written since the heads were read.
            let last = events.last().map_or(head, |event| event.seq);
            let head = head.max(last);
            logs.push(ChannelLog { name, head, events });
        }
        Ok(logs)
    }

    fn heads(&mut self) -> Result<Vec<(ChannelName, Seq)>, StoreError> {
        let rows = self.sql.query("SELECT name, head FROM channel", &[])?;
        rows.iter().map(read_head).collect()
    }

    pub(super) fn tasks_version(&mut self, project: Option<&ProjectId>) -> Result<u64, StoreError> {
        let version = self.sql.first(
            "SELECT version FROM collection WHERE name = ?1",
            &[collection(project).as_str().into()],
        )?;
        version.map_or(Ok(0), |row| row.natural(0))
    }

    /// One statement, so that the version is that of these very tasks.
    pub(super) fn tasks(
        &mut self,
        project: Option<&ProjectId>,
    ) -> Result<(u64, Vec<Task>), StoreError> {
        let name = collection(project);
        let begin = format!(
            "SELECT {TASK_COLUMNS}, (SELECT version FROM collection WHERE name = ?1) FROM (SELECT 1) AS once
             LEFT JOIN task ON"
        );
        let rows = match project {
            Some(project) => self.sql.query(
                &format!("{begin} project = ?2 ORDER BY id"),
                &[name.as_str().into(), project.as_str().into()],
            ),
            None => self.sql.query(
                &format!("{begin} 1 = 1 ORDER BY id"),
                &[name.as_str().into()],
            ),
        }?;
        let version = rows
            .first()
            .and_then(|row| row.natural(7).ok())
            .unwrap_or(0);
        // Where there is no task there is one row of nothing.
        let rows = rows.iter().filter(|row| row.natural(0).is_ok());
        Ok((version, rows.map(read_task).collect::<Result<_, _>>()?))
    }

    pub(super) fn task(&mut self, id: TaskId) -> Result<Task, StoreError> {
        let sql = format!("SELECT {TASK_COLUMNS} FROM task WHERE id = ?1");
        let row = self.sql.first(&sql, &[id.0.into()])?;
        read_task(&row.ok_or(StoreError::NotFound)?)
    }

    /// The project that a task belongs to, or did when it was deleted.
    pub(super) fn project_of(&mut self, id: TaskId) -> Result<Option<ProjectId>, StoreError> {
        let project = match self.task(id) {
            Ok(task) => task.project,
            Err(StoreError::NotFound) => history::last_project(&mut *self.sql, id)?,
            Err(error) => return Err(error),
        };
        let project = project.as_deref().map(ProjectId::parse).transpose();
        project.map_err(|_bad| StoreError::Corrupt("project id"))
    }

    /// What was done to a record, the last first, up to before a version. Whole versions, so that whoever wants more
    /// asks on from the last one.
    pub(super) fn history(&mut self, id: TaskId, before: u64) -> Result<Vec<Change>, StoreError> {
        let mut changes = history::read(&mut *self.sql, id, before, CHANGES_MAX)?;
        if changes.is_empty() {
            self.task(id)?;
        }
        if changes.len() >= CHANGES_MAX
            && let Some(cut) = changes.last().map(|change| change.version)
        {
            changes.retain(|change| change.version > cut);
        }
        Ok(changes)
    }

    pub(super) fn create_task(
        &mut self,
        new: &NewTask,
        origin: &Origin,
    ) -> Result<Written<Task>, StoreError> {
        let mut write = self.write(origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(again(answer));
        }
        let sql = &mut *write.transaction.sql;
        if sql.number("SELECT count(*) FROM task", &[])? >= write.limits.tasks_max {
            return Err(StoreError::Full("tasks"));
        }
        let project = new.project.as_ref().map(ProjectId::as_str);
        let id = sql.number(
            "INSERT INTO task (project, title, status, version, created_at, updated_at)
             VALUES (?1, ?2, ?3, 1, ?4, ?4) RETURNING id",
            &[
                project.into(),
                (&new.title).into(),
                new.status.as_str().into(),
                origin.now.0.into(),
            ],
        )?;
        let task = Task {
            id: TaskId(id),
            project: project.map(str::to_owned),
            title: new.title.clone(),
            status: new.status,
            version: 1,
            created_at: origin.now,
            updated_at: origin.now,
        };
        write.remember_all(&task)?;
        write.tasks_changed(task, "task_created", raw)
    }

    pub(super) fn update_task(
        &mut self,
        id: TaskId,
        change: &TaskChange,
        origin: &Origin,
    ) -> Result<Written<Task>, StoreError> {
        let mut write = self.write(origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(again(answer));
        }
        write.under_its_leases()?;
        let before = write.task(id)?;
        if change.from.is_some_and(|version| version != before.version) {
            return Err(StoreError::Changed(raw(&before)?));
        }
        let mut task = before.clone();
        task.version += 1;
        if let Some(title) = change
            .title
            .as_ref()
            .filter(|title| **title != before.title)
            && write.remember(&task, "title", Some(&before.title), Some(title))?
        {
            task.title.clone_from(title);
        }
        if let Some(status) = change.status.filter(|status| *status != before.status)
            && write.remember(&task, "status", Some(&before.status), Some(&status))?
        {
            task.status = status;
        }
        if task.title == before.title && task.status == before.status {
            // Kept under its name all the same: sent again, it must not be done over what came in between.
            return write.commit(before);
        }
        task.updated_at = origin.now;
        write.transaction.sql.execute(
            "UPDATE task SET title = ?2, status = ?3, version = ?4, updated_at = ?5 WHERE id = ?1",
            &[
                id.0.into(),
                (&task.title).into(),
                task.status.as_str().into(),
                task.version.into(),
                origin.now.0.into(),
            ],
        )?;
        write.forget_versions(&task)?;
        write.tasks_changed(task, "task_updated", raw)
    }

    pub(super) fn delete_task(
        &mut self,
        id: TaskId,
        origin: &Origin,
    ) -> Result<Written<()>, StoreError> {
        let mut write = self.write(origin)?;
        if write.done_before::<Task>()?.is_some() {
            return Ok(again(()));
        }
        write.under_its_leases()?;
        let mut task = write.task(id)?;
        write
            .transaction
            .sql
            .execute("DELETE FROM task WHERE id = ?1", &[id.0.into()])?;
        task.version += 1;
        write.remember_deletion(&task)?;
        let written = write.tasks_changed(task, "task_deleted", |task| {
            raw(&serde_json::json!({ "id": task.id }))
        })?;
        Ok(Written {
            answer: (),
            events: written.events,
        })
    }

    pub(super) fn publish(
        &mut self,
        events: &[NewEvent],
        origin: &Origin,
    ) -> Result<Written<Seq>, StoreError> {
        let mut write = self.write(origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(again(answer));
        }
        for event in events {
            write.append(&event.channel, &event.name, &event.data, event.by.as_ref())?;
        }
        let last = write
            .events
            .last()
            .map(|event| event.seq)
            .unwrap_or_default();
        write.commit(last)
    }

    pub(super) fn write<'a>(&'a mut self, origin: &'a Origin) -> Result<Write<'a>, StoreError> {
        Write::begin(
            &mut *self.sql,
            &mut self.stamps,
            &mut self.answers,
            self.limits,
            origin,
        )
    }

    pub(super) fn sql(&mut self) -> &mut dyn Sql {
        &mut *self.sql
    }
}

pub(super) fn read_head(row: &Row) -> Result<(ChannelName, Seq), StoreError> {
    let name = ChannelName::parse(row.text(0)?);
    let name = name.map_err(|_bad| StoreError::Corrupt("channel name"))?;
    Ok((name, Seq(row.natural(1)?)))
}

/// The last events of a channel after a number, the oldest first.
pub(super) fn last_events(
    sql: &mut dyn Sql,
    channel: &ChannelName,
    after: Seq,
    events_max: usize,
) -> Result<Vec<Event>, StoreError> {
    let limit = u64::try_from(events_max).unwrap_or(u64::MAX);
    let rows = sql.query(
        "SELECT seq, name, data, by, at FROM event WHERE channel = ?1 AND seq > ?2 ORDER BY seq DESC LIMIT ?3",
        &[channel.as_str().into(), after.0.into(), limit.into()],
    )?;
    rows.iter()
        .rev()
        .map(|row| read_event(channel, row))
        .collect()
}

/// The answer to a write that was done before.
fn again<T>(answer: T) -> Written<T> {
    Written {
        answer,
        events: Vec::new(),
    }
}
