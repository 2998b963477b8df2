//! `cargo xtask simulate`: many worlds of `tests/simulation`, or one again, or the proof that they
//! find what is wrong.

mod mutants;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Cause, Error, Result};
use crate::process::{Group, Step};
use crate::project::Project;

/// How the names of the tests that run worlds begin.
pub const WORLDS: &str = "worlds_";

/// The test that runs worlds; another one runs the seeds that failed once.
const TEST: &str = "worlds_hold_the_promises";
/// The test that leads an engine through a recording.
const REPLAY: &str = "a_recording_is_replayed";

/// Nobody waits longer than a day; a run that hangs ends.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// The environment that the test reads.
    environment: Vec<(&'static str, String)>,
    /// Not worlds of the engine as it is, but of the engine with these faults.
    mutants: Option<String>,
    /// Not worlds, but what this file says that happened.
    replay: Option<PathBuf>,
}

/// The command.
pub fn run(project: &Project, arguments: lexopt::Parser) -> Result<bool> {
    let options = parse(arguments)?;
    if let Some(only) = &options.mutants {
        return mutants::run(project, only);
    }
    let unread = |file: &Path, error: std::io::Error| {
        Error::usage(format!("cannot read {}: {error}", file.display()))
    };
    let recording = match &options.replay {
        None => None,
        Some(file) => Some(file.canonicalize().map_err(|error| unread(file, error))?),
    };
    let mut build = cargo_test(project);
    build.arg("--no-run");
    Step::new("build the simulator", build).must(project)?;

    let mut run = cargo_test(project);
    let test = if recording.is_some() { REPLAY } else { TEST };
    run.args([test, "--", "--exact", "--nocapture"]);
    // A failing world tells its own story; the test harness's stack would hide it.
    run.env("RUST_BACKTRACE", "0");
    for (name, value) in options.environment {
        run.env(name, value);
    }
    if let Some(recording) = recording {
        run.env("EVERFRESH_REPLAY", recording);
    }
    let mut group = Group::start(&mut run)
        .map_err(|error| Error::new(Cause::Failed, format!("cannot run the simulator: {error}")))?;
    Ok(group.wait(LIMIT).is_some_and(|status| status.success()))
}

/// The simulator's tests, in the build that is made for them.
pub fn cargo_test(project: &Project) -> std::process::Command {
    let mut cargo = project.command("cargo");
    cargo.args([
        "test",
        "--quiet",
        "--profile",
        "simulate",
        "--package",
        "everfresh",
        "--test",
        "simulation",
    ]);
    cargo
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        let (name, value) = match argument {
            Long("seed") => ("EVERFRESH_SEED", number(&mut arguments)?),
            Long("seeds") => ("EVERFRESH_SEEDS", number(&mut arguments)?),
            Long("first") => ("EVERFRESH_FIRST", number(&mut arguments)?),
            Long("for") => ("EVERFRESH_SECONDS", seconds(&mut arguments)?),
            Long("go-on") => ("EVERFRESH_GO_ON", 1),
            Long("whole") => ("EVERFRESH_WHOLE", 1),
            Long("replay") => {
                options.replay = Some(arguments.value()?.into());
                continue;
            }
            Long("mutants") => {
                options.mutants.get_or_insert_default();
                continue;
            }
            Value(only) if options.mutants.is_some() => {
                options.mutants = Some(only.to_string_lossy().into_owned());
                continue;
            }
            other => return Err(other.unexpected().into()),
        };
        options.environment.push((name, value.to_string()));
    }
    Ok(options)
}

fn number(arguments: &mut lexopt::Parser) -> Result<u64> {
    use lexopt::prelude::*;
    Ok(arguments.value()?.parse()?)
}

/// A span like `90s`, `10m` or `1h`.
pub fn seconds(arguments: &mut lexopt::Parser) -> Result<u64> {
    let value = arguments.value()?.to_string_lossy().into_owned();
    let unit = match value.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => 0,
    };
    value
        .get(..value.len().saturating_sub(1))
        .and_then(|digits| digits.parse::<u64>().ok())
        .and_then(|count| count.checked_mul(unit))
        .filter(|span| *span > 0)
        .ok_or_else(|| Error::usage(format!("`{value}` is no span: write 90s, 10m or 1h")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<Options> {
        parse(lexopt::Parser::from_args(arguments)).ok()
    }

    #[test]
    fn options_become_the_environment_of_the_test() {
        let one = |name, value: &str| {
            Some(Options {
                environment: vec![(name, value.to_owned())],
                mutants: None,
                replay: None,
            })
        };
        assert_eq!(parsed(&["--seed", "7"]), one("EVERFRESH_SEED", "7"));
        assert_eq!(parsed(&["--for", "10m"]), one("EVERFRESH_SECONDS", "600"));
        assert_eq!(parsed(&["--for", "1h"]), one("EVERFRESH_SECONDS", "3600"));
        assert_eq!(parsed(&[]), Some(Options::default()));
        let mutants = parsed(&["--mutants", "fence"]).and_then(|options| options.mutants);
        assert_eq!(mutants.as_deref(), Some("fence"));
        let replay = parsed(&["--replay", "run.txt"]).and_then(|options| options.replay);
        assert_eq!(replay, Some(PathBuf::from("run.txt")));
    }

    #[test]
    fn what_is_no_number_and_no_span_is_refused() {
        for arguments in [
            ["--seeds", "many"],
            ["--for", "10"],
            ["--for", "m"],
            ["--for", "0s"],
            ["--for", "99999999999999999999h"],
            ["--speed", "1"],
        ] {
            assert_eq!(parsed(&arguments), None, "{arguments:?}");
        }
    }
}
