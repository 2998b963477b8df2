//! Debian packages: installed when we may, named with the command when we may not.

use std::fs;
use std::time::Duration;

use crate::error::Result;
use crate::process::{Step, ask, command, find};
use crate::project::Project;

/// Whether packages can be installed from here: a Debian, and we are root.
pub fn usable() -> bool {
    is_debian() && is_root() && find("apt-get").is_some()
}

/// Debian itself. Its relatives name packages otherwise (Ubuntu's `chromium` is not a browser but
/// a pointer to a snap).
pub fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text))
}

fn names_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .any(|line| line.trim() == "ID=debian" || line.trim() == "ID=\"debian\"")
}

fn is_root() -> bool {
    ask(command("id").arg("-u")).is_some_and(|id| id == "0")
}

/// The installed version of a package.
pub fn installed(package: &str) -> Option<String> {
    let status =
        ask(command("dpkg-query").args(["-W", "-f=${db:Status-Status} ${Version}", package]))?;
    status.strip_prefix("installed ").map(str::to_owned)
}

/// The version of a package that would be installed.
pub fn candidate(package: &str) -> Option<String> {
    let policy = ask(command("apt-cache").args(["policy", package]))?;
    candidate_in_policy(&policy)
}

fn candidate_in_policy(policy: &str) -> Option<String> {
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// What a package depends on, by name.
pub fn dependencies(package: &str) -> Vec<String> {
    let listed = ask(command("apt-cache").args(["depends", package])).unwrap_or_default();
    listed
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .map(str::to_owned)
        .collect()
}

/// The names of all packages that match a pattern.
pub fn names(pattern: &str) -> Vec<String> {
    let listed =
        ask(command("apt-cache").args(["search", "--names-only", pattern])).unwrap_or_default();
    listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Refreshes the list of packages. A machine that has just been made has none.
pub fn update(project: &Project) -> Result<()> {
    let mut apt = command("apt-get");
    apt.args([
        "update",
        "-q",
        "-o",
        "DPkg::Lock::Timeout=120",
        "-o",
        "Acquire::Retries=2",
    ]);
    // One source that cannot be reached must not stop us: the others may have all we need, and
    // the installation says so if not.
    Step::new("refresh the list of Debian packages", apt)
        .limit(Duration::from_secs(180))
        .run(project)
        .map(|_| ())
}

/// Installs packages, and never removes any.
pub fn install(project: &Project, label: &str, packages: &[String]) -> Result<()> {
    let mut apt = command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .args([
            "install",
            "-q",
            "-y",
            "--no-install-recommends",
            "--no-remove",
        ])
        .args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"])
        .args(packages);
    Step::new(label, apt)
        .limit(Duration::from_secs(15 * 60))
        .fetches()
        .must(project)?;
    Ok(())
}

/// The command that a person would type.
pub fn install_command(packages: &[&str]) -> String {
    format!("sudo apt-get install {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_is_debian() {
        assert!(names_debian("NAME=\"Debian\"\nID=debian\n"));
        assert!(!names_debian("ID=ubuntu\nID_LIKE=debian\n"));
    }

    #[test]
    fn a_candidate_of_none_is_none() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1\n";
        assert_eq!(
            candidate_in_policy(policy).as_deref(),
            Some("1.96.0+dfsg1-1")
        );
        assert_eq!(candidate_in_policy("x:\n  Candidate: (none)\n"), None);
    }
}
