//! Leases: who may edit which field, kept beside the records, so that a write and the fence that it carries are
//! judged in one transaction, and so that a restart gives no fence a second time.
//!
//! A row stays when its lease has ended, with the last fence of the field: a write that was sent under it and
//! comes late is still good as long as nobody else got the field since.

use super::rows::user;
use super::sql::{Row, Sql, Transaction, Value};
use super::{StoreError, StoreLimits};
use crate::access::UserName;
use crate::ids::{ChannelName, ClientId, FieldName, INTEGER_MAX, Millis, SessionKey};
use crate::messages::Holder;

const COLUMNS: &str = "fence, client, \"user\", shown_client, shown_user, session, until";

/// No connection has this number: whose connection this was is lost.
const NOBODY: i64 = 0;

/// How far a wall clock that tells seconds is shifted to begin the fences of a new file. So a file that is new,
/// or a memory that forgot, begins beyond all fences of the one before, up to a million a second.
const FENCES_A_SECOND: u32 = 20;

/// Whose lease it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The client.
    pub(crate) client: ClientId,
    /// The person, if the server knows one.
    pub(crate) user: Option<UserName>,
}

/// A question for a lease.
#[derive(Clone, Debug)]
pub(crate) struct LockAsk {
    /// The field's channel.
    pub(crate) channel: ChannelName,
    /// The field.
    pub(crate) field: FieldName,
    /// The fence of the lease that whoever asks has already.
    pub(crate) fence: Option<u64>,
    /// How long it is to last.
    pub(crate) ttl_ms: u64,
    /// Who asks.
    pub(crate) owner: Owner,
    /// As what others see them.
    pub(crate) shown: Holder,
    /// On which connection.
    pub(crate) session: SessionKey,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// It is given, or goes on.
    Granted {
        /// Its fence.
        fence: u64,
    },
    /// Somebody else has it.
    Taken(Lease),
    /// The fence is not that of the last lease: somebody else may have written since.
    Stale,
    /// As many leases as may be, of this connection or of all.
    TooMany,
}

/// A lease that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The field.
    pub(crate) field: FieldName,
    /// Its fence.
    pub(crate) fence: u64,
    /// Who has it, as others see them.
    pub(crate) holder: Holder,
    /// How long it still lasts.
    pub(crate) ttl_ms: u64,
}

/// A lease that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Freed {
    /// The field's channel.
    pub(crate) channel: ChannelName,
    /// The field.
    pub(crate) field: FieldName,
    /// Its fence.
    pub(crate) fence: u64,
}

/// A write says that it was made under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The field's channel.
    pub(crate) channel: ChannelName,
    /// The field.
    pub(crate) field: FieldName,
    /// The lease's fence.
    pub(crate) fence: u64,
}

/// A lease as the file has it.
#[derive(Debug)]
struct Kept {
    fence: u64,
    owner: Owner,
    shown: Holder,
    session: i64,
    until: Millis,
}

/// What is to be done about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// A new lease with a new fence.
    New,
    /// The lease goes on, or comes back, under its fence.
    GoesOn,
    Taken,
    Stale,
}

impl Kept {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            fence: row.natural(0)?,
            owner: Owner {
                client: client_id(row.text(1)?)?,
                user: user(row.optional_text(2)?)?,
            },
            shown: Holder {
                client: row.optional_text(3)?.map(client_id).transpose()?,
                user: user(row.optional_text(4)?)?,
            },
            session: row.int(5)?,
            until: Millis(row.natural(6)?),
        })
    }

    /// Is whoever asks the one who had it? A person is known by their name, from whatever client: the tab that
    /// speaks for a browser changes. Without names it has to be the same client, or one that comes when the
    /// connection of the first is lost.
    fn is_of(&self, asks: &Owner) -> bool {
        let client = self.owner.client == asks.client || self.session == NOBODY;
        self.owner.user == asks.user && (asks.user.is_some() || client)
    }
}

