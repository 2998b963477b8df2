//! Ends a program together with everything it started: drivers start browsers, browsers start
//! dozens of processes, and some of them leave their parent's process group on purpose.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long programs get to clean up after themselves (temporary profiles, lock files).
const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
struct Process {
    pid: u32,
    parent: u32,
    group: u32,
}

/// Ends the process group `root` and all descendants of its leader: politely, then for certain.
pub fn end(root: u32) {
    let mut members = family(&processes(), root);
    signal("TERM", &members);
    let deadline = Instant::now() + GRACE;
    loop {
        let now = processes();
        members.retain(|pid| now.iter().any(|process| process.pid == *pid));
        for pid in family(&now, root) {
            if !members.contains(&pid) {
                members.push(pid);
            }
        }
        if members.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            signal("KILL", &members);
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ends what a finished program left behind in its own group. What detached itself (a daemon that
/// the user wants to keep, say a compiler cache) is left alone.
pub fn sweep(group: u32) {
    let left: Vec<u32> = processes()
        .iter()
        .filter(|process| process.group == group)
        .map(|p| p.pid)
        .collect();
    if !left.is_empty() {
        end(group);
    }
}

/// Whether a process of that number is running.
#[cfg(test)]
pub fn is_alive(pid: u32) -> bool {
    processes().iter().any(|process| process.pid == pid)
}

fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    // The shell's own `kill`: there is none in std, and the program of that name is not
    // installed everywhere.
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} \"$@\" 2>/dev/null"))
        .arg("sh")
        .args(pids.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn family(processes: &[Process], root: u32) -> Vec<u32> {
    let mut members: Vec<u32> = processes
        .iter()
        .filter(|process| process.pid == root || process.group == root)
        .map(|process| process.pid)
        .collect();
    let mut next = 0;
    while let Some(parent) = members.get(next).copied() {
        for process in processes.iter().filter(|process| process.parent == parent) {
            if !members.contains(&process.pid) {
                members.push(process.pid);
            }
        }
        next += 1;
    }
    members
}

/// All living processes; those that only wait to be collected by their parent do not count.
fn processes() -> Vec<Process> {
    if cfg!(target_os = "linux") {
        processes_from_proc()
    } else {
        processes_from_ps()
    }
}

fn processes_from_proc() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// `/proc/PID/stat` is `pid (name) state ppid pgrp …`; the name may hold spaces and brackets.
fn parse_stat(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Process {
        pid: pid.parse().ok()?,
        parent,
        group,
    })
}

fn processes_from_ps() -> Vec<Process> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,pgid=,stat="])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(parse_ps)
        .collect()
}

fn parse_ps(line: &str) -> Option<Process> {
    let mut fields = line.split_whitespace();
    let pid = fields.next()?.parse().ok()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    if fields.next()?.starts_with('Z') {
        return None;
    }
    Some(Process { pid, parent, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_a_name_full_of_brackets() {
        let process =
            parse_stat("42 (a) (b) c) S 7 41 41 0 -1").map(|p| (p.pid, p.parent, p.group));
        assert_eq!(process, Some((42, 7, 41)));
        assert!(parse_stat("42 (gone) Z 7 41 41").is_none());
        assert!(parse_stat("nonsense").is_none());
    }

    #[test]
    fn a_family_is_the_group_and_all_descendants_wherever_they_went() {
        let processes = [
            Process {
                pid: 1,
                parent: 0,
                group: 1,
            },
            Process {
                pid: 10,
                parent: 1,
                group: 10,
            },
            Process {
                pid: 11,
                parent: 10,
                group: 11,
            },
            Process {
                pid: 12,
                parent: 11,
                group: 12,
            },
            Process {
                pid: 13,
                parent: 1,
                group: 10,
            },
            Process {
                pid: 20,
                parent: 1,
                group: 20,
            },
        ];
        let mut family = family(&processes, 10);
        family.sort_unstable();
        assert_eq!(family, [10, 11, 12, 13]);
    }

    #[test]
    fn ps_lines() {
        let process = parse_ps("  42     7    41 S+").map(|p| (p.pid, p.parent, p.group));
        assert_eq!(process, Some((42, 7, 41)));
        assert!(parse_ps("42 7 41 Z").is_none());
    }
}
