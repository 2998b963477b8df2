//! PostgreSQL, for the tests of the reference server and of the stand-in for Supabase: they start one of their own, on a
//! socket in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt;
use super::engines::Missing;
use crate::error::Result;
use crate::process::{ask, command, find};
use crate::project::Project;

const PACKAGE: &str = "postgresql";

/// Where Debian keeps the programs, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

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

/// The folder of the programs of one that has wal2json, which Supabase reads its changes with; installs it where we may.
pub fn ensure_wal2json(project: &Project) -> Result<std::result::Result<PathBuf, Missing>> {
    if let Err(missing) = ensure(project)? {
        return Ok(Err(missing));
    }
    let package = debian().pop().map(|(version, _)| wal2json_of(version));
    if with_wal2json().is_none()
        && apt::usable()
        && let Some(package) = &package
    {
        apt::update(project)?;
        apt::install(project, "install wal2json", std::slice::from_ref(package))?;
    }
    Ok(with_wal2json().ok_or_else(|| {
        let remedy = package.map_or("install it for the initdb on the path".to_owned(), |one| {
            format!("`{}`", apt::install_command(&[&one]))
        });
        Missing(format!("PostgreSQL's wal2json is missing: {remedy}"))
    }))
}

fn is_here() -> bool {
    !folders().is_empty()
}

fn with_wal2json() -> Option<PathBuf> {
    folders().into_iter().find(|folder| has_wal2json(folder))
}

fn has_wal2json(programs: &Path) -> bool {
    let modules = ask(command(programs.join("pg_config")).arg("--pkglibdir"));
    modules.is_some_and(|modules| {
        let module = |ending| Path::new(&modules).join("wal2json").with_extension(ending);
        module("so").is_file() || module("dylib").is_file()
    })
}

fn wal2json_of(version: u32) -> String {
    format!("{PACKAGE}-{version}-wal2json")
}

/// The folders of the programs of each one that is here, the newest of Debian's first.
fn folders() -> Vec<PathBuf> {
    let on_path = find("initdb").and_then(|initdb| Some(initdb.parent()?.to_owned()));
    let debian = debian().into_iter().rev().map(|(_, folder)| folder);
    debian.chain(on_path).collect()
}

/// Those that Debian keeps beside the path, the oldest first.
fn debian() -> Vec<(u32, PathBuf)> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    found.sort();
    found
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::project;

    #[test]
    fn only_one_that_has_the_module_counts() -> Result<()> {
        let project = Project::for_tests("postgres");
        let programs = project.path("bin");
        let modules = project.path("lib");
        assert!(!has_wal2json(&programs), "there is no program to ask");
        let asked = programs.join("pg_config");
        project::write(
            &asked,
            &format!("#!/bin/sh\necho '{}'\n", modules.display()),
        )?;
        fs::set_permissions(&asked, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        assert!(!has_wal2json(&programs), "there is no module");
        project::write(&modules.join("wal2json.so"), "")?;
        assert!(has_wal2json(&programs));
        Ok(())
    }

    #[test]
    fn the_package_is_of_the_version() {
        assert_eq!(wal2json_of(15), "postgresql-15-wal2json");
    }
}
