//! Stage `native`: all Rust tests that need no browser, without the simulator's worlds, and the examples
//! in the documentation.

use std::time::{Duration, Instant};

use super::report::{Report, Row};
use super::summary;
use crate::error::Result;
use crate::process::{Step, ask};
use crate::project::Project;
use crate::simulate;
use crate::tools::postgres;

const LIMIT: Duration = Duration::from_secs(25 * 60);

/// Where the tests of the server are.
const SERVER: &str = "server/tests";

/// Where the simulator's worlds are run with little optimisation besides: as few as show that they run.
const WORLDS_UNOPTIMISED: &str = "50";

/// Runs them, with cargo-nextest where it is installed.
pub fn run(project: &Project, report: &mut Report, allow_missing: bool) -> Result<()> {
    // The projects that this program is tested with have no server.
    let postgres = match project.path(SERVER).is_dir() {
        true => Some(postgres::ensure(project)?),
        false => None,
    };
    let nextest = ask(project.command("cargo").args(["nextest", "--version"])).is_some();
    let started = Instant::now();
    let mut cargo = project.command("cargo");
    if nextest {
        cargo.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        // Worlds are for an optimised build, in a stage of their own: this one would take fifty times as
        // long. By name, because a filter by binary is an error in a workspace without that binary.
        cargo.args(["-E", &format!("not test(/^{}/)", simulate::WORLDS)]);
    } else {
        // `--all-targets` would run benches; without it the doc tests of the second run come along.
        cargo.args([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
        ]);
        cargo.env("EVERFRESH_SEEDS", WORLDS_UNOPTIMISED);
    }
    if let Some(Err(_)) = postgres {
        cargo.env("EVERFRESH_TEST_DATABASE", "sqlite");
    }
    let finished = Step::new("test natively", cargo)
        .limit(LIMIT)
        .run(project)?;
    let count = if nextest {
        summary::nextest(&finished.output)
    } else {
        summary::libtest(&finished.output)
    };
    report.add(Row::ran("native", "", &finished, count, started.elapsed()));

    match postgres {
        Some(Ok(())) => on_postgres(project, report)?,
        Some(Err(missing)) => {
            report.add(Row::not_run("native", "postgres", missing.0, allow_missing));
        }
        None => {}
    }

    let started = Instant::now();
    let mut cargo = project.command("cargo");
    cargo.args(["test", "--workspace", "--no-fail-fast", "--doc"]);
    let finished = Step::new("test the documentation's examples", cargo)
        .limit(LIMIT)
        .run(project)?;
    let count = summary::libtest(&finished.output);
    // There may be no example yet: rustdoc then ends well and counts nothing.
    if !finished.ok || count != summary::Count::default() {
        report.add(Row::ran(
            "native",
            "doc examples",
            &finished,
            count,
            started.elapsed(),
        ));
    }
    Ok(())
}

/// The tests of the server that are about what it keeps, once more with their data in PostgreSQL. Not by nextest: each
/// process starts a database of its own, and nextest has one for each test.
fn on_postgres(project: &Project, report: &mut Report) -> Result<()> {
    const KEEPING: [&str; 11] = [
        "conflicts",
        "history",
        "killed",
        "killed_mutations",
        "leases",
        "live",
        "mutations",
        "once",
        "publish",
        "rest",
        "restart",
    ];
    let started = Instant::now();
    let mut cargo = project.command("cargo");
    // Of the workspace: a package for itself is compiled anew, with other features of what it needs.
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.args(KEEPING.iter().flat_map(|name| ["--test", name]));
    cargo.env("EVERFRESH_TEST_DATABASE", "postgres");
    let finished = Step::new("test the server on PostgreSQL", cargo)
        .limit(LIMIT)
        .run(project)?;
    let count = summary::libtest(&finished.output);
    report.add(Row::ran(
        "native",
        "postgres",
        &finished,
        count,
        started.elapsed(),
    ));
    Ok(())
}
