//! Runs a folder of JavaScript tests with Node's own runner.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::report::Row;
use super::summary;
use crate::error::{Cause, Error, Result};
use crate::process::Step;
use crate::project::Project;

/// Two engines at a time on two cores take each some twenty minutes.
const LIMIT: Duration = Duration::from_secs(40 * 60);
/// Milliseconds for one test, and for one file of them. A browser that hangs must fail its test, not
/// hold up all that come after it.
const TEST_TIMEOUT: &str = "--test-timeout=300000";

/// Runs all `*.test.js`, `.mjs` and `.ts` files of a folder, one after another: they start
/// servers and browsers, and two at a time would disturb each other's time.
pub fn run(
    project: &Project,
    stage: &'static str,
    part: &str,
    folder: &str,
    prepare: impl FnOnce(&mut Command),
) -> Result<Row> {
    let started = Instant::now();
    let files = test_files(&project.path(folder))?;
    let mut node = project.command("node");
    node.current_dir(project.path(folder));
    // Named one by one: what `node --test FOLDER` means has changed between versions.
    node.args(["--test", "--test-concurrency=1", TEST_TIMEOUT])
        .arg("--test-reporter=spec");
    prepare(&mut node);
    node.args(&files);
    let label = format!("run {stage} {part}");
    let finished = Step::new(label.trim_end(), node)
        .limit(LIMIT)
        .run(project)?;
    let count = summary::node(&finished.output);
    Ok(Row::ran(stage, part, &finished, count, started.elapsed()))
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if let Ok(entries) = std::fs::read_dir(folder) {
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if [".test.js", ".test.mjs", ".test.ts"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                files.push(entry.path());
            }
        }
    }
    if files.is_empty() {
        return Err(Error::new(
            Cause::Failed,
            format!(
                "there is no test (*.test.js, .mjs or .ts) in {}",
                folder.display()
            ),
        ));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::report::Report;
    use super::*;
    use crate::project;

    fn verdict(name: &str, script: &str) -> Result<bool> {
        let project = Project::for_tests(name);
        project::write(&project.path("tests/a.test.mjs"), script)?;
        let row = run(&project, "e2e", "chromium", "tests", |_| {})?;
        let mut report = Report::default();
        report.add(row);
        Ok(report.all_well())
    }

    #[test]
    fn a_failing_script_fails_the_stage() -> Result<()> {
        let good = "import test from 'node:test'; test('a', () => {});";
        let bad =
            "import test from 'node:test'; test('a', () => {}); test('b', () => { throw 1; });";
        let broken = "import './absent.mjs';";
        assert!(verdict("node-good", good)?);
        assert!(!verdict("node-bad", bad)?, "a failing test");
        assert!(
            !verdict("node-broken", broken)?,
            "a file that cannot be loaded"
        );
        Ok(())
    }

    #[test]
    fn a_folder_without_tests_is_an_error() {
        let project = Project::for_tests("node-none");
        assert!(run(&project, "e2e", "chromium", "tests", |_| {}).is_err());
    }
}
