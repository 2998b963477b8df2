//! Debian's own Rust with a wasm32 standard library that is compiled here, once: for machines that
//! reach Debian and crates.io, but not the servers of rustup.
//!
//! The library goes into a private sysroot in the cache, `/usr` stays as Debian made it. Wrapper
//! scripts in the sysroot's `bin/` make cargo, wasm-pack and clippy see it as a whole toolchain.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::apt;
use super::wasm_rust::{TARGET, has_std};
use crate::error::{Cause, Error, Result};
use crate::process::{Step, ask, command};
use crate::project::{self, CacheLock, Project};

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];
/// Of the package rust-web-src.
const SOURCE: &str = "/usr/lib/rustlib/src";
const CLIPPY: &str = "rust-web-clippy";

/// The `bin` folder of the private toolchain, if it was made before and still fits the compiler.
pub fn ready(project: &Project) -> Option<PathBuf> {
    apt::installed("rustc-web")?;
    let sysroot = sysroot(project, &compiler_version()?);
    (has_std(&sysroot) && works(project, &sysroot)).then(|| sysroot.join("bin"))
}

/// Installs the packages, compiles the standard library, and answers the `bin` folder.
pub fn install(project: &Project, lock: &CacheLock) -> Result<PathBuf> {
    install_packages(project)?;
    let version = compiler_version().ok_or_else(|| {
        Error::new(
            Cause::MissingTool,
            format!("{RUSTC} of the package rustc-web does not run"),
        )
    })?;
    if let Some(bin) = ready(project) {
        return Ok(bin);
    }
    let sysroot = sysroot(project, &version);
    let fresh = project.workbench(lock)?;
    let made = build_std(project, &fresh).and_then(|()| write_wrappers(&fresh, &sysroot));
    if made.is_ok() {
        project::replace_folder(&fresh, &sysroot)?;
    }
    project::remove_folder(&fresh)?;
    made?;
    ready(project).ok_or_else(|| {
        Error::new(
            Cause::Failed,
            format!(
                "the standard library in {} was built, but does not work",
                sysroot.display()
            ),
        )
    })
}

/// Installs Debian's clippy: that of rustup cannot read what another compiler wrote.
pub fn ensure_clippy(project: &Project) -> Result<()> {
    if apt::installed(CLIPPY).is_some() {
        return Ok(());
    }
    apt::update(project)?;
    apt::install(project, "install Debian's clippy", &[CLIPPY.to_owned()])
}

fn install_packages(project: &Project) -> Result<()> {
    let mut wanted: Vec<String> = PACKAGES.iter().map(|name| (*name).to_owned()).collect();
    if wanted
        .iter()
        .all(|package| apt::installed(package).is_some())
        && linker().is_some_and(|linker| apt::installed(&linker).is_some())
    {
        return Ok(());
    }
    apt::update(project)?;
    if apt::candidate("rustc-web").is_none() {
        return Err(Error::new(
            Cause::MissingTool,
            format!(
                "this Debian has no package rustc-web, and rustup could not add the target: run \
                 `rustup target add {TARGET}` where it can be reached, and start again"
            ),
        ));
    }
    wanted.extend(linker());
    apt::install(
        project,
        "install Debian's Rust, its source and linker",
        &wanted,
    )
}

/// The package of the linker. `rust-lld` of rust-web-llvm is a link to it, of one LLVM version that
/// only the dependencies of the package tell.
fn linker() -> Option<String> {
    choose_linker(
        &apt::dependencies("rust-web-llvm"),
        &apt::names("^lld-[0-9]+$"),
    )
}

fn choose_linker(dependencies: &[String], linkers: &[String]) -> Option<String> {
    let wanted = dependencies
        .iter()
        .find_map(|name| {
            name.strip_prefix("llvm-")
                .or_else(|| name.strip_prefix("libllvm"))
        })
        .map(|version| format!("lld-{version}"));
    if let Some(wanted) = wanted.filter(|wanted| linkers.contains(wanted)) {
        return Some(wanted);
    }
    let version = |name: &String| {
        name.strip_prefix("lld-")
            .and_then(|n| n.parse::<u32>().ok())
    };
    linkers.iter().max_by_key(|name| version(name)).cloned()
}

fn compiler_version() -> Option<String> {
    let answer = ask(command(RUSTC).arg("--version"))?;
    answer.split(' ').nth(1).map(str::to_owned)
}

fn sysroot(project: &Project, version: &str) -> PathBuf {
    project.cache(&format!("wasm-toolchain-{version}"))
}

