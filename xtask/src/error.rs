//! What went wrong, said in one line, with what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a command ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No space left where the build writes.
    DiskFull,
    /// A package registry or a download server could not be reached.
    NoNetwork,
    /// Someone else listens on the port that was asked for.
    PortBusy,
    /// A program that cannot be installed from here is missing or too old.
    MissingTool,
    /// The command line made no sense.
    Usage,
    /// Anything else: the detail tells.
    Failed,
}

/// An error for a person: the line says what and what to do, the detail is what a program printed.
#[derive(Debug)]
pub struct Error {
    /// What kind of trouble it is.
    pub cause: Cause,
    line: String,
    detail: String,
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with its remedy in the line.
    pub fn new(cause: Cause, line: impl Into<String>) -> Self {
        Self {
            cause,
            line: line.into(),
            detail: String::new(),
        }
    }

    /// The same, with output that helps to understand it, printed above the line.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// A command line that cannot be followed.
    pub fn usage(line: impl fmt::Display) -> Self {
        Self::new(Cause::Usage, format!("{line} (see `cargo xtask help`)"))
    }

    /// A full disk met while doing `what`.
    pub fn disk_full(what: impl fmt::Display) -> Self {
        Self::new(
            Cause::DiskFull,
            format!(
                "the disk is full ({what}): free some space (`df -h` shows where it went) and start again"
            ),
        )
    }

    /// An unreachable server met while doing `what`.
    pub fn no_network(what: impl fmt::Display) -> Self {
        Self::new(
            Cause::NoNetwork,
            format!(
                "no network ({what}): a package server could not be reached; \
                 check the connection or the proxy settings and start again"
            ),
        )
    }

    /// An I/O error on a file or folder of ours.
    pub fn io(doing: impl fmt::Display, path: &Path, error: &io::Error) -> Self {
        let what = format!("{doing} {}", path.display());
        if error.kind() == io::ErrorKind::StorageFull {
            return Self::disk_full(what);
        }
        Self::new(Cause::Failed, format!("{what}: {error}"))
    }

    /// All there is to say, without the word "error": for the middle of a report.
    pub fn message(&self) -> String {
        format!("{}\n{}", self.detail.trim_end(), self.line)
            .trim_start()
            .to_owned()
    }

    /// The exit code of a command that ended with this: 2 where the command line was at fault, as
    /// shells have it, else 1.
    pub fn exit_code(&self) -> u8 {
        if self.cause == Cause::Usage { 2 } else { 1 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.detail.is_empty() {
            writeln!(f, "{}", self.detail.trim_end())?;
        }
        write!(f, "error: {}", self.line)
    }
}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_on_our_own_write_is_named_as_such() {
        let error = Error::io(
            "cannot write",
            Path::new("target/xtask/stamp"),
            &io::Error::from(io::ErrorKind::StorageFull),
        );
        assert_eq!(error.cause, Cause::DiskFull);
        assert!(error.to_string().contains("free some space"));
    }

    #[test]
    fn an_error_is_one_line_below_its_detail() {
        let error = Error::new(Cause::Failed, "tsc failed").with_detail("src/a.ts: bad\n");
        assert_eq!(error.to_string(), "src/a.ts: bad\nerror: tsc failed");
    }
}
