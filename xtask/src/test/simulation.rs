//! Stage `simulation`: worlds of the simulator, in the build that is made for them.

use std::time::{Duration, Instant};

use super::report::{Report, Row};
use super::summary;
use crate::error::Result;
use crate::process::Step;
use crate::project::Project;
use crate::simulate;

const LIMIT: Duration = Duration::from_secs(25 * 60);

/// Worlds in a test run: some thousands find what a change broke, and take about a minute.
const SEEDS: &str = "5000";

/// Runs them.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    let started = Instant::now();
    let mut cargo = simulate::cargo_test(project);
    cargo.env("EVERFRESH_SEEDS", SEEDS);
    let finished = Step::new("run the simulator's worlds", cargo)
        .limit(LIMIT)
        .run(project)?;
    let count = summary::libtest(&finished.output);
    report.add(Row::ran(
        "simulation",
        "",
        &finished,
        count,
        started.elapsed(),
    ));
    Ok(())
}
