//! Cases as they are kept: a file a target, a case a line, written like the inside of a byte string. A
//! fuzzer wants a folder with a file a case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Cause, Error, Result};
use crate::project;

/// Characters that are kept of one target: as much as anybody would look at.
const KEPT_MAX: usize = 100_000;

/// Writes the cases of a file, which need not be there, into a folder.
pub fn unpack(file: &Path, folder: &Path) -> Result<()> {
    project::create_folder(folder)?;
    if !file.is_file() {
        return Ok(());
    }
    let name = file.parent().and_then(Path::file_name).unwrap_or_default();
    for (at, line) in project::read(file)?.lines().enumerate() {
        let bytes = bytes_of(line).ok_or_else(|| {
            let place = format!("{}:{}", file.display(), at + 1);
            Error::new(
                Cause::Failed,
                format!(
                    "{place} is no case: `\\` begins \\\\, \\n, \\r, \\t or \\x and two digits"
                ),
            )
        })?;
        let path = folder.join(format!("{}-{at}", name.to_string_lossy()));
        fs::write(&path, bytes).map_err(|error| Error::io("cannot write", &path, &error))?;
    }
    Ok(())
}

/// Writes the cases of a folder into a file, without those of another file: the smallest first, and
/// no more than may be kept. Gives how many that are.
pub fn pack(folder: &Path, without: &Path, file: &Path) -> Result<usize> {
    let known: BTreeSet<String> = match without.is_file() {
        true => project::read(without)?.lines().map(str::to_owned).collect(),
        false => BTreeSet::new(),
    };
    let mut lines = BTreeSet::new();
    for path in files(folder) {
        let line = written(&path)?;
        if !known.contains(&line) {
            lines.insert((line.len(), line));
        }
    }
    let mut text = String::new();
    let mut count = 0;
    for (length, line) in lines {
        if text.len() + length >= KEPT_MAX {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        count += 1;
    }
    project::write(file, &text)?;
    Ok(count)
}

/// The bytes of a file, as a line.
pub fn written(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io("cannot read", path, &error))?;
    Ok(line_of(&bytes))
}

/// Any file of a folder.
pub fn first_file(folder: &Path) -> Option<PathBuf> {
    files(folder).into_iter().next()
}

/// The smallest file of a folder that is not empty: an empty one is left by a minimiser that gave up.
pub fn smallest_file(folder: &Path) -> Option<PathBuf> {
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let files = files(folder).into_iter();
    files.filter(|path| size(path) > 0).min_by_key(size)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn line_of(bytes: &[u8]) -> String {
    let mut line = String::new();
    for &byte in bytes {
        match byte {
            b'\\' => line.push_str("\\\\"),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => line.push_str(&format!("\\x{byte:02x}")),
        }
    }
    line
}

fn bytes_of(line: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                _ => return None,
            },
            b' '..=b'~' => byte,
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn all_bytes_survive_being_written() {
        let all: Vec<u8> = (0..=255).collect();
        let line = line_of(&all);
        assert!(line.is_ascii() && !line.contains('\n'));
        assert_eq!(bytes_of(&line), Some(all));
        assert_eq!(bytes_of("\\q"), None);
    }

    #[test]
    fn what_is_kept_is_the_smallest_and_not_what_is_a_seed() -> Result<()> {
        let project = Project::for_tests("cases");
        let (seeds, kept) = (project.path("seeds.txt"), project.path("corpus/json.txt"));
        let folder = project.path("work");
        project::write(&seeds, "seed\n")?;
        project::write(&kept, "[1]\n{}\n")?;
        unpack(&kept, &folder)?;
        unpack(&seeds, &folder)?;
        unpack(&project.path("nothing.txt"), &folder)?;
        project::write(&folder.join("large"), &"x".repeat(KEPT_MAX))?;
        assert_eq!(pack(&folder, &seeds, &kept)?, 2);
        assert_eq!(project::read(&kept)?, "{}\n[1]\n");
        Ok(())
    }
}
