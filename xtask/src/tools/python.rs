//! Python with the packages that something needs, in environments of the clone's own.

use std::path::PathBuf;
use std::time::Duration;

use super::apt;
use super::engines::Missing;
use crate::error::Result;
use crate::process::{Step, ask, command};
use crate::project::{self, Project};
use crate::stamp::Stamp;

/// What needs packages of Python.
pub struct Needs {
    /// What its environment is called.
    pub name: &'static str,
    /// The file that names them.
    requirements: &'static str,
}

/// The example with FastAPI.
pub const FASTAPI: Needs = Needs {
    name: "python",
    requirements: "examples/fastapi/requirements.txt",
};

/// The cases of RFC 6455.
pub const RFC6455: Needs = Needs {
    name: "python-rfc6455",
    requirements: "conformance/rfc6455/requirements.txt",
};

/// The server with python-socketio that the browsers' tests start.
pub const SOCKETIO: Needs = Needs {
    name: "python-socketio",
    requirements: "tests/e2e/socketio/requirements.txt",
};

/// The server without a protocol that the browsers' tests start.
pub const PLAIN: Needs = Needs {
    name: "python-plain",
    requirements: "tests/e2e/plain/requirements.txt",
};

/// Debian has Python without what makes environments.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// The Python that has what the file names, or why there is none.
pub fn ensure(project: &Project, needs: &Needs) -> Result<std::result::Result<PathBuf, Missing>> {
    if version().is_none() && apt::usable() {
        let packages = PACKAGES.map(str::to_owned);
        apt::update(project)?;
        apt::install(project, "install Python", &packages)?;
    }
    let Some(version) = version() else {
        return Ok(Err(Missing(format!(
            "Python 3.10 or later with venv is missing: `{}`",
            apt::install_command(&PACKAGES)
        ))));
    };
    let folder = project.path("target/xtask").join(needs.name);
    let python = folder.join("bin/python");
    let requirements = project.path(needs.requirements);
    let stamp = Stamp::new(project, needs.name)
        .text(&version)
        .input(&requirements)
        .output(&folder.join("pyvenv.cfg"));
    if stamp.is_fresh() && ask(command(&python).arg("--version")).is_some() {
        return Ok(Ok(python));
    }
    project::remove_folder(&folder)?;
    let mut venv = project.command("python3");
    venv.args(["-m", "venv"]).arg(&folder);
    Step::new("make a Python environment", venv).must(project)?;
    let mut pip = project.command(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--no-input", "--only-binary", ":all:", "--requirement"])
    .arg(&requirements);
    Step::new("install the Python packages", pip)
        .limit(Duration::from_secs(5 * 60))
        .fetches()
        .must(project)?;
    stamp.save()?;
    Ok(Ok(python))
}

/// The version of a Python that can make environments and is new enough.
fn version() -> Option<String> {
    let script = "import ensurepip, sys; assert sys.version_info >= (3, 10); print(sys.version)";
    ask(command("python3").args(["-c", script]))
}
