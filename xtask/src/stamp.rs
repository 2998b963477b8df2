//! Decides whether a step has to run at all: a stamp remembers what went into the last successful
//! run and what came out. Content counts, not times: a fresh checkout touches every file.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::project::{self, Project};

/// Folders that are results or other people's code, never our input.
const NOT_INPUT: &[&str] = &["node_modules", "target", ".git"];

/// The stamp of one step.
pub struct Stamp {
    file: PathBuf,
    inputs: DefaultHasher,
    outputs: Vec<PathBuf>,
}

impl Stamp {
    /// The stamp of the named step.
    pub fn new(project: &Project, name: &str) -> Self {
        Self {
            file: project.path("target/xtask/stamps").join(name),
            inputs: DefaultHasher::new(),
            outputs: Vec::new(),
        }
    }

    /// The step depends on this text: a version, the flags it runs with.
    pub fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.inputs);
        self
    }

    /// The step depends on this file, or on all files below this folder. Absence is an input too.
    pub fn input(mut self, path: &Path) -> Self {
        hash_path(path, &[], &mut self.inputs);
        self
    }

    /// The same, without the sub-folders of these names (the step's own output).
    pub fn input_without(mut self, path: &Path, except: &[&str]) -> Self {
        hash_path(path, except, &mut self.inputs);
        self
    }

    /// The step writes this file or folder.
    pub fn output(mut self, path: &Path) -> Self {
        self.outputs.push(path.to_path_buf());
        self
    }

    /// Whether the last run had the same inputs, and left what is there now.
    pub fn is_fresh(&self) -> bool {
        self.outputs.iter().all(|path| path.exists())
            && fs::read_to_string(&self.file).is_ok_and(|old| old == self.content())
    }

    /// Remembers a successful run.
    pub fn save(&self) -> Result<()> {
        project::write(&self.file, &self.content())
    }

    fn content(&self) -> String {
        let mut outputs = DefaultHasher::new();
        for path in &self.outputs {
            hash_path(path, &[], &mut outputs);
        }
        format!("{:016x} {:016x}\n", self.inputs.finish(), outputs.finish())
    }
}

fn hash_path(path: &Path, except: &[&str], hasher: &mut DefaultHasher) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        entries.sort();
        for entry in entries {
            let name = entry
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if NOT_INPUT.contains(&name) || except.contains(&name) {
                continue;
            }
            name.hash(hasher);
            hash_path(&entry, except, hasher);
        }
    } else {
        fs::read(path).ok().hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(project: &Project) -> Stamp {
        Stamp::new(project, "step")
            .text("tool 1.0")
            .input_without(&project.path("src"), &["dist"])
            .output(&project.path("src/dist"))
    }

    #[test]
    fn fresh_until_an_input_or_an_output_changes() -> Result<()> {
        let project = Project::for_tests("stamp");
        project::write(&project.path("src/a.ts"), "a")?;
        project::write(&project.path("src/dist/a.js"), "a")?;
        assert!(!stamp(&project).is_fresh(), "never ran");
        stamp(&project).save()?;
        assert!(stamp(&project).is_fresh());

        project::write(&project.path("src/node_modules/x/index.js"), "x")?;
        assert!(
            stamp(&project).is_fresh(),
            "other people's code is no input"
        );
        project::write(&project.path("src/a.ts"), "b")?;
        assert!(!stamp(&project).is_fresh(), "an input changed");

        stamp(&project).save()?;
        project::write(&project.path("src/dist/a.js"), "edited by hand")?;
        assert!(!stamp(&project).is_fresh(), "an output changed");
        stamp(&project).save()?;
        project::remove_folder(&project.path("src/dist"))?;
        assert!(!stamp(&project).is_fresh(), "an output is gone");
        Ok(())
    }
}
