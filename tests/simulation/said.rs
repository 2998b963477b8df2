//! What the app wants, as the text by which a real app says it. So every command of every world goes
//! through the reader too, and can be recorded.

use everfresh::engine::command::Command;
use everfresh::engine::input::Input;
use everfresh::engine::invalidation::{Phase, Report, RetryAfter, Version};
use everfresh::engine::journal::{Part, Parts};
use everfresh::engine::key::QueryKey;
use everfresh::engine::queue::{Draft, Handler, Kind};
use everfresh::engine::room::{Show, Use};
use everfresh::engine::token::{Token, TokenFailure};
use everfresh::wire::json::Writer;

/// The text of a command; nothing for what is no text: the beginning, the end, and a person of whom
/// only the hash is known.
pub(crate) fn said(command: &Command) -> Option<String> {
    let mut w = Writer::new();
    let mut is_text = true;
    w.object(|w| is_text = write(command, w));
    let text = w.finish();
    if !is_text {
        return None;
    }
    assert_eq!(Command::parse(&text).as_ref(), Ok(command), "{text}");
    Some(text)
}

/// A command as the engine takes it.
pub(crate) fn input<'a>(command: &Command, text: Option<&'a str>) -> Input<'a> {
    match text {
        Some(text) => Input::Said {
            command: command.clone(),
            text,
        },
        None => Input::Command(command.clone()),
    }
}

fn write(command: &Command, w: &mut Writer) -> bool {
    let mut of = |what: &str, name: &str, value: &str| {
        w.key("do").string(what);
        w.key(name).string(value);
    };
    match command {
        Command::Start | Command::Close => return false,
        Command::Watch { channel } => of("watch", "channel", channel),
        Command::Unwatch { channel } => of("unwatch", "channel", channel),
        Command::Listen { event } => of("listen", "event", event),
        Command::Unlisten { event } => of("unlisten", "event", event),
        Command::WatchContract { contract } => of("watchContract", "contract", contract),
        Command::UnwatchContract { contract } => of("unwatchContract", "contract", contract),
        Command::EnableContract { contract } => of("enableContract", "contract", contract),
        Command::DisableContract { contract } => of("disableContract", "contract", contract),
        Command::RefreshContract { contract } => of("refreshContract", "contract", contract),
        Command::Unhandle { name } => of("unhandle", "name", name),
        Command::Leave { channel } => of("leave", "channel", channel),
        Command::Activity => w.key("do").string("activity"),
        Command::Reconnect => w.key("do").string("reconnect"),
        Command::Layer { number, status } => {
            w.key("do").string("layer");
            w.key("n").number(*number as u64);
            status.write_members(w);
        }
        Command::Elsewhere { number, event } => {
            of("elsewhere", "channel", &event.channel);
            w.key("n").number(*number as u64);
            w.key("name").string(&event.name);
            w.key("data").raw(&event.data);
            if let Some(by) = &event.by {
                w.key("by").string(by);
            }
            if let Some(at) = event.at {
                w.key("at").number(at);
            }
        }
        Command::Missed { number, channel } => {
            of("missed", "channel", channel);
            w.key("n").number(*number as u64);
        }
        Command::Invalidate { keys } => {
            w.key("do").string("invalidate");
            write_keys("keys", keys, w);
        }
        Command::Applied {
            mutation,
            keys,
            stale,
        } => {
            of("applied", "mutation", mutation);
            write_keys("keys", keys, w);
            write_keys("stale", stale, w);
        }
        Command::Fetch(report) => write_report(report, w),
        Command::Mutate(draft) => write_draft(draft, w),
        Command::Handle { name, handler } => {
            of("handle", "name", name);
            write_handler(handler, w);
        }
        Command::MutationDone {
            id,
            attempt,
            outcome,
        } => {
            of("done", "id", &id.text());
            w.key("attempt").number((*attempt).into());
            w.key("outcome");
            outcome.write(w);
        }
        // The text is the whole command.
        Command::Queue { text, .. } => {
            let whole = everfresh::wire::json::parse(text).expect("it was read");
            whole.members(|name, value| w.key(&name.decode()).raw(value.text()));
        }
        Command::Join { channel, show } => {
            of("join", "channel", channel);
            match show {
                Show::Nothing => w.key("meta").null(),
                Show::Known(meta) => w.key("meta").raw(meta),
                Show::Anonymous(meta) => {
                    w.key("meta").raw(meta);
                    w.key("anonymous").bool(true);
                }
            }
        }
        Command::Signal(call) => {
            of("signal", "channel", &call.channel);
            w.key("name").string(&call.name);
            w.key("data").raw(&call.data);
        }
        Command::Typing { channel, field } => {
            of("typing", "channel", channel);
            match field {
                Some(field) => w.key("field").string(field),
                None => w.key("field").null(),
            }
        }
        Command::Lease { field, what } => {
            of("lease", "channel", &field.channel);
            w.key("field").string(&field.name);
            w.key("use").string(match what {
                Use::Take => "take",
                Use::Edit => "edit",
                Use::Release => "release",
            });
        }
        Command::SetUser { user } => {
            w.key("do").string("user");
            match user {
                Some(user) if user.id().is_empty() => return false,
                Some(user) => w.key("user").string(user.id()),
                None => w.key("user").null(),
            }
        }
        Command::Log { parts } => {
            w.key("do").string("log");
            write_parts(*parts, w);
        }
        Command::Token { request, result } => {
            w.key("do").string("token");
            w.key("request").number(request.0.into());
            match result {
                Ok(token) => write_token(token.as_ref(), w),
                Err(TokenFailure::NeedsLogin) => w.key("failed").string("needs-login"),
                Err(TokenFailure::Failed) => w.key("failed").string("error"),
            }
        }
        Command::LoggedIn { token } => {
            w.key("do").string("logged-in");
            write_token(token.as_ref(), w);
        }
    }
    true
}

