//! Node and npm: checked, because they cannot be installed from here, and the npm packages.

use std::time::Duration;

use crate::error::{Cause, Error, Result};
use crate::process::{Step, ask, command, find};
use crate::project::Project;
use crate::stamp::Stamp;

/// What the bundler of the demo asks for.
const WANTED: &str = "20.19 or later (not 21), or 22.12 or later";
const REMEDY: &str =
    "install it from https://nodejs.org or with your package manager, and start again";

/// Checks that Node and npm are there and new enough; the answer is Node's version.
pub fn check() -> Result<String> {
    let missing = |line: String| Error::new(Cause::MissingTool, line);
    let Some(version) = ask(command("node").arg("--version")) else {
        return Err(missing(format!(
            "Node.js is missing (wanted: {WANTED}): {REMEDY}"
        )));
    };
    if !new_enough(&version) {
        return Err(missing(format!(
            "Node.js {version} is too old (wanted: {WANTED}): {REMEDY}"
        )));
    }
    if find("npm").is_none() {
        return Err(missing(
            "npm is missing: it comes with Node.js from https://nodejs.org; on Debian \
             `apt-get install npm`; then start again"
                .to_owned(),
        ));
    }
    Ok(version)
}

fn new_enough(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        return false;
    };
    match (major, minor) {
        (20u32, minor) => minor >= 19u32,
        (22, minor) => minor >= 12,
        (major, _) => major > 22,
    }
}

/// Installs the npm packages of the lock file, unless they are there.
pub fn packages(project: &Project) -> Result<()> {
    let node = check()?;
    let stamp = Stamp::new(project, "npm")
        .text(&node)
        .input(&project.path("package-lock.json"))
        .input(&project.path("package.json"))
        .input(&project.path("pkg/package.json"))
        .input(&project.path("www/package.json"))
        .input(&project.path("tests/e2e/package.json"))
        .input(&project.path("tests/react18/package.json"))
        .input(&project.path("conformance/package.json"))
        .input(&project.path("examples/express/package.json"))
        .input(&project.path("examples/socketio/package.json"))
        .input(&project.path("examples/stand-ins/package.json"))
        // npm's own list of what it installed, and gone when somebody removed the folder.
        .output(&project.path("node_modules/.package-lock.json"));
    if stamp.is_fresh() {
        return Ok(());
    }
    Step::new("install the npm packages", npm(project, &["ci"]))
        .limit(Duration::from_secs(10 * 60))
        .fetches()
        .must(project)?;
    stamp.save()
}

/// An npm command that asks nothing and advertises nothing.
pub fn npm(project: &Project, arguments: &[&str]) -> std::process::Command {
    let mut npm = project.command("npm");
    npm.args(arguments)
        .env("npm_config_audit", "false")
        .env("npm_config_fund", "false")
        .env("npm_config_progress", "false")
        .env("npm_config_update_notifier", "false")
        // npm's own patience with a dead network is ten minutes.
        .env("npm_config_fetch_retries", "2")
        .env("npm_config_fetch_retry_mintimeout", "2000")
        .env("npm_config_fetch_retry_maxtimeout", "8000")
        .env("npm_config_fetch_timeout", "60000");
    npm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions() {
        for good in ["v20.19.0", "v20.20.2", "v22.12.0", "v23.0.0", "v24.1.0"] {
            assert!(new_enough(good), "{good}");
        }
        for bad in [
            "v18.20.4", "v20.18.1", "v21.7.0", "v22.11.0", "", "nonsense",
        ] {
            assert!(!new_enough(bad), "{bad}");
        }
    }
}
