//! Deliberate faults of the engine, each to be found by the simulator: a simulator that finds
//! nothing may be one that cannot. Why they are changes of the source text: `docs/decisions/0006-mutants-are-patches.md`.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Cause, Error, Result};
use crate::process::{Finished, Step};
use crate::project::Project;

/// Each has to be found within so many worlds.
const WORLDS: u64 = 2000;

/// A fault, made by replacing one place of the source.
struct Mutant {
    /// What is wrong with the engine.
    name: &'static str,
    /// Where.
    file: &'static str,
    /// What stands there, exactly once.
    find: &'static str,
    /// What stands there instead.
    replace: &'static str,
}

/// What is copied to be changed.
const COPIED: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "tests/simulation",
    "server",
    "xtask",
];

/// Lets the simulator look for each fault whose name holds `only`. True if it found them all.
pub fn run(project: &Project, only: &str) -> Result<bool> {
    let chosen: Vec<&Mutant> = list::MUTANTS
        .iter()
        .filter(|mutant| mutant.name.contains(only))
        .collect();
    if chosen.is_empty() {
        return Err(Error::usage(format!("no mutant's name holds `{only}`")));
    }
    let copy = project.path("target/xtask/mutants");
    for relative in COPIED {
        copy_into(&project.path(relative), &copy.join(relative))?;
    }
    let mut all = true;
    for mutant in chosen {
        all &= hunt(project, &copy, mutant)?;
    }
    Ok(all)
}

/// Makes one fault, runs worlds, takes it back.
fn hunt(project: &Project, copy: &Path, mutant: &Mutant) -> Result<bool> {
    let path = copy.join(mutant.file);
    let original = read(&path)?;
    write(&path, &mutated(&original, mutant)?)?;
    let mut finished = worlds(project, copy, mutant);
    if finished.as_ref().is_ok_and(is_broken) {
        // What an interrupted compiler left may not fit what it would make now.
        let mut clean = cargo(copy, "clean");
        clean.args(["--package", "everfresh"]);
        Step::new("throw away what was compiled before", clean).must(project)?;
        finished = worlds(project, copy, mutant);
    }
    write(&path, &original)?;
    let finished = finished?;
    match verdict(finished.ok, &finished.output) {
        Verdict::Found(how) => {
            println!("found      {}: {how}", mutant.name);
            Ok(true)
        }
        Verdict::Survived => {
            println!("NOT FOUND  {} within {WORLDS} worlds", mutant.name);
            Ok(false)
        }
        Verdict::Broken => Err(Error::new(
            Cause::Failed,
            format!(
                "the mutant `{}` does not compile (all of it: {})",
                mutant.name,
                finished.log.display()
            ),
        )),
    }
}

/// Compiles the engine as it is in the copy, and runs its worlds.
fn worlds(project: &Project, copy: &Path, mutant: &Mutant) -> Result<Finished> {
    let mut cargo = cargo(copy, "test");
    cargo.args(["--package", "everfresh", "--test", "simulation"]);
    cargo.args([super::TEST, "--", "--exact", "--nocapture"]);
    // Each differs by a line from the one before: what did not change is not compiled again.
    cargo.env("CARGO_PROFILE_SIMULATE_INCREMENTAL", "true");
    cargo.env("CARGO_PROFILE_SIMULATE_CODEGEN_UNITS", "64");
    cargo.env("CARGO_PROFILE_SIMULATE_OPT_LEVEL", "1");
    cargo.env("CARGO_PROFILE_SIMULATE_DEBUG", "false");
    cargo.env("EVERFRESH_SEEDS", WORLDS.to_string());
    cargo.env("EVERFRESH_BRIEF", "1");
    cargo.env("RUST_BACKTRACE", "0");
    Step::new(format!("hunt: {}", mutant.name), cargo)
        .limit(Duration::from_secs(20 * 60))
        .run(project)
}

fn is_broken(finished: &Finished) -> bool {
    verdict(finished.ok, &finished.output) == Verdict::Broken
}

fn cargo(copy: &Path, command: &str) -> std::process::Command {
    let mut cargo = crate::process::command("cargo");
    cargo.current_dir(copy);
    cargo.env("CARGO_TARGET_DIR", copy.join("target"));
    cargo.args([command, "--quiet", "--profile", "simulate"]);
    cargo
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Found(String),
    Survived,
    Broken,
}

/// What a run says about the fault: a run that failed without a broken promise did not compile.
fn verdict(ok: bool, output: &str) -> Verdict {
    if ok {
        return Verdict::Survived;
    }
    output
        .lines()
        .find(|line| line.contains(" breaks "))
        .map_or(Verdict::Broken, |line| {
            Verdict::Found(line.trim().to_owned())
        })
}

/// The source with the fault in it.
fn mutated(original: &str, mutant: &Mutant) -> Result<String> {
    if original.matches(mutant.find).count() != 1 {
        return Err(Error::new(
            Cause::Failed,
            format!(
                "{} does not hold the place of the mutant `{}` exactly once: look where the code \
                 went, and correct xtask/src/simulate/mutants/list.rs",
                mutant.file, mutant.name
            ),
        ));
    }
    Ok(original.replace(mutant.find, mutant.replace))
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let text = fs::read(from).map_err(|error| Error::io("cannot read", from, &error))?;
        // What is the same stays untouched, so that it is not compiled again.
        if fs::read(to).ok().as_ref() == Some(&text) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::io("cannot make", folder, &error))?;
        }
        return fs::write(to, text).map_err(|error| Error::io("cannot write", to, &error));
    }
    for entry in listed(from)? {
        let name = entry.file_name().unwrap_or_default().to_owned();
        if name != "target" && name != "node_modules" {
            copy_into(&entry, &to.join(name))?;
        }
    }
    for old in listed(to).unwrap_or_default() {
        let name = old.file_name().unwrap_or_default();
        if !from.join(name).exists() && old.is_file() {
            fs::remove_file(&old).map_err(|error| Error::io("cannot remove", &old, &error))?;
        }
    }
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("cannot list", folder, &error);
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        out.push(entry.map_err(failed)?.path());
    }
    Ok(out)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Error::io("cannot read", path, &error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::io("cannot write", path, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MUTANT: Mutant = Mutant {
        name: "a fault",
        file: "src/lib.rs",
        find: "a < b",
        replace: "a <= b",
    };

    #[test]
    fn a_fault_is_made_in_one_place_or_not_at_all() {
        assert_eq!(
            mutated("if a < b {", &MUTANT).ok().as_deref(),
            Some("if a <= b {")
        );
        assert!(mutated("if a == b {", &MUTANT).is_err());
        assert!(mutated("a < b || a < b", &MUTANT).is_err());
    }

    #[test]
    fn a_run_that_fails_without_a_broken_promise_says_nothing_about_the_fault() {
        let found = Verdict::Found("seed 7 breaks G1".to_owned());
        assert_eq!(verdict(false, "x\n  seed 7 breaks G1\ny"), found);
        assert_eq!(
            verdict(false, "error[E0308]: mismatched types"),
            Verdict::Broken
        );
        assert_eq!(verdict(true, ""), Verdict::Survived);
    }

    #[test]
    fn every_mutant_has_its_place() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for mutant in list::MUTANTS {
            let original = read(&root.join(mutant.file)).unwrap();
            let changed = mutated(&original, mutant).unwrap();
            assert_ne!(changed, original, "{}", mutant.name);
        }
    }
}
