//! A screen that nobody sees: WebKitGTK has no headless mode.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::error::{Cause, Error, Result};
use crate::process::{Group, command};

/// A running virtual screen; dropping it ends it.
pub struct Xvfb {
    display: String,
    _group: Group,
}

impl Xvfb {
    /// Starts one on a display that is free.
    pub fn start() -> Result<Self> {
        let failed = |why: &str| Error::new(Cause::Failed, format!("Xvfb did not start: {why}"));
        let mut xvfb = command("Xvfb");
        // `-displayfd` lets the server choose, and answer when it is ready: no guessed numbers, no race.
        xvfb.args(["-displayfd", "1", "-screen", "0", "1280x1024x24"])
            // Without it the server starts afresh whenever its last browser closes, and refuses the
            // next one that comes at that moment.
            .args(["-noreset", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut group = Group::start(&mut xvfb).map_err(|error| failed(&error.to_string()))?;
        let output = group.take_stdout().ok_or_else(|| failed("no output"))?;
        let (send, answer) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
        match answer.recv_timeout(Duration::from_secs(20)) {
            Ok(Ok(number)) if number.trim().parse::<u32>().is_ok() => Ok(Self {
                display: format!(":{}", number.trim()),
                _group: group,
            }),
            _ => Err(failed("it named no display")),
        }
    }

    /// The value for `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}
