//! The whole engine: bytes become things that happen to a page, one after another, with time between
//! them. What holds for all of them is checked by [`Page`].
//!
//! The first byte chooses the app, and then every byte is something that happens; bytes behind it say
//! how. A text goes up to the end of its line.

use super::page::{Asked, Page};
use super::parts::{CONFIG, POLLS, app, frame, live, socket};
use crate::engine::channels::Before;
use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Failure, Headers, Reply, StreamEvent};
use crate::engine::ids::{ConnId, LockTicket, Position, Seq, TabId, Term};
use crate::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use crate::engine::queue::Outcome;
use crate::engine::status::{Status, Transport, Word};
use crate::engine::store::{StoreFault, StoreOp};
use crate::engine::tabs::message::{Message, Says};
use crate::engine::time::{Millis, Until, Wall};
use crate::engine::token::{Token, TokenFailure};
use crate::engine::{principal, queue};
use crate::wire::json;

/// Things that happen in one run: enough for a story, and a run stays short.
const STEPS_MAX: usize = 200;

/// What an engine holds of what it was given, as the text of all its members: each byte that came in
/// may be in it some times over, beside what it holds anyhow.
const HELD_MAX: usize = 200_000;
const HELD_A_BYTE: usize = 200;

const CONFIGS: [&str; 4] = [
    CONFIG,
    POLLS,
    r#"{"backend":{"kind":"everfresh","url":"ws://h/live","ladder":["ws","sse","poll"],"maxAttempts":3},"record":true}"#,
    r#"{"user":"u2","backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["c"],
"queue":{"volatile":true},"mutations":{"move":{}},"getToken":true}"#,
];

const FRAMES: [&str; 12] = [
    r#"{"t":"welcome","v":1,"ping":25000,"session":"S","now":1763000000000,"exp":1763000090000}"#,
    r#"{"t":"subd","ch":"c","pos":{"e":"E","s":5},"recovered":true}"#,
    r#"{"t":"subd","ch":"c","pos":{"e":"F","s":0},"recovered":false}"#,
    r#"{"t":"subd","ch":"d","pos":{"e":"E","s":2},"missed":[{"s":1,"name":"moved"},{"s":2,"name":"moved"}]}"#,
    r#"{"t":"unsubd","ch":"c"}"#,
    r#"{"t":"ping","n":1}"#,
    r#"{"t":"pong","n":1}"#,
    r#"{"t":"goaway","spread":2000}"#,
    r#"{"t":"err","id":1,"code":"rate_limited","retry_after":2000}"#,
    r#"{"t":"err","ch":"c","code":"forbidden"}"#,
    r#"{"t":"authd","id":2,"exp":1763000300000}"#,
    r#"{"t":"err","code":"internal"}"#,
];

const COMMANDS: [&str; 16] = [
    r#"{"do":"watch","channel":"e"}"#,
    r#"{"do":"unwatch","channel":"e"}"#,
    r#"{"do":"listen","event":"moved"}"#,
    r#"{"do":"invalidate","keys":[["tasks"]]}"#,
    r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#,
    r#"{"do":"fetch","key":["tasks"],"phase":"start"}"#,
    r#"{"do":"fetch","key":["tasks"],"phase":"success"}"#,
    r#"{"do":"fetch","key":["tasks"],"phase":"failure","retryAfter":3000}"#,
    r#"{"do":"mutate","id":1,"name":"move","vars":{"a":1},"base":{"a":0},"lane":"l"}"#,
    r#"{"do":"mutate","id":2,"name":"log","kind":"text","coalesce":"w","vars":2}"#,
    r#"{"do":"user","user":"u1"}"#,
    r#"{"do":"user","user":null}"#,
    r#"{"do":"reconnect"}"#,
    r#"{"do":"logged-in","token":"T"}"#,
    r#"{"do":"queue","id":3,"op":"retry"}"#,
    r#"{"do":"refreshContract","contract":"tasks"}"#,
];

const SPANS: [u64; 12] = [
    0, 1, 20, 100, 250, 1000, 5000, 10_000, 30_000, 61_000, 600_000, 7_200_000,
];
const STATUSES: [u16; 12] = [200, 204, 304, 401, 403, 404, 410, 413, 429, 500, 503, 0];
const CLOSES: [u16; 12] = [
    1000, 1001, 1006, 1009, 4400, 4401, 4403, 4408, 4413, 4429, 4503, 3000,
];

