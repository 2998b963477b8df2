//! The TypeScript face of the npm package, compiled into `pkg/dist` beside the module.

use crate::error::Result;
use crate::process::Step;
use crate::project::Project;
use crate::stamp::Stamp;
use crate::tools::node;

/// Compiles it, unless nothing has changed. The module must have been built: its types are part of
/// what is compiled.
pub fn build(project: &Project) -> Result<()> {
    node::packages(project)?;
    let package = project.path("pkg");
    let stamp = Stamp::new(project, "package")
        .input(&project.path("package-lock.json"))
        .input_without(&package, &["dist"])
        .input(&project.path("pkg/dist/wasm"))
        .output(&package.join("dist"));
    if stamp.is_fresh() {
        return Ok(());
    }
    let mut tsc = project.command(project.npm_program("tsc"));
    tsc.args(["-p", "pkg"]);
    Step::new("compile the npm package", tsc).must(project)?;
    stamp.save()
}
