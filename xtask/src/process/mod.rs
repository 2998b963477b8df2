//! Runs other programs: their own process group, no input, output in a log file, a time limit, and
//! an end that is certain.

pub mod reaper;
pub mod tree;
pub mod trouble;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Cause, Error, Result};
use crate::progress::Progress;
use crate::project::Project;

/// A running program and everything it starts. Dropping it ends them all.
pub struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Starts the program at the head of a process group of its own, so that a Ctrl-C at the
    /// terminal reaches us alone and all of it can be ended together.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        reaper::adopt(child.id());
        Ok(Self {
            child,
            ended: false,
        })
    }

    /// The exit status, if the program has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten()?;
        self.finish();
        Some(status)
    }

    /// Waits for the end, or for the time limit.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.status() {
                return Some(status);
            }
            let waited = started.elapsed();
            if waited >= limit {
                return None;
            }
            // Short programs must not cost a long nap each, long ones must not keep a core busy.
            thread::sleep(if waited < Duration::from_secs(1) {
                Duration::from_millis(5)
            } else {
                Duration::from_millis(50)
            });
        }
    }

    /// The program's output, when it was started with a pipe for it.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    fn finish(&mut self) {
        if !self.ended {
            self.ended = true;
            tree::sweep(self.child.id());
            reaper::release(self.child.id());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.child.try_wait().ok().flatten().is_none() {
            tree::end(self.child.id());
            let _ = self.child.wait();
        }
        self.finish();
    }
}

/// A command with our habits: no input (nothing may wait for a key), no colours in the log, and
/// none of the variables that `cargo run` set for us, which would mislead another cargo.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let from_cargo_run = text == "CARGO"
            || text == "CARGO_BIN_NAME"
            || text == "CARGO_CRATE_NAME"
            || text == "CARGO_PRIMARY_PACKAGE"
            || text == "OUT_DIR"
            || text.starts_with("CARGO_MANIFEST_")
            || text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_BIN_EXE_")
            || text.starts_with("NEXTEST");
        if from_cargo_run {
            command.env_remove(&name);
        }
    }
    // `cargo run` puts the toolchain's libraries first; another toolchain must find its own.
    command.env_remove("LD_LIBRARY_PATH");
    command.env_remove("DYLD_FALLBACK_LIBRARY_PATH");
    command.env_remove("FORCE_COLOR");
    command.env("NO_COLOR", "1");
    command.env("CARGO_TERM_COLOR", "never");
    command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    command
}

/// `PATH` with more folders in front.
pub fn path_with(first: &[&Path]) -> std::ffi::OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = first
        .iter()
        .map(|path| path.to_path_buf())
        .chain(std::env::split_paths(&old));
    // A folder whose name holds a colon cannot be in PATH at all.
    std::env::join_paths(all).unwrap_or(old)
}

/// The program of that name on `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What a short question to a program answered, if it could be asked and ended well.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// One program with a name for people, a log and a time limit.
pub struct Step {
    label: String,
    command: Command,
    limit: Duration,
    fetches: bool,
}

/// A step that has ended, well or not.
pub struct Finished {
    /// Whether it ended by itself with status 0.
    pub ok: bool,
    /// How it ended, in words.
    pub ending: String,
    /// All that it printed.
    pub output: String,
    /// Where that is kept.
    pub log: PathBuf,
}

impl Step {
    /// A step; the label says what is done ("compile the server").
    pub fn new(label: impl Into<String>, command: Command) -> Self {
        Self {
            label: label.into(),
            command,
            limit: Duration::from_secs(30 * 60),
            fetches: false,
        }
    }

    /// Ends the program after this time.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The program downloads things, so its failure may be the network's.
    pub fn fetches(mut self) -> Self {
        self.fetches = true;
        self
    }

