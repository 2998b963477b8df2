//! `cargo xtask setup`: all tools, and nothing built.

use crate::error::Result;
use crate::project::Project;
use crate::tools::engines::Engine;
use crate::tools::small_std::SmallRust;
use crate::tools::{cargo_tools, node, python};

/// The command.
pub fn run(project: &Project, mut arguments: lexopt::Parser) -> Result<bool> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    println!("node         {}", node::check()?);
    node::packages(project)?;
    println!(
        "wasm32       {}",
        SmallRust::ensure(project)?.remark().unwrap_or("ready")
    );
    for tool in [
        cargo_tools::wasm_bindgen(project)?,
        cargo_tools::wasm_pack(),
    ] {
        println!("{:<12} {}", tool.name(), tool.program(project)?.display());
    }
    let mut complete = true;
    for engine in Engine::ALL {
        match engine.ensure(project)? {
            Ok(browser) => println!(
                "{:<12} {}, driven by {}",
                engine.name(),
                browser.browser.display(),
                browser.driver.display()
            ),
            Err(missing) => {
                complete = false;
                println!("{}", missing.0);
            }
        }
    }
    for needs in [
        python::FASTAPI,
        python::RFC6455,
        python::SOCKETIO,
        python::PLAIN,
    ] {
        match python::ensure(project, &needs)? {
            Ok(python) => println!("python       {}", python.display()),
            Err(missing) => {
                complete = false;
                println!("{}", missing.0);
                break;
            }
        }
    }
    Ok(complete)
}
