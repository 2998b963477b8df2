//! The task runner. `cargo xtask help` lists what it can do.
//!
//! One file a command (`demo`, `test/`, `dist`, …), each with a `run` that is named once in the list
//! below. What several of them need is beside them: `tools/` finds and installs programs, `build/`
//! makes the parts of the product, `process/` runs programs and ends them.

#[cfg(not(unix))]
compile_error!("the task runner needs Linux or macOS; on Windows use it inside WSL");

mod bench;
mod build;
mod demo;
mod dist;
mod error;
mod fuzz;
mod process;
mod progress;
mod project;
mod setup;
mod simulate;
mod size;
mod stamp;
mod test;
mod tools;

use std::process::ExitCode;

use error::{Error, Result};
use project::Project;

/// A command: its name and options, what it does, and the function that does it. The function
/// answers whether all is well, having said itself what is not.
struct Command {
    name: &'static str,
    options: &'static str,
    about: &'static str,
    run: fn(&Project, lexopt::Parser) -> Result<bool>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        options: "[--port N] [--data FILE] [--no-open]",
        about: "set everything up, build it, and serve the demo",
        run: demo::run,
    },
    Command {
        name: "test",
        options: "[--only STAGE]… [--engine NAME]… [--allow-missing-engine]",
        about: "run every test in every engine; stages: format clippy native simulation conformance browser package fixtures e2e",
        run: test::run,
    },
    Command {
        name: "simulate",
        options: "[--seeds N | --seed S | --for 10m] [--first S] [--go-on] | --mutants [NAME] | --replay FILE",
        about: "run worlds in virtual time with every fault, or one of them again",
        run: simulate::run,
    },
    Command {
        name: "fuzz",
        options: "[TARGET]… [--for 5m]",
        about: "look for inputs that break a decoder or the engine, and keep what was learned",
        run: fuzz::run,
    },
    Command {
        name: "bench",
        options: "[--quick] [--check] [--only MEASURE]… [--contestant NAME]… [--rounds N]",
        about: "measure everfresh beside its peers in Chromium; writes bench/results/latest.md unless only a part is run",
        run: bench::run,
    },
    Command {
        name: "build",
        options: "",
        about: "build the WebAssembly module, the npm package and the demo page",
        run: build::run,
    },
    Command {
        name: "dist",
        options: "",
        about: "build all of it for release, pack the npm package, print its sizes",
        run: dist::run,
    },
    Command {
        name: "size",
        options: "[--record WHY]",
        about: "print what a visitor downloads, part by part, and hold it against the last figure",
        run: size::run,
    },
    Command {
        name: "setup",
        options: "",
        about: "install the tools and build nothing",
        run: setup::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = lexopt::Parser::from_env();
    let name = match arguments.next() {
        Ok(Some(lexopt::Arg::Value(name))) => name.to_string_lossy().into_owned(),
        Ok(Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h'))) | Ok(None) => {
            "help".to_owned()
        }
        Ok(Some(other)) => return fail(&other.unexpected().into()),
        Err(error) => return fail(&error.into()),
    };
    if name == process::reaper::ARGUMENT {
        process::reaper::run(std::io::stdin().lock());
        return ExitCode::SUCCESS;
    }
    if name == "help" {
        help();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return fail(&Error::usage(format!("there is no command `{name}`")));
    };
    match Project::open(command.name).and_then(|project| (command.run)(&project, arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

fn fail(error: &Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(error.exit_code())
}

fn help() {
    println!("cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {} {}", command.name, command.options);
        println!("      {}", command.about);
    }
    println!(
        "\nCompiled tools are kept in $EVERFRESH_CACHE, else in everfresh/ of the user's cache folder.\n\
         Logs of the last runs are in target/xtask/logs."
    );
}
