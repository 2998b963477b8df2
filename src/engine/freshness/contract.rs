//! What the app promises its users about the age of data, as data.

use std::rc::Rc;

use super::interval::{Pace, Poll};
use crate::engine::config::BadInput;
use crate::engine::key::QueryKey;
use crate::engine::limits::{
    CONTRACT_NAME_BYTES_MAX, CONTRACT_SPAN_MAX, CONTRACTS_MAX, IDLE_AFTER, IDLE_POLL, MIN_INTERVAL,
    PACE_AGING, PACE_DOWN, PACE_FRESH,
};
use crate::engine::time::Millis;
use crate::wire::json::{Raw, Text};

/// How fresh a family of queries has to be, and by which means it is kept so.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// Its name.
    pub name: Rc<str>,
    /// The family: a prefix of query keys.
    pub key: QueryKey,
    /// The window: data that is shown was asked for at most this long ago.
    pub max_age: Option<Millis>,
    /// How often to look, when nobody says that something changed.
    pub poll: Poll,
    /// What to do while nobody sees the page.
    pub hidden: Hidden,
    /// Coming back after being away for longer than this, data that is older is refetched.
    pub focus_after: Option<Millis>,
    /// Slower while the user does nothing.
    pub idle: Option<Idle>,
    /// Whether it is in force from the start.
    pub enabled: bool,
    /// Nothing is done unless the user asks for it.
    pub manual: bool,
    /// Under which name the age of the data survives a reload.
    pub reload_key: Option<Rc<str>>,
    /// However often something asks for it, looks are never closer than this.
    pub min_interval: Millis,
    /// Where to look whether anything changed, without fetching it all.
    pub probe: Option<Rc<str>>,
}

/// What to do while nobody sees the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Wait until somebody does.
    Pause,
    /// Go on: what is shown must be right at the first glance.
    Continue,
}

/// When the user counts as idle, and how often to look then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Nothing was touched for this long.
    pub after: Millis,
    /// The interval then.
    pub poll: Millis,
}

impl Contract {
    /// The window that is in force: an idle user allows for what the slower pace costs.
    pub fn window(&self, idle: bool) -> Option<Millis> {
        match (self.max_age, self.idle) {
            (Some(window), Some(rest)) if idle => Some(window.max(rest.poll)),
            (window, _) => window,
        }
    }
}

/// Reads all contracts: an object, name to contract.
pub fn contracts(raw: Option<Raw<'_>>) -> Result<Vec<Contract>, BadInput> {
    let mut out: Vec<Contract> = Vec::new();
    let Some(raw) = raw else { return Ok(out) };
    if !raw.is_object() {
        return Err(BadInput::at("contracts", "an object: name to contract"));
    }
    let mut bad = None;
    raw.members(|name, value| {
        let name = name.decode();
        match contract(&name, value) {
            // The last of two members of a name wins, as in JavaScript.
            Ok(contract) => match out.iter_mut().find(|have| *have.name == *name) {
                Some(have) => *have = contract,
                None => out.push(contract),
            },
            Err((member, expected)) => {
                bad.get_or_insert_with(|| {
                    let mut path = "contracts.".to_owned();
                    path.push_str(&name);
                    if !member.is_empty() {
                        path.push('.');
                        path.push_str(member);
                    }
                    BadInput::at(path, expected)
                });
            }
        }
    });
    match bad {
        Some(bad) => Err(bad),
        None if out.len() > CONTRACTS_MAX => {
            Err(BadInput::at("contracts", "at most 200 contracts"))
        }
        None => Ok(out),
    }
}

type Bad = (&'static str, &'static str);

