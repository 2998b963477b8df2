//! `cargo xtask size`: what a visitor downloads, part by part, raw and compressed.

use crate::error::Result;
use crate::process::Step;
use crate::project::Project;

/// The command.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    crate::build::package(project)?;
    print(project)?;
    Ok(true)
}

/// Prints the table for what is in `pkg/dist`.
pub fn print(project: &Project) -> Result<()> {
    let mut node = project.command("node");
    node.arg(project.path("xtask/src/size.mjs"));
    let measured = Step::new("measure the sizes", node).must(project)?;
    print!("{}", measured.output);
    Ok(())
}