    /// Runs it to its end.
    pub fn run(mut self, project: &Project) -> Result<Finished> {
        let log = project.log_file(&self.label)?;
        let failed = |error| Error::io("cannot write", &log, &error);
        let file = File::create(&log).map_err(failed)?;
        let second = file.try_clone().map_err(failed)?;
        self.command.stdout(file).stderr(second);

        let progress = Progress::start(&self.label, Some(&log));
        let mut group = Group::start(&mut self.command).map_err(|error| {
            let program = self.command.get_program().to_string_lossy().into_owned();
            let path = Path::new(&program);
            Error::io(format!("cannot {}: cannot start", self.label), path, &error)
        })?;
        let status = group.wait(self.limit);
        drop(group);
        progress.finish(status.is_some_and(|status| status.success()));

        // A browser's noise need not be UTF-8.
        let output = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let (ok, ending) = match status {
            Some(status) => (status.success(), status.to_string()),
            None => (
                false,
                format!("not finished after {} s, ended", self.limit.as_secs()),
            ),
        };
        Ok(Finished {
            ok,
            ending,
            output,
            log,
        })
    }

    /// Runs it and accepts nothing but success.
    pub fn must(self, project: &Project) -> Result<Finished> {
        let label = self.label.clone();
        let fetches = self.fetches;
        self.run(project)?.accept(&label, fetches)
    }
}

impl Finished {
    /// An error that says what to do, unless it ended well.
    pub fn accept(self, label: &str, fetches: bool) -> Result<Self> {
        if self.ok {
            return Ok(self);
        }
        Err(match trouble::diagnose(&self.output, fetches) {
            Some(Cause::DiskFull) => Error::disk_full(label),
            Some(Cause::NoNetwork) => Error::no_network(label),
            _ => Error::new(
                Cause::Failed,
                format!(
                    "cannot {label}: {} (all of it: {})",
                    self.ending,
                    self.log.display()
                ),
            )
            .with_detail(tail(&self.output)),
        })
    }
}

/// The end of a log, which is where programs say what went wrong. Where nobody can open the log
/// file afterwards (a CI machine), nearly all of it.
pub fn tail(output: &str) -> String {
    let keep = if std::env::var_os("CI").is_some() {
        1000
    } else {
        40
    };
    last_lines(output, keep)
}

fn last_lines(output: &str, keep: usize) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let from = lines.len().saturating_sub(keep);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command("sh");
        command.arg("-c").arg(script);
        command
    }

    #[test]
    fn the_tail_is_the_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 40), "a");
    }

    #[test]
    fn a_step_that_fails_is_an_error_with_its_output() {
        let project = Project::for_tests("step-fails");
        let error = Step::new("try a thing", shell("echo why it failed; exit 3"))
            .must(&project)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("why it failed"), "{error}");
        assert!(
            error.contains("error: cannot try a thing: exit status: 3"),
            "{error}"
        );
    }

    #[test]
    fn a_full_disk_and_a_dead_network_are_one_line_with_the_remedy() {
        let project = Project::for_tests("step-trouble");
        let full = Step::new(
            "build",
            shell("echo 'No space left on device (os error 28)'; exit 1"),
        );
        let line = full
            .must(&project)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            line.starts_with("error: the disk is full (build)"),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);

        let offline =
            Step::new("install", shell("echo 'npm error code ENOTFOUND'; exit 1")).fetches();
        let line = offline
            .must(&project)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(line.starts_with("error: no network (install)"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_step_over_its_limit_is_ended_with_all_it_started() {
        let project = Project::for_tests("step-limit");
        // Beside the program itself there is a child of it, whose number it prints.
        let finished = Step::new("hang", shell("sleep 1000 & echo $!; sleep 1000"))
            .limit(Duration::from_millis(300))
            .run(&project);
        let Ok(finished) = finished else {
            panic!("the step could not run")
        };
        assert!(!finished.ok);
        assert!(
            finished.ending.starts_with("not finished"),
            "{}",
            finished.ending
        );
        let child: u32 = finished.output.trim().parse().unwrap_or_default();
        assert!(child > 0, "it had begun: {}", finished.output);
        assert!(!tree::is_alive(child), "its child is gone");
        assert!(tree::is_alive(std::process::id()), "we are not");
    }
}
