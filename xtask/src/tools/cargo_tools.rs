//! Programs from crates.io, at an exact version: found on `PATH`, found in the cache, fetched ready
//! made, or compiled once into the cache outside the clone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Cause, Result};
use crate::process::trouble::diagnose;
use crate::process::{Step, ask, command, find};
use crate::project::{self, Project};

const WASM_PACK: &str = "0.15.1";
const GECKODRIVER: &str = "0.37.1";
const CARGO_FUZZ: &str = "0.13.2";

/// A program of a crate.
pub struct CargoTool {
    krate: &'static str,
    version: String,
    /// The first is asked for its version; all must be there.
    programs: &'static [&'static str],
}

/// `wasm-bindgen` and its test runner. The version must be the library's, to the digit: the tool
/// reads what the library wrote into the module.
pub fn wasm_bindgen(project: &Project) -> Result<CargoTool> {
    Ok(CargoTool {
        krate: "wasm-bindgen-cli",
        version: project.locked_version("wasm-bindgen")?,
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    })
}

/// `wasm-pack`, which runs the browser tests.
pub fn wasm_pack() -> CargoTool {
    CargoTool {
        krate: "wasm-pack",
        version: WASM_PACK.to_owned(),
        programs: &["wasm-pack"],
    }
}

/// `geckodriver`, which drives Firefox; Debian has no package of it.
pub fn geckodriver() -> CargoTool {
    CargoTool {
        krate: "geckodriver",
        version: GECKODRIVER.to_owned(),
        programs: &["geckodriver"],
    }
}

/// `cargo-fuzz`, which builds programs with libFuzzer in them and runs them.
pub fn cargo_fuzz() -> CargoTool {
    CargoTool {
        krate: "cargo-fuzz",
        version: CARGO_FUZZ.to_owned(),
        programs: &["cargo-fuzz"],
    }
}

impl CargoTool {
    /// The folder that holds the programs, after whatever it takes to have them.
    pub fn ensure(&self, project: &Project) -> Result<PathBuf> {
        if let Some(folder) = self.on_path() {
            return Ok(folder);
        }
        let home = project
            .cache("tools")
            .join(format!("{}-{}", self.krate, self.version));
        let bin = home.join("bin");
        if self.is_in(&bin) {
            return Ok(bin);
        }
        let lock = project.lock_cache()?;
        if self.is_in(&bin) {
            return Ok(bin);
        }
        let fresh = project.workbench(&lock)?;
        let installed = self.install(project, &fresh);
        if installed.is_ok() {
            project::replace_folder(&fresh, &home)?;
        }
        project::remove_folder(&fresh)?;
        installed.map(|()| bin)
    }

    /// What the program is called.
    pub fn name(&self) -> &'static str {
        self.programs.first().copied().unwrap_or(self.krate)
    }

    /// The program itself, after whatever it takes to have it.
    pub fn program(&self, project: &Project) -> Result<PathBuf> {
        Ok(self.ensure(project)?.join(self.name()))
    }

    /// What a stamp has to know.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn on_path(&self) -> Option<PathBuf> {
        let program = find(self.programs.first()?)?;
        let folder = program.parent()?.to_path_buf();
        let says = ask(command(&program).arg("--version"))?;
        (names_version(&says, &self.version) && self.is_in(&folder)).then_some(folder)
    }

    fn is_in(&self, folder: &Path) -> bool {
        self.programs.iter().all(|name| folder.join(name).is_file())
    }

    fn install(&self, project: &Project, into: &Path) -> Result<()> {
        if find("cargo-binstall").is_some() && self.fetch(project, into)? {
            return Ok(());
        }
        let label = format!("compile {} {} (once)", self.krate, self.version);
        let build = into.join("build");
        let locked = self.cargo_install(into, &build, true);
        let step = Step::new(label.clone(), locked)
            .limit(Duration::from_secs(30 * 60))
            .fetches();
        let finished = step.run(project)?;
        if !finished.ok {
            let trouble = diagnose(&finished.output, true);
            if matches!(trouble, Some(Cause::DiskFull | Cause::NoNetwork)) {
                return finished.accept(&label, true).map(|_| ());
            }
            // A lock file may name a version that a mirror of the registry does not hold.
            let unlocked = self.cargo_install(into, &build, false);
            Step::new(label, unlocked)
                .limit(Duration::from_secs(30 * 60))
                .fetches()
                .must(project)?;
        }
        project::remove_folder(&build)
    }

    /// Ready made binaries, where the network has them.
    fn fetch(&self, project: &Project, into: &Path) -> Result<bool> {
        let mut binstall = command("cargo-binstall");
        binstall
            .args([
                "--no-confirm",
                "--disable-telemetry",
                "--disable-strategies",
                "compile",
            ])
            .arg("--root")
            .arg(into)
            .arg(format!("{}@={}", self.krate, self.version));
        let finished = Step::new(format!("fetch {} {}", self.krate, self.version), binstall)
            .limit(Duration::from_secs(120))
            .fetches()
            .run(project)?;
        Ok(finished.ok && self.is_in(&into.join("bin")))
    }

    fn cargo_install(&self, into: &Path, build: &Path, locked: bool) -> std::process::Command {
        let mut cargo = command("cargo");
        cargo
            .args([
                "install",
                self.krate,
                "--version",
                &format!("={}", self.version),
            ])
            .arg("--root")
            .arg(into)
            .env("CARGO_TARGET_DIR", build)
            .current_dir(into)
            // Half the time of the crates' own release profiles, for tools that run for seconds.
            .args(["--config", "profile.release.opt-level=1"])
            .args(["--config", "profile.release.lto=\"off\""])
            .args(["--config", "profile.release.codegen-units=16"])
            .args(["--config", "profile.release.debug=false"]);
        if locked {
            cargo.arg("--locked");
        }
        cargo
    }
}

/// Whether a `--version` answer names exactly this version.
fn names_version(answer: &str, version: &str) -> bool {
    answer
        .lines()
        .next()
        .is_some_and(|line| line.split_whitespace().any(|word| word == version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_to_the_digit() {
        assert!(names_version("wasm-bindgen 0.2.130", "0.2.130"));
        assert!(names_version(
            "geckodriver 0.37.1 (abc 2026-01-01)\n\nlicense",
            "0.37.1"
        ));
        assert!(!names_version("wasm-bindgen 0.2.130", "0.2.13"));
        assert!(!names_version("", "0.2.13"));
    }
}