fn contract(name: &str, raw: Raw<'_>) -> Result<Contract, Bad> {
    if !raw.is_object() {
        return Err(("", "an object"));
    }
    if name.is_empty() || name.len() > CONTRACT_NAME_BYTES_MAX {
        return Err(("", "a name of 1 to 255 bytes"));
    }
    let key = raw.member("key").and_then(QueryKey::new);
    let min_interval = span(raw, "minInterval")?.unwrap_or(MIN_INTERVAL);
    let max_age = span(raw, "maxAge")?;
    let manual = flag(raw, "manual", false)?;
    let contract = Contract {
        name: name.into(),
        key: key.ok_or(("key", "a query key: an array of at most 4096 bytes"))?,
        poll: poll(raw, max_age)?,
        max_age,
        hidden: hidden(raw)?,
        focus_after: span(raw, "refetchOnFocusAfter")?,
        idle: idle(raw)?,
        enabled: flag(raw, "enabled", true)?,
        manual,
        reload_key: text(raw, "reloadKey")?,
        min_interval,
        probe: text(raw, "probe")?,
    };
    if let Some(url) = &contract.probe
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        return Err(("probe", "an absolute http: or https: URL"));
    }
    let fastest = contract.poll.fastest();
    if fastest.is_some_and(|poll| poll < min_interval) {
        return Err(("poll", "not more often than minInterval"));
    }
    if max_age.is_some_and(|window| window < min_interval) {
        return Err(("maxAge", "not shorter than minInterval"));
    }
    if manual
        && raw
            .member("poll")
            .is_some_and(|poll| poll.bool() != Some(false))
    {
        return Err(("poll", "nothing, because the contract is manual"));
    }
    Ok(contract)
}

const SPAN: &str = "whole milliseconds, from 1 to 7 days";

fn span(raw: Raw<'_>, name: &'static str) -> Result<Option<Millis>, Bad> {
    match raw.member(name) {
        None => Ok(None),
        Some(value) => span_of(value).map(Some).ok_or((name, SPAN)),
    }
}

fn span_of(value: Raw<'_>) -> Option<Millis> {
    let span = Millis(value.integer()?);
    (span.0 > 0 && span <= CONTRACT_SPAN_MAX).then_some(span)
}

fn flag(raw: Raw<'_>, name: &'static str, default: bool) -> Result<bool, Bad> {
    match raw.member(name) {
        None => Ok(default),
        Some(value) => value.bool().ok_or((name, "true or false")),
    }
}

fn text(raw: Raw<'_>, name: &'static str) -> Result<Option<Rc<str>>, Bad> {
    match raw.member(name) {
        None => Ok(None),
        Some(value) => value
            .string()
            .map(Text::decode)
            .filter(|text| !text.is_empty())
            .map(|text| Some(text.as_ref().into()))
            .ok_or((name, "a non-empty string")),
    }
}

fn hidden(raw: Raw<'_>) -> Result<Hidden, Bad> {
    match text(raw, "hidden")?.as_deref() {
        None | Some("pause") => Ok(Hidden::Pause),
        Some("continue") => Ok(Hidden::Continue),
        Some(_) => Err(("hidden", "\"pause\" or \"continue\"")),
    }
}

fn idle(raw: Raw<'_>) -> Result<Option<Idle>, Bad> {
    let after = span(raw, "idleAfter")?;
    let poll = span(raw, "idlePoll")?;
    Ok((after.is_some() || poll.is_some()).then(|| Idle {
        after: after.unwrap_or(IDLE_AFTER),
        poll: poll.unwrap_or(IDLE_POLL),
    }))
}

