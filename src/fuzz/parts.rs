//! What the app gives, and what single parts read: fed to an engine that is ready for it.

use super::page::{Asked, Page};
use crate::engine::backend::Speaks;
use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::http::{Headers, Reply, retry_after};
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::limits::RETRY_AFTER_MAX;
use crate::engine::time::Wall;
use crate::wire::{json, native};

/// A configuration: whatever is accepted can be used.
pub(super) fn config(bytes: &[u8]) {
    let Some(config) = text(bytes).and_then(|text| Config::parse(text).ok()) else {
        return;
    };
    for door in ["", "sse", "poll"] {
        assert!(config.http_url(door).starts_with("http"));
    }
    let mut page = Page::new(config);
    live(&mut page);
    page.advance(60_000);
    page.handle(Input::Command(Command::Close));
    assert_eq!(page.engine.next_wakeup(), None);
}

/// The backend of the first line, and what follows that line.
pub(super) fn backend(bytes: &[u8]) -> (Option<Speaks>, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (first, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let raw = text(first).and_then(|text| json::parse(text).ok());
    let speaks = raw.and_then(|raw| Speaks::read(raw).ok());
    (speaks, rest.get(1..).unwrap_or(&[]))
}

/// What stands between the bytes 0x1E.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0x1E)
}

/// Commands, on a line each.
pub(super) fn command(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(config) = Config::parse(CONFIG) else {
        return;
    };
    let mut page = Page::new(config);
    live(&mut page);
    for line in text.split('\n').take(64) {
        if let Ok(command) = Command::parse(line) {
            app(&mut page, command);
        }
    }
    page.advance(10_000);
    page.check();
}

/// The app wants something.
pub(crate) fn app(page: &mut Page, command: Command) {
    if let Command::SetUser { user } = &command {
        page.config.user.clone_from(user);
    }
    page.handle(Input::Command(command));
}

/// An answer over HTTP: status, `retry-after`, `date`, `content-type` and `etag` on a line each, and
/// the body. It is what everything that asks by HTTP gets: looks, polls, posts and probes.
pub(super) fn http(bytes: &[u8]) {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or(&[]);
        std::str::from_utf8(line)
            .ok()
            .filter(|line| !line.is_empty())
    };
    let status = line().and_then(|line| line.parse().ok()).unwrap_or(200);
    let headers = Headers {
        retry_after: line(),
        date: line(),
        content_type: line(),
        etag: line(),
    };
    let _ = native::read_alive(rest);
    if let Some(span) = retry_after(&headers, Wall(1_763_000_000_000)) {
        assert!(span <= RETRY_AFTER_MAX);
    }
    let reply = Reply {
        status,
        headers,
        body: rest,
    };
    let Ok(config) = Config::parse(POLLS) else {
        return;
    };
    let mut page = Page::new(config);
    lead(&mut page);
    let observe = r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#;
    if let Ok(command) = Command::parse(observe) {
        page.handle(Input::Command(command));
    }
    for _ in 0..8 {
        while let Some(request) = page.find(|asked| match asked {
            Asked::Request(request) => Some(*request),
            _ => None,
        }) {
            page.asked
                .retain(|asked| !matches!(asked, Asked::Request(have) if *have == request));
            let result = Ok(reply);
            page.handle(Input::Response { request, result });
        }
        page.advance(1000);
    }
    page.check();
}

/// What this tab stored before a reload, and what it stores then.
pub(super) fn session(bytes: &[u8]) {
    let Ok(config) = Config::parse(CONFIG) else {
        return;
    };
    let mut page = Page::new(config);
    page.handle(Input::Command(Command::Start));
    let value = std::str::from_utf8(bytes).ok();
    while let Some(key) = page.find(|asked| match asked {
        Asked::Session(key) => Some(key.clone()),
        _ => None,
    }) {
        page.asked
            .retain(|asked| !matches!(asked, Asked::Session(have) if *have == key));
        let key = key.as_str();
        page.handle(Input::SessionLoaded { key, value });
    }
    lead(&mut page);
    page.advance(40_000);
    page.check();
}