/// Compiles a few lines: a sysroot that an older build of the same compiler version made is refused
/// by the compiler, and better here than in the middle of everything.
fn works(project: &Project, sysroot: &Path) -> bool {
    let probe = project.path("target/xtask/probe");
    let source = probe.join("probe.rs");
    // The scripts name the compiler and the sysroot, and may be older than this program.
    write_wrappers(sysroot, sysroot).is_ok()
        && link_source(sysroot).is_ok()
        && project::write(
            &source,
            "pub fn probe() -> String { String::from(\"std\") }\n",
        )
        .is_ok()
        && ask(command(sysroot.join("bin/rustc"))
            .args([
                "--target",
                TARGET,
                "--crate-type",
                "lib",
                "--emit",
                "metadata",
                "--out-dir",
            ])
            .args([&probe, &source]))
        .is_some()
}

/// An empty crate makes cargo build the standard library; its rlibs are what a sysroot holds.
fn build_std(project: &Project, sysroot: &Path) -> Result<()> {
    let build = sysroot.join("build");
    project::write(
        &build.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n",
    )?;
    project::write(&build.join("src/lib.rs"), "")?;
    let mut cargo = command(CARGO);
    cargo
        .current_dir(&build)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTC", RUSTC)
        // `-Zbuild-std` is for nightly compilers; a distribution builds its library with itself.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", build.join("target"))
        .args(["build", "--release", "--target", TARGET])
        // `test` for the test harness of wasm-bindgen-test.
        .arg("-Zbuild-std=std,panic_abort,test");
    Step::new("compile Rust's wasm32 library (once)", cargo)
        .fetches()
        .must(project)?;

    let from = build.join("target").join(TARGET).join("release/deps");
    let into = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    project::create_folder(&into)?;
    let entries = fs::read_dir(&from).map_err(|error| Error::io("cannot read", &from, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libempty-") {
            fs::copy(entry.path(), into.join(&name))
                .map_err(|error| Error::io("cannot write", &into, &error))?;
        }
    }
    project::remove_folder(&build)?;
    link_host_library(sysroot)
}

/// Build scripts and macros are compiled for the host, with Debian's own library.
fn link_host_library(sysroot: &Path) -> Result<()> {
    let host = ask(command(RUSTC).args(["--version", "--verbose"]))
        .and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        })
        .unwrap_or_default();
    let own = ask(command(RUSTC).args(["--print", "sysroot"])).unwrap_or_default();
    let target = Path::new(&own).join("lib/rustlib").join(&host);
    let link = sysroot.join("lib/rustlib").join(&host);
    symlink(target, &link).map_err(|error| Error::io("cannot link", &link, &error))
}

/// Where cargo looks for the library's source when it compiles it together with a crate.
fn link_source(sysroot: &Path) -> Result<()> {
    let link = sysroot.join("lib/rustlib/src");
    if link.exists() {
        return Ok(());
    }
    symlink(SOURCE, &link).map_err(|error| Error::io("cannot link", &link, &error))
}

/// Scripts in `folder/bin` for a toolchain that lives, or will live, in `home`.
fn write_wrappers(folder: &Path, home: &Path) -> Result<()> {
    let rustc = quoted(&home.join("bin/rustc"));
    let cargo = quoted(&home.join("bin/cargo"));
    let home = quoted(home);
    let scripts = [
        ("rustc", format!("exec {RUSTC} --sysroot {home} \"$@\"")),
        ("cargo", format!("RUSTC={rustc} exec {CARGO} \"$@\"")),
        // It calls `clippy-driver` beside the real program, which asks SYSROOT for the library.
        (
            "cargo-clippy",
            format!("SYSROOT={home} RUSTC={rustc} CARGO={cargo} exec /usr/bin/cargo-clippy \"$@\""),
        ),
    ];
    for (name, line) in scripts {
        let path = folder.join("bin").join(name);
        let script = format!("#!/bin/sh\n{line}\n");
        if fs::read_to_string(&path).is_ok_and(|old| old == script) {
            continue;
        }
        // Renamed into place: another clone may be running the old one.
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        project::write(&fresh, &script)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(|error| Error::io("cannot write", &path, &error))?;
    }
    Ok(())
}

/// A path as the shell reads it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_linker_is_that_of_the_compilers_llvm() {
        let linkers = owned(&["lld-13", "lld-19", "lld-22", "lld-23"]);
        let dependencies = owned(&["libc6", "libgcc-s1", "llvm-22"]);
        assert_eq!(
            choose_linker(&dependencies, &linkers).as_deref(),
            Some("lld-22")
        );
    }

    #[test]
    fn without_a_hint_the_newest_linker_is_taken() {
        let linkers = owned(&["lld-9", "lld-19", "lld-13"]);
        assert_eq!(
            choose_linker(&owned(&["libc6"]), &linkers).as_deref(),
            Some("lld-19")
        );
        assert_eq!(choose_linker(&[], &[]), None);
    }
}