fn poll(raw: Raw<'_>, max_age: Option<Millis>) -> Result<Poll, Bad> {
    const EXPECTED: &str = "milliseconds, false, \"auto\", or { fresh, aging, down }";
    let Some(value) = raw.member("poll") else {
        return Ok(match max_age {
            Some(_) => Poll::Window,
            None => Poll::Never,
        });
    };
    if value.bool() == Some(false) {
        return Ok(Poll::Never);
    }
    if let Some(every) = span_of(value) {
        return Ok(Poll::Every(every));
    }
    let auto = value.string().is_some_and(|word| word.is("auto"));
    if !auto && !value.is_object() {
        return Err(("poll", EXPECTED));
    }
    let of = |name, default: Millis| match value.member(name) {
        None => Ok(default),
        Some(value) => span_of(value).ok_or(("poll", EXPECTED)),
    };
    let aging = value.member("aging").is_some();
    Ok(Poll::ByHealth(Pace {
        fresh: of("fresh", PACE_FRESH)?,
        aging: of("aging", PACE_AGING.0)?,
        old: of("aging", if aging { PACE_AGING.0 } else { PACE_AGING.1 })?,
        down: of("down", PACE_DOWN)?,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;

    fn read(text: &str) -> Result<Vec<Contract>, BadInput> {
        contracts(Some(json::parse(text).unwrap()))
    }

    #[test]
    fn po1_a_contract_is_data() {
        let all = read(
            r#"{"planner":{"key":["planner"],"maxAge":30000,"poll":30000,"hidden":"pause",
            "refetchOnFocusAfter":30000,"idleAfter":120000,"idlePoll":60000,"enabled":false,
            "reloadKey":"planner","minInterval":2000,"probe":"https://h/api/planner"}}"#,
        );
        let planner = all.unwrap().swap_remove(0);
        assert_eq!(&*planner.name, "planner");
        assert_eq!(planner.key.text(), r#"["planner"]"#);
        assert_eq!(planner.max_age, Some(Millis::seconds(30)));
        assert_eq!(planner.poll, Poll::Every(Millis::seconds(30)));
        assert_eq!(planner.hidden, Hidden::Pause);
        assert_eq!(planner.focus_after, Some(Millis::seconds(30)));
        let (after, poll) = (Millis::minutes(2), Millis::minutes(1));
        assert_eq!(planner.idle, Some(Idle { after, poll }));
        assert!(!planner.enabled && !planner.manual);
        assert_eq!(planner.reload_key.as_deref(), Some("planner"));
        assert_eq!(planner.probe.as_deref(), Some("https://h/api/planner"));
        assert_eq!(planner.window(false), Some(Millis::seconds(30)));
        assert_eq!(planner.window(true), Some(Millis::seconds(60)));
    }

    #[test]
    fn what_is_left_out_is_sensible() {
        let all =
            read(r#"{"a":{"key":[]},"b":{"key":[],"maxAge":60000},"c":{"key":[],"poll":"auto"}}"#);
        let all = all.unwrap();
        assert_eq!(all[0].poll, Poll::Never);
        assert!(all[0].enabled && all[0].hidden == Hidden::Pause);
        assert_eq!(all[1].poll, Poll::Window);
        let pace = Pace {
            fresh: Millis::seconds(30),
            aging: Millis::seconds(15),
            old: Millis::seconds(10),
            down: Millis::seconds(5),
        };
        assert_eq!(all[2].poll, Poll::ByHealth(pace));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (text, path) in [
            ("[]", "contracts"),
            (r#"{"a":1}"#, "contracts.a"),
            (r#"{"":{"key":[]}}"#, "contracts."),
            (r#"{"a":{}}"#, "contracts.a.key"),
            (r#"{"a":{"key":"x"}}"#, "contracts.a.key"),
            (r#"{"a":{"key":[],"maxAge":0}}"#, "contracts.a.maxAge"),
            (r#"{"a":{"key":[],"maxAge":"1"}}"#, "contracts.a.maxAge"),
            (
                r#"{"a":{"key":[],"maxAge":10,"minInterval":20}}"#,
                "contracts.a.maxAge",
            ),
            (r#"{"a":{"key":[],"poll":true}}"#, "contracts.a.poll"),
            (r#"{"a":{"key":[],"poll":{"down":0}}}"#, "contracts.a.poll"),
            (
                r#"{"a":{"key":[],"poll":10,"minInterval":20}}"#,
                "contracts.a.poll",
            ),
            (
                r#"{"a":{"key":[],"poll":5000,"manual":true}}"#,
                "contracts.a.poll",
            ),
            (r#"{"a":{"key":[],"hidden":"stop"}}"#, "contracts.a.hidden"),
            (r#"{"a":{"key":[],"enabled":1}}"#, "contracts.a.enabled"),
            (
                r#"{"a":{"key":[],"reloadKey":""}}"#,
                "contracts.a.reloadKey",
            ),
            (r#"{"a":{"key":[],"probe":"/api"}}"#, "contracts.a.probe"),
        ] {
            assert_eq!(read(text).unwrap_err().path, path, "{text}");
        }
    }

    #[test]
    fn contracts_have_a_limit() {
        let one = |n: usize| format!(r#""c{n}":{{"key":[]}}"#);
        let all: Vec<_> = (0..=CONTRACTS_MAX).map(one).collect();
        let text = format!("{{{}}}", all.join(","));
        assert_eq!(read(&text).unwrap_err().path, "contracts");
    }
}
