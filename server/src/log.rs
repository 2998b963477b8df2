//! The log: one line an event on stderr. Never a token, never a payload.

use std::fmt;
use std::io::Write;

use crate::clock;
use crate::store::StoreError;

/// Writes a line that somebody should look at. A log that cannot be written must not stop the server, so
/// failure is ignored.
pub(crate) fn error(message: fmt::Arguments<'_>) {
    let at = clock::now().0;
    let _ignored = writeln!(
        std::io::stderr().lock(),
        "{}.{:03} error {message}",
        at / 1000,
        at % 1000
    );
}

/// Writes that the store failed. What went wrong inside is for the operator, not for whoever asked.
pub(crate) fn store(failure: &StoreError) {
    error(format_args!("store: {failure}"));
}
