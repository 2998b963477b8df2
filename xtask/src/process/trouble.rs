//! Reads a failed program's output for the two troubles that are not its fault: a full disk and
//! a dead network. People should be told the remedy, not shown forty lines of a package manager.

use crate::error::Cause;

const DISK_FULL: &[&str] = &[
    "No space left on device",
    "ENOSPC",
    "os error 28",
    "not enough free space",
    "You don't have enough free space",
];

/// Phrases of cargo (curl), npm (Node), apt and rustup. Only looked for in the output of steps that
/// fetch something: a test that prints ECONNREFUSED has failed for a reason of its own.
const NO_NETWORK: &[&str] = &[
    // cargo
    "spurious network error",
    "failed to download from",
    "failed to fetch `http",
    "download of config.json failed",
    "Could not resolve host",
    "Couldn't resolve host",
    "Couldn't connect to server",
    "Could not connect to server",
    "Failed to connect to",
    "Timeout was reached",
    "SSL connect error",
    // npm
    "code ENOTFOUND",
    "code EAI_AGAIN",
    "code ECONNREFUSED",
    "code ECONNRESET",
    "code ETIMEDOUT",
    "code ENETUNREACH",
    "code ERR_SOCKET_TIMEOUT",
    "code FETCH_ERROR",
    // apt
    "Temporary failure resolving",
    "Could not resolve '",
    "Unable to connect to",
    "Connection timed out",
    "Cannot initiate the connection to",
    // rustup
    "could not download file from",
    "error sending request for url",
    "failed to lookup address information",
    // the system
    "Network is unreachable",
    "No route to host",
    "Name or service not known",
    "Temporary failure in name resolution",
];

/// What the output of a failed program says about its failure, if it is one of the known troubles.
pub fn diagnose(output: &str, fetches: bool) -> Option<Cause> {
    // The disk first: a download that could not be stored often looks like a network error too.
    if DISK_FULL.iter().any(|phrase| output.contains(phrase)) {
        return Some(Cause::DiskFull);
    }
    if fetches && NO_NETWORK.iter().any(|phrase| output.contains(phrase)) {
        return Some(Cause::NoNetwork);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO_OFFLINE: &str = "    Updating crates.io index
warning: spurious network error (3 tries remaining): [6] Could not resolve hostname (Could not resolve host: index.crates.io)
error: failed to get `lexopt` as a dependency of package `xtask v0.1.0`";
    const NPM_OFFLINE: &str = "npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error network This is a problem related to network connectivity.";
    const APT_OFFLINE: &str = "Err:1 http://deb.debian.org/debian bookworm InRelease
  Temporary failure resolving 'deb.debian.org'";
    const RUSTC_DISK_FULL: &str = "error: failed to write /build/target/debug/deps/x.rmeta: No space left on device (os error 28)";
    const NPM_DISK_FULL: &str = "npm error code ENOSPC
npm error syscall write
npm error errno -28
npm error network request to https://registry.npmjs.org/x failed, code ECONNRESET";

    #[test]
    fn package_managers_without_network() {
        for output in [CARGO_OFFLINE, NPM_OFFLINE, APT_OFFLINE] {
            assert_eq!(diagnose(output, true), Some(Cause::NoNetwork), "{output}");
        }
    }

    #[test]
    fn a_full_disk_wins_over_the_network_error_it_causes() {
        for output in [RUSTC_DISK_FULL, NPM_DISK_FULL] {
            assert_eq!(diagnose(output, true), Some(Cause::DiskFull), "{output}");
        }
    }

    #[test]
    fn a_test_that_could_not_connect_is_not_called_a_dead_network() {
        assert_eq!(diagnose("code ECONNREFUSED 127.0.0.1:8080", false), None);
    }

    #[test]
    fn an_ordinary_compile_error_is_neither() {
        let output = "error[E0425]: cannot find value `connection` in this scope";
        assert_eq!(diagnose(output, true), None);
    }
}
