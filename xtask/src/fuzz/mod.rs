//! `cargo xtask fuzz`: lets a fuzzer look for inputs that break a decoder or the engine, and keeps what
//! it learned.
//!
//! The targets are programs of the crate in `fuzz/`; cargo-fuzz builds and runs them. It works on a
//! stable toolchain too: the flags that it needs are asked for by `RUSTC_BOOTSTRAP`.

mod cases;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::process::{Finished, Step, ask, command, tail};
use crate::project::{self, Project};
use crate::tools::cargo_tools;

/// How long each target runs unless it is said.
const USUAL: u64 = 60;
/// A longer input than this finds nothing that a shorter one would not.
const LENGTH_MAX: u32 = 4096;
/// What a target may take for one input; beyond it, it hangs.
const HANGS_AFTER: u32 = 20;
/// Mebibytes that a target may use.
const MEMORY_MAX: u32 = 2048;
/// Building, and making the corpus small.
const REST: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// All of them if none is named.
    targets: Vec<String>,
    seconds: u64,
}

/// Where the fuzzer of one target works.
struct Bench<'a> {
    project: &'a Project,
    tool: PathBuf,
    sanitizer: &'static str,
    target: String,
}

/// How a target's run went.
struct Row {
    target: String,
    executions: u64,
    coverage: u64,
    cases: usize,
    failure: Option<String>,
}

/// The command.
pub fn run(project: &Project, arguments: lexopt::Parser) -> Result<bool> {
    let options = parse(arguments)?;
    let known = programs(&project::read(&project.path("fuzz/Cargo.toml"))?);
    if let Some(unknown) = options.targets.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(Error::usage(format!("`{unknown}` is no target: {known}")));
    }
    let targets = match options.targets.is_empty() {
        true => known,
        false => options.targets,
    };
    let tool = cargo_tools::cargo_fuzz().program(project)?;
    let mut rows = Vec::new();
    for target in targets {
        let bench = Bench {
            project,
            tool: tool.clone(),
            sanitizer: sanitizer(),
            target,
        };
        let row = bench.fuzz(options.seconds)?;
        println!("{}", row.text(options.seconds));
        rows.push(row);
    }
    let executions: u64 = rows.iter().map(|row| row.executions).sum();
    let failed = rows.iter().filter(|row| row.failure.is_some()).count();
    println!(
        "{executions} executions, {failed} of {} targets failed",
        rows.len()
    );
    Ok(failed == 0)
}

impl Bench<'_> {
    fn fuzz(&self, seconds: u64) -> Result<Row> {
        let (name, corpus) = (&self.target, self.folder("corpus"));
        project::remove_folder(&corpus)?;
        project::remove_folder(&self.folder("failures"))?;
        project::create_folder(&self.folder("failures"))?;
        for kept in [self.file("seeds"), self.file("corpus")] {
            cases::unpack(&kept, &corpus)?;
        }
        let mut build = self.cargo_fuzz("build");
        build.arg(name);
        let label = format!("build the target {name}");
        Step::new(label, build).limit(REST).must(self.project)?;

        let mut run = self.cargo_fuzz("run");
        run.arg(name).arg(&corpus).arg("--");
        run.args(self.limits());
        run.arg(format!("-max_total_time={seconds}"));
        run.arg("-print_final_stats=1");
        let dictionary = self
            .project
            .path("fuzz/dictionaries")
            .join(format!("{name}.txt"));
        if dictionary.is_file() {
            run.arg(format!("-dict={}", dictionary.display()));
        }
        let limit = Duration::from_secs(seconds) + REST;
        let finished = Step::new(format!("fuzz {name}"), run)
            .limit(limit)
            .run(self.project)?;
        let (executions, coverage) = figures(&finished.output);
        let mut row = Row {
            target: name.clone(),
            executions,
            coverage,
            cases: 0,
            failure: None,
        };
        if finished.ok {
            self.shrink(&corpus)?;
            row.cases = cases::pack(&corpus, &self.file("seeds"), &self.file("corpus"))?;
        } else {
            row.failure = Some(self.failure(&finished)?);
        }
        Ok(row)
    }

    /// Keeps of the corpus only what reaches something that nothing smaller reaches.
    fn shrink(&self, corpus: &Path) -> Result<()> {
        let mut cmin = self.cargo_fuzz("cmin");
        cmin.arg(&self.target)
            .arg(corpus)
            .arg("--")
            .args(self.limits());
        let label = format!("make the corpus of {} small", self.target);
        Step::new(label, cmin).limit(REST).must(self.project)?;
        Ok(())
    }

    /// What broke it, as small as can be had, written as a case.
    fn failure(&self, finished: &Finished) -> Result<String> {
        let folder = self.folder("failures");
        let Some(found) = cases::first_file(&folder) else {
            return Ok(tail(&finished.output));
        };
        let mut tmin = self.cargo_fuzz("tmin");
        tmin.arg(&self.target)
            .arg(&found)
            .arg("--runs=20000")
            .arg("--");
        tmin.args(self.limits());
        let label = format!("make the failure of {} small", self.target);
        // Whatever comes of it: what was found is shown all the same.
        let _ = Step::new(label, tmin).limit(REST).run(self.project)?;
        let smallest = cases::smallest_file(&folder).unwrap_or(found);
        Ok(format!(
            "{}\nthis case breaks it; as a line of fuzz/seeds/{}.txt it breaks `cargo test` too:\n{}",
            tail(&finished.output),
            self.target,
            cases::written(&smallest)?
        ))
    }

    fn cargo_fuzz(&self, what: &str) -> Command {
        let mut cargo = self.project.command(&self.tool);
        cargo.arg(what);
        cargo.args(["--sanitizer", self.sanitizer, "--fuzz-dir"]);
        cargo.arg(self.project.path("fuzz"));
        // Beside the builds without a fuzzer, which would be thrown out each time.
        cargo.arg("--target-dir");
        cargo.arg(self.project.path("target/fuzz/build"));
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo
    }

    fn limits(&self) -> Vec<String> {
        vec![
            format!("-max_len={LENGTH_MAX}"),
            format!("-timeout={HANGS_AFTER}"),
            format!("-rss_limit_mb={MEMORY_MAX}"),
            format!("-artifact_prefix={}/", self.folder("failures").display()),
        ]
    }

    fn folder(&self, what: &str) -> PathBuf {
        let folder = self.project.path("target/fuzz").join(what);
        folder.join(&self.target)
    }

    fn file(&self, what: &str) -> PathBuf {
        let folder = self.project.path("fuzz").join(what);
        folder.join(format!("{}.txt", self.target))
    }
}

