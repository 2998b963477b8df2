//! Stage `package`: the TypeScript of the package and the demo, and the package as npm users will
//! meet it. Each check counts as one.

use std::process::Command;
use std::time::Instant;

use super::report::{Report, Row};
use crate::build;
use crate::dist;
use crate::error::Result;
use crate::process::{Step, path_with};
use crate::project::Project;

/// Runs the checks.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    build::package(project)?;
    let tarball = dist::tarball(project)?;
    let tool = |name: &str| {
        let mut command = project.command(project.npm_program(name));
        command.env("PATH", path_with(&[&project.path("node_modules/.bin")]));
        command
    };
    let mut check = |part: &str, command: Command| -> Result<()> {
        let started = Instant::now();
        let finished = Step::new(format!("check {part}"), command).run(project)?;
        report.add(Row::checked("package", part, &finished, started.elapsed()));
        Ok(())
    };

    for folder in ["pkg", "www"] {
        let mut tsc = tool("tsc");
        tsc.args(["--noEmit", "-p", folder]);
        check(&format!("types of {folder}"), tsc)?;
    }
    let mut publint = tool("publint");
    publint.arg("--strict").arg(&tarball);
    check("publint", publint)?;
    let mut attw = tool("attw");
    // The package is for bundlers and modern Node, ESM only: what `require` of old would see is
    // no promise of ours.
    attw.args(["--profile", "esm-only", "--no-color", "--no-emoji"])
        .arg(&tarball);
    check("attw", attw)
}
