//! Stage `browser`: the crate's own browser tests (`tests/browser`), compiled to WebAssembly and run
//! by `wasm-pack test --headless` in each engine.

use std::time::{Duration, Instant};

use super::Engines;
use super::report::{Report, Row};
use super::summary;
use crate::error::Result;
use crate::process::Step;
use crate::project::Project;
use crate::tools::cargo_tools;
use crate::tools::driver::Surroundings;
use crate::tools::engines::Engine;
use crate::tools::wasm_rust::{TARGET, WasmRust};

/// Which of the crate's test programs run in a page.
const TESTS: &str = "browser*";
/// What lets a test break the engine.
const FEATURES: &[&str] = &["--features", "faults"];
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs them.
pub fn run(project: &Project, engines: &Engines, report: &mut Report) -> Result<()> {
    let rust = WasmRust::ensure(project)?;
    let bindgen = cargo_tools::wasm_bindgen(project)?.ensure(project)?;
    let wasm_pack = cargo_tools::wasm_pack().program(project)?;
    // Once and before all engines, so that code which does not compile is reported once.
    let mut build = rust.cargo(project);
    build
        .args(["build", "--tests", "--test", TESTS, "--target", TARGET])
        .args(FEATURES);
    Step::new("compile the browser tests", build)
        .fetches()
        .must(project)?;
    engines.each(project, "browser", 1, report, |browser| {
        let started = Instant::now();
        let surroundings = Surroundings::of(browser.engine)?;
        // The tool finds wasm-bindgen's test runner on PATH.
        let mut test = rust.command_with(project, &wasm_pack, &[&bindgen]);
        let (engine, driver) = match browser.engine {
            Engine::Chromium => ("--chrome", "--chromedriver"),
            Engine::Firefox => ("--firefox", "--geckodriver"),
            Engine::WebKit => ("--safari", "--safaridriver"),
        };
        test.args(["test", "--headless", "--mode", "no-install", engine, driver])
            .arg(&browser.driver)
            .args(["--", "--test", TESTS])
            .args(FEATURES)
            .env("WASM_PACK_CACHE", project.cache("wasm-pack"))
            // Seconds that a whole test program may take; the default of 20 is less than a cold
            // browser needs on a busy machine.
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300")
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
        surroundings.apply(&mut test);
        let name = browser.engine.name();
        let finished = Step::new(format!("test in {name}"), test)
            .limit(LIMIT)
            .run(project)?;
        let count = summary::libtest(&finished.output);
        Ok(Row::ran(
            "browser",
            name,
            &finished,
            count,
            started.elapsed(),
        ))
    });
    Ok(())
}
