//! What `docs/defaults.md` says of the options is what the engine makes of a configuration that says
//! nothing, and it names every option that there is.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use everfresh::engine::config::Config;
use everfresh::engine::freshness::contract::Contract;
use everfresh::engine::freshness::interval::Poll;
use everfresh::engine::limits::{IDLE_AFTER, IDLE_POLL};
use everfresh::engine::time::Millis;

const DOCUMENT: &str = include_str!("../docs/defaults.md");
const OPTIONS: &str = include_str!("../pkg/src/options.ts");

/// Nothing but what has to be said. The package adds `ladder`, which is looked for in its source.
const EMPTY: &str = r#"{"user":null,"backend":{"kind":"everfresh","url":"ws://h"},
    "contracts":{"one":{"key":[]},"old":{"key":[],"maxAge":60000},"auto":{"key":[],"poll":"auto"},
    "idle":{"key":[],"idleAfter":120000},"slow":{"key":[],"idlePoll":60000}},"mutations":{"one":{}}}"#;

/// By the heading of a table: option and default, as they are written there.
fn tables() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut out: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut heading = "";
    for line in DOCUMENT.lines() {
        if let Some(text) = line
            .strip_prefix("### ")
            .or_else(|| line.strip_prefix("## "))
        {
            heading = text;
        }
        let mut cells = line.split('|').map(str::trim).skip(1);
        if let (Some(name), Some(default), Some(_)) = (cells.next(), cells.next(), cells.next())
            && let Some(name) = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
        {
            out.entry(heading).or_default().push((name, default));
        }
    }
    out
}

/// The names that the package takes, of the list with this name in its source.
fn known(list: &str) -> Vec<&'static str> {
    let at = OPTIONS.find(&format!("const {list} =")).unwrap();
    OPTIONS[at..]
        .split('"')
        .nth(1)
        .unwrap()
        .split(' ')
        .collect()
}

/// The same with what stands before them in the document.
fn prefixed(prefix: &str, list: &str) -> Vec<String> {
    let names = known(list).into_iter();
    names.map(|name| format!("{prefix}{name}")).collect()
}

fn span(Millis(ms): Millis) -> String {
    match ms {
        _ if ms % 1000 != 0 => format!("{ms} ms"),
        _ if ms % 60_000 != 0 || ms == 60_000 => format!("{} s", ms / 1000),
        _ => format!("{} min", ms / 60_000),
    }
}

fn contract<'a>(config: &'a Config, name: &str) -> &'a Contract {
    config
        .contracts
        .iter()
        .find(|contract| &*contract.name == name)
        .unwrap()
}

/// What the engine has, as the document has to say it.
fn instance(config: &Config) -> Vec<(&'static str, String)> {
    let queue = &config.queue;
    assert!(queue.count == 10_000 && queue.bytes.is_multiple_of(1 << 20));
    assert!(config.attempts_max.is_none() && config.record.is_none());
    assert!(config.channels.is_empty() && config.routes.is_empty());
    let ladder = r#"["ws", "sse", "poll"]"#;
    assert!(OPTIONS.contains(&format!("{{ ladder: {ladder}, ")));
    vec![
        ("name", format!("`\"{}\"`", config.name)),
        ("backend.ladder", format!("`{ladder}`")),
        ("backend.maxAttempts", "`null`".into()),
        ("channels", "none".into()),
        ("channelsMax", config.keep.cap.to_string()),
        ("channelIdle", span(config.keep.idle)),
        ("events", "none".into()),
        ("queue.maxCount", "10,000".into()),
        ("queue.maxBytes", format!("{} MiB", queue.bytes >> 20)),
        ("queue.parallel", queue.parallel.to_string()),
        ("queue.volatile", format!("`{}`", queue.volatile)),
        ("record", "`false`".into()),
    ]
}

fn contracts(config: &Config) -> Vec<(&'static str, String)> {
    let one = contract(config, "one");
    assert!(one.max_age.is_none() && one.focus_after.is_none() && one.idle.is_none());
    assert!(one.reload_key.is_none() && one.probe.is_none());
    assert_eq!(format!("{:?}", one.poll), "Never");
    assert_eq!(format!("{:?}", contract(config, "old").poll), "Window");
    let idle = contract(config, "slow").idle.unwrap();
    let poll = contract(config, "idle").idle.unwrap().poll;
    assert_eq!((idle.after, poll), (IDLE_AFTER, IDLE_POLL));
    let Poll::ByHealth(pace) = contract(config, "auto").poll else {
        panic!("\"auto\" follows the health of the link");
    };
    let hidden = format!("{:?}", one.hidden).to_lowercase();
    vec![
        ("maxAge", "none".into()),
        ("poll", "within `maxAge`".into()),
        ("poll.fresh", span(pace.fresh)),
        (
            "poll.aging",
            format!("{}, then {}", span(pace.aging), span(pace.old)),
        ),
        ("poll.down", span(pace.down)),
        ("hidden", format!("`\"{hidden}\"`")),
        ("refetchOnFocusAfter", "none".into()),
        ("idleAfter", span(idle.after)),
        ("idlePoll", span(poll)),
        ("enabled", format!("`{}`", one.enabled)),
        ("manual", format!("`{}`", one.manual)),
        ("reloadKey", "none".into()),
        ("minInterval", span(one.min_interval)),
        ("probe", "none".into()),
    ]
}

fn mutations(config: &Config) -> Vec<(&'static str, String)> {
    let (_, one) = config.queue.handlers.first().unwrap();
    assert!(one.attempts.is_none());
    vec![
        ("conflict", format!("`\"{}\"`", one.conflict.text())),
        ("attempts", "none".into()),
        ("timeout", span(one.timeout)),
        ("stops", format!("`{}`", one.stops)),
        ("version", one.version.to_string()),
    ]
}

#[test]
fn the_defaults_in_the_documents_are_those_of_the_engine() {
    let config = Config::parse(EMPTY).unwrap();
    let tables = tables();
    for (heading, have) in [
        ("The instance", instance(&config)),
        ("A contract", contracts(&config)),
        ("A mutation", mutations(&config)),
    ] {
        for (name, default) in have {
            let said = tables[heading].iter().find(|row| row.0 == name);
            assert_eq!(said.map(|row| row.1), Some(&*default), "{heading}: {name}");
        }
    }
}

#[test]
fn every_option_is_in_the_documents_and_no_other() {
    let tables = tables();
    let mut instance: Vec<String> = known("KNOWN")
        .into_iter()
        .filter(|name| !["backend", "queue"].contains(name))
        .map(str::to_owned)
        .collect();
    instance.extend(prefixed("backend.", "KNOWN_OF_BACKEND"));
    instance.extend(prefixed("queue.", "KNOWN_OF_QUEUE"));
    let paces = ["fresh", "aging", "down"].map(|pace| format!("poll.{pace}"));
    let contract = prefixed("", "KNOWN_OF_CONTRACT").into_iter().chain(paces);
    for (heading, mut names) in [
        ("The instance", instance),
        ("A route of `events`", prefixed("", "KNOWN_OF_ROUTE")),
        ("A contract", contract.collect()),
        ("A mutation", prefixed("", "KNOWN_OF_MUTATION")),
    ] {
        let mut said: Vec<_> = tables[heading].iter().map(|row| row.0).collect();
        said.sort_unstable();
        names.sort_unstable();
        assert_eq!(said, names, "{heading}");
    }
}
