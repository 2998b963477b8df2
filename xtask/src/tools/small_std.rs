//! The standard library compiled together with the crate: for size, and with panics that trap at
//! once instead of writing a message that no page shows. That makes the module about a tenth smaller.
//!
//! It takes the library's source and a compiler that knows the setting. Where they cannot be had, the
//! module is built with the library as it came, works the same and is larger.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::wasm_rust::{TARGET, WasmRust, written_within};
use super::{apt, debian_rust};
use crate::error::Result;
use crate::process::{Step, ask, command, find};
use crate::project::{self, Project};

/// Flags of the compiler, for every crate of the build.
const FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort";
/// Arguments of cargo.
const BUILD: &[&str] = &[
    "-Zbuild-std=std,panic_abort",
    "-Zbuild-std-features=optimize_for_size",
];

/// A rustup that cannot reach its servers does not fail but hang.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a failed attempt is remembered.
const REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// A cargo for the module, and whether it compiles the library too.
pub struct SmallRust {
    rust: WasmRust,
    small: bool,
}

impl SmallRust {
    /// The best that is here already.
    pub fn ready(project: &Project) -> Result<Self> {
        let active = WasmRust::ensure(project)?;
        if can(&active, project) {
            return Ok(Self {
                rust: active,
                small: true,
            });
        }
        let debian = debian_rust::ready(project).map(WasmRust::at);
        Ok(match debian.filter(|rust| can(rust, project)) {
            Some(rust) => Self { rust, small: true },
            None => Self {
                rust: active,
                small: false,
            },
        })
    }

    /// The same, after an attempt to install what is missing.
    pub fn ensure(project: &Project) -> Result<Self> {
        let found = Self::ready(project)?;
        if found.small || !install(project)? {
            return Ok(found);
        }
        Self::ready(project)
    }

    /// Whether the library is compiled too.
    pub fn is_small(&self) -> bool {
        self.small
    }

    /// What a person should know about a module that could be smaller.
    pub fn remark(&self) -> Option<&'static str> {
        (!self.small).then_some(
            "the module is about a tenth larger than it could be: this Rust has no source of its \
             standard library, or is older than 1.92 (`rustup component add rust-src`)",
        )
    }

    /// What decides about what it makes, beside the source: the compiler, and how it is told to go about it.
    pub fn recipe(&self, project: &Project) -> String {
        let version = ask(self.rust.rustc(project).arg("-vV")).unwrap_or_default();
        let own = if self.small { FLAGS } else { "" };
        [&version, own, &BUILD.join(" ")].join("\n")
    }

    /// `cargo rustc`, ready for what to build.
    pub fn cargo(&self, project: &Project) -> Command {
        let mut cargo = self.rust.cargo(project);
        cargo.arg("rustc");
        if self.small {
            cargo
                .args(BUILD)
                .env("RUSTFLAGS", FLAGS)
                .env("RUSTC_BOOTSTRAP", "1");
        }
        cargo
    }
}

/// Whether a toolchain has the source and knows the setting.
fn can(rust: &WasmRust, project: &Project) -> bool {
    let Some(sysroot) = ask(rust.rustc(project).args(["--print", "sysroot"])) else {
        return false;
    };
    let mut probe = rust.rustc(project);
    probe
        .env("RUSTC_BOOTSTRAP", "1")
        .args(FLAGS.split(' '))
        .args(["--target", TARGET, "--print", "cfg"]);
    source(Path::new(&sysroot)).is_file() && ask(&mut probe).is_some()
}

/// Cargo needs this file, so it is the one to look for.
fn source(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library/Cargo.lock")
}

/// Tries what is likely to help; whether it did is for the caller to see.
fn install(project: &Project) -> Result<bool> {
    let failed_before = project.cache("rust-src-failed");
    if written_within(&failed_before, REMEMBERED) {
        return Ok(false);
    }
    let lock = project.lock_cache()?;
    if find("rustup").is_some() {
        let mut rustup = command("rustup");
        rustup
            .args(["component", "add", "rust-src"])
            .current_dir(project.path(""));
        let step = Step::new("add the source of Rust's library with rustup", rustup)
            .limit(PATIENCE)
            .fetches();
        if step.run(project)?.ok {
            return Ok(true);
        }
    }
    // Its library is compiled from its source, so the source is there.
    if apt::usable() && debian_rust::install(project, &lock).is_ok() {
        return Ok(true);
    }
    project::write(&failed_before, "")?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_without_source_is_taken_as_it_came() -> Result<()> {
        let project = Project::for_tests("small-std");
        let sysroot = project.path("sysroot");
        assert!(!source(&sysroot).is_file());
        project::write(&sysroot.join("lib/rustlib/src/rust/library/Cargo.lock"), "")?;
        assert!(source(&sysroot).is_file());
        Ok(())
    }
}
