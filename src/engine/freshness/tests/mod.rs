//! Contracts in pages that live: with fetches that take time, links, clocks, users and other tabs.

#![allow(clippy::unwrap_used)]

mod causes;
mod clocks;
mod passion;
mod polls;
mod probes;
mod table;
mod tabs;

use super::word::Word;
use super::*;
use crate::engine::http::{Failure, Headers, Reply};
use crate::engine::time::{Millis, Wall};
use crate::wire::json::{self, Writer};

const WALL: u64 = 1_795_248_000_000;

/// What happened in a page, to be looked at afterwards.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Refetch(String, Why),
    Probe(Option<String>),
    Violation(String, Blame),
    Login,
    Save(String, String),
    Load(String),
    Erase(String),
}

/// A page with contracts, an app that fetches what it is told to, and a server behind it.
struct Page {
    part: Freshness,
    rng: Rng,
    now: u64,
    /// What the wall clock is off.
    wall: i64,
    /// How long a fetch takes; nothing if it never ends.
    takes: Option<u64>,
    /// Fetches and their ends: moment, key, whether it works.
    fetches: Vec<(u64, QueryKey)>,
    fails: bool,
    /// How long a probe takes.
    probe_takes: u64,
    /// What the server says to a probe.
    server: Server,
    probes: Vec<(u64, ProbeId, Option<String>)>,
    /// Timers run at multiples of this only.
    throttle: u64,
    seen: Vec<(u64, Seen)>,
    said: Vec<Word>,
    keys: Vec<QueryKey>,
}

#[derive(Clone, Debug)]
struct Server {
    status: u16,
    etag: Option<String>,
    content_type: Option<String>,
    retry_after: Option<String>,
    body: String,
    unreachable: bool,
}

fn key(text: &str) -> QueryKey {
    QueryKey::new(json::parse(text).unwrap()).unwrap()
}

impl Page {
    fn new(contracts: &str) -> Page {
        let contracts = contract::contracts(Some(json::parse(contracts).unwrap())).unwrap();
        let server = Server {
            status: 200,
            etag: Some("\"1\"".to_owned()),
            content_type: Some("application/json".to_owned()),
            retry_after: None,
            body: "{}".to_owned(),
            unreachable: false,
        };
        let now = Now {
            mono: Mono(0),
            wall: Wall(WALL),
        };
        let mut page = Page {
            part: Freshness::new("scope".into(), contracts, true, now),
            rng: Rng::new(1),
            now: 0,
            wall: 0,
            takes: Some(200),
            fetches: Vec::new(),
            fails: false,
            probe_takes: 50,
            server,
            probes: Vec::new(),
            throttle: 1,
            seen: Vec::new(),
            said: Vec::new(),
            keys: Vec::new(),
        };
        page.part.start(page.at());
        page.part.set_place(Place::Leads);
        page.part.link(page.at(), true, &mut page.rng);
        page.settle();
        page
    }

    fn at(&self) -> Now {
        Now {
            mono: Mono(self.now),
            wall: Wall((WALL + self.now).saturating_add_signed(self.wall)),
        }
    }

    /// A component is mounted: its query is fetched, as TanStack Query does.
    fn mount(&mut self, text: &str) {
        let key = key(text);
        self.part.report(self.at(), &key, Fact::Observed(true));
        if !self.keys.contains(&key) {
            self.keys.push(key.clone());
        }
        self.fetch(&key);
        self.settle();
    }

    fn unmount(&mut self, text: &str) {
        let key = key(text);
        self.part.report(self.at(), &key, Fact::Observed(false));
        self.keys.retain(|have| *have != key);
        self.settle();
    }

    fn fetch(&mut self, key: &QueryKey) {
        if self.fetches.iter().any(|(_, have)| have == key) {
            return;
        }
        self.part.report(self.at(), key, Fact::Started);
        let until = self.takes.map_or(u64::MAX, |takes| self.now + takes);
        self.fetches.push((until, key.clone()));
    }

