//! Shows that something is happening and for how long: one line that is rewritten on a terminal, a
//! line now and then elsewhere.

use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What ends sooner is not worth a line.
const QUIET: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(250);
const EVERY: Duration = Duration::from_secs(15);
const WIDTH: usize = 79;

/// The display of one long step, until it is finished or dropped.
pub struct Progress {
    /// Takes how it ended; closed without a word when the step could not be run.
    ended: Option<Sender<&'static str>>,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to show `label`, with the last line of `log` beside it.
    pub fn start(label: &str, log: Option<&Path>) -> Self {
        let (ended, end) = channel();
        let painter = Painter {
            label: label.to_owned(),
            log: log.map(Path::to_path_buf),
            terminal: std::io::stderr().is_terminal(),
            started: Instant::now(),
        };
        let painter = thread::spawn(move || {
            let mut pause = QUIET;
            let mut shown = false;
            let how = loop {
                match end.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => painter.paint(),
                    Err(RecvTimeoutError::Disconnected) => break "ended",
                    Ok(how) => break how,
                }
                shown = true;
                pause = if painter.terminal { REDRAW } else { EVERY };
            };
            if shown {
                painter.close(how);
            }
        });
        Self {
            ended: Some(ended),
            painter: Some(painter),
        }
    }

    /// Replaces the moving line by how it ended and how long it took.
    pub fn finish(mut self, ok: bool) {
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(if ok { "done" } else { "failed" });
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(painter) = self.painter.take() {
            let _ = painter.join();
        }
    }
}

struct Painter {
    label: String,
    log: Option<PathBuf>,
    terminal: bool,
    started: Instant,
}

impl Painter {
    fn paint(&self) {
        let elapsed = duration(self.started.elapsed());
        let doing = self.log.as_deref().and_then(last_line).unwrap_or_default();
        let line = format!("  {:>9}  {}  {doing}", elapsed, self.label);
        let line: String = line.trim_end().chars().take(WIDTH).collect();
        let mut err = std::io::stderr().lock();
        // Nobody to tell is no reason to stop.
        let _ = if self.terminal {
            write!(err, "\r\x1b[K{line}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{line}")
        };
    }

    fn close(&self, how: &str) {
        let start = if self.terminal { "\r\x1b[K" } else { "" };
        let elapsed = duration(self.started.elapsed());
        let _ = writeln!(
            std::io::stderr(),
            "{start}  {elapsed:>9}  {}: {how}",
            self.label
        );
    }
}

/// The last line of a file that grows, without control characters.
fn last_line(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(1024)))
        .ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    let text = String::from_utf8_lossy(&end);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).collect())
}

/// A duration as people say it.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time < Duration::from_secs(10) {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration(Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(59)), "59 s");
        assert_eq!(duration(Duration::from_secs(125)), "2:05 min");
    }
}
