//! PostgreSQL, for the tests of the reference server: they start one of their own, on a socket in a folder.

use std::fs;

use super::apt;
use super::engines::Missing;
use crate::error::Result;
use crate::process::find;
use crate::project::Project;

const PACKAGE: &str = "postgresql";

/// Finds its programs; installs them where we may.
pub fn ensure(project: &Project) -> Result<std::result::Result<(), Missing>> {
    if !is_here() && apt::usable() {
        apt::update(project)?;
        apt::install(project, "install PostgreSQL", &[PACKAGE.to_owned()])?;
    }
    Ok(if is_here() {
        Ok(())
    } else {
        Err(Missing(format!(
            "PostgreSQL is missing: `{}`, or have initdb on the path",
            apt::install_command(&[PACKAGE])
        )))
    })
}

/// Debian keeps them beside the path, by version.
fn is_here() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql");
    let mut versions = versions.into_iter().flatten().flatten();
    find("initdb").is_some() || versions.any(|version| version.path().join("bin/initdb").is_file())
}
