//! Stage `e2e`: the built page and the real server in real browsers, once in each engine.
//!
//! The tests in `tests/e2e` get
//! - `EVERFRESH_ENGINE`: `chromium`, `firefox` or `webkit`;
//! - `EVERFRESH_WEBDRIVER`: the URL of a running WebDriver of that engine;
//! - `EVERFRESH_BROWSER`: the path of the browser (for WebKit of its MiniBrowser) to ask it for;
//! - `EVERFRESH_SERVER`: the path of the server program;
//! - `EVERFRESH_WWW`: the folder of the built page, for the server's `--www`;
//! - `DISPLAY`, with WebKit: a virtual screen, which the driver's browsers have already.
//!
//! They start and end servers themselves. Driver and screen are started and ended here.

use super::Engines;
use super::node_test;
use super::report::Report;
use crate::build::{self, Profile};
use crate::error::Result;
use crate::project::Project;
use crate::tools::driver::{Driver, Surroundings};

/// Builds what they need and runs them.
pub fn run(project: &Project, engines: &Engines, report: &mut Report) -> Result<()> {
    build::site(project)?;
    let server = build::server(project, Profile::Checked)?;
    engines.each(project, "e2e", report, |browser| {
        let surroundings = Surroundings::of(browser.engine)?;
        let driver = Driver::start(project, browser, &surroundings)?;
        node_test::run(project, "e2e", browser.engine.name(), "tests/e2e", |node| {
            node.env("EVERFRESH_ENGINE", browser.engine.name())
                .env("EVERFRESH_WEBDRIVER", driver.url())
                .env("EVERFRESH_BROWSER", &browser.browser)
                .env("EVERFRESH_SERVER", &server)
                .env("EVERFRESH_WWW", project.path("www/dist"));
            surroundings.apply(node);
        })
    });
    Ok(())
}
