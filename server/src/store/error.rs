//! Why the store did not do what it was asked for.

use std::fmt;

use serde_json::value::RawValue;

/// Why the store did not do it.
#[derive(Debug)]
pub enum StoreError {
    /// There is no such record.
    NotFound,
    /// It was made under a lease that is not the last one of its field.
    StaleFence,
    /// The record is another version than the one it was made from; this is what it is now, as JSON.
    Changed(Box<RawValue>),
    /// The record is none of the versions that the write may be made over; this is what it is now, as JSON.
    NotOver(Box<RawValue>),
    /// Another record, of this title, has a part of the time.
    Taken(String),
    /// Another write was done under its name.
    KeyReused,
    /// As many of these are kept as may be.
    Full(&'static str),
    /// The database failed.
    Database(DatabaseError),
    /// What was read is not what was written.
    Corrupt(&'static str),
    /// The store's thread has ended.
    Stopped,
}

/// What a database said.
#[derive(Debug)]
pub struct DatabaseError {
    pub(crate) trouble: Trouble,
    pub(crate) text: String,
}

/// What may be done about an error of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Another process has the file.
    InUse,
    /// Another write was in the way, and nothing was done: it may be tried again.
    Again,
    /// Somebody else keeps a row for too long, and nothing was done.
    Held,
    /// The connection is lost.
    Lost,
    /// Nothing.
    Other,
}

impl StoreError {
    pub(crate) fn is(&self, trouble: Trouble) -> bool {
        matches!(self, Self::Database(error) if error.trouble == trouble)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for DatabaseError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such record"),
            Self::StaleFence => f.write_str("the lease of this write has ended"),
            Self::Changed(_) | Self::NotOver(_) => f.write_str("the record was written meanwhile"),
            Self::Taken(title) => write!(f, "this time is taken by {title}"),
            Self::KeyReused => f.write_str("another write was done under this key"),
            Self::Full(what) => write!(f, "too many {what}"),
            Self::Database(error) => error.fmt(f),
            Self::Corrupt(what) => write!(f, "the database holds a bad {what}"),
            Self::Stopped => f.write_str("the store has stopped"),
        }
    }
}

impl std::error::Error for StoreError {}