    /// Lets the part do what is due, and does what it says.
    fn settle(&mut self) {
        self.part.tick(self.at(), &mut self.rng);
        while let Some(step) = self.part.poll() {
            let seen = match step {
                Step::Refetch { key, contract, why } => {
                    let family: Vec<_> = self
                        .keys
                        .iter()
                        .filter(|have| have.in_family(&key))
                        .cloned()
                        .collect();
                    for key in family {
                        self.fetch(&key);
                    }
                    Seen::Refetch(contract.to_string(), why)
                }
                Step::Probe { id, call } => {
                    let condition = call
                        .headers
                        .iter()
                        .find(|(name, _)| *name == "if-none-match");
                    let condition = condition.map(|(_, value)| value.clone());
                    self.probes
                        .push((self.now + self.probe_takes, id, condition.clone()));
                    Seen::Probe(condition)
                }
                Step::AbortProbe(id) => {
                    self.probes.retain(|(_, have, _)| *have != id);
                    continue;
                }
                Step::Say(word) => {
                    self.said.push(word);
                    continue;
                }
                Step::Violation(violation) => {
                    Seen::Violation(violation.contract.to_string(), violation.blame)
                }
                Step::Login => Seen::Login,
                Step::Save { key, value } => Seen::Save(key, value),
                Step::Load { key } => Seen::Load(key),
                Step::Erase { key } => Seen::Erase(key),
            };
            self.seen.push((self.now, seen));
        }
    }

    /// Lives until a moment.
    fn until(&mut self, moment: u64) {
        loop {
            let wakeup = self.part.next_wakeup().map(|Mono(at)| at.max(self.now));
            let wakeup = wakeup.map(|at| at.div_ceil(self.throttle) * self.throttle);
            let fetch = self.fetches.iter().map(|(at, _)| *at).min();
            let probe = self.probes.iter().map(|(at, ..)| *at).min();
            let next = [wakeup, fetch, probe].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= moment) else {
                break;
            };
            let before = (self.now, self.seen.len());
            self.now = self.now.max(next);
            self.end_fetches();
            self.end_probes();
            self.settle();
            let after = self
                .part
                .next_wakeup()
                .is_some_and(|Mono(at)| at <= self.now);
            assert!(
                !after || before != (self.now, self.seen.len()),
                "it wants to be woken at {} for nothing",
                self.now
            );
        }
        self.now = moment;
    }

    fn end_fetches(&mut self) {
        let (done, rest) = self.fetches.drain(..).partition(|(at, _)| *at <= self.now);
        let done: Vec<(u64, QueryKey)> = done;
        self.fetches = rest;
        for (_, key) in done {
            let fact = match self.fails {
                true => Fact::Failed { answered: false },
                false => Fact::Fetched,
            };
            self.part.report(self.at(), &key, fact);
        }
    }

    fn end_probes(&mut self) {
        let (done, rest) = self.probes.drain(..).partition(|(at, ..)| *at <= self.now);
        let done: Vec<(u64, ProbeId, Option<String>)> = done;
        self.probes = rest;
        for (_, id, condition) in done {
            self.answer(id, condition.as_deref());
        }
    }

    fn answer(&mut self, id: ProbeId, condition: Option<&str>) {
        let server = self.server.clone();
        let same = condition.is_some() && condition == server.etag.as_deref();
        let reply = Reply {
            status: match server.status {
                200 if same => 304,
                status => status,
            },
            headers: Headers {
                etag: server.etag.as_deref(),
                retry_after: server.retry_after.as_deref(),
                content_type: server.content_type.as_deref(),
                date: None,
            },
            body: server.body.as_bytes(),
        };
        let result = match server.unreachable {
            true => Err(Failure::Unreachable),
            false => Ok(reply),
        };
        let now = self.at();
        self.part.answered(now, id, result, &mut self.rng);
    }

    fn run(&mut self, span: u64) {
        self.until(self.now + span);
    }

    /// What was seen since the last time, without what is stored.
    fn take(&mut self) -> Vec<(u64, Seen)> {
        let seen = std::mem::take(&mut self.seen);
        let stored = |seen: &Seen| matches!(seen, Seen::Save(..) | Seen::Load(..));
        seen.into_iter().filter(|(_, seen)| !stored(seen)).collect()
    }

    fn refetches(&mut self) -> Vec<(u64, Why)> {
        let seen = self.take();
        let refetch = |(at, seen)| match seen {
            Seen::Refetch(_, why) => Some((at, why)),
            _ => None,
        };
        seen.into_iter().filter_map(refetch).collect()
    }

    fn violations(&self) -> Vec<(u64, Blame)> {
        let blame = |(at, seen): &(u64, Seen)| match seen {
            Seen::Violation(_, blame) => Some((*at, *blame)),
            _ => None,
        };
        self.seen.iter().filter_map(blame).collect()
    }

    /// A member of a contract's state.
    fn shows(&self, contract: &str, member: &str) -> String {
        let mut writer = Writer::new();
        self.part.write(&mut writer, self.at());
        let text = writer.finish();
        let mut found = None;
        json::parse(&text).unwrap().elements(|entry| {
            if entry
                .member("contract")
                .unwrap()
                .string()
                .unwrap()
                .is(contract)
            {
                found = entry.member(member).map(|value| value.text().to_owned());
            }
        });
        found.unwrap()
    }
}
