//! Stage `native`: all Rust tests that need no browser, and the examples in the documentation.

use std::time::{Duration, Instant};

use super::report::{Report, Row};
use super::summary;
use crate::error::Result;
use crate::process::{Step, ask};
use crate::project::Project;

const LIMIT: Duration = Duration::from_secs(25 * 60);

/// Runs them, with cargo-nextest where it is installed.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    let nextest = ask(project.command("cargo").args(["nextest", "--version"])).is_some();
    let started = Instant::now();
    let mut cargo = project.command("cargo");
    if nextest {
        cargo.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
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