fn verdict(kept: Option<&Kept>, ask: &LockAsk, now: Millis) -> Verdict {
    let Some(kept) = kept else {
        return match ask.fence {
            Some(_) => Verdict::Stale,
            None => Verdict::New,
        };
    };
    let live = kept.until > now;
    match ask.fence {
        Some(fence) if fence != kept.fence => Verdict::Stale,
        Some(_) if kept.is_of(&ask.owner) => Verdict::GoesOn,
        Some(_) if live => Verdict::Taken,
        Some(_) => Verdict::Stale,
        // Its own client asks as if it had nothing: the answer got lost, and nobody has that lease.
        None if live && kept.owner != ask.owner => Verdict::Taken,
        None => Verdict::New,
    }
}

/// The leases, as the file has them.
pub(super) struct Leases<'a> {
    pub(super) sql: &'a mut dyn Sql,
    pub(super) limits: StoreLimits,
}

impl Leases<'_> {
    /// Somebody asks for a lease.
    pub(super) fn lock(&mut self, ask: &LockAsk, now: Millis) -> Result<Locked, StoreError> {
        let transaction = Transaction::begin(&mut *self.sql)?;
        let sql = &mut *transaction.sql;
        let kept = kept(sql, &ask.channel, &ask.field)?;
        let fence = match (verdict(kept.as_ref(), ask, now), &kept) {
            (Verdict::Stale, _) => return Ok(Locked::Stale),
            (Verdict::Taken, Some(kept)) => {
                return Ok(Locked::Taken(Lease {
                    field: ask.field.clone(),
                    fence: kept.fence,
                    holder: kept.shown.clone(),
                    ttl_ms: kept.until.0.saturating_sub(now.0),
                }));
            }
            (Verdict::GoesOn, Some(kept)) => kept.fence,
            (Verdict::New | Verdict::GoesOn | Verdict::Taken, _) => {
                if !has_room(sql, ask, now, &self.limits)? {
                    return Ok(Locked::TooMany);
                }
                sql.number("UPDATE fence SET last = last + 1 RETURNING last", &[])?
            }
        };
        if fence > INTEGER_MAX {
            return Ok(Locked::TooMany);
        }
        let owner = &ask.owner;
        sql.execute(
            &format!(
                "INSERT INTO lease (channel, field, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (channel, field) DO UPDATE SET fence = ?3, client = ?4, \"user\" = ?5,
                     shown_client = ?6, shown_user = ?7, session = ?8, until = ?9"
            ),
            &[
                ask.channel.as_str().into(),
                ask.field.as_str().into(),
                fence.into(),
                owner.client.as_str().into(),
                owner.user.as_ref().map(UserName::as_str).into(),
                ask.shown.client.as_ref().map(ClientId::as_str).into(),
                ask.shown.user.as_ref().map(UserName::as_str).into(),
                ask.session.0.into(),
                now.0.saturating_add(ask.ttl_ms).into(),
            ],
        )?;
        transaction.commit()?;
        Ok(Locked::Granted { fence })
    }

    /// Somebody gives a lease back. True if it was theirs to give.
    pub(super) fn unlock(
        &mut self,
        claim: &Claim,
        owner: &Owner,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let transaction = Transaction::begin(&mut *self.sql)?;
        let sql = &mut *transaction.sql;
        let kept = kept(sql, &claim.channel, &claim.field)?;
        let theirs = kept
            .is_some_and(|kept| kept.fence == claim.fence && kept.until > now && kept.is_of(owner));
        if theirs {
            sql.execute(
                "UPDATE lease SET until = 0 WHERE channel = ?1 AND field = ?2",
                &names(&claim.channel, &claim.field),
            )?;
            transaction.commit()?;
        }
        Ok(theirs)
    }

    /// A connection is lost: its leases end soon, unless somebody goes on with them.
    pub(super) fn lose(&mut self, session: SessionKey, until: Millis) -> Result<(), StoreError> {
        self.sql.execute(
            "UPDATE lease SET until = CASE WHEN until > ?2 THEN ?2 ELSE until END, session = ?3 WHERE session = ?1",
            &[session.0.into(), until.0.into(), NOBODY.into()],
        )?;
        Ok(())
    }

    /// The leases that ended by themselves.
    pub(super) fn expire(&mut self, now: Millis) -> Result<Vec<Freed>, StoreError> {
        let rows = self.sql.query(
            "UPDATE lease SET until = 0 WHERE until > 0 AND until <= ?1 RETURNING channel, field, fence",
            &[now.0.into()],
        )?;
        let freed = rows.iter().map(|row| {
            Ok(Freed {
                channel: ChannelName::parse(row.text(0)?)
                    .map_err(|_bad| StoreError::Corrupt("channel name"))?,
                field: field_name(row.text(1)?)?,
                fence: row.natural(2)?,
            })
        });
        freed.collect()
    }

    /// When the next lease ends by itself.
    pub(super) fn next_end(&mut self) -> Result<Option<Millis>, StoreError> {
        let next = self.sql.first(
            "SELECT until FROM lease WHERE until > 0 ORDER BY until LIMIT 1",
            &[],
        )?;
        next.map(|row| row.natural(0).map(Millis)).transpose()
    }

    /// The leases on a channel that somebody has.
    pub(super) fn on(
        &mut self,
        channel: &ChannelName,
        now: Millis,
    ) -> Result<Vec<Lease>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, field FROM lease WHERE channel = ?1 AND until > ?2");
        let rows = self
            .sql
            .query(&sql, &[channel.as_str().into(), now.0.into()])?;
        let leases = rows.iter().map(|row| {
            let kept = Kept::read(row)?;
            Ok(Lease {
                field: field_name(row.text(7)?)?,
                fence: kept.fence,
                holder: kept.shown,
                ttl_ms: kept.until.0.saturating_sub(now.0),
            })
        });
        leases.collect()
    }
}