fn write_keys(name: &str, keys: &[QueryKey], w: &mut Writer) {
    w.key(name).array(|w| {
        for key in keys {
            w.raw(key.text());
        }
    });
}

fn write_token(token: Option<&Token>, w: &mut Writer) {
    match token {
        Some(token) => w.key("token").string(token.text()),
        None => w.key("token").null(),
    }
}

fn write_parts(parts: Parts, w: &mut Writer) {
    w.key("parts").array(|w| {
        for part in [
            Part::Link,
            Part::Tabs,
            Part::Channels,
            Part::Invalidation,
            Part::Freshness,
            Part::Queue,
            Part::Room,
            Part::Faults,
        ] {
            if parts.has(part) {
                w.string(part.text());
            }
        }
    });
}

fn write_handler(handler: &Handler, w: &mut Writer) {
    w.key("version").number(handler.version);
    w.key("conflict").string(handler.conflict.text());
    if let Some(attempts) = handler.attempts {
        w.key("attempts").number(attempts.into());
    }
    w.key("timeout").number(handler.timeout.0);
    w.key("stops").bool(handler.stops);
}

fn write_draft(draft: &Draft, w: &mut Writer) {
    w.key("do").string("mutate");
    w.key("id").number(draft.call);
    w.key("name").string(&draft.name);
    w.key("version").number(draft.version);
    w.key("vars").raw(&draft.vars);
    w.key("lane").string(&draft.lane);
    if let Some(base) = &draft.base {
        w.key("base").raw(base);
    }
    if draft.kind != Kind::Plain {
        w.key("kind").string(draft.kind.text());
    }
    if let Some(word) = &draft.coalesce {
        w.key("coalesce").string(word);
    }
    w.key("barrier").bool(draft.barrier);
    if let Some(stamp) = &draft.over {
        w.key("over").string(&stamp.text());
    }
}

fn write_report(report: &Report, w: &mut Writer) {
    w.key("do").string("fetch");
    w.key("key").raw(report.key.text());
    let mut put = |name: &str, number: Option<u64>| {
        if let Some(number) = number {
            w.key(name).number(number);
        }
    };
    let word = match &report.phase {
        Phase::Observe { age, .. } => {
            put("age", age.map(|age| age.0));
            "observe"
        }
        Phase::Unobserve => "unobserve",
        Phase::Remove => "remove",
        Phase::Start { fetch, age } => {
            put("fetch", *fetch);
            put("age", age.map(|age| age.0));
            "start"
        }
        Phase::Success { fetch, .. } => {
            put("fetch", *fetch);
            "success"
        }
        Phase::Failure { fetch, .. } => {
            put("fetch", *fetch);
            "failure"
        }
        Phase::Cancel => "cancel",
    };
    w.key("phase").string(word);
    match &report.phase {
        Phase::Observe {
            active, visible, ..
        } => {
            w.key("active").bool(*active);
            w.key("visible").bool(*visible);
        }
        Phase::Success { version, .. } => {
            if let Some(version) = version.as_ref().map(Version::text) {
                w.key("version").string(version);
            }
        }
        Phase::Failure { retry_after, .. } => match retry_after {
            Some(RetryAfter::In(span)) => w.key("retryAfter").number(span.0),
            Some(RetryAfter::Header(text)) => w.key("retryAfter").string(text),
            None => {}
        },
        Phase::Unobserve | Phase::Remove | Phase::Start { .. } | Phase::Cancel => {}
    }
    if let Some(host) = &report.host {
        w.key("host").string(host);
    }
}
