//! Leads an engine through a recording (`engine::record`), tells what happens, and looks whether the
//! same comes of it.
//!
//! The engine that is led records too. If both recordings are the same, every output was the same to
//! the last byte, as far as it is not covered: each step has the hash of its outputs.

use std::fmt::Write as _;

use everfresh::engine::command::Command;
use everfresh::engine::config::Config;
use everfresh::engine::http::{Failure, Headers, Reply, StreamEvent};
use everfresh::engine::ids::{ConnId, HttpId, LockTicket, Scope, TabId, TokenId};
use everfresh::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use everfresh::engine::limits::STREAM_LINE_BYTES_MAX;
use everfresh::engine::principal::{User, Who};
use everfresh::engine::queue::{MutationId, Outcome};
use everfresh::engine::store::{StoreFault, StoreOp};
use everfresh::engine::time::{Millis, Mono, Now, Wall};
use everfresh::engine::token::{Token, TokenFailure};
use everfresh::engine::{Boot, Engine};
use everfresh::wire::json::{self, Raw, Text};

/// What came of a replay.
pub(crate) struct Replay {
    /// What happened, line by line.
    pub(crate) story: String,
    /// How many inputs there were.
    pub(crate) inputs: usize,
    /// Where the two runs part, if they do.
    pub(crate) differs: Option<String>,
}

/// The longest line of a story.
const WIDTH: usize = 400;

/// Leads an engine through a recording. What cannot be read is said.
pub(crate) fn replay(recording: &str) -> Result<Replay, String> {
    let mut lines = recording.lines();
    let head = lines.next().ok_or("it is empty")?;
    if head == "end user" {
        return Err(
            "another person was there: what was recorded of the last one is gone".to_owned(),
        );
    }
    let text = plain(lines.next().ok_or("it has no configuration")?);
    let (mut engine, mut now) = begin(head, &text)?;
    let mut story = String::new();
    let mut inputs = 0;
    for (at, line) in lines.clone().enumerate() {
        if line.starts_with('=') || line.starts_with("end ") {
            continue;
        }
        let wrong = |what: &str| format!("line {}: {what}: {line}", at + 3);
        let (delta, input) = line.split_once(' ').ok_or_else(|| wrong("no input"))?;
        now = later(now, delta).ok_or_else(|| wrong("no time"))?;
        let said = format!("{:>9} {}", now.mono.0, shown(input));
        story.push_str(said.trim_end());
        story.push('\n');
        happen(&mut engine, now, &plain(input)).ok_or_else(|| wrong("no input that I know"))?;
        inputs += 1;
        while let Some(output) = engine.poll_output() {
            let text = format!("{output:?}");
            let _ = writeln!(story, "          -> {}", shown(&text));
        }
    }
    let again = recorded(&engine).ok_or("the engine did not record")?;
    let differs = difference(recording, &again);
    Ok(Replay {
        story,
        inputs,
        differs,
    })
}

/// The recording that an engine made, as an app gets it.
pub(crate) fn recorded(engine: &Engine) -> Option<String> {
    engine.recording()
}

/// An input, and the hash of what came of it.
fn steps(recording: &str) -> Vec<(&str, Option<&str>)> {
    let mut out: Vec<(&str, Option<&str>)> = Vec::new();
    for line in recording.lines().filter(|line| !line.starts_with("end ")) {
        match (line.strip_prefix('='), out.last_mut()) {
            (Some(hash), Some((_, of_last))) => *of_last = Some(hash),
            _ => out.push((line, None)),
        }
    }
    out
}

fn difference(was: &str, is: &str) -> Option<String> {
    let (was, is) = (steps(was), steps(is));
    // What is not known of the one is believed of the other.
    let same = |at: usize| match (was.get(at), is.get(at)) {
        (Some((was, Some("?"))), Some((is, _))) => was == is,
        (was, is) => was == is,
    };
    let at = (0..was.len().max(is.len())).find(|at| !same(*at))?;
    let step = |steps: &[(&str, Option<&str>)]| {
        let (input, hash) = steps.get(at).copied().unwrap_or_default();
        format!("{} = {}", shown(input), hash.unwrap_or("nothing"))
    };
    Some(format!(
        "step {at}\nwas     {}\nand now {}",
        step(&was),
        step(&is)
    ))
}

