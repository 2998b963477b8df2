//! Stage `fixtures`: the packed package in fresh apps, as a user would install it.
//!
//! The tests in `tests/fixtures` get
//! - `EVERFRESH_TARBALL`: the path of `everfresh-VERSION.tgz`;
//! - `EVERFRESH_APPS`: the folder that they build the apps in, each in one of its own.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::node_test;
use super::report::Report;
use crate::dist;
use crate::error::Result;
use crate::project::{self, Project};
use crate::stamp::Stamp;

const STAGE: &str = "fixtures";

/// Packs the package and runs the tests with it.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    let tarball = dist::tarball(project)?;
    build(project, report, &tarball)
}

/// The apps as the stage built them, for the browsers to see. Builds them if they are not there, or not those of
/// this package.
pub fn apps(project: &Project, report: &mut Report) -> Result<PathBuf> {
    let tarball = dist::tarball(project)?;
    if !stamp(project, &tarball).is_fresh() {
        build(project, report, &tarball)?;
    }
    Ok(folder(project))
}

fn build(project: &Project, report: &mut Report, tarball: &Path) -> Result<()> {
    let folder = folder(project);
    project::create_folder(&folder)?;
    let row = node_test::run(project, STAGE, "", "tests/fixtures", |node| {
        node.env("EVERFRESH_TARBALL", tarball)
            .env("EVERFRESH_APPS", &folder);
    })?;
    let well = row.is_well();
    report.add(row);
    if well {
        stamp(project, tarball).save()?;
    }
    Ok(())
}

/// Outside of the clone, so that nothing of it can be found from there; of this clone alone.
fn folder(project: &Project) -> PathBuf {
    let mut clone = DefaultHasher::new();
    project.path("").hash(&mut clone);
    env::temp_dir().join(format!("everfresh-apps-{:016x}", clone.finish()))
}

/// Servers of the apps write into their folders, so what is built is looked at in one place each.
fn stamp(project: &Project, tarball: &Path) -> Stamp {
    let folder = folder(project);
    let built = [
        "vite/dist",
        "webpack/dist",
        "next/.next/BUILD_ID",
        "plain/index.html",
    ];
    built.iter().fold(
        Stamp::new(project, STAGE)
            .input(tarball)
            .input(&project.path("tests/fixtures")),
        |stamp, path| stamp.output(&folder.join(path)),
    )
}
