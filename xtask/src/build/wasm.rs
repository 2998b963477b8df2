//! The crate as a WebAssembly module with its JavaScript glue, in `pkg/dist/wasm`.

use std::path::Path;

use crate::error::Result;
use crate::process::{Step, path_with};
use crate::project::{self, Project};
use crate::stamp::Stamp;
use crate::tools::wasm_rust::{TARGET, WasmRust, target_folder};
use crate::tools::{cargo_tools, node};

const NAME: &str = "everfresh";

/// Size before speed. The features are what Rust's wasm32 target may use, and so what the optimiser
/// must be told to accept; every browser of the last years has them.
const OPTIMISE: &[&str] = &[
    "-Oz",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--strip-producers",
    "--strip-target-features",
];

/// Builds it, as far as anything has changed.
pub fn build(project: &Project) -> Result<()> {
    node::packages(project)?;
    let rust = WasmRust::ensure(project)?;
    let bindgen = cargo_tools::wasm_bindgen(project)?;
    let bindgen_program = bindgen.program(project)?;

    // Cargo knows best whether to compile, and needs a blink to know.
    let mut cargo = rust.cargo(project);
    cargo.args([
        "build",
        "--lib",
        "--package",
        NAME,
        "--profile",
        "wasm",
        "--target",
        TARGET,
    ]);
    Step::new("compile to WebAssembly", cargo)
        .fetches()
        .must(project)?;
    let compiled = target_folder(project)
        .join(TARGET)
        .join("wasm")
        .join(format!("{NAME}.wasm"));

    let out = project.path("pkg/dist/wasm");
    let stamp = Stamp::new(project, "wasm")
        .text(bindgen.version())
        .text(&OPTIMISE.join(" "))
        .input(&project.path("node_modules/binaryen/package.json"))
        .input(&compiled)
        .output(&out);
    if stamp.is_fresh() {
        return Ok(());
    }

    // Beside its final place, so that the move is one rename and nobody meets half a module.
    let fresh = project.path("pkg/dist/wasm.new");
    project::remove_folder(&fresh)?;
    project::create_folder(&fresh)?;
    let mut glue = project.command(&bindgen_program);
    glue.args([
        "--target",
        "web",
        "--out-name",
        NAME,
        "--remove-producers-section",
        "--out-dir",
    ])
    .arg(&fresh)
    .arg(&compiled);
    Step::new("write the JavaScript glue", glue).must(project)?;
    optimise(project, &fresh.join(format!("{NAME}_bg.wasm")))?;
    project::replace_folder(&fresh, &out)?;
    stamp.save()
}

fn optimise(project: &Project, module: &Path) -> Result<()> {
    let mut wasm_opt = project.command(project.npm_program("wasm-opt"));
    wasm_opt
        .args(OPTIMISE)
        .arg("--output")
        .arg(module)
        .arg(module)
        .env("PATH", path_with(&[&project.path("node_modules/.bin")]));
    Step::new("optimise the module for size", wasm_opt).must(project)?;
    Ok(())
}