fn begin(head: &str, text: &str) -> Result<(Engine, Now), String> {
    let words: Vec<&str> = head.split(' ').collect();
    let ["everfresh", "1", seed, tab, online, base, who, mono, wall] = words.as_slice() else {
        return Err(format!("this is no recording that I know: {head}"));
    };
    let hex = |text: &str| TabId::parse(text).ok_or_else(|| format!("{text} is no id"));
    let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
    let mut config = Config::parse(text).map_err(|bad| format!("its configuration: {bad:?}"))?;
    config.base = Scope(hex(base)?.0);
    config.user = Who::parse(who).map(User::of);
    let boot = Boot {
        seed: hex(seed)?.0,
        tab: hex(tab)?,
        online: hex(online)?.0 == 1,
    };
    let now = Now {
        mono: Mono(number(mono)?),
        wall: Wall(number(wall)?),
    };
    Ok((Engine::new(config, boot, now), now))
}

/// `<milliseconds>[~<how much more on the wall clock>]`.
fn later(now: Now, delta: &str) -> Option<Now> {
    let (mono, more) = match delta.split_once('~') {
        Some((mono, more)) => (mono, more.parse::<i64>().ok()?),
        None => (delta, 0),
    };
    let span = Millis(mono.parse().ok()?);
    let wall = now.wall + span;
    Some(Now {
        mono: now.mono + span,
        wall: Wall(wall.0.saturating_add_signed(more)),
    })
}

/// A line of a recording as the text that it was.
fn plain(line: &str) -> String {
    line.replace('\u{1e}', "\n")
}

fn shown(text: &str) -> String {
    let line: String = text.chars().take(WIDTH).collect();
    let rest = text.chars().count().saturating_sub(WIDTH);
    match rest {
        0 => line,
        _ => format!("{line} … and {rest} more"),
    }
}

