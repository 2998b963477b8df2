//! The SQLite file: its schema, what is read from it, what is written to it. One connection, used by one thread.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::answers;
use super::lease::{self, Leases};
use super::rows::{TASK_COLUMNS, collection, integer, natural, raw, read_event, read_task};
use super::write::Write;
use super::{ChannelLog, Origin, StoreError, StoreLimits, Written};
use crate::ids::{ChannelName, Epoch, Millis, ProjectId, Seq, TaskId, random_name};
use crate::records::{NewEvent, NewTask, Task, TaskChange};

/// Stands in the file, so that a later program knows what it reads.
const SCHEMA_VERSION: i64 = 3;

/// A file of this version has no leases yet.
const WITHOUT_LEASES: i64 = 1;

/// Nor answers to writes that named themselves.
const WITHOUT_ANSWERS: i64 = 2;

const SCHEMA: &str = "
    CREATE TABLE epoch (name TEXT NOT NULL);
    CREATE TABLE task (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT,
        title TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    );
    CREATE INDEX task_by_project ON task (project);
    CREATE TABLE collection (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE channel (name TEXT PRIMARY KEY, head INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE event (
        channel TEXT NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        data TEXT NOT NULL,
        by TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (channel, seq)
    ) WITHOUT ROWID;
";

pub(super) struct Database {
    connection: Connection,
    epoch: Epoch,
    limits: StoreLimits,
}

impl Database {
    pub(super) fn open(
        path: Option<&Path>,
        limits: StoreLimits,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        // Exclusive: events that another process writes would never reach our hub. FULL: a number that was
        // given out must not be given again after a power cut, or a page would take new for already known.
        connection.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        )?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => {
                let epoch =
                    random_name().map_err(|_error| StoreError::Corrupt("source of randomness"))?;
                transaction.execute_batch(SCHEMA)?;
                transaction.execute("INSERT INTO epoch (name) VALUES (?1)", [epoch])?;
                lease::begin(&transaction, now)?;
                answers::begin(&transaction)?;
            }
            WITHOUT_LEASES => {
                lease::begin(&transaction, now)?;
                answers::begin(&transaction)?;
            }
            WITHOUT_ANSWERS => {
                lease::forget_sessions(&transaction)?;
                answers::begin(&transaction)?;
            }
            SCHEMA_VERSION => lease::forget_sessions(&transaction)?,
            _ => return Err(StoreError::Corrupt("version: a later program wrote it")),
        }
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        let oldest_at = now.0.saturating_sub(limits.age_ms_max);
        transaction.execute("DELETE FROM event WHERE at < ?1", [integer(oldest_at)])?;
        let epoch: String =
            transaction.query_row("SELECT name FROM epoch", [], |row| row.get(0))?;
        let epoch = Epoch::parse(&epoch).map_err(|_bad| StoreError::Corrupt("epoch"))?;
        transaction.commit()?;
        Ok(Self {
            connection,
            epoch,
            limits,
        })
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Who may edit what.
    pub(super) fn leases(&mut self) -> Leases<'_> {
        Leases {
            connection: &mut self.connection,
            limits: self.limits,
        }
    }

    pub(super) fn channels(&self, events_max: usize) -> Result<Vec<ChannelLog>, StoreError> {
        let mut heads = self
            .connection
            .prepare("SELECT name, head FROM channel ORDER BY name")?;
        let mut events = self.connection.prepare(
            "SELECT seq, name, data, by, at FROM event WHERE channel = ?1 ORDER BY seq DESC LIMIT ?2",
        )?;
        let heads: Vec<(String, u64)> = heads
            .query_map([], |row| Ok((row.get(0)?, natural(row, 1)?)))?
            .collect::<Result<_, _>>()?;
        let mut logs = Vec::with_capacity(heads.len());
        for (name, head) in heads {
            let name =
                ChannelName::parse(&name).map_err(|_bad| StoreError::Corrupt("channel name"))?;
            let limit = i64::try_from(events_max).unwrap_or(i64::MAX);
            let mut rows = events.query(params![name.as_str(), limit])?;
            let mut last = Vec::new();
            while let Some(row) = rows.next()? {
                last.push(read_event(&name, row)?);
            }
            last.reverse();
            logs.push(ChannelLog {
                name,
                head: Seq(head),
                events: last,
            });
        }
        Ok(logs)
    }

    pub(super) fn tasks_version(&self, project: Option<&ProjectId>) -> Result<u64, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT version FROM collection WHERE name = ?1")?;
        let version = statement
            .query_row([collection(project).as_str()], |row| natural(row, 0))
            .optional()?;
        Ok(version.unwrap_or(0))
    }

    pub(super) fn tasks(
        &self,
        project: Option<&ProjectId>,
    ) -> Result<(u64, Vec<Task>), StoreError> {
        let filter = if project.is_some() {
            "WHERE project = ?1"
        } else {
            "WHERE ?1 IS NULL"
        };
        let sql = format!("SELECT {TASK_COLUMNS} FROM task {filter} ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([project.map(ProjectId::as_str)])?;
        let mut tasks = Vec::new();
        while let Some(row) = rows.next()? {
            tasks.push(read_task(row)?);
        }
        Ok((self.tasks_version(project)?, tasks))
    }

    pub(super) fn project_of(&self, id: TaskId) -> Result<Option<ProjectId>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT project FROM task WHERE id = ?1")?;
        let project: Option<String> = statement.query_row([integer(id.0)], |row| row.get(0))?;
        let project = project.as_deref().map(ProjectId::parse).transpose();
        project.map_err(|_bad| StoreError::Corrupt("project id"))
    }

    pub(super) fn create_task(
        &mut self,
        new: &NewTask,
        origin: &Origin,
    ) -> Result<Written<Task>, StoreError> {
        let limits = self.limits;
        let now = origin.now;
        let write = Write::begin(&mut self.connection, limits, origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(again(answer));
        }
        let count = write
            .transaction
            .query_row("SELECT count(*) FROM task", [], |row| natural(row, 0))?;
        if count >= limits.tasks_max {
            return Err(StoreError::Full("tasks"));
        }
        write.transaction.execute(
            "INSERT INTO task (project, title, status, version, created_at, updated_at)
             VALUES (?1, ?2, ?3, 1, ?4, ?4)",
            params![
                new.project.as_ref().map(ProjectId::as_str),
                new.title,
                new.status.as_str(),
                integer(now.0)
            ],
        )?;
        let task = Task {
            id: TaskId(u64::try_from(write.transaction.last_insert_rowid()).unwrap_or(0)),
            project: new
                .project
                .as_ref()
                .map(|project| project.as_str().to_owned()),
            title: new.title.clone(),
            status: new.status,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        write.tasks_changed(task, "task_created", raw)
    }

    pub(super) fn update_task(
        &mut self,
        id: TaskId,
        change: &TaskChange,
        origin: &Origin,
    ) -> Result<Written<Task>, StoreError> {
        let now = origin.now;
        let write = Write::begin(&mut self.connection, self.limits, origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(again(answer));
        }
        write.under_its_leases()?;
        let before = write.task(id)?;
        if change.from.is_some_and(|version| version != before.version) {
            return Err(StoreError::Changed(raw(&before)?));
        }
        let mut task = before.clone();
        if let Some(title) = &change.title {
            task.title.clone_from(title);
        }
        if let Some(status) = change.status {
            task.status = status;
        }
        if task == before {
            return Ok(again(task));
        }
        task.version += 1;
        task.updated_at = now;
        write.transaction.execute(
            "UPDATE task SET title = ?2, status = ?3, version = ?4, updated_at = ?5 WHERE id = ?1",
            params![
                integer(id.0),
                task.title,
                task.status.as_str(),
                integer(task.version),
                integer(now.0)
            ],
        )?;
        write.tasks_changed(task, "task_updated", raw)
    }

    pub(super) fn delete_task(
        &mut self,
        id: TaskId,
        origin: &Origin,
    ) -> Result<Written<()>, StoreError> {
        let write = Write::begin(&mut self.connection, self.limits, origin)?;
        if write.done_before::<Task>()?.is_some() {
            return Ok(again(()));
        }
        write.under_its_leases()?;
        let task = write.task(id)?;
        write
            .transaction
            .execute("DELETE FROM task WHERE id = ?1", [integer(id.0)])?;
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
        let mut write = Write::begin(&mut self.connection, self.limits, origin)?;
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
}

/// The answer to a write that changes nothing: it was done before, or is so already.
fn again<T>(answer: T) -> Written<T> {
    Written {
        answer,
        events: Vec::new(),
    }
}
