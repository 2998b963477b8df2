//! The reference server, a native program.

use std::path::PathBuf;

use crate::error::Result;
use crate::process::Step;
use crate::project::Project;

/// How the server is compiled.
#[derive(Clone, Copy, Debug)]
pub enum Profile {
    /// With overflow and debug checks, for tests; shares its build with the native tests.
    Checked,
    /// As users run it.
    Release,
}

/// Compiles the server, if cargo finds that anything changed; the answer is the program.
pub fn server(project: &Project, profile: Profile) -> Result<PathBuf> {
    let mut cargo = project.command("cargo");
    cargo.args(["build", "--package", "everfresh-server"]);
    let folder = match profile {
        Profile::Checked => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    Step::new("compile the server", cargo)
        .fetches()
        .must(project)?;
    Ok(project.path("target").join(folder).join("everfresh-server"))
}
