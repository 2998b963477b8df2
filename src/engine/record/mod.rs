//! A recording of a run: what happened to an engine and when, so that another one can be led through
//! the same, on the desk of whoever looks for a mistake.
//!
//! An engine's run follows from its configuration, its seed, its inputs and their times, and from
//! nothing else. So these are written down, a line each, and after each the hash of what the engine
//! wanted done: a replay that takes another way shows where. Recording begins with the engine and
//! ends when there is no room left, with a word that says so. It does not roll: a run can only be
//! replayed from its beginning, and to begin anew in the middle would need all that every part knows
//! as text, which is much more code than all of this. It also ends when another person is there,
//! and what was recorded of the last one goes (G9).
//!
//! What is secret never gets in: `Mask` covers it before it is written.
//!
//! ```text
//! everfresh 1 <seed> <tab> <online> <base> <who> <monotonic> <wall>
//! <the configuration>
//! <milliseconds since the last input>[~<how much more on the wall clock>] <input>
//! =<hash of the outputs, if there are any; ? if it is not known any more>
//! ```

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod input;
mod mask;
mod message;
mod output;
mod packet;
mod plain;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use self::mask::Mask;
use super::Boot;
use super::config::{BadInput, Config};
use super::fnv;
use super::ids::TabId;
use super::input::Input;
use super::limits::RECORD_BYTES_MAX;
use super::output::Output;
use super::principal::User;
use super::time::Now;
use crate::wire::json::{Raw, push_number};
use crate::wire::sse::Decoder;

/// Writes a run down.
#[derive(Debug)]
pub struct Recorder {
    text: String,
    mask: Mask,
    last: Now,
    /// Of the outputs since the last input; nothing if there are none.
    outputs: Option<u64>,
    /// Parts of frames that came on a stream.
    streams: (u32, Decoder),
    open: bool,
}

/// That the run is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The configuration as the app gave it.
    text: Rc<str>,
}

impl Wish {
    /// Reads the wish from a configuration.
    pub fn read(config: Raw<'_>) -> Result<Option<Wish>, BadInput> {
        let wanted = match config.member("record") {
            None => false,
            Some(wish) => wish
                .bool()
                .ok_or_else(|| BadInput::at("record", "true or false"))?,
        };
        Ok(wanted.then(|| Wish {
            text: config.text().into(),
        }))
    }
}

impl Recorder {
    /// A recording that begins with the engine.
    pub fn new(wish: &Wish, config: &Config, boot: Boot, now: Now) -> Recorder {
        let mut mask = Mask::default();
        if let Some(user) = &config.user {
            mask.user(user);
        }
        let mut out = "everfresh 1 ".to_owned();
        for id in [
            TabId(boot.seed),
            boot.tab,
            TabId(u64::from(boot.online)),
            TabId(config.base.0),
        ] {
            out.push_str(&id.text());
            out.push(' ');
        }
        out.push_str(&who(config.user.as_ref()));
        for at in [now.mono.0, now.wall.0] {
            out.push(' ');
            push_number(&mut out, at);
        }
        out.push('\n');
        push_line(&mut out, &mask.config(&wish.text));
        Recorder {
            text: out,
            mask,
            last: now,
            outputs: None,
            streams: (0, Decoder::default()),
            open: true,
        }
    }

    /// Something happens.
    pub fn input(&mut self, now: Now, input: &Input<'_>) {
        if !self.open {
            return;
        }
        self.end_step();
        let mut line = String::new();
        let (mono, wall) = (now.mono.since(self.last.mono).0, self.last.wall.0);
        push_number(&mut line, mono);
        let usual = wall.saturating_add(mono);
        if now.wall.0 != usual {
            line.push('~');
            if now.wall.0 < usual {
                line.push('-');
            }
            push_number(&mut line, now.wall.0.abs_diff(usual));
        }
        line.push(' ');
        self.last = now;
        self.write_input(input, &mut line);
        // Room is left for the hash and the end.
        if self.text.len() + line.len() + 64 > RECORD_BYTES_MAX {
            self.end("full");
            return;
        }
        push_line(&mut self.text, &line);
    }

    /// The engine wants something done.
    pub fn output(&mut self, output: &Output) {
        if !self.open {
            return;
        }
        let mut line = String::new();
        output::write(output, &mut self.mask, &mut line);
        let before = self.outputs.unwrap_or(fnv::START);
        self.outputs = Some(fnv::more(before, line.bytes().chain([0xFF])));
    }

    fn end_step(&mut self) {
        if let Some(hash) = self.outputs.take() {
            self.text.push('=');
            self.text.push_str(&TabId(hash).text());
            self.text.push('\n');
        }
    }

    /// Somebody is known only now whose id stands in what was recorded before. The hashes there are
    /// of outputs that had it too.
    fn cover_past(&mut self) {
        let covered = self.mask.open(&self.text);
        if covered != self.text {
            self.text.clear();
            for line in covered.lines() {
                self.text
                    .push_str(if line.starts_with('=') { "=?" } else { line });
                self.text.push('\n');
            }
        }
    }

    fn end(&mut self, why: &str) {
        self.open = false;
        self.text.push_str("end ");
        self.text.push_str(why);
        self.text.push('\n');
    }

    /// Another person is there.
    pub fn erase(&mut self) {
        if self.open {
            self.text.clear();
            self.mask = Mask::default();
            self.streams = Default::default();
            self.end("user");
        }
    }

    /// The recording so far.
    pub fn text(&self) -> String {
        let mut out = self.text.clone();
        if let Some(hash) = self.outputs {
            out.push('=');
            out.push_str(&TabId(hash).text());
            out.push('\n');
        }
        out
    }
}

fn who(user: Option<&User>) -> String {
    user.map_or_else(|| "-".to_owned(), |user| user.who().text())
}

/// A line has no line feeds in it; another character stands for them that no JSON text has.
const LINE_FEED: char = '\u{1e}';

fn push_line(out: &mut String, line: &str) {
    for character in line.chars() {
        out.push(if character == '\n' {
            LINE_FEED
        } else {
            character
        });
    }
    out.push('\n');
}
