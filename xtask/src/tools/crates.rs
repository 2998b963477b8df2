//! The Rust crates of the lock file, downloaded before anything is compiled.

use std::time::Duration;

use super::wasm_rust::TARGET;
use crate::error::Result;
use crate::process::{Step, ask, command};
use crate::project::Project;

/// Downloads what is not here yet, for the two targets that are built: not for Windows.
pub fn fetch(project: &Project) -> Result<()> {
    let mut cargo = project.command("cargo");
    cargo.args(["fetch", "--target", TARGET]);
    if let Some(host) = host() {
        cargo.args(["--target", &host]);
    }
    Step::new("download the crates", cargo)
        .limit(Duration::from_secs(10 * 60))
        .fetches()
        .must(project)?;
    Ok(())
}

fn host() -> Option<String> {
    let version = ask(command("rustc").args(["--version", "--verbose"]))?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}
