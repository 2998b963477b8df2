//! The crate as a WebAssembly module with its JavaScript glue, in `pkg/dist/wasm`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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
    /// The features of the crate that it has; all, if they are not named.
    features: Option<&'static str>,
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
pub const MODULES: [Module; 14] = [
    module("everfresh", None),
    module("everfresh_core", Some("")),
    module("everfresh_queue", Some("mutations")),
    module("everfresh_rooms", Some("mutations,rooms")),
    module("everfresh_socketio", Some("socketio")),
    module("everfresh_socketio_queue", Some("socketio,mutations")),
    module("everfresh_phoenix", Some("phoenix")),
    module("everfresh_phoenix_queue", Some("phoenix,mutations")),
    module("everfresh_centrifugo", Some("centrifugo")),
    module("everfresh_centrifugo_queue", Some("centrifugo,mutations")),
    module("everfresh_plain", Some("plain")),
    module("everfresh_plain_queue", Some("plain,mutations")),
    module("everfresh_wires", Some("wires")),
    module("everfresh_wires_queue", Some("wires,mutations")),
];

const fn module(name: &'static str, features: Option<&'static str>) -> Module {
    Module {
        name,
        profile: "wasm",
        features,
        flags: SMALL,
    }
}

impl Module {
    /// Does it have everything?
    pub fn has_all(&self) -> bool {
        self.features.is_none()
    }

    /// What tells cargo what it has.
    pub fn parts(&self) -> Vec<&'static str> {
        (self.features).map_or_else(Vec::new, |features| {
            vec!["--no-default-features", "--features", features]
        })
    }

    /// Does it hold code that no module with fewer features has?
    pub fn is_of_its_own(&self) -> bool {
        let together =
            |features: &str| features.ends_with(",mutations") && features != "wires,mutations";
        !self.features.is_some_and(together)
    }
}

/// Everything, and nothing inlined, so that the names of the functions say whose code it is.
pub const MEASURED: Module = Module {
    name: "everfresh",
    profile: "wasm-measured",
    features: None,
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
    let compiled = at_once(&MODULES, |lane, module| compile_in(project, module, lane))?;
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
    bindgen.program(project)?;
    let modules: Vec<_> = MODULES.iter().zip(&compiled).collect();
    at_once(&modules, |_, (module, compiled)| {
        let wasm = bind(project, module, compiled, &fresh)?;
        let printed = optimise(project, &wasm, OPTIMISE)?;
        let glue = fresh.join(format!("{}.js", module.name));
        let short = names::shorten(&project::read(&glue)?, &printed)?;
        project::write(&glue, &short)?;
        if module.has_all() {
            inline::write(&fresh, &wasm)?;
        }
        Ok(())
    })?;
    project::replace_folder(&fresh, &out)?;
    stamp.save()
}

/// How many modules are made at the same time, at most: what makes one uses one core, and some memory.
const LANES_MAX: usize = 4;

/// Does something for each, as many at a time as there are cores. Each worker has a number, and the same
/// things to do every time: what it made before is where it made it.
fn at_once<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(usize, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let lanes = cores.min(LANES_MAX);
    let failed = AtomicBool::new(false);
    let made: Vec<Result<Vec<R>>> = thread::scope(|scope| {
        let lane = |lane| {
            let (failed, work) = (&failed, &work);
            scope.spawn(move || {
                let own = all.iter().skip(lane).step_by(lanes);
                // Nobody begins another one once something went wrong.
                own.take_while(|_| !failed.load(Ordering::Relaxed))
                    .map(|one| {
                        work(lane, one).inspect_err(|_| failed.store(true, Ordering::Relaxed))
                    })
                    .collect()
            })
        };
        let lanes: Vec<_> = (0..lanes).map(lane).collect();
        let joined = lanes.into_iter().map(|lane| match lane.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    let made = made.into_iter().collect::<Result<Vec<_>>>()?;
    let mut lanes: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
    // In the order they were given: one of each worker in turn.
    let count = lanes.len();
    let in_turn = (0..all.len()).filter_map(|at| lanes.get_mut(at % count)?.next());
    Ok(in_turn.collect())
}

/// Compiles the crate; the answer is the module as the compiler wrote it.
pub fn compile(project: &Project, module: &Module) -> Result<PathBuf> {
    compile_in(project, module, 0)
}

/// The same, in a folder of the worker's own: cargo lets nobody else into one that it writes to.
fn compile_in(project: &Project, module: &Module, lane: usize) -> Result<PathBuf> {
    let rust = SmallRust::ready(project)?;
    let target = match lane {
        0 => target_folder(project),
        _ => target_folder(project).join(format!("lane-{lane}")),
    };
    let folder = target.join(TARGET).join(module.profile);
    // The next module of the same profile is written to the same place, which is also why cargo, asked for
    // one after the other, compiles every one of them every time.
    let kept = folder.join(format!("{}.of.wasm", module.name));
    let stamp = Stamp::new(project, &format!("{}-{}", module.name, module.profile))
        .text(&rust.recipe(project))
        .text(&std::env::var("RUSTFLAGS").unwrap_or_default())
        .text(&module.parts().join(" "))
        .text(&module.flags.join(" "))
        .input(&project.path("Cargo.toml"))
        .input(&project.path("Cargo.lock"))
        .input(&project.path(".cargo"))
        .input(&project.path("src"))
        .output(&kept);
    if stamp.is_fresh() {
        return Ok(kept);
    }
    let mut cargo = rust.cargo(project);
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.args(["--lib", "--package", CRATE, "--profile", module.profile]);
    cargo.args(module.parts());
    cargo.args(["--target", TARGET, "--"]).args(module.flags);
    Step::new(format!("compile to WebAssembly ({})", module.name), cargo)
        .fetches()
        .must(project)?;
    project::copy(&folder.join(format!("{CRATE}.wasm")), &kept)?;
    stamp.save()?;
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