/// Runs one page.
pub(super) fn run(bytes: &[u8]) {
    let mut source = Source(bytes);
    let Ok(config) = Config::parse(source.pick(&CONFIGS)) else {
        return;
    };
    let mut page = Page::new(config);
    match source.byte() % 3 {
        0 => {}
        1 => page.handle(Input::Command(Command::Start)),
        _ => live(&mut page),
    }
    for _ in 0..STEPS_MAX {
        if source.0.is_empty() {
            break;
        }
        step(&mut page, &mut source);
    }
    page.check();
    page.advance(40_000);
    // To write it all out takes as long as the run itself.
    if bytes.len().is_multiple_of(4) {
        let held = format!("{:?}", page.engine).len();
        let most = HELD_MAX + HELD_A_BYTE * bytes.len();
        assert!(held <= most, "{held} bytes are held of {}", bytes.len());
    }
    page.handle(Input::Command(Command::Close));
    assert_eq!(page.engine.next_wakeup(), None, "a closed page is woken");
}

fn step(page: &mut Page, source: &mut Source<'_>) {
    match source.byte() % 16 {
        0 => page.advance(source.pick(&SPANS)),
        1 => frozen(page, source),
        2 => to_socket(page, source),
        3 => frame(page, source.pick(&FRAMES)),
        4 => frame(page, &event(source)),
        5 => frame(page, source.line()),
        6 => from_tab(page, source),
        7 => raw_from_tab(page, source),
        8 => lock(page, source),
        9 => page.handle(Input::Page(source.pick(&PageEvent::ALL))),
        10 => command(page, source.pick(&COMMANDS)),
        11 => command(page, source.line()),
        12 => answer(page, source),
        13 => answer_well(page),
        14 => storage_changed(page, source),
        _ => from_user(page, source),
    }
}

fn command(page: &mut Page, text: &str) {
    if let Ok(command) = Command::parse(text) {
        app(page, command);
    }
}

fn frozen(page: &mut Page, source: &mut Source<'_>) {
    let span = source.pick(&SPANS);
    match source.byte() % 4 {
        0 => page.jump(span, span),
        1 => page.jump(0, span),
        2 => page.jump(span, 0),
        _ => page.set_back(span),
    }
    page.handle(Input::Tick);
}

fn to_socket(page: &mut Page, source: &mut Source<'_>) {
    let newest = socket(page).unwrap_or_default();
    let conn = match source.byte() % 8 {
        0 => ConnId(newest.0.wrapping_sub(1)),
        _ => newest,
    };
    let event = match source.byte() % 3 {
        0 | 1 => SocketEvent::Opened,
        _ => {
            page.closed(conn);
            SocketEvent::Closed {
                code: source.pick(&CLOSES),
                reason: source.pick(&["", "retry_after=2000", "x"]),
            }
        }
    };
    page.handle(Input::Socket { conn, event });
}

