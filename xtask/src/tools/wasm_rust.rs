//! A Rust that compiles for wasm32: the user's own where it can, Debian's where it cannot.
//!
//! 1. The target is installed in the active toolchain: use that.
//! 2. `rustup target add`, with a time limit: behind some firewalls it does not fail but hang.
//! 3. Debian's newer Rust, and a standard library built once from its source (`debian_rust`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{apt, debian_rust};
use crate::error::{Cause, Error, Result};
use crate::process::{Step, ask, command, find, path_with};
use crate::project::{self, Project};

/// The target of everything that runs in a page.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Plenty when the servers answer at all, and there is another way when they do not.
const PATIENCE: Duration = Duration::from_secs(15);
/// Without another way the user's slow line gets its time.
const LONG_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a failed attempt is remembered, so that not every start waits for it.
const REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// A toolchain with the wasm32 target.
pub struct WasmRust {
    /// Goes first on `PATH`, unless the active toolchain will do.
    bin: Option<PathBuf>,
}

impl WasmRust {
    /// The toolchain in this `bin` folder.
    pub fn at(bin: PathBuf) -> Self {
        Self { bin: Some(bin) }
    }

    /// Finds or makes one.
    pub fn ensure(project: &Project) -> Result<Self> {
        if active_has_target() {
            return Ok(Self { bin: None });
        }
        if let Some(bin) = debian_rust::ready(project) {
            return Ok(Self { bin: Some(bin) });
        }
        let lock = project.lock_cache()?;
        let fallback = apt::usable();
        let added = find("rustup").is_some() && add_target(project, fallback)?;
        if added && active_has_target() {
            return Ok(Self { bin: None });
        }
        if fallback {
            return debian_rust::install(project, &lock).map(|bin| Self { bin: Some(bin) });
        }
        Err(Error::new(
            Cause::MissingTool,
            format!(
                "this Rust cannot compile for {TARGET}: run `rustup target add {TARGET}` (or install \
                 your distribution's package of that target), and start again"
            ),
        ))
    }

    /// A command in the clone that sees this toolchain as the only one. Its output goes to a folder
    /// of its own: two toolchains in one folder would rebuild each other's things.
    pub fn command(&self, project: &Project, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.command_with(project, program, &[])
    }

    /// The same, with more programs to be found first.
    pub fn command_with(
        &self,
        project: &Project,
        program: impl AsRef<std::ffi::OsStr>,
        programs: &[&Path],
    ) -> Command {
        let mut command = project.command(program);
        let first: Vec<&Path> = self
            .bin
            .as_deref()
            .into_iter()
            .chain(programs.iter().copied())
            .collect();
        command.env("PATH", path_with(&first));
        command.env("CARGO_TARGET_DIR", target_folder(project));
        command
    }

    /// `cargo clippy` of this toolchain, ready for its arguments.
    pub fn clippy(&self, project: &Project) -> Result<Command> {
        let Some(bin) = &self.bin else {
            let mut clippy = self.command(project, "cargo");
            clippy.arg("clippy");
            return Ok(clippy);
        };
        debian_rust::ensure_clippy(project)?;
        // Not by way of `cargo clippy`: cargo would look in its own home first, and find rustup's.
        let mut clippy = self.command(project, bin.join("cargo-clippy"));
        clippy.arg("clippy");
        Ok(clippy)
    }

    /// A compiler of this toolchain.
    pub fn rustc(&self, project: &Project) -> Command {
        match &self.bin {
            Some(bin) => self.command(project, bin.join("rustc")),
            None => self.command(project, "rustc"),
        }
    }

    /// A cargo of this toolchain.
    pub fn cargo(&self, project: &Project) -> Command {
        match &self.bin {
            Some(bin) => self.command(project, bin.join("cargo")),
            None => self.command(project, "cargo"),
        }
    }
}

/// Where wasm32 builds go.
pub fn target_folder(project: &Project) -> PathBuf {
    project.path("target/wasm")
}

/// Whether the toolchain that runs us has the target's standard library.
fn active_has_target() -> bool {
    let Some(sysroot) = ask(command("rustc").args(["--print", "sysroot"])) else {
        return false;
    };
    has_std(Path::new(&sysroot))
}

/// Whether a sysroot holds a standard library for wasm32.
pub fn has_std(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(lib).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

fn add_target(project: &Project, fallback: bool) -> Result<bool> {
    let failed_before = project.cache("rustup-target-add-failed");
    if fallback && written_within(&failed_before, REMEMBERED) {
        return Ok(false);
    }
    let mut rustup = project.command("rustup");
    rustup.args(["target", "add", TARGET]);
    let step = Step::new("add the wasm32 target with rustup", rustup)
        .limit(if fallback { PATIENCE } else { LONG_PATIENCE })
        .fetches();
    let finished = step.run(project)?;
    if finished.ok {
        return Ok(true);
    }
    if fallback {
        project::write(&failed_before, &finished.ending)?;
        return Ok(false);
    }
    finished
        .accept("add the wasm32 target with rustup", true)
        .map(|_| false)
}

/// Whether a file was written not longer ago than that.
pub fn written_within(path: &Path, time: Duration) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| {
        SystemTime::now()
            .duration_since(at)
            .is_ok_and(|age| age < time)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysroot_counts_only_with_a_standard_library() -> Result<()> {
        let project = Project::for_tests("sysroot");
        let sysroot = project.path("sysroot");
        let lib = sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib");
        assert!(!has_std(&sysroot));
        project::create_folder(&lib)?;
        assert!(!has_std(&sysroot));
        project::write(&lib.join("libstd-0123.rlib"), "")?;
        assert!(has_std(&sysroot));
        Ok(())
    }
}
