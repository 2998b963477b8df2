//! The reference server, a native program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
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

/// Compiles the server with the built page in it, as one file that needs no other.
pub fn standalone(project: &Project, to: &Path) -> Result<()> {
    let mut cargo = project.command("cargo");
    cargo.args(["rustc", "--release", "--package", "everfresh-server"]);
    cargo.args(["--bin", "everfresh-server"]);
    cargo.env("EVERFRESH_WWW", project.path("www/dist"));
    // Elsewhere the system's own libraries cannot be linked in.
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        cargo.args(["--", "-C", "target-feature=+crt-static"]);
    }
    Step::new("compile the server with the page in it", cargo)
        .fetches()
        .must(project)?;
    let built = project.path("target/release/everfresh-server");
    fs::copy(&built, to).map_err(|error| Error::io("cannot copy", &built, &error))?;
    Ok(())
}