fn happen(engine: &mut Engine, now: Now, line: &str) -> Option<()> {
    let letter = line.chars().next()?;
    let rest = line.get(letter.len_utf8()..)?;
    // A number and what follows it, of those that have one.
    let (digits, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = || digits.parse::<u64>().ok();
    let small = || digits.parse::<u32>().ok();
    let bytes = |text: &str| match text.strip_prefix('!') {
        Some(count) => Some(vec![0xFF; count.trim().parse().ok()?]),
        None => Some(text.as_bytes().to_vec()),
    };
    let values = |text: &str| -> Option<Vec<Option<String>>> {
        let mut out = Vec::new();
        json::parse(text).ok()?.elements(|value| {
            out.push(value.string().map(Text::decode).map(String::from));
        });
        Some(out)
    };
    let fault = |word: &str| match word {
        "quota" => Some(StoreFault::Quota),
        "blocked" => Some(StoreFault::Blocked),
        _ => None,
    };
    match letter {
        '.' => engine.handle(now, Input::Tick),
        'a' => {
            let command = Command::parse(rest).ok()?;
            engine.handle(
                now,
                Input::Said {
                    command,
                    text: rest,
                },
            );
        }
        's' => engine.handle(now, Input::Command(Command::Start)),
        'x' => engine.handle(now, Input::Command(Command::Close)),
        'u' => {
            let user = match rest {
                "-" => None,
                who => Some(User::of(Who::parse(who)?)),
            };
            engine.handle(now, Input::Command(Command::SetUser { user }));
        }
        'o' | 'f' | 'b' | 'e' => {
            let frame = match letter {
                'b' => vec![0; after.parse().ok()?],
                _ => bytes(after)?,
            };
            let event = match letter {
                'o' => SocketEvent::Opened,
                'f' => SocketEvent::Frame(&frame),
                'b' => SocketEvent::Bytes(&frame),
                _ => {
                    let (code, reason) = after.split_once(' ')?;
                    let code = code.parse().ok()?;
                    SocketEvent::Closed { code, reason }
                }
            };
            let conn = ConnId(small()?);
            engine.handle(now, Input::Socket { conn, event });
        }
        'r' => {
            let end = after.find(']')? + 1;
            let head = values(after.get(..end)?)?;
            let body = bytes(after.get(end + 1..)?)?;
            let status = status(after.get(..end)?)?;
            let headers = headers(&head);
            let body = body.as_slice();
            let result = Ok(Reply {
                status,
                headers,
                body,
            });
            let request = HttpId(small()?);
            engine.handle(now, Input::Response { request, result });
        }
        'R' => {
            let result = Err(failure(after)?);
            let request = HttpId(small()?);
            engine.handle(now, Input::Response { request, result });
        }
        'h' => {
            let head = values(after)?;
            let event = StreamEvent::Opened {
                status: status(after)?,
                headers: headers(&head),
            };
            let conn = ConnId(small()?);
            engine.handle(now, Input::Stream { conn, event });
        }
        'c' => {
            let (broken, frames) = match after.strip_prefix('!') {
                Some(frames) => (true, frames),
                None => (false, after),
            };
            let mut chunk = String::new();
            for frame in values(frames)?.into_iter().flatten() {
                if let Some(field) = frame.strip_prefix('\u{1}') {
                    let _ = writeln!(chunk, "{field}");
                    continue;
                }
                for line in frame.split('\n') {
                    let _ = writeln!(chunk, "data: {line}");
                }
                chunk.push('\n');
            }
            if broken {
                chunk.push_str(&"x".repeat(STREAM_LINE_BYTES_MAX + 1));
            }
            let event = StreamEvent::Chunk(chunk.as_bytes());
            let conn = ConnId(small()?);
            engine.handle(now, Input::Stream { conn, event });
        }
        'E' | 'F' => {
            let event = match letter {
                'E' => StreamEvent::Ended,
                _ => StreamEvent::Failed(failure(after)?),
            };
            let conn = ConnId(small()?);
            engine.handle(now, Input::Stream { conn, event });
        }
        't' => {
            let result = match after {
                "0" => Ok(None),
                "-" => Err(TokenFailure::Failed),
                "?" => Err(TokenFailure::NeedsLogin),
                token => Ok(Some(Token::new(token.strip_prefix('+')?))),
            };
            let request = TokenId(small()?);
            engine.handle(now, Input::Token { request, result });
        }
        'l' => engine.handle(now, Input::Lock(LockEvent::Granted(LockTicket(small()?)))),
        'L' => engine.handle(now, Input::Lock(LockEvent::Lost(LockTicket(small()?)))),
        'N' => engine.handle(now, Input::Lock(LockEvent::Unavailable)),
        'n' => engine.handle(now, Input::NoTabChannel),
        'm' => engine.handle(now, Input::TabMessage(&bytes(rest)?)),
        'M' => engine.handle(now, Input::UserMessage(&bytes(rest)?)),
        'k' => {
            let ids = rest.as_bytes().chunks(16);
            let ids: Option<Vec<TabId>> = ids
                .map(|id| TabId::parse(std::str::from_utf8(id).ok()?))
                .collect();
            engine.handle(now, Input::TabLocks(&ids?));
        }
        'p' => engine.handle(now, Input::Page(*PageEvent::ALL.get(number()? as usize)?)),
        'd' => {
            let raw = json::parse(rest).ok()?;
            engine.handle(
                now,
                Input::MutationDone {
                    id: MutationId::read(raw.member("id")?)?,
                    attempt: raw.member("attempt")?.integer()? as u32,
                    outcome: Outcome::read(raw.member("outcome")?)?,
                },
            );
        }
        'w' => {
            let op = StoreOp(number()?);
            let result = match after {
                "ok" => Ok(()),
                word => Err(fault(word)?),
            };
            engine.handle(now, Input::Stored { op, result });
        }
        'i' => {
            let op = StoreOp(number()?);
            let keys: Vec<String> = match fault(after) {
                Some(_) => Vec::new(),
                None => values(after)?.into_iter().flatten().collect(),
            };
            let result = fault(after).map_or(Ok(keys.as_slice()), Err);
            engine.handle(now, Input::StoreListed { op, result });
        }
        'v' => {
            let op = StoreOp(number()?);
            let read = match fault(after) {
                Some(_) => Vec::new(),
                None => values(after)?,
            };
            let result = fault(after).map_or(Ok(read.as_slice()), Err);
            engine.handle(now, Input::StoreRead { op, result });
        }
        'g' => {
            let both = values(rest)?;
            let key = both.first()?.as_deref();
            let value = both.get(1)?.as_deref();
            engine.handle(now, Input::StoreChanged { key, value });
        }
        'y' => {
            let both = values(rest)?;
            let key = both.first()?.as_deref()?;
            let value = both.get(1)?.as_deref();
            engine.handle(now, Input::SessionLoaded { key, value });
        }
        _ => return None,
    }
    Some(())
}

fn status(head: &str) -> Option<u16> {
    let mut first = None;
    json::parse(head).ok()?.elements(|value| {
        first.get_or_insert(Raw::integer(value));
    });
    u16::try_from(first??).ok()
}

/// The status stands first in the list, and is no text.
fn headers(head: &[Option<String>]) -> Headers<'_> {
    let header = |at: usize| head.get(at).and_then(Option::as_deref);
    Headers {
        etag: header(1),
        retry_after: header(2),
        content_type: header(3),
        date: header(4),
    }
}

