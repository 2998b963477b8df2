//! `cargo xtask bench`: everfresh beside its peers, in one run, in a headless Chromium.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::build;
use crate::error::{Cause, Error, Result};
use crate::process::{Group, Step};
use crate::project::Project;
use crate::stamp::Stamp;
use crate::tools::driver::{Driver, Surroundings};
use crate::tools::engines::Engine;
use crate::tools::node;

/// A run of everything is within this.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The command. What it does not know is for the bench itself.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    let rest: Vec<_> = arguments.raw_args()?.collect();
    let browser = Engine::Chromium
        .ensure(project)?
        .map_err(|missing| Error::new(Cause::MissingTool, missing.0))?;
    build::package(project)?;
    peers(project)?;
    let crowd = crowd(project)?;
    let driver = Driver::start(project, &browser, &Surroundings::of(browser.engine)?)?;
    let mut bench = project.command("node");
    bench
        .arg(project.path("bench/peers/run.mjs"))
        .args(rest)
        .env("EVERFRESH_WEBDRIVER", driver.url())
        .env("EVERFRESH_BROWSER", &browser.browser)
        .env("EVERFRESH_CROWD", crowd)
        // It tells itself how far it is.
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit());
    let mut group = Group::start(&mut bench)
        .map_err(|error| Error::io("cannot start", &project.path("bench/peers/run.mjs"), &error))?;
    Ok(group.wait(LIMIT).is_some_and(|status| status.success()))
}

/// The engine's thousand pages, as a program.
fn crowd(project: &Project) -> Result<PathBuf> {
    let mut build = project.command("cargo");
    build.args(["build", "--release", "--package", "everfresh"]);
    build.args(["--bench", "crowd", "--message-format", "json"]);
    let built = Step::new("compile the crowd", build)
        .fetches()
        .must(project)?;
    // Cargo says where it has put it.
    let mut executables = built.output.lines().filter_map(|line| {
        let (_, rest) = line.split_once(r#""executable":""#)?;
        rest.split_once('"').map(|(path, _)| PathBuf::from(path))
    });
    executables
        .next_back()
        .ok_or_else(|| Error::new(Cause::Failed, "cargo named no program of the crowd"))
}

/// Installs the peers of the bench's own lock file, unless they are there.
fn peers(project: &Project) -> Result<()> {
    let folder = project.path("bench/peers");
    let stamp = Stamp::new(project, "peers")
        .text(&node::check()?)
        .input(&folder.join("package-lock.json"))
        .output(&folder.join("node_modules/.package-lock.json"));
    if stamp.is_fresh() {
        return Ok(());
    }
    let prefix = folder.to_string_lossy().into_owned();
    let arguments = ["ci", "--ignore-scripts", "--prefix", &prefix];
    Step::new("install the peers", node::npm(project, &arguments))
        .limit(Duration::from_secs(10 * 60))
        .fetches()
        .must(project)?;
    stamp.save()
}
