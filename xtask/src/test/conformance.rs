//! Stage `conformance`: the reference server and the examples, run through what `docs/protocol.md` says.
//!
//! The tests in `conformance/test` get
//! - `EVERFRESH_SERVER`: the path of the server program;
//! - `EVERFRESH_PYTHON`: a Python that has the packages of `examples/fastapi`;
//! - `EVERFRESH_RFC6455`: one that has those of `conformance/rfc6455`.
//!
//! They start and end servers themselves.

use super::node_test;
use super::report::{Report, Row};
use crate::build::{self, Profile};
use crate::error::Result;
use crate::project::Project;
use crate::tools::{node, python};

const STAGE: &str = "conformance";

/// Builds what they need and runs them.
pub fn run(project: &Project, report: &mut Report, allow_missing: bool) -> Result<()> {
    {
        let _lock = project.lock()?;
        node::packages(project)?;
    }
    let server = build::server(project, Profile::Checked)?;
    let mut pythons = Vec::new();
    for (part, variable, needs) in [
        ("fastapi", "EVERFRESH_PYTHON", python::FASTAPI),
        ("rfc6455", "EVERFRESH_RFC6455", python::RFC6455),
    ] {
        match python::ensure(project, &needs)? {
            Ok(python) => pythons.push((variable, python)),
            Err(missing) => {
                report.add(Row::not_run(STAGE, part, missing.0, allow_missing));
                // The row says so; the others are tested all the same.
                pythons.push((variable, "none".into()));
            }
        }
    }
    report.add(node_test::run(
        project,
        STAGE,
        "",
        "conformance/test",
        |node| {
            node.env("EVERFRESH_SERVER", &server);
            node.envs(pythons);
        },
    )?);
    Ok(())
}
