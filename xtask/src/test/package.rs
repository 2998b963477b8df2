//! Stage `package`: the package's own tests in plain Node, the types of the package and the demo,
//! and the package as npm users will meet it. A check without tests in it counts as one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::node_test;
use super::report::{Report, Row};
use crate::build;
use crate::dist;
use crate::error::Result;
use crate::process::{Step, path_with};
use crate::project::Project;

const STAGE: &str = "package";

/// Runs the checks.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    build::package(project)?;
    report.add(node_test::run(
        project,
        STAGE,
        "unit tests",
        "pkg/test",
        |_| {},
    )?);

    let mut projects = vec![project.path("pkg"), project.path("www")];
    projects.extend(type_tests(&project.path("pkg/test")));
    for folder in projects {
        let name = folder.strip_prefix(project.path("")).unwrap_or(&folder);
        let mut tsc = tool(project, "tsc");
        tsc.args(["--noEmit", "-p"]).arg(&folder);
        check(project, report, &format!("types {}", name.display()), tsc)?;
    }

    let tarball = dist::tarball(project)?;
    let mut publint = tool(project, "publint");
    publint.arg("--strict").arg(&tarball);
    check(project, report, "publint", publint)?;
    let mut attw = tool(project, "attw");
    attw.arg(&tarball)
        // The package is for bundlers and modern Node, ESM only: what an old `require` would see
        // is no promise of ours.
        .args(["--profile", "esm-only"])
        // A WebAssembly file has no types, and a worker is given to the browser, not imported.
        .args(["--exclude-entrypoints", "./wasm", "./relay"])
        .args(["--no-color", "--no-emoji"]);
    check(project, report, "attw", attw)
}

fn tool(project: &Project, name: &str) -> Command {
    let mut command = project.command(project.npm_program(name));
    command.env("PATH", path_with(&[&project.path("node_modules/.bin")]));
    command
}

fn check(project: &Project, report: &mut Report, part: &str, command: Command) -> Result<()> {
    let started = Instant::now();
    let finished = Step::new(format!("check {part}"), command).run(project)?;
    report.add(Row::checked(STAGE, part, &finished, started.elapsed()));
    Ok(())
}

/// All folders below that hold a TypeScript project: tests which have only to compile, or must not.
fn type_tests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "node_modules" {
            if path.join("tsconfig.json").is_file() {
                found.push(path.clone());
            }
            found.extend(type_tests(&path));
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn type_tests_are_found_at_any_depth() -> Result<()> {
        let project = Project::for_tests("type-tests");
        let root = project.path("test");
        for folder in ["types", "types/deep", "types/node_modules/x"] {
            project::write(&root.join(folder).join("tsconfig.json"), "{}")?;
        }
        project::create_folder(&root.join("plain"))?;
        assert_eq!(
            type_tests(&root),
            [root.join("types"), root.join("types/deep")]
        );
        Ok(())
    }
}
