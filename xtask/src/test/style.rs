//! Stages `format` and `clippy`: each check counts as one.

use std::time::Instant;

use super::report::{Report, Row};
use crate::build::wasm;
use crate::error::Result;
use crate::process::Step;
use crate::project::Project;
use crate::tools::wasm_rust::{TARGET, WasmRust};

/// `cargo fmt` has nothing to change.
pub fn format(project: &Project, report: &mut Report) -> Result<()> {
    let started = Instant::now();
    let mut cargo = project.command("cargo");
    cargo.args(["fmt", "--all", "--", "--check", "--color=never"]);
    let finished = Step::new("check the format", cargo).run(project)?;
    report.add(Row::checked("format", "", &finished, started.elapsed()));
    Ok(())
}

/// Clippy finds nothing: natively, and for wasm32, where other code is compiled.
pub fn clippy(project: &Project, report: &mut Report) -> Result<()> {
    let started = Instant::now();
    let mut cargo = project.command("cargo");
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    let finished = Step::new("lint natively", cargo).run(project)?;
    report.add(Row::checked(
        "clippy",
        "native",
        &finished,
        started.elapsed(),
    ));

    for module in wasm::MODULES
        .iter()
        .filter(|module| !module.has_all() && module.is_of_its_own())
    {
        let started = Instant::now();
        let mut cargo = project.command("cargo");
        cargo
            .args(["clippy", "--package", "everfresh", "--lib"])
            .args(module.parts())
            .args(["--", "-D", "warnings"]);
        let finished = Step::new(format!("lint what is in {}", module.name), cargo).run(project)?;
        report.add(Row::checked(
            "clippy",
            module.name,
            &finished,
            started.elapsed(),
        ));
    }

    let started = Instant::now();
    let mut clippy = WasmRust::ensure(project)?.clippy(project)?;
    clippy.args([
        "--package",
        "everfresh",
        "--lib",
        "--tests",
        // Or a part of the browser tests would not be seen.
        "--features",
        "faults",
        "--target",
        TARGET,
        "--",
        "-D",
        "warnings",
    ]);
    let finished = Step::new("lint for wasm32", clippy).run(project)?;
    report.add(Row::checked(
        "clippy",
        "wasm32",
        &finished,
        started.elapsed(),
    ));
    Ok(())
}
