//! `cargo xtask test` must not say that all is well when it is not: the program itself, run on small
//! projects with one thing wrong in each.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const GOOD: &str = "#[test]\nfn counts() {\n    assert_eq!(1 + 1, 2);\n}\n";
const FAILING: &str = "#[test]\nfn counts() {\n    assert_eq!(1 + 1, 3);\n}\n";
const BROKEN: &str = "#[test]\nfn counts() {\n    assert_eq!(one + 1, 2);\n}\n";
const UGLY: &str = "#[test]\nfn counts() { assert_eq!(1+1, 2); }\n";
const EMPTY: &str = "//! Nothing is tested here.\n";
const WRONG_EXAMPLE: &str =
    "//! ```\n//! assert_eq!(1 + 1, 3);\n//! ```\n\n#[test]\nfn counts() {}\n";

/// A crate of one file, in a workspace of its own, that is removed at the end.
struct Small {
    root: PathBuf,
}

impl Small {
    fn new(name: &str, source: &str) -> std::io::Result<Self> {
        let root =
            std::env::temp_dir().join(format!("everfresh-honesty-{}-{name}", std::process::id()));
        fs::create_dir_all(root.join("src"))?;
        fs::write(
            root.join("Cargo.toml"),
            "[workspace]\n\n[package]\nname = \"small\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
        )?;
        fs::write(root.join("src/lib.rs"), source)?;
        Ok(Self { root })
    }

    fn test(&self, stages: &[&str]) -> std::io::Result<Output> {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.arg("test").env("EVERFRESH_ROOT", &self.root);
        for stage in stages {
            xtask.args(["--only", stage]);
        }
        xtask.output()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The exit code and the last line.
fn verdict(name: &str, source: &str, stages: &[&str]) -> std::io::Result<(Option<i32>, String)> {
    let output = Small::new(name, source)?.test(stages)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default().to_owned();
    println!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok((output.status.code(), last))
}

#[test]
fn all_is_well_when_all_is_well() -> std::io::Result<()> {
    let expected = (Some(0), "2 passed, 0 failed".to_owned());
    assert_eq!(verdict("good", GOOD, &["format", "native"])?, expected);
    Ok(())
}

#[test]
fn a_failing_test_fails_the_run() -> std::io::Result<()> {
    let expected = (Some(1), "1 passed, 1 failed".to_owned());
    assert_eq!(
        verdict("failing", FAILING, &["format", "native"])?,
        expected
    );
    Ok(())
}

#[test]
fn code_that_does_not_compile_fails_the_run() -> std::io::Result<()> {
    let expected = (Some(1), "1 passed, 1 failed".to_owned());
    assert_eq!(verdict("broken", BROKEN, &["format", "native"])?, expected);
    Ok(())
}

#[test]
fn a_wrong_example_in_the_documentation_fails_the_run() -> std::io::Result<()> {
    let expected = (Some(1), "1 passed, 1 failed".to_owned());
    assert_eq!(verdict("example", WRONG_EXAMPLE, &["native"])?, expected);
    Ok(())
}

#[test]
fn a_project_without_tests_fails_the_run() -> std::io::Result<()> {
    let expected = (Some(1), "0 passed, 1 failed".to_owned());
    assert_eq!(verdict("empty", EMPTY, &["native"])?, expected);
    Ok(())
}

#[test]
fn bad_format_fails_the_run() -> std::io::Result<()> {
    let expected = (Some(1), "0 passed, 1 failed".to_owned());
    assert_eq!(verdict("ugly", UGLY, &["format"])?, expected);
    Ok(())
}

#[test]
fn a_stage_that_cannot_begin_fails_the_run() -> std::io::Result<()> {
    let (code, last) = verdict("no-e2e", GOOD, &["e2e"])?;
    assert_eq!(code, Some(1));
    assert_eq!(last, "0 passed, 1 failed");
    Ok(())
}
