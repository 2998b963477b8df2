//! What both databases have in common: statements with numbered parameters, rows of numbers and texts, and
//! transactions of which one runs at a time.
//!
//! Statements are written once, in what SQLite and PostgreSQL both understand, with parameters `?1`, `?2`, ….

use super::StoreError;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Int(integer(number))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Null,
    Int(i64),
    Text(String),
}

/// A row. What a database holds is not trusted: a column that is not what it has to be is an error.
#[derive(Clone, Debug)]
pub(super) struct Row(pub(super) Vec<Column>);

impl Row {
    /// A number that is never below zero.
    pub(super) fn natural(&self, column: usize) -> Result<u64, StoreError> {
        self.int(column)
            .map(|number| u64::try_from(number).unwrap_or(0))
    }

    pub(super) fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Column::Int(number)) => Ok(*number),
            _ => Err(StoreError::Corrupt("number")),
        }
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.optional_text(column)?
            .ok_or(StoreError::Corrupt("text"))
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Column::Text(text)) => Ok(Some(text)),
            Some(Column::Null) => Ok(None),
            _ => Err(StoreError::Corrupt("text")),
        }
    }
}

/// A database.
pub(super) trait Sql: Send {
    /// Runs a statement and tells how many rows it changed.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs a statement and gives its rows.
    fn query(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError>;

    /// Begins a transaction that writes. Only one at a time does, of all servers on this database: what it reads
    /// stays true until it ends.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Ends it. When this has returned, what was written survives the loss of power.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Ends it as if it had not been.
    fn rollback(&mut self);

    /// What a statement that reads a record in order to write it ends with, so that a program that is none of our
    /// servers does not write it in between.
    fn for_update(&self) -> &'static str;
}

impl dyn Sql + '_ {
    /// The first row, if there is one.
    pub(super) fn first(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// A number: the first column of the first row.
    pub(super) fn number(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.first(sql, values)?
            .ok_or(StoreError::NotFound)?
            .natural(0)
    }
}

/// A transaction. Dropped without [`Self::commit`], it has not happened.
pub(super) struct Transaction<'a> {
    pub(super) sql: &'a mut dyn Sql,
    open: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(sql: &'a mut dyn Sql) -> Result<Self, StoreError> {
        sql.begin()?;
        Ok(Self { sql, open: true })
    }

    pub(super) fn commit(mut self) -> Result<(), StoreError> {
        self.sql.commit()?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            self.sql.rollback();
        }
    }
}

/// Both databases' integers have a sign; ours never need more than 63 bits.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
