//! Stage `e2e`: the built page and the real server in real browsers, once in each engine. Stage `patient`: the
//! same, for what takes many minutes.
//!
//! The tests get
//! - `EVERFRESH_ENGINE`: `chromium`, `firefox` or `webkit`;
//! - `EVERFRESH_WEBDRIVER`: the URL of a running WebDriver of that engine;
//! - `EVERFRESH_BROWSER`: the path of the browser (for WebKit of its MiniBrowser) to ask it for;
//! - `EVERFRESH_SERVER`: the path of the server program;
//! - `EVERFRESH_WWW`: the folder of the built page, for the server's `--www`;
//! - `EVERFRESH_APPS`: the folder of the apps that the stage `fixtures` has built;
//! - `EVERFRESH_SOCKETIO_PYTHON`: a Python that has python-socketio, or `none`;
//! - `EVERFRESH_PLAIN_PYTHON`: a Python that has FastAPI and sse-starlette, or `none`;
//! - `EVERFRESH_POSTGRES`: the folder of the programs of a PostgreSQL that has wal2json, or `none`;
//! - `DISPLAY`, with WebKit: a virtual screen, which the driver's browsers have already.
//!
//! They start and end servers themselves. Driver and screen are started and ended here.

use std::path::PathBuf;

use super::Engines;
use super::fixtures;
use super::node_test;
use super::report::{Report, Row};
use crate::build::{self, Profile};
use crate::error::Result;
use crate::project::Project;
use crate::tools::driver::{Driver, Surroundings};
use crate::tools::engines::Missing;
use crate::tools::{postgres, python};

/// How many engines are tested at a time. They wait most of the time, for each other's messages and for pauses
/// that are meant; one at a time took twice as long.
const AT_ONCE: usize = 2;

/// Tests of a folder, and the milliseconds that one file of them may take.
pub struct Tests {
    folder: &'static str,
    limit_ms: u32,
}

/// Those of every run.
pub const QUICK: Tests = Tests {
    folder: "tests/e2e",
    limit_ms: 300_000,
};

/// Those that wait for what browsers do after minutes.
pub const PATIENT: Tests = Tests {
    folder: "tests/e2e/patient",
    limit_ms: 840_000,
};

/// Builds what they need and runs them.
pub fn run(
    project: &Project,
    engines: &Engines,
    report: &mut Report,
    stage: &'static str,
    tests: Tests,
) -> Result<()> {
    build::site(project)?;
    let server = build::server(project, Profile::Checked)?;
    let apps = fixtures::apps(project, report)?;
    let mut or_none = |name: &str, found: std::result::Result<PathBuf, Missing>| {
        found.unwrap_or_else(|missing| {
            let row = Row::not_run(stage, name, missing.0, engines.allow_missing);
            report.add(row);
            // The row says so; the others are tested all the same.
            "none".into()
        })
    };
    let mut python = |needs: &python::Needs| -> Result<PathBuf> {
        Ok(or_none(needs.name, python::ensure(project, needs)?))
    };
    let (socketio, plain) = (python(&python::SOCKETIO)?, python(&python::PLAIN)?);
    let postgres = or_none("wal2json", postgres::ensure_wal2json(project)?);
    engines.each(project, stage, AT_ONCE, report, |browser| {
        let surroundings = Surroundings::of(browser.engine)?;
        let driver = Driver::start(project, browser, &surroundings)?;
        node_test::run(
            project,
            stage,
            browser.engine.name(),
            tests.folder,
            |node| {
                node.arg(format!("--test-timeout={}", tests.limit_ms))
                    .env("EVERFRESH_ENGINE", browser.engine.name())
                    .env("EVERFRESH_WEBDRIVER", driver.url())
                    .env("EVERFRESH_BROWSER", &browser.browser)
                    .env("EVERFRESH_SERVER", &server)
                    .env("EVERFRESH_WWW", project.path("www/dist"))
                    .env("EVERFRESH_SOCKETIO_PYTHON", &socketio)
                    .env("EVERFRESH_PLAIN_PYTHON", &plain)
                    .env("EVERFRESH_POSTGRES", &postgres)
                    .env("EVERFRESH_APPS", &apps);
                surroundings.apply(node);
            },
        )
    });
    Ok(())
}
