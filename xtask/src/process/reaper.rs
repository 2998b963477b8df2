//! Ends our children even when we cannot: a Ctrl-C, a closed terminal or a `kill -9` ends this
//! program at once, while its children live in process groups of their own.
//!
//! A second copy of this program waits on a pipe and is told of every child that starts and ends.
//! The pipe closes when we are gone, however that came; the copy then ends what is left.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use super::tree;

/// The command line argument that makes this program the reaper.
pub const ARGUMENT: &str = "__reap";

static REAPER: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

/// Tells the reaper of a child that leads its own process group.
pub fn adopt(pid: u32) {
    tell('+', pid);
}

/// Tells the reaper that the child has ended.
pub fn release(pid: u32) {
    tell('-', pid);
}

fn tell(sign: char, pid: u32) {
    let Some(pipe) = REAPER.get_or_init(start) else {
        return;
    };
    if let Ok(mut pipe) = pipe.lock() {
        // Without a reaper only the clean-up after a sudden death is lost.
        let _ = writeln!(pipe, "{sign} {pid}");
    }
}

fn start() -> Option<Mutex<ChildStdin>> {
    let program = std::env::current_exe().ok()?;
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        // Not ours: whoever reads our output waits until the last holder has closed it.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take().map(Mutex::new)
}

/// What the second copy does: listen until the pipe closes, then end what is left.
pub fn run(input: impl BufRead) {
    for pid in survivors(input) {
        tree::end(pid);
    }
}

fn survivors(input: impl BufRead) -> BTreeSet<u32> {
    let mut alive = BTreeSet::new();
    for line in input.lines().map_while(std::result::Result::ok) {
        match line.split_once(' ').map(|(sign, pid)| (sign, pid.parse())) {
            Some(("+", Ok(pid))) => alive.insert(pid),
            Some(("-", Ok(pid))) => alive.remove(&pid),
            _ => false,
        };
    }
    alive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_released_is_left() {
        let told = "+ 10\n+ 11\n- 10\n+ 12\nnonsense\n- 99\n";
        assert_eq!(
            survivors(told.as_bytes()).into_iter().collect::<Vec<_>>(),
            [11, 12]
        );
    }
}
