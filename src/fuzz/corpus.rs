//! Every case that was kept, without a fuzzer.
//!
//! `fuzz/seeds` (by hand) and `fuzz/corpus` (what a fuzzer found to reach more) have a file a target
//! and a case a line, written like the inside of a byte string: so that a difference can be read, and
//! a case be added by hand.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::{TARGETS, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The bytes of a line; nothing if it is not written as it should be.
fn case(line: &str) -> Option<Vec<u8>> {
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

/// The cases of a target in one of the folders: where each stands, and its bytes.
fn cases(of: &str, name: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let file = folder().join(of).join(name).with_extension("txt");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| (format!("fuzz/{of}/{name}.txt:{}", at + 1), case(line)))
        .collect()
}

#[test]
fn every_kept_case_of_every_target_passes() {
    let mut failed = Vec::new();
    for (name, _) in TARGETS {
        let (seeds, found) = (cases("seeds", name), cases("corpus", name));
        assert!(!seeds.is_empty() && !found.is_empty(), "{name} has no case");
        for (place, bytes) in seeds.into_iter().chain(found) {
            match bytes {
                None => failed.push(format!("{place} is no case")),
                Some(bytes) if catch_unwind(|| run(name, &bytes)).is_err() => failed.push(place),
                Some(_) => {}
            }
        }
    }
    assert!(failed.is_empty(), "these fail:\n{}", failed.join("\n"));
}

#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap_or_default();
    let mut programs: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.split('"').nth(1))
        .collect();
    programs.sort_unstable();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(programs, names);
    for name in names {
        let file = folder()
            .join("fuzz_targets")
            .join(name)
            .with_extension("rs");
        let body = fs::read_to_string(&file).unwrap_or_default();
        let says = format!("everfresh::fuzz::run(\"{name}\", bytes)");
        assert!(body.contains(&says), "{} runs another one", file.display());
    }
}

#[test]
fn cases_are_written_like_byte_strings() {
    assert_eq!(case(r"a\n\\\x00\xff"), Some(b"a\n\\\x00\xff".to_vec()));
    for bad in ["\\", "\\q", "\\x0", "\\xg0", "\u{e9}"] {
        assert_eq!(case(bad), None, "{bad}");
    }
}
