//! `cargo xtask build`: the WebAssembly module, the npm package around it, the demo page and, for
//! those who ask, the server. Every part decides for itself whether anything has to be done.

mod inline;
mod names;
mod package;
mod server;
mod site;
pub mod wasm;

use crate::error::Result;
use crate::project::Project;

pub use server::{Profile, server, standalone};

/// Builds the module and the npm package.
pub fn package(project: &Project) -> Result<()> {
    let _lock = project.lock()?;
    wasm::build(project)?;
    package::build(project)
}

/// Builds the module, the npm package and the demo page.
pub fn site(project: &Project) -> Result<()> {
    package(project)?;
    let _lock = project.lock()?;
    site::build(project)
}

/// The command.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    site(project)?;
    println!("built: pkg/dist, www/dist");
    Ok(true)
}
