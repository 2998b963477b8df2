//! The demo page, bundled into `www/dist`.

use crate::error::Result;
use crate::process::Step;
use crate::project::Project;
use crate::stamp::Stamp;
use crate::tools::node;

/// Bundles it, unless nothing has changed. The package must have been built.
pub fn build(project: &Project) -> Result<()> {
    node::packages(project)?;
    let site = project.path("www");
    let stamp = Stamp::new(project, "site")
        .input(&project.path("package-lock.json"))
        .input_without(&site, &["dist"])
        .input(&project.path("pkg/package.json"))
        .input(&project.path("pkg/dist"))
        .output(&site.join("dist"));
    if stamp.is_fresh() {
        return Ok(());
    }
    let mut vite = project.command(project.npm_program("vite"));
    vite.arg("build").current_dir(&site);
    Step::new("bundle the demo page", vite).must(project)?;
    stamp.save()
}
