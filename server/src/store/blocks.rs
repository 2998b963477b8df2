//! The blocks of the demo's calendar: read by range, moved one at a time. Two blocks never have the same time.

use super::database::Database;
use super::rows::raw;
use super::sql::Row;
use super::{Origin, StoreError, Written};
use crate::ids::{ChannelName, EventName, Millis, TaskId};
use crate::records::{Block, BlockId, NewBlock, Span};

const COLUMNS: &str = "id, title, kind, starts, ends, version, updated_at";

fn read(row: &Row) -> Result<Block, StoreError> {
    Ok(Block {
        id: BlockId(TaskId(row.natural(0)?)),
        title: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        start: Millis(row.natural(3)?),
        end: Millis(row.natural(4)?),
        version: row.natural(5)?,
        updated_at: Millis(row.natural(6)?),
    })
}

impl Database {
    /// The blocks of which a part lies within a span, the first first.
    pub(super) fn blocks(&mut self, within: Span) -> Result<Vec<Block>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM block WHERE starts < ?2 AND ends > ?1 ORDER BY starts, id"
        );
        let rows = self
            .sql()
            .query(&sql, &[within.start.0.into(), within.end.0.into()])?;
        rows.iter().map(read).collect()
    }

    /// Whether there is no block.
    pub(super) fn has_no_blocks(&mut self) -> Result<bool, StoreError> {
        Ok(self.sql().number("SELECT count(*) FROM block", &[])? == 0)
    }

    /// Makes blocks before anybody listens.
    pub(super) fn seed_blocks(
        &mut self,
        blocks: &[NewBlock],
        now: Millis,
    ) -> Result<(), StoreError> {
        for block in blocks {
            self.sql().execute(
                "INSERT INTO block (title, kind, starts, ends, version, updated_at) VALUES (?1, ?2, ?3, ?4, 1, ?5)",
                &[
                    block.title.into(),
                    block.kind.into(),
                    block.span.start.0.into(),
                    block.span.end.0.into(),
                    now.0.into(),
                ],
            )?;
        }
        Ok(())
    }

    /// Moves a block, unless another one has a part of that time. Where it is already is no move: no event.
    pub(super) fn move_block(
        &mut self,
        id: BlockId,
        to: Span,
        origin: &Origin,
    ) -> Result<Written<Block>, StoreError> {
        let mut write = self.write(origin)?;
        if let Some(answer) = write.done_before()? {
            return Ok(Written {
                answer,
                events: Vec::new(),
            });
        }
        let sql = &mut *write.transaction.sql;
        let text = format!(
            "SELECT {COLUMNS} FROM block WHERE id = ?1{}",
            sql.for_update()
        );
        let before = sql.first(&text, &[id.0.0.into()])?;
        let before = read(&before.ok_or(StoreError::NotFound)?)?;
        if (before.start, before.end) == (to.start, to.end) {
            return write.commit(before);
        }
        let text = format!(
            "SELECT {COLUMNS} FROM block WHERE starts < ?2 AND ends > ?1 AND id <> ?3 ORDER BY starts"
        );
        let span = [to.start.0.into(), to.end.0.into(), id.0.0.into()];
        if let Some(other) = sql.first(&text, &span)? {
            return Err(StoreError::Taken(read(&other)?.title));
        }
        sql.execute(
            "UPDATE block SET starts = ?2, ends = ?3, version = version + 1, updated_at = ?4 WHERE id = ?1",
            &[
                id.0.0.into(),
                to.start.0.into(),
                to.end.0.into(),
                origin.now.0.into(),
            ],
        )?;
        let block = Block {
            start: to.start,
            end: to.end,
            version: before.version + 1,
            updated_at: origin.now,
            ..before.clone()
        };
        let name = EventName::parse("timeblock_updated");
        let name = name.map_err(|_bad| StoreError::Corrupt("event name"))?;
        let data = raw(&block.moved_from(&before))?;
        write.append(&ChannelName::calendar(), &name, &data, origin.by.as_ref())?;
        write.commit(block)
    }
}
