//! `cargo xtask size`: what a visitor downloads, part by part, raw and compressed.

use crate::build::wasm;
use crate::error::{Cause, Error, Result};
use crate::process::{Step, ask, tail};
use crate::project::{self, Project};
use crate::tools::small_std::SmallRust;

/// As what is shipped, with the names of the functions.
const NAMED: &[&str] = &[
    "-Oz",
    "--one-caller-inline-max-function-size=0",
    "--always-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--debuginfo",
];

/// The command.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    let mut record = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("record") => {
                record = Some(arguments.value()?.to_string_lossy().into_owned())
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let rust = SmallRust::ensure(project)?;
    crate::build::package(project)?;
    match record {
        Some(why) if rust.is_small() => write_down(project, &why),
        Some(_) => Err(Error::new(
            Cause::MissingTool,
            rust.remark().unwrap_or_default(),
        )),
        None => print_parts(project),
    }
}

/// Prints the table for what is in `pkg/dist`, and whether it is within what is in force.
pub fn print(project: &Project) -> Result<bool> {
    measure(project, &["print"])
}

fn print_parts(project: &Project) -> Result<bool> {
    let named = {
        let _lock = project.lock()?;
        let folder = project.path("target/xtask/size");
        project::create_folder(&folder)?;
        let compiled = wasm::compile(project, &wasm::MEASURED)?;
        let named = wasm::bind(project, &wasm::MEASURED, &compiled, &folder)?;
        wasm::optimise(project, &named, NAMED)?;
        named
    };
    measure(project, &["parts", &named.to_string_lossy()])
}

fn write_down(project: &Project, why: &str) -> Result<bool> {
    let git = |arguments: &[&str]| ask(project.command("git").args(arguments)).unwrap_or_default();
    let commit = git(&["rev-parse", "--short", "HEAD"]);
    let date = ask(project.command("date").arg("+%F")).unwrap_or_default();
    measure(project, &["record", &commit, &date, why])
}

fn measure(project: &Project, arguments: &[&str]) -> Result<bool> {
    let mut node = project.command("node");
    node.arg(project.path("xtask/src/size/measure.mjs"))
        .args(arguments);
    let measured = Step::new("measure the sizes", node).run(project)?;
    // It says itself what is too large; anything else that fails is trouble.
    let too_large = measured.output.contains("cargo xtask size --record");
    if !measured.ok && !too_large {
        return Err(Error::new(Cause::Failed, "cannot measure the sizes")
            .with_detail(tail(&measured.output)));
    }
    print!("{}", measured.output);
    if let Some(remark) = SmallRust::ready(project)?.remark() {
        println!("\n{remark}");
    }
    Ok(measured.ok)
}