fn failure(word: &str) -> Option<Failure> {
    Some(match word {
        "unreachable" => Failure::Unreachable,
        "timeout" => Failure::Timeout,
        "too-large" => Failure::TooLarge,
        "unavailable" => Failure::Unavailable,
        _ => return None,
    })
}

mod tests {
    use super::*;
    use crate::tab::{Life, Tab};
    use crate::world::World;

    /// The recordings of all tabs of a world.
    fn recordings(seed: u64) -> Vec<String> {
        let mut world = World::new(seed, None, false);
        world.records = true;
        world.run();
        let recording = |tab: &Tab| {
            let text = recorded(&tab.engine)?;
            if tab.life != Life::Gone {
                return Some(text);
            }
            // It may have died between two outputs of its last input.
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.iter().rposition(|line| !line.starts_with('='))?;
            let lines = lines.get(..last)?;
            Some(lines.join("\n"))
        };
        world.tabs.iter().filter_map(recording).collect()
    }

    #[test]
    fn what_was_recorded_in_a_world_happens_again_to_the_last_byte() {
        let mut inputs = 0;
        for seed in 0..12 {
            for recording in recordings(seed) {
                let replay = replay(&recording).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
                assert_eq!(replay.differs, None, "seed {seed}");
                inputs += replay.inputs;
            }
        }
        assert!(inputs > 5000, "{inputs}");
    }

    #[test]
    fn a_run_that_took_another_way_is_told_and_where() {
        let recording = recordings(3).swap_remove(0);
        let lines: Vec<&str> = recording.lines().collect();
        let at = lines
            .iter()
            .position(|line| line.contains(r#""t":"welcome""#));
        let at = at.expect("it was connected");
        let mut other: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        other[at] = lines[at].replace("welcome", "unheard");
        let replay = replay(&other.join("\n")).expect("it can be read");
        let differs = replay.differs.expect("another way");
        let before = lines.iter().take(at).filter(|line| !line.starts_with('='));
        let step = format!("step {}\n", before.count());
        assert!(differs.starts_with(&step), "{step} {differs}");
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for text in [
            "",
            "end user",
            "everfresh 2 x",
            "everfresh 1\n{}",
            "hello\n{}\n",
        ] {
            assert!(replay(text).is_err(), "{text}");
        }
        let mut lines = recordings(1).swap_remove(0);
        lines.push_str("\n5 ?\n");
        assert!(replay(&lines).is_err(), "a command that was no text");
    }
}

/// Replays the file that the environment names, and tells its story.
#[allow(clippy::print_stdout, reason = "the story")]
pub(crate) fn from_environment() {
    let Ok(file) = std::env::var("EVERFRESH_REPLAY") else {
        return;
    };
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    // The recording by itself, or the diagnostics that it is a part of.
    let text = json::parse(&text)
        .ok()
        .and_then(|raw| {
            raw.member("recording")
                .or_else(|| raw.member("journal")?.member("recording"))
        })
        .and_then(Raw::string)
        .map_or_else(|| text.clone(), |inner| inner.decode().into_owned());
    match replay(&text) {
        Err(why) => panic!("{file}: {why}"),
        Ok(replay) => {
            println!("{}", replay.story);
            if let Some(differs) = replay.differs {
                panic!("this engine takes another way: {differs}");
            }
            println!(
                "{} inputs, and all outputs are what they were",
                replay.inputs
            );
        }
    }
}
