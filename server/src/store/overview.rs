//! What the demo shows beside the tasks of a project: how far it is, what was done last, and by whom. Nothing of it is
//! kept: it is worked out from the tasks and from what was done to them.
//!
//! The version of the tasks is read first: what is written in between is then told once more, and never missed.

use serde::Serialize;
use serde_json::value::RawValue;

use super::StoreError;
use super::database::Database;
use super::history::value;
use super::rows::user;
use super::sql::{Row, Value};
use crate::access::UserName;
use crate::ids::{Millis, ProjectId, TaskId};
use crate::records::Status;

/// Changes that are shown.
const DOINGS_MAX: u64 = 12;

/// Of what a record was made with only its title counts: one line, however many fields it has.
const LINES: &str = "FROM history JOIN task ON task.id = history.task WHERE (history.version > 1 OR field = 'title')";

/// How many tasks of a project are how far.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Nothing for tasks without one.
    pub(crate) project: Option<String>,
    /// Not begun.
    pub(crate) todo: u64,
    /// Begun.
    pub(crate) doing: u64,
    /// Finished.
    pub(crate) done: u64,
}

impl Tally {
    /// Counts so many more.
    pub(crate) fn add(&mut self, status: Status, more: u64) {
        let count = match status {
            Status::Todo => &mut self.todo,
            Status::Doing => &mut self.doing,
            Status::Done => &mut self.done,
        };
        *count += more;
    }
}

/// Something that was done to a task that is still there.
#[derive(Debug, Serialize)]
pub(crate) struct Doing {
    task: TaskId,
    /// The title as it is now.
    title: String,
    version: u64,
    field: String,
    from: Option<Box<RawValue>>,
    to: Option<Box<RawValue>>,
    at: Millis,
    user: Option<UserName>,
}

/// Somebody, and how much they changed in tasks that are still there.
#[derive(Debug, Serialize)]
pub(crate) struct Member {
    user: UserName,
    pub(crate) changes: u64,
    /// When they did last.
    last: Millis,
}

impl Database {
    pub(super) fn tallies(
        &mut self,
        project: Option<&ProjectId>,
    ) -> Result<(u64, Vec<Tally>), StoreError> {
        let version = self.tasks_version(project)?;
        let rows = self.of_project(
            "SELECT project, status, count(*) FROM task WHERE 1 = 1",
            project,
            "GROUP BY project, status ORDER BY project, status",
        )?;
        let mut tallies: Vec<Tally> = Vec::new();
        for row in rows {
            let of = row.optional_text(0)?;
            let status = Status::parse(row.text(1)?).ok_or(StoreError::Corrupt("status"))?;
            if tallies.last().map(|tally| tally.project.as_deref()) != Some(of) {
                tallies.push(Tally {
                    project: of.map(str::to_owned),
                    ..Tally::default()
                });
            }
            if let Some(tally) = tallies.last_mut() {
                tally.add(status, row.natural(2)?);
            }
        }
        Ok((version, tallies))
    }

    pub(super) fn activity(
        &mut self,
        project: Option<&ProjectId>,
    ) -> Result<(u64, Vec<Doing>), StoreError> {
        let version = self.tasks_version(project)?;
        let rows = self.of_project(
            &format!(
                "SELECT history.task, title, history.version, field, was, now, at, person {LINES}"
            ),
            project,
            &format!(
                "ORDER BY at DESC, history.task DESC, history.version DESC, field LIMIT {DOINGS_MAX}"
            ),
        )?;
        Ok((
            version,
            rows.iter().map(read_doing).collect::<Result<_, _>>()?,
        ))
    }

    pub(super) fn members(
        &mut self,
        project: Option<&ProjectId>,
    ) -> Result<(u64, Vec<Member>), StoreError> {
        let version = self.tasks_version(project)?;
        let rows = self.of_project(
            &format!("SELECT person, count(*), max(at) {LINES} AND person IS NOT NULL"),
            project,
            "GROUP BY person ORDER BY person",
        )?;
        let members = rows.iter().filter_map(|row| read_member(row).transpose());
        Ok((version, members.collect::<Result<_, _>>()?))
    }

    /// Asks for rows of tasks of one project, or of all.
    fn of_project(
        &mut self,
        what: &str,
        project: Option<&ProjectId>,
        how: &str,
    ) -> Result<Vec<Row>, StoreError> {
        match project {
            Some(project) => {
                let values: [Value<'_>; 1] = [project.as_str().into()];
                let text = format!("{what} AND task.project = ?1 {how}");
                self.sql().query(&text, &values)
            }
            None => self.sql().query(&format!("{what} {how}"), &[]),
        }
    }
}

fn read_doing(row: &Row) -> Result<Doing, StoreError> {
    Ok(Doing {
        task: TaskId(row.natural(0)?),
        title: row.text(1)?.to_owned(),
        version: row.natural(2)?,
        field: row.text(3)?.to_owned(),
        from: value(row, 4)?,
        to: value(row, 5)?,
        at: Millis(row.natural(6)?),
        user: user(row.optional_text(7)?)?,
    })
}

fn read_member(row: &Row) -> Result<Option<Member>, StoreError> {
    let Some(user) = user(row.optional_text(0)?)? else {
        return Ok(None);
    };
    Ok(Some(Member {
        user,
        changes: row.natural(1)?,
        last: Millis(row.natural(2)?),
    }))
}
