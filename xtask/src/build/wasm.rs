//! The crate as a WebAssembly module with its JavaScript glue, in `pkg/dist/wasm`.

use std::path::{Path, PathBuf};

use super::{inline, names};
use crate::error::Result;
use crate::process::{Step, path_with};
use crate::project::{self, Project};
use crate::stamp::Stamp;
use crate::tools::small_std::SmallRust;
use crate::tools::wasm_rust::{TARGET, target_folder};
use crate::tools::{cargo_tools, node};

const NAME: &str = "everfresh";

/// What Rust's wasm32 target may use, and so what the optimiser must be told to accept; every browser
/// of the last years has it.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Size before speed: size after brotli, which is what is downloaded. So nothing is inlined and no
/// common expression gets a local of its own: both save bytes and cost more than that once packed,
/// because they make every function's locals its own. Not `--traps-never-happen`, which would save half
/// a percent and take out every check of a bound.
const OPTIMISE: &[&str] = &[
    "-Oz",
    "--one-caller-inline-max-function-size=0",
    "--always-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--low-memory-unused",
    "--skip-pass=local-cse",
    "--reorder-functions-by-name",
    "--strip-producers",
    "--strip-target-features",
    names::PASS,
];

/// The profile of what is shipped.
pub const SHIPPED: &str = "wasm";

/// Builds it, as far as anything has changed.
pub fn build(project: &Project) -> Result<()> {
    node::packages(project)?;
    let compiled = compile(project, SHIPPED, &[])?;
    let bindgen = cargo_tools::wasm_bindgen(project)?;
    let out = project.path("pkg/dist/wasm");
    let stamp = Stamp::new(project, "wasm")
        .text(bindgen.version())
        .text(&OPTIMISE.join(" "))
        .text(inline::FORM)
        .input(&project.path("node_modules/binaryen/package.json"))
        .input(&compiled)
        .output(&out);
    if stamp.is_fresh() {
        return Ok(());
    }

    // Beside its final place, so that the move is one rename and nobody meets half a module.
    let fresh = project.path("pkg/dist/wasm.new");
    let module = bind(project, &compiled, &fresh)?;
    let printed = optimise(project, &module, OPTIMISE)?;
    let glue = fresh.join(format!("{NAME}.js"));
    let short = names::shorten(&project::read(&glue)?, &printed)?;
    project::write(&glue, &short)?;
    inline::write(&fresh, &module)?;
    project::replace_folder(&fresh, &out)?;
    stamp.save()
}

/// Compiles the crate; the answer is the module as the compiler wrote it. Cargo knows best whether to
/// compile, and needs a blink to know.
pub fn compile(project: &Project, profile: &str, flags: &[&str]) -> Result<PathBuf> {
    let rust = SmallRust::ready(project)?;
    let mut cargo = rust.cargo(project);
    cargo.args(["--lib", "--package", NAME, "--profile", profile]);
    cargo.args(["--target", TARGET, "--"]).args(flags);
    Step::new("compile to WebAssembly", cargo)
        .fetches()
        .must(project)?;
    Ok(target_folder(project)
        .join(TARGET)
        .join(profile)
        .join(format!("{NAME}.wasm")))
}

/// Writes the glue and the module that it fits into an empty folder; the answer is the module.
pub fn bind(project: &Project, compiled: &Path, into: &Path) -> Result<PathBuf> {
    project::remove_folder(into)?;
    project::create_folder(into)?;
    let bindgen = cargo_tools::wasm_bindgen(project)?.program(project)?;
    let mut glue = project.command(bindgen);
    glue.args(["--target", "web", "--out-name", NAME])
        .arg("--remove-producers-section")
        .arg("--out-dir")
        .args([into, compiled]);
    Step::new("write the JavaScript glue", glue).must(project)?;
    Ok(into.join(format!("{NAME}_bg.wasm")))
}

/// Runs the optimiser over a module, in place; the answer is what it printed.
pub fn optimise(project: &Project, module: &Path, passes: &[&str]) -> Result<String> {
    let mut wasm_opt = project.command(project.npm_program("wasm-opt"));
    wasm_opt
        .args(FEATURES)
        .args(passes)
        .arg("--output")
        .args([module, module])
        .env("PATH", path_with(&[&project.path("node_modules/.bin")]));
    let finished = Step::new("optimise the module for size", wasm_opt).must(project)?;
    Ok(finished.output)
}