/// Begins the fences of a new database beyond all of the one before.
pub(super) fn begin(sql: &mut dyn Sql, now: Millis) -> Result<(), StoreError> {
    let first = (now.0 / 1000) << FENCES_A_SECOND;
    sql.execute("INSERT INTO fence (last) VALUES (?1)", &[first.into()])?;
    Ok(())
}

/// The connections of the last run are all lost. Their numbers are given out again.
pub(super) fn forget_sessions(sql: &mut dyn Sql) -> Result<(), StoreError> {
    sql.execute("UPDATE lease SET session = ?1", &[NOBODY.into()])?;
    Ok(())
}

/// Is the fence of a write the last one of its field?
pub(super) fn holds(sql: &mut dyn Sql, claim: &Claim) -> Result<bool, StoreError> {
    let kept = kept(sql, &claim.channel, &claim.field)?;
    Ok(kept.is_some_and(|kept| kept.fence == claim.fence))
}

fn kept(
    sql: &mut dyn Sql,
    channel: &ChannelName,
    field: &FieldName,
) -> Result<Option<Kept>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM lease WHERE channel = ?1 AND field = ?2");
    let row = sql.first(&text, &names(channel, field))?;
    row.as_ref().map(Kept::read).transpose()
}

fn names<'a>(channel: &'a ChannelName, field: &'a FieldName) -> [Value<'a>; 2] {
    [channel.as_str().into(), field.as_str().into()]
}

/// Makes room for a field that has no row yet: the fields that were free for longest are forgotten. A write
/// under a fence of one of them is then refused, which is the safe side.
fn has_room(
    sql: &mut dyn Sql,
    ask: &LockAsk,
    now: Millis,
    limits: &StoreLimits,
) -> Result<bool, StoreError> {
    let own = sql.number(
        "SELECT count(*) FROM lease WHERE session = ?1 AND until > ?2",
        &[ask.session.0.into(), now.0.into()],
    )?;
    let all = sql.number("SELECT count(*) FROM lease", &[])?;
    if own >= limits.leases_of_one_max {
        return Ok(false);
    }
    if all < limits.leases_max {
        return Ok(true);
    }
    let forgotten = sql.execute(
        "DELETE FROM lease WHERE (channel, field) IN
            (SELECT channel, field FROM lease WHERE until <= ?1 ORDER BY fence LIMIT ?2)",
        &[now.0.into(), (limits.leases_max / 8 + 1).into()],
    )?;
    Ok(forgotten > 0)
}

fn client_id(text: &str) -> Result<ClientId, StoreError> {
    ClientId::parse(text).map_err(|_bad| StoreError::Corrupt("client id"))
}

fn field_name(text: &str) -> Result<FieldName, StoreError> {
    FieldName::parse(text).map_err(|_bad| StoreError::Corrupt("field name"))
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
