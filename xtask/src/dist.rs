//! `cargo xtask dist`: everything built for release, and the npm package as one file.

use std::path::PathBuf;

use crate::build;
use crate::error::{Cause, Error, Result};
use crate::process::{Step, ask};
use crate::project::{self, Project};
use crate::size;
use crate::tools::node;
use crate::tools::small_std::SmallRust;

/// The command.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    SmallRust::ensure(project)?;
    build::site(project)?;
    let folder = project.path("target/dist");
    project::create_folder(&folder)?;
    let server = folder.join("everfresh-server");
    build::standalone(project, &server)?;
    let tarball = tarball(project)?;
    let small = size::print(project)?;
    println!(
        "\nserver  {}\npackage {}",
        server.display(),
        tarball.display()
    );
    Ok(small)
}

/// Builds the npm package and packs it as it would be published.
pub fn tarball(project: &Project) -> Result<PathBuf> {
    build::package(project)?;
    let _lock = project.lock()?;
    let folder = project.path("target/dist");
    project::create_folder(&folder)?;
    let mut node = project.command("node");
    node.args(["-p", "require('./pkg/package.json').version"]);
    let version = ask(&mut node)
        .ok_or_else(|| Error::new(Cause::Failed, "pkg/package.json names no version"))?;
    let mut pack = node::npm(project, &["pack", "--ignore-scripts", "--pack-destination"]);
    pack.arg(&folder).current_dir(project.path("pkg"));
    Step::new("pack the npm package", pack).must(project)?;
    let tarball = folder.join(format!("everfresh-{version}.tgz"));
    if !tarball.is_file() {
        return Err(Error::new(
            Cause::Failed,
            format!("npm pack left no {}", tarball.display()),
        ));
    }
    Ok(tarball)
}
