//! Stage `fixtures`: the packed package in fresh apps, as a user would install it.
//!
//! The tests in `tests/fixtures` get
//! - `EVERFRESH_TARBALL`: the path of `everfresh-VERSION.tgz`.

use super::node_test;
use super::report::Report;
use crate::dist;
use crate::error::Result;
use crate::project::Project;

/// Packs the package and runs the tests with it.
pub fn run(project: &Project, report: &mut Report) -> Result<()> {
    let tarball = dist::tarball(project)?;
    report.add(node_test::run(
        project,
        "fixtures",
        "",
        "tests/fixtures",
        |node| {
            node.env("EVERFRESH_TARBALL", &tarball);
        },
    )?);
    Ok(())
}