/// An event of the server, with a number that is near to those of others.
fn event(source: &mut Source<'_>) -> String {
    let channel = source.pick(&["c", "d", "e"]);
    let name = source.pick(&["moved", "planned", "sang"]);
    let data = source.pick(&[
        "null",
        r#"{"id":1,"v":2,"cid":"k","start":"2026-01-01","end":null}"#,
        r#"{"id":"a","v":"7"}"#,
    ]);
    let seq = source.byte() % 16;
    format!(r#"{{"t":"ev","ch":"{channel}","s":{seq},"name":"{name}","data":{data},"at":9}}"#)
}

fn lock(page: &mut Page, source: &mut Source<'_>) {
    let newest = page.find(|asked| match asked {
        Asked::Lock(ticket) => Some(*ticket),
        _ => None,
    });
    let ticket = newest.unwrap_or(LockTicket(1));
    page.handle(match source.byte() % 6 {
        0..=2 => Input::Lock(LockEvent::Granted(ticket)),
        3 => Input::Lock(LockEvent::Lost(ticket)),
        4 => Input::Lock(LockEvent::Unavailable),
        _ => Input::NoTabChannel,
    });
}

/// What a tab says that keeps to the rules.
fn from_tab(page: &mut Page, source: &mut Source<'_>) {
    let from = TabId(u64::from(source.byte() % 4));
    let number = page.now().wall.0.saturating_add(source.byte().into());
    let term = Term { number, tab: from };
    let channel = source.pick(&["c", "d", "e"]);
    let seq = u64::from(source.byte() % 16);
    let position = (seq < 14).then(|| Position::new(source.pick(&["E", "F"]), Seq(seq)));
    let wants = vec![(channel.to_owned(), position.clone())];
    let says = match source.byte() % 13 {
        0 => Says::Hello { visible: seq < 8 },
        1 => Says::Here {
            visible: seq < 8,
            wants,
        },
        2 => Says::Bye,
        3 => Says::LoggedIn,
        4 => Says::Calm {
            host: String::new(),
            until: page.now().until(page.now().mono + Millis(seq * 1000)),
        },
        5 => Says::Ask,
        6 => Says::Missing {
            channel: channel.into(),
            position,
        },
        7 => Says::Offer {
            to: super::page::ME,
        },
        8 | 9 => Says::Lead {
            term,
            status: Status {
                word: source.pick(&[Word::Connected, Word::NeedsAuth, Word::Offline]),
                transport: Some(Transport::Socket),
                ..Status::idle(Wall(number))
            },
            hold: (seq > 12).then_some(Until {
                at: Wall(number),
                span: Millis(number),
            }),
            tabs: seq,
            positions: wants,
        },
        10 => Says::Events {
            term,
            events: vec![
                format!(r#"{{"ch":"{channel}","s":{seq},"name":"moved","data":{{"id":3}}}}"#)
                    .into(),
            ],
        },
        11 => Says::Place {
            term,
            to: None,
            channel: channel.into(),
            position,
            before: source.pick(&[Before::Whole, Before::Gap, Before::Anew]),
        },
        _ => Says::Refused {
            term,
            channel: channel.into(),
            code: source.pick(&["full", "forbidden"]).into(),
        },
    };
    let scope = page.scope();
    let text = Message { from, scope, says }.write();
    page.handle(Input::TabMessage(text.as_bytes()));
}

/// What a tab says, of whatever form, but under the right name.
fn raw_from_tab(page: &mut Page, source: &mut Source<'_>) {
    let head = match source.byte() % 4 {
        0 => String::new(),
        from => format!(
            r#"{{"v":1,"from":"{}","of":"{}","#,
            TabId(from.into()).text(),
            page.scope().text()
        ),
    };
    let text = head + source.line();
    page.handle(Input::TabMessage(text.as_bytes()));
}

fn from_user(page: &mut Page, source: &mut Source<'_>) {
    let line = source.line();
    if line.len() > 8 {
        page.handle(Input::UserMessage(line.as_bytes()));
        return;
    }
    let number = page.now().wall.0.saturating_add(source.byte().into());
    let who = source.pick(&["null", "\"0000000000000001\"", "\"00000000000000ff\""]);
    let text = format!(
        r#"{{"v":1,"k":"{}","at":{number},"tab":"0000000000000003","who":{who}}}"#,
        source.pick(&["user", "who"])
    );
    if source.byte().is_multiple_of(2) {
        page.handle(Input::UserMessage(text.as_bytes()));
    } else {
        let key = principal::common_name(&page.config);
        page.handle(Input::StoreChanged {
            key: Some(&key),
            value: Some(&text),
        });
    }
}

fn storage_changed(page: &mut Page, source: &mut Source<'_>) {
    if source.byte().is_multiple_of(4) {
        page.store.clear();
        page.handle(Input::StoreChanged {
            key: None,
            value: None,
        });
        return;
    }
    let key = format!("{}:q:{}", page.config.scope(), source.line());
    let value = queue::fuzz::framed(source.line());
    page.store.insert(key.clone(), value.clone());
    page.handle(Input::StoreChanged {
        key: Some(&key),
        value: Some(&value),
    });
}

/// What the browser, the server and the app answer when all is well.
fn answer_well(page: &mut Page) {
    let Some(asked) = page.take_asked(0) else {
        return;
    };
    answered(page, &mut Source(&[]), asked);
}

fn answer(page: &mut Page, source: &mut Source<'_>) {
    let back = usize::from(source.byte() % 4);
    let Some(asked) = page.take_asked(back) else {
        return;
    };
    answered(page, source, asked);
}

/// Answers something; how, is said by the source, and an empty one says: well.
fn answered(page: &mut Page, source: &mut Source<'_>, asked: Asked) {
    match asked {
        Asked::Socket(conn) => {
            // It stays: frames come on it.
            page.asked.push_back(Asked::Socket(conn));
            let event = SocketEvent::Opened;
            page.handle(Input::Socket { conn, event });
        }
        Asked::Stream(conn) => stream(page, source, conn),
        Asked::Request(request) => {
            let result = match source.byte() % 8 {
                7 => Err(source.pick(&[
                    Failure::Unreachable,
                    Failure::TooLarge,
                    Failure::Unavailable,
                ])),
                _ => Ok(Reply {
                    status: source.pick(&STATUSES),
                    headers: headers(source),
                    body: source.line().as_bytes(),
                }),
            };
            page.handle(Input::Response { request, result });
        }
        Asked::Token(request) => {
            let result = match source.byte() % 4 {
                0 | 1 => Ok(Some(Token::new("T"))),
                2 => Err(TokenFailure::Failed),
                _ => Err(TokenFailure::NeedsLogin),
            };
            page.handle(Input::Token { request, result });
        }
        Asked::Lock(ticket) => page.handle(Input::Lock(LockEvent::Granted(ticket))),
        Asked::Locks => {
            let held = [TabId(1), TabId(2), TabId(3)];
            let count = usize::from(source.byte() % 4);
            page.handle(Input::TabLocks(held.get(..count).unwrap_or(&[])));
        }
        Asked::Session(key) => {
            let value = page.session.get(&key).cloned();
            page.handle(Input::SessionLoaded {
                key: &key,
                value: value.as_deref(),
            });
        }
        Asked::Run(id, attempt) => {
            let outcome = source.pick(&OUTCOMES);
            let outcome = json::parse(outcome).ok().and_then(Outcome::read);
            if let Some(outcome) = outcome {
                page.handle(Input::MutationDone {
                    id,
                    attempt,
                    outcome,
                });
            }
        }
        Asked::Store(..) | Asked::List(..) | Asked::Read(..) => stored(page, source, asked),
    }
}

const OUTCOMES: [&str; 9] = [
    r#"{"ok":true,"data":1}"#,
    r#"{"ok":false,"class":"network"}"#,
    r#"{"ok":false,"class":"conflict","data":{"a":2}}"#,
    r#"{"ok":false,"status":429,"retryAfter":3000}"#,
    r#"{"ok":false,"status":401}"#,
    r#"{"ok":false,"status":400}"#,
    r#"{"ok":false,"class":"timeout"}"#,
    r#"{"ok":false,"class":"missing"}"#,
    r#"{"ok":false,"class":"unclear"}"#,
];

fn stored(page: &mut Page, source: &mut Source<'_>, asked: Asked) {
    let fault = match source.byte() % 8 {
        6 => Some(StoreFault::Quota),
        7 => Some(StoreFault::Blocked),
        _ => None,
    };
    let refuse = |page: &mut Page, op: StoreOp, fault: StoreFault, asked: &Asked| {
        let result = Err(fault);
        page.handle(match asked {
            Asked::List(..) => Input::StoreListed {
                op,
                result: Err(fault),
            },
            Asked::Read(..) => Input::StoreRead {
                op,
                result: Err(fault),
            },
            _ => Input::Stored { op, result },
        });
    };
    match (&asked, fault) {
        (Asked::Store(op, ..) | Asked::List(op, _) | Asked::Read(op, _), Some(fault)) => {
            refuse(page, *op, fault, &asked);
        }
        (Asked::Store(op, key, value), None) => {
            page.store.insert(key.clone(), value.clone());
            page.handle(Input::Stored {
                op: *op,
                result: Ok(()),
            });
        }
        (Asked::List(op, prefix), None) => {
            let all = page.store.keys();
            let keys: Vec<String> = all.filter(|key| key.starts_with(prefix)).cloned().collect();
            page.handle(Input::StoreListed {
                op: *op,
                result: Ok(&keys),
            });
        }
        (Asked::Read(op, keys), None) => {
            let values: Vec<Option<String>> = keys
                .iter()
                .map(|key| page.store.get(key).cloned())
                .collect();
            page.handle(Input::StoreRead {
                op: *op,
                result: Ok(&values),
            });
        }
        _ => {}
    }
}

fn stream(page: &mut Page, source: &mut Source<'_>, conn: ConnId) {
    let event = match source.byte() % 5 {
        0 => StreamEvent::Opened {
            status: source.pick(&STATUSES),
            headers: Headers {
                content_type: Some("text/event-stream"),
                ..headers(source)
            },
        },
        1 => {
            let text = format!("data: {}\n\n", source.pick(&FRAMES));
            page.asked.push_back(Asked::Stream(conn));
            let event = StreamEvent::Chunk(text.as_bytes());
            return page.handle(Input::Stream { conn, event });
        }
        2 => StreamEvent::Chunk(source.line().as_bytes()),
        3 => StreamEvent::Ended,
        _ => StreamEvent::Failed(Failure::Unreachable),
    };
    match event {
        StreamEvent::Opened { .. } | StreamEvent::Chunk(_) => {
            page.asked.push_back(Asked::Stream(conn));
        }
        StreamEvent::Ended | StreamEvent::Failed(_) => page.closed(conn),
    }
    page.handle(Input::Stream { conn, event });
}

fn headers<'a>(source: &mut Source<'_>) -> Headers<'a> {
    Headers {
        etag: source.pick(&[None, Some("\"a\""), Some("W/\"b\"")]),
        retry_after: source.pick(&[None, Some("2"), Some("Wed, 12 Nov 2025 21:33:20 GMT")]),
        content_type: source.pick(&[
            Some("application/x-ndjson"),
            Some("application/json"),
            Some("text/html"),
            None,
        ]),
        date: None,
    }
}

/// Bytes that are used up; when there are none left every byte is 0 and every text is empty.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    fn line(&mut self) -> &'a str {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let (line, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or(&[]);
        std::str::from_utf8(line).unwrap_or("")
    }
}
