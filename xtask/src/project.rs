//! Where things are: the clone, what is built in it, and what is kept outside it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Cause, Error, Result};
use crate::process;
use crate::progress::Progress;

/// How many runs' logs are kept.
const KEPT_RUNS: usize = 10;

/// Held by the one run that changes the cache.
#[derive(Debug)]
pub struct CacheLock(#[expect(dead_code, reason = "held for its lock")] File);

/// The clone that this task runner belongs to, and the folders around it.
pub struct Project {
    root: PathBuf,
    cache: PathBuf,
    logs: PathBuf,
    next_log: AtomicUsize,
}

impl Project {
    /// The project of this clone, for a run of the named command.
    pub fn open(command: &str) -> Result<Self> {
        // The variable lets a test point the program at a small project of its own.
        let root = match env::var_os("EVERFRESH_ROOT") {
            Some(root) => PathBuf::from(root),
            None => Path::new(env!("CARGO_MANIFEST_DIR"))
                .parent()
                .map(Path::to_path_buf)
                .unwrap_or_default(),
        };
        if !root.join("Cargo.toml").is_file() {
            return Err(Error::new(
                Cause::Failed,
                format!(
                    "the clone has moved away from {}: run `cargo xtask` inside it again",
                    root.display()
                ),
            ));
        }
        let cache = cache_root()?;
        let runs = root.join("target/xtask/logs");
        prune(&runs);
        let logs = runs.join(format!("{command}-{}", std::process::id()));
        Ok(Self {
            root,
            cache,
            logs,
            next_log: AtomicUsize::new(1),
        })
    }

    /// A file or folder of the clone.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where compiled tools are kept, shared by all clones.
    pub fn cache(&self, relative: &str) -> PathBuf {
        self.cache.join(relative)
    }

    /// A program of an installed npm package.
    pub fn npm_program(&self, name: &str) -> PathBuf {
        self.root.join("node_modules/.bin").join(name)
    }

    /// A command that runs in the clone, with native build output in `target/`.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = process::command(program);
        command.current_dir(&self.root);
        command.env("CARGO_TARGET_DIR", self.root.join("target"));
        command
    }

    /// A new log file for a step of this run, named after it.
    pub fn log_file(&self, label: &str) -> Result<PathBuf> {
        create_folder(&self.logs)?;
        let number = self.next_log.fetch_add(1, Ordering::Relaxed);
        let name: String = label
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Ok(self.logs.join(format!("{number:02}-{name}.log")))
    }

    /// Keeps other runs in this clone away from what is being built, until it is dropped.
    pub fn lock(&self) -> Result<File> {
        lock(
            &self.root.join("target/xtask/lock"),
            "wait for another `cargo xtask` in this clone",
        )
    }

    /// Keeps other clones away from the shared tools, until it is dropped.
    pub fn lock_cache(&self) -> Result<CacheLock> {
        let label = "wait for another clone that installs tools";
        lock(&self.cache.join("lock"), label).map(CacheLock)
    }

    /// An empty folder of the cache to make something in that is then moved to its place. What a run
    /// that was broken off has left there is gone.
    pub fn workbench(&self, _: &CacheLock) -> Result<PathBuf> {
        let folder = self.cache.join("workbench");
        remove_folder(&folder)?;
        create_folder(&folder)?;
        Ok(folder)
    }

    /// The exact version of a crate in `Cargo.lock`.
    pub fn locked_version(&self, name: &str) -> Result<String> {
        let path = self.path("Cargo.lock");
        let lock = read(&path)?;
        version_in_lock(&lock, name).ok_or_else(|| {
            Error::new(
                Cause::Failed,
                format!("{} names no crate `{name}`", path.display()),
            )
        })
    }

    #[cfg(test)]
    pub fn for_tests(name: &str) -> Self {
        let root = env::temp_dir().join(format!("everfresh-xtask-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        Self {
            cache: root.join("cache"),
            logs: root.join("target/xtask/logs"),
            root,
            next_log: AtomicUsize::new(1),
        }
    }
}

#[cfg(test)]
impl Drop for Project {
    fn drop(&mut self) {
        if self.root.starts_with(env::temp_dir()) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn cache_root() -> Result<PathBuf> {
    let named = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    named("EVERFRESH_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|path| path.join("everfresh")))
        .or_else(|| named("HOME").map(|path| path.join(".cache/everfresh")))
        .ok_or_else(|| {
            Error::new(
                Cause::Failed,
                "no home folder to keep compiled tools in: set EVERFRESH_CACHE to a folder",
            )
        })
}

fn lock(path: &Path, label: &str) -> Result<File> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let file = File::create(path).map_err(|error| Error::io("cannot write", path, &error))?;
    if file.try_lock().is_err() {
        let waiting = Progress::start(label, None);
        file.lock()
            .map_err(|error| Error::io("cannot lock", path, &error))?;
        waiting.finish(true);
    }
    Ok(file)
}

/// Forgets the logs of all but the last runs.
fn prune(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else {
        return;
    };
    let mut folders: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    folders.sort();
    let surplus = folders.len().saturating_sub(KEPT_RUNS - 1);
    for (_, folder) in folders.into_iter().take(surplus) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn version_in_lock(lock: &str, name: &str) -> Option<String> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted);
    lines.next()?;
    let version = lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(version.to_owned())
}

/// Reads a text file of ours.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Error::io("cannot read", path, &error))
}

/// Reads a file of ours that is no text.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::io("cannot read", path, &error))
}

/// Writes a file of ours, with its folder.
pub fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    fs::write(path, content).map_err(|error| Error::io("cannot write", path, &error))
}

/// Copies a file.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| Error::io("cannot copy to", to, &error))
}

/// Makes a folder with all above it.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::io("cannot make the folder", path, &error))
}

/// Removes a folder that may not be there.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("cannot remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// Puts a finished folder in its place in one move, so that nobody ever finds half of it.
pub fn replace_folder(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        create_folder(parent)?;
    }
    remove_folder(to)?;
    fs::rename(from, to).map_err(|error| Error::io("cannot make", to, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.80\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(
            version_in_lock(lock, "wasm-bindgen").as_deref(),
            Some("0.2.130")
        );
        assert_eq!(version_in_lock(lock, "wasm"), None);
    }
}
