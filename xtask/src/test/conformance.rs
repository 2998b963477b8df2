//! Stage `conformance`: the reference server and the examples, run through what `docs/protocol.md` says.
//!
//! The tests in `conformance/test` get
//! - `EVERFRESH_SERVER`: the path of the server program;
//! - `EVERFRESH_PYTHON`: a Python that has the packages of `examples/fastapi`.
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
    let python = match python::ensure(project, &python::FASTAPI)? {
        Ok(python) => Some(python),
        Err(missing) => {
            report.add(Row::not_run(STAGE, "fastapi", missing.0, allow_missing));
            None
        }
    };
    report.add(node_test::run(
        project,
        STAGE,
        "",
        "conformance/test",
        |node| {
            node.env("EVERFRESH_SERVER", &server);
            match &python {
                Some(python) => node.env("EVERFRESH_PYTHON", python),
                // The row above says so; the others are tested all the same.
                None => node.env("EVERFRESH_PYTHON", "none"),
            };
        },
    )?);
    Ok(())
}