/// The routes of events, and payloads on the lines behind them.
pub(super) fn routes(bytes: &[u8]) {
    let Some((routes, payloads)) =
        text(bytes).map(|text| text.split_once('\n').unwrap_or((text, "")))
    else {
        return;
    };
    let config = [
        r#"{"backend":{"kind":"everfresh","url":"ws://h/live"},"channels":["c"],"events":"#,
        routes,
        "}",
    ]
    .concat();
    let Ok(config) = Config::parse(&config) else {
        return;
    };
    let names: Vec<String> = config
        .routes
        .iter()
        .map(|route| route.event.to_string())
        .collect();
    let mut page = Page::new(config);
    live(&mut page);
    for key in [
        r#"["a",1]"#,
        r#"["a",{"from":"2026-01-01","to":"2026-02-01"}]"#,
        "[]",
    ] {
        let observe = [r#"{"do":"fetch","phase":"observe","key":"#, key, "}"].concat();
        if let Ok(command) = Command::parse(&observe) {
            page.handle(Input::Command(command));
        }
    }
    let mut seq = 0u64;
    for payload in payloads.split('\n').take(16) {
        for name in names.iter().take(8) {
            seq += 1;
            let mut writer = crate::wire::json::Writer::new();
            writer.object(|w| {
                w.key("t").string("ev");
                w.key("ch").string("c");
                w.key("s").number(seq);
                w.key("name").string(name);
                w.key("data").raw(payload);
            });
            frame(&mut page, &writer.finish());
        }
    }
    page.advance(1000);
    page.check();
}

/// Starts the page, and gives it the lead.
pub(crate) fn lead(page: &mut Page) {
    page.handle(Input::Command(Command::Start));
    if let Some(ticket) = page.find(|asked| match asked {
        Asked::Lock(ticket) => Some(*ticket),
        _ => None,
    }) {
        page.handle(Input::Lock(LockEvent::Granted(ticket)));
    }
}

/// Starts the page, and connects it.
pub(crate) fn live(page: &mut Page) {
    lead(page);
    let Some(conn) = socket(page) else { return };
    let event = SocketEvent::Opened;
    page.handle(Input::Socket { conn, event });
    frame(page, r#"{"t":"welcome","v":1,"ping":25000,"session":"S"}"#);
    frame(page, r#"{"t":"subd","ch":"c","pos":{"e":"E","s":0}}"#);
}

/// The newest socket.
pub(super) fn socket(page: &Page) -> Option<crate::engine::ids::ConnId> {
    page.find(|asked| match asked {
        Asked::Socket(conn) => Some(*conn),
        _ => None,
    })
}

/// The server says something on the newest socket.
pub(crate) fn frame(page: &mut Page, text: &str) {
    if let Some(conn) = socket(page) {
        let event = SocketEvent::Frame(text.as_bytes());
        page.handle(Input::Socket { conn, event });
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// An app with a little of everything.
pub(crate) const CONFIG: &str = r#"{"user":"u1","name":"app","getToken":true,
"backend":{"kind":"everfresh","url":"ws://h/live","ladder":["ws"]},"channels":["c","d"],
"channelsMax":4,"channelIdle":5000,
"events":{"moved":[["tasks"],["task","$.id"]],
"planned":{"keys":[["plan",{"$range":[["$.start","$.end"]]}]],"as":"plan","change":"$.cid",
"entity":"$.id","version":"$.v","mutation":"$.mid"}},
"contracts":{"tasks":{"key":["tasks"],"maxAge":30000,"reloadKey":"tasks","refetchOnFocusAfter":9000},
"plan":{"key":["plan"],"poll":"auto","hidden":"continue","idleAfter":60000,"probe":"https://h/plan"},
"all":{"key":[],"manual":true}},
"queue":{"maxCount":20,"maxBytes":20000,"parallel":2},
"mutations":{"move":{"version":1,"conflict":"merge","attempts":3,"stops":true},
"log":{"conflict":"client"},"mine":{"conflict":"server"}}}"#;

/// An app that has nothing but requests, and looks by them.
pub(super) const POLLS: &str = r#"{"backend":{"kind":"everfresh","url":"ws://h/live?k=v",
"ladder":["poll","sse"]},"channels":["c"],
"contracts":{"tasks":{"key":["tasks"],"poll":2000,"probe":"https://h/tasks"}}}"#;
