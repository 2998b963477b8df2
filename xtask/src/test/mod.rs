//! `cargo xtask test`: every stage, every engine, one table, one verdict.

mod browser;
mod conformance;
mod e2e;
mod fixtures;
mod native;
mod node_test;
mod package;
mod report;
mod simulation;
mod style;
mod summary;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use crate::error::{Error, Result};
use crate::project::Project;
use crate::tools::crates;
use crate::tools::engines::{Browser, Engine, Missing};

use report::{Report, Row};

/// A stage of the run, in the order of the run: what fails fastest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Format,
    Clippy,
    Native,
    Simulation,
    Conformance,
    Browser,
    Package,
    Fixtures,
    EndToEnd,
    /// What takes many minutes in real time. Only when it is asked for.
    Patient,
}

impl Stage {
    const ALL: [Self; 10] = [
        Self::Format,
        Self::Clippy,
        Self::Native,
        Self::Simulation,
        Self::Conformance,
        Self::Browser,
        Self::Package,
        Self::Fixtures,
        Self::EndToEnd,
        Self::Patient,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Native => "native",
            Self::Simulation => "simulation",
            Self::Conformance => "conformance",
            Self::Browser => "browser",
            Self::Package => "package",
            Self::Fixtures => "fixtures",
            Self::EndToEnd => "e2e",
            Self::Patient => "patient",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.name() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|stage| stage.name()).collect();
                Error::usage(format!("`{name}` is no stage: {}", names.join(", ")))
            })
    }

    fn uses_engines(self) -> bool {
        matches!(self, Self::Browser | Self::EndToEnd)
    }

    /// Runs the stage. Each row goes to the report as soon as it is known.
    fn run(self, project: &Project, engines: &mut Engines, report: &mut Report) -> Result<()> {
        match self {
            Self::Format => style::format(project, report),
            Self::Clippy => style::clippy(project, report),
            Self::Native => native::run(project, report, engines.allow_missing),
            Self::Simulation => simulation::run(project, report),
            Self::Conformance => conformance::run(project, report, engines.allow_missing),
            Self::Browser => browser::run(project, engines, report),
            Self::Package => package::run(project, report),
            Self::Fixtures => fixtures::run(project, report),
            Self::EndToEnd => e2e::run(project, engines, report, self.name(), e2e::QUICK),
            Self::Patient => e2e::run(project, engines, report, self.name(), e2e::PATIENT),
        }
    }
}

struct Options {
    stages: Vec<Stage>,
    engines: Vec<Engine>,
    allow_missing: bool,
}

/// The engines that were asked for.
struct Engines {
    wanted: Vec<Engine>,
    allow_missing: bool,
}

impl Engines {
    /// Runs `test` in each engine that is there, `at_once` of them at a time, and reports each that is not. An
    /// engine in trouble does not keep the others from running.
    fn each(
        &self,
        project: &Project,
        stage: &'static str,
        at_once: usize,
        report: &mut Report,
        test: impl Fn(&Browser) -> Result<Row> + Sync,
    ) {
        // One after another: two of them would wait for the same package manager.
        let found: Vec<_> = self
            .wanted
            .iter()
            .map(|engine| (*engine, engine.ensure(project)))
            .collect();
        let run = |engine: Engine, found: &Result<std::result::Result<Browser, Missing>>| {
            let row = match found {
                Ok(Ok(browser)) => test(browser),
                Ok(Err(missing)) => {
                    let why = missing.0.clone();
                    Ok(Row::not_run(stage, engine.name(), why, self.allow_missing))
                }
                Err(error) => return Row::broken(stage, engine.name(), error),
            };
            row.unwrap_or_else(|error| Row::broken(stage, engine.name(), &error))
        };
        let next = AtomicUsize::new(0);
        let (rows, done) = channel();
        thread::scope(|scope| {
            for _ in 0..at_once.max(1) {
                let rows = rows.clone();
                let (next, found, run) = (&next, &found, &run);
                scope.spawn(move || {
                    while let Some((engine, found)) =
                        found.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        // Nobody stops listening before all have ended.
                        let _ = rows.send(run(*engine, found));
                    }
                });
            }
            drop(rows);
            // As soon as each is known: who looks on a failure need not wait for the others.
            for row in done {
                report.add(row);
            }
        });
    }
}

/// The command.
pub fn run(project: &Project, arguments: lexopt::Parser) -> Result<bool> {
    let mut options = parse(arguments)?;
    let mut report = Report::default();
    let mut engines = Engines {
        wanted: options.engines,
        allow_missing: options.allow_missing,
    };
    // Before everything: what is missing now would fail every stage with a page of its own.
    if options.stages.iter().any(|stage| *stage != Stage::Format)
        && let Err(error) = crates::fetch(project)
    {
        report.add(Row::broken("crates", "", &error));
        options.stages.clear();
    }
    for stage in options.stages {
        // A stage that cannot even start is a failed stage, not the end of the run.
        if let Err(error) = stage.run(project, &mut engines, &mut report) {
            report.add(Row::broken(stage.name(), "", &error));
        }
    }
    report.print();
    Ok(report.all_well())
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let mut options = Options {
        stages: Vec::new(),
        engines: Vec::new(),
        allow_missing: false,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => options
                .stages
                .push(Stage::parse(&arguments.value()?.string()?)?),
            Long("engine") => options
                .engines
                .push(Engine::parse(&arguments.value()?.string()?)?),
            Long("allow-missing-engine") => options.allow_missing = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.stages.is_empty() {
        options.stages = Stage::ALL.to_vec();
        options.stages.retain(|stage| *stage != Stage::Patient);
        // Somebody who names engines wants to see those, not the linter.
        if !options.engines.is_empty() {
            options.stages.retain(|stage| stage.uses_engines());
        }
    }
    options.stages = Stage::ALL
        .into_iter()
        .filter(|stage| options.stages.contains(stage))
        .collect();
    if options.engines.is_empty() {
        options.engines = Engine::ALL.to_vec();
    }
    options.engines = Engine::ALL
        .into_iter()
        .filter(|engine| options.engines.contains(engine))
        .collect();
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(arguments: &[&str]) -> Option<Vec<Stage>> {
        parse(lexopt::Parser::from_args(arguments))
            .ok()
            .map(|options| options.stages)
    }

    #[test]
    fn everything_unless_told_otherwise() {
        assert_eq!(stages(&[]).map(|all| all.len()), Some(Stage::ALL.len() - 1));
        assert_eq!(stages(&["--only", "patient"]), Some(vec![Stage::Patient]));
        assert_eq!(stages(&["--only", "native"]), Some(vec![Stage::Native]));
        assert_eq!(
            stages(&["--only", "e2e", "--only", "native", "--only", "e2e"]),
            Some(vec![Stage::Native, Stage::EndToEnd])
        );
        assert_eq!(
            stages(&["--engine", "webkit"]),
            Some(vec![Stage::Browser, Stage::EndToEnd])
        );
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(stages(&["--only", "nativ"]), None);
        assert_eq!(stages(&["--engine", "safari"]), None);
        assert_eq!(stages(&["--onyl", "native"]), None);
    }
}