impl Row {
    fn text(&self, seconds: u64) -> String {
        let Row {
            target,
            executions,
            coverage,
            cases,
            ..
        } = self;
        match &self.failure {
            Some(failure) => format!("{failure}\n{target}: FAILED after {executions} executions"),
            None => {
                let rate = executions / seconds.max(1);
                format!(
                    "{target}: {executions} executions ({rate} a second), {coverage} places reached, {cases} cases kept"
                )
            }
        }
    }
}

/// The sanitizer whose runtime this toolchain has.
fn sanitizer() -> &'static str {
    let libdir = ask(command("rustc").args(["--print", "target-libdir"])).unwrap_or_default();
    let has_runtime = std::fs::read_dir(libdir).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("_rt.asan."))
    });
    if has_runtime { "address" } else { "none" }
}

/// The names of all programs in a manifest.
fn programs(manifest: &str) -> Vec<String> {
    let programs = manifest.split("[[bin]]").skip(1);
    programs
        .filter_map(|bin| bin.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// How many inputs were tried, and how many places of the code they reached, from what libFuzzer
/// prints.
fn figures(output: &str) -> (u64, u64) {
    let after = |line: &str, word: &str| {
        let rest = line.split_once(word)?.1.trim_start();
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let mut executions = 0;
    let mut coverage = 0;
    for line in output.lines() {
        if let Some(count) = after(line, "stat::number_of_executed_units:") {
            executions = count;
        } else if let Some(count) = after(line, "cov: ") {
            coverage = count;
            // A run that fails has no statistics at its end.
            executions = after(line, "#").unwrap_or(executions).max(executions);
        }
    }
    (executions, coverage)
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let mut options = Options {
        targets: Vec::new(),
        seconds: USUAL,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("for") => options.seconds = crate::simulate::seconds(&mut arguments)?,
            Value(target) => options.targets.push(target.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<Options> {
        parse(lexopt::Parser::from_args(arguments)).ok()
    }

    #[test]
    fn targets_and_a_span_are_read() {
        let options = |targets: &[&str], seconds| {
            let targets = targets.iter().map(|name| (*name).to_owned()).collect();
            Some(Options { targets, seconds })
        };
        assert_eq!(parsed(&[]), options(&[], USUAL));
        assert_eq!(
            parsed(&["json", "--for", "5m", "sse"]),
            options(&["json", "sse"], 300)
        );
        assert_eq!(parsed(&["--for", "5"]), None);
        assert_eq!(parsed(&["--until", "5m"]), None);
    }

    #[test]
    fn the_fuzzers_figures_are_found() {
        let good = "#2\tINITED cov: 7 ft: 8\n#4096\tNEW    cov: 120 ft: 300 corp: 9/1b\n\
                    stat::number_of_executed_units: 12345\nstat::average_exec_per_sec:     61\n";
        assert_eq!(figures(good), (12_345, 120));
        assert_eq!(
            figures("#512\tpulse  cov: 33 ft: 40\nSUMMARY: libFuzzer"),
            (512, 33)
        );
        assert_eq!(figures(""), (0, 0));
    }

    #[test]
    fn programs_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"x\"\n\n[[bin]]\nname = \"a\"\npath = \"b\"\n[[bin]]\nname = \"c\"\n";
        assert_eq!(programs(manifest), ["a", "c"]);
    }
}
