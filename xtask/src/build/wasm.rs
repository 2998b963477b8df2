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

const CRATE: &str = "everfresh";

/// A module of the npm package: the crate with some of its parts.
pub struct Module {
    /// What its files are called.
    pub name: &'static str,
    profile: &'static str,
    /// What tells cargo which.
    pub parts: &'static [&'static str],
    /// What is compiled in is for the compiler only.
    flags: &'static [&'static str],
}

/// What the compiler does for speed at the cost of size after brotli: it keeps a pointer for each place in
/// a loop, computes on one branch what another one has, and joins the ends of branches by copies of values.
const SMALL: &[&str] = &[
    "-Cllvm-args=-disable-lsr",
    "-Cllvm-args=-enable-pre=false",
    "-Cllvm-args=-sink-common-insts=false",
];

/// What is shipped: for each set of parts that pages need together, a module that has no other. A page
/// loads one of them (`pkg/src/loader.ts`). The first one has everything.
pub const MODULES: [Module; 5] = [
    module("everfresh", &[]),
    module("everfresh_core", &["--no-default-features"]),
    module(
        "everfresh_queue",
        &["--no-default-features", "--features", "mutations"],
    ),
    module(
        "everfresh_wires",
        &["--no-default-features", "--features", "wires"],
    ),
    module(
        "everfresh_wires_queue",
        &["--no-default-features", "--features", "wires,mutations"],
    ),
];

const fn module(name: &'static str, parts: &'static [&'static str]) -> Module {
    Module {
        name,
        profile: "wasm",
        parts,
        flags: SMALL,
    }
}

/// Everything, and nothing inlined, so that the names of the functions say whose code it is.
pub const MEASURED: Module = Module {
    name: "everfresh",
    profile: "wasm-measured",
    parts: &[],
    flags: &["-Cllvm-args=-inline-threshold=-15000"],
};

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

/// Size before speed: size after brotli, which is what is downloaded. So nothing is inlined, no common
/// expression gets a local of its own, no local is moved to where it is used, and the data stays one piece:
/// all of them save bytes and cost more than that once packed, because they make every function its own. Not `--traps-never-happen`, which would save half
/// a percent and take out every check of a bound.
const OPTIMISE: &[&str] = &[
    "-Oz",
    "--one-caller-inline-max-function-size=0",
    "--always-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--low-memory-unused",
    "--skip-pass=local-cse",
    "--skip-pass=simplify-locals",
    "--skip-pass=memory-packing",
    "--reorder-functions-by-name",
    "--strip-producers",
    "--strip-target-features",
    names::PASS,
];

/// Builds the modules of the package, as far as anything has changed.
pub fn build(project: &Project) -> Result<()> {
    node::packages(project)?;
    let compiled = MODULES
        .iter()
        .map(|module| compile(project, module))
        .collect::<Result<Vec<_>>>()?;
    let bindgen = cargo_tools::wasm_bindgen(project)?;
    let out = project.path("pkg/dist/wasm");
    let stamp = Stamp::new(project, "wasm")
        .text(bindgen.version())
        .text(&OPTIMISE.join(" "))
        .text(inline::FORM)
        .input(&project.path("node_modules/binaryen/package.json"))
        .output(&out);
    let stamp = compiled.iter().fold(stamp, |stamp, file| stamp.input(file));
    if stamp.is_fresh() {
        return Ok(());
    }

    // Beside its final place, so that the move is one rename and nobody meets half a module.
    let fresh = project.path("pkg/dist/wasm.new");
    project::remove_folder(&fresh)?;
    project::create_folder(&fresh)?;
    for (module, compiled) in MODULES.iter().zip(&compiled) {
        let wasm = bind(project, module, compiled, &fresh)?;
        let printed = optimise(project, &wasm, OPTIMISE)?;
        let glue = fresh.join(format!("{}.js", module.name));
        let short = names::shorten(&project::read(&glue)?, &printed)?;
        project::write(&glue, &short)?;
        if module.parts.is_empty() {
            inline::write(&fresh, &wasm)?;
        }
    }
    project::replace_folder(&fresh, &out)?;
    stamp.save()
}

/// Compiles the crate; the answer is the module as the compiler wrote it. Cargo knows best whether to
/// compile, and needs a blink to know.
pub fn compile(project: &Project, module: &Module) -> Result<PathBuf> {
    let rust = SmallRust::ready(project)?;
    let mut cargo = rust.cargo(project);
    cargo.args(["--lib", "--package", CRATE, "--profile", module.profile]);
    cargo.args(module.parts);
    cargo.args(["--target", TARGET, "--"]).args(module.flags);
    Step::new(format!("compile to WebAssembly ({})", module.name), cargo)
        .fetches()
        .must(project)?;
    let folder = target_folder(project).join(TARGET).join(module.profile);
    // The next module of the same profile is written to the same place.
    let kept = folder.join(format!("{}.of.wasm", module.name));
    project::copy(&folder.join(format!("{CRATE}.wasm")), &kept)?;
    Ok(kept)
}

/// Writes the glue and the module that it fits into a folder; the answer is the module.
pub fn bind(project: &Project, module: &Module, compiled: &Path, into: &Path) -> Result<PathBuf> {
    let bindgen = cargo_tools::wasm_bindgen(project)?.program(project)?;
    let mut glue = project.command(bindgen);
    glue.args(["--target", "web", "--out-name", module.name])
        .arg("--remove-producers-section")
        .arg("--out-dir")
        .args([into, compiled]);
    Step::new("write the JavaScript glue", glue).must(project)?;
    Ok(into.join(format!("{}_bg.wasm", module.name)))
}

/// A disk that is full has made an optimiser write half a module and call it a success.
const VALID: &str = "new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]))";

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
    let mut node = project.command("node");
    node.args(["--eval", VALID]).arg(module);
    Step::new("see that the module is whole", node).must(project)?;
    Ok(finished.output)
}
