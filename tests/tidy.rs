//! The house rules that a compiler does not know. Each finding names the place and what to do
//! instead.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A word that a floor must not know, and what to do instead.
struct Ban {
    floors: &'static [&'static str],
    word: &'static str,
    instead: &'static str,
}

const PURE: &[&str] = &["src/engine", "src/wire"];
const ALL: &[&str] = &["src"];

const BANS: &[Ban] = &[
    // No clock
    Ban {
        floors: PURE,
        word: "Instant",
        instead: "the moment comes in as Now",
    },
    Ban {
        floors: PURE,
        word: "SystemTime",
        instead: "the moment comes in as Now",
    },
    Ban {
        floors: PURE,
        word: "std::thread",
        instead: "an output, and an input when it is done",
    },
    // No randomness
    Ban {
        floors: PURE,
        word: "RandomState",
        instead: "engine::rng::Rng",
    },
    Ban {
        floors: PURE,
        word: "getrandom",
        instead: "engine::rng::Rng",
    },
    Ban {
        floors: PURE,
        word: "rand::",
        instead: "engine::rng::Rng",
    },
    // One order
    Ban {
        floors: PURE,
        word: "HashMap",
        instead: "engine::map::Map",
    },
    Ban {
        floors: PURE,
        word: "HashSet",
        instead: "engine::map::Map",
    },
    // No browser, no I/O
    Ban {
        floors: PURE,
        word: "web_sys",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "js_sys",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "wasm_bindgen",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "gloo",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "cfg(target_arch",
        instead: "one behaviour on every target",
    },
    Ban {
        floors: PURE,
        word: "crate::browser",
        instead: "arrows point down only",
    },
    Ban {
        floors: PURE,
        word: "crate::api",
        instead: "arrows point down only",
    },
    Ban {
        floors: PURE,
        word: "std::fs",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "std::net",
        instead: "an output",
    },
    Ban {
        floors: PURE,
        word: "std::env",
        instead: "a member of Config",
    },
    Ban {
        floors: PURE,
        word: "async fn",
        instead: "a state machine",
    },
    Ban {
        floors: PURE,
        word: "RefCell",
        instead: "one owner",
    },
    Ban {
        floors: PURE,
        word: "static mut",
        instead: "a member of the engine",
    },
    Ban {
        floors: PURE,
        word: "thread_local!",
        instead: "a member of the engine",
    },
    Ban {
        floors: &["src/wire"],
        word: "engine::link",
        instead: "a wire knows no policy",
    },
    Ban {
        floors: &["src/browser"],
        word: "crate::api",
        instead: "arrows point down only",
    },
    // Nothing is leaked
    Ban {
        floors: ALL,
        word: ".forget()",
        instead: "own it and drop it",
    },
    Ban {
        floors: ALL,
        word: "into_js_value",
        instead: "own the closure and drop it",
    },
    Ban {
        floors: ALL,
        word: "once_into_js",
        instead: "own the closure and drop it",
    },
    // Nothing is left for later without being said
    Ban {
        floors: ALL,
        word: "todo!",
        instead: "do it, or say in an issue that it is not done",
    },
    Ban {
        floors: ALL,
        word: "FIXME",
        instead: "do it, or say in an issue that it is not done",
    },
    Ban {
        floors: ALL,
        word: "dbg!",
        instead: "a test",
    },
];

/// A longer file has to deserve it, and says so here.
const LINES_MAX: usize = 600;
const LONG_FILES: &[(&str, &str)] = &[(
    "src/engine/limits.rs",
    "one list of every bound, each with its reason",
)];

#[test]
fn every_floor_knows_only_what_it_may() {
    let mut findings = Vec::new();
    for ban in BANS {
        for floor in ban.floors {
            for file in rust_files(floor) {
                for (number, line) in code(&file) {
                    if line.contains(ban.word) {
                        let place = shown(&file);
                        findings.push(format!(
                            "{place}:{number}: no `{}` here: {}",
                            ban.word, ban.instead
                        ));
                    }
                }
            }
        }
    }
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn the_bans_would_catch_what_they_name() {
    for ban in BANS {
        let line = format!("let x = {};", ban.word);
        assert!(strip_comment(&line).contains(ban.word), "{}", ban.word);
    }
    assert!(!strip_comment("let x = 1; // an Instant").contains("Instant"));
    assert!(!rust_files("src/engine").is_empty() && !rust_files("src/wire").is_empty());
}

#[test]
fn no_file_has_grown_past_its_subject() {
    for file in rust_files("src") {
        let lines = fs::read_to_string(&file).unwrap_or_default();
        let code = lines.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
        let count = code.lines().count();
        let place = shown(&file);
        let deserves = LONG_FILES.iter().any(|(name, _)| *name == place);
        assert!(
            count <= LINES_MAX || deserves,
            "{place} has {count} lines of code, more than {LINES_MAX}: split it by subject"
        );
    }
}

#[test]
fn every_file_is_part_of_the_crate() {
    let listed: BTreeSet<String> = rust_files("src")
        .iter()
        .flat_map(|file| modules_of(file))
        .collect();
    for file in rust_files("src") {
        let place = shown(&file);
        assert!(
            place == "src/lib.rs" || listed.contains(&place),
            "{place} is in no module tree: nobody compiles it"
        );
    }
}

/// A native build has no browser crate in it, so what compiles natively names no browser.
#[test]
fn the_native_build_has_no_browser_crate() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "everfresh",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    assert!(tree.starts_with("everfresh v"), "{tree}");
    for browser in [
        "wasm-bindgen",
        "web-sys",
        "js-sys",
        "gloo",
        "serde-wasm-bindgen",
    ] {
        assert!(
            !tree.contains(browser),
            "{browser} is in the native build:\n{tree}"
        );
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    let relative = file.strip_prefix(root()).unwrap_or(file);
    relative.to_string_lossy().replace('\\', "/")
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// Numbered lines without comments and without what is compiled for tests only.
fn code(file: &Path) -> Vec<(usize, String)> {
    let place = shown(file);
    if place.contains("/tests/") || place.ends_with("/tests.rs") {
        return Vec::new();
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    shipped
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, strip_comment(line).to_owned()))
        .collect()
}

fn strip_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

/// The files that a file's `mod` lines name.
fn modules_of(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let parent = file.parent().unwrap_or(file);
    let folder = match stem.as_str() {
        "mod" | "lib" => parent.to_path_buf(),
        _ => parent.join(stem),
    };
    let mut out = Vec::new();
    for line in text.lines() {
        let named = line.trim().strip_prefix("#[path = \"");
        if let Some(name) = named.and_then(|rest| rest.strip_suffix("\"]")) {
            out.push(shown(&parent.join(name)));
        }
        let words: Vec<&str> = line.trim().trim_end_matches(';').split(' ').collect();
        let name = match words.as_slice() {
            ["mod", name] | ["pub", "mod", name] | ["pub(crate)", "mod", name] => name,
            ["pub(super)", "mod", name] => name,
            _ => continue,
        };
        out.push(shown(&folder.join(format!("{name}.rs"))));
        out.push(shown(&folder.join(name).join("mod.rs")));
    }
    out
}
