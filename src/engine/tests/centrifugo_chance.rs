//! Whatever happens between a page and a server of Centrifugo: a change makes its family stale in the end, whether
//! anybody was told of it or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::network::{FAMILIES, Network, Server, World};
use crate::wire::centrifugo::{fossil, is_true, number, word};
use crate::wire::json::{self, Raw, Writer};

const CONFIG: &str = r#"{"user":"u","backend":{"kind":"centrifugo","url":"wss://h/connection/websocket","delta":"fossil"},
    "getToken":true,"channels":["c"],"events":{"a":[["a"]],"b":[["b"]]}}"#;

/// The same where each channel has a token of its own.
const WITH_TOKENS: &str = r#"{"user":"u","backend":{"kind":"centrifugo","url":"wss://h/connection/websocket","delta":"fossil","getChannelToken":true},
    "getToken":true,"channels":["c"],"events":{"a":[["a"]],"b":[["b"]]}}"#;

/// What makes nothing stale.
const OTHER: &str = "other";

/// How often the server gives a sign of life, and how long it waits for the answer.
const PING_MS: u64 = 25_000;
const PONG_MS: u64 = 8000;

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and who is subscribed is told.
    Change(usize),
    /// The same, and it is lost on the way.
    Lost(usize),
    Cut(u16),
    /// The server is not there for so long, and its history is gone.
    Restart(u64),
    Silence(u64),
    Freeze(u64),
    TakeBack(u64),
    /// The next ones who subscribe are refused, by this code.
    Deny(u8, u64),
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        2 => (0usize..2).prop_map(Deed::Lost),
        3 => prop::sample::select(vec![1000, 1001, 1005, 1006, 3000, 3001, 3005, 3010, 4000]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        2 => prop::sample::select(vec![2000, 2500, 2501, 2502]).prop_map(Deed::TakeBack),
        1 => (1u8..3, prop::sample::select(vec![100, 109, 111, 112])).prop_map(|(times, code)| Deed::Deny(times, code)),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// How many publications it keeps; none is that it does not number them.
    keeps: Option<usize>,
    /// It tells the newest alone, and calls that recovered.
    newest: bool,
    /// It subscribes the channel by itself.
    gives: bool,
    /// For how many seconds the token of a channel is good, if there has to be one.
    tokens: Option<u64>,
    /// It tells payloads as what is new of each where that is wanted.
    delta: bool,
}

/// How a payload is told.
#[derive(Clone, Copy, Debug)]
enum Told {
    Json,
    /// As a text of JSON.
    Text,
    /// As what is new of it since the one before.
    New,
}

impl Told {
    fn of(delta: bool, follows: bool) -> Told {
        match (delta, follows) {
            (false, _) => Told::Json,
            (true, false) => Told::Text,
            (true, true) => Told::New,
        }
    }
}

struct Link {
    known: bool,
    subscribed: bool,
    /// Payloads are told as what is new of each, once the first was told whole.
    delta: bool,
    ready: bool,
    /// When the subscription ends.
    ends: u64,
    lives: u64,
    /// By when a sign of life has to be answered.
    waits: Option<u64>,
}

struct Centrifugo {
    kind: Kind,
    link: Option<Link>,
    epoch: u64,
    /// Families by the numbers of their publications.
    history: Vec<usize>,
    deny: (u8, u64),
    /// It did not take a token once. Twice in a row is for good, and whether the page heard what was in between
    /// nobody knows here.
    refused: bool,
}

impl Server for Centrifugo {
    fn opened(&mut self, net: &mut Network) {
        self.link = Some(Link {
            known: false,
            subscribed: false,
            delta: false,
            ready: false,
            ends: u64::MAX,
            lives: net.now + PING_MS,
            waits: None,
        });
    }

    fn hears(&mut self, net: &mut Network, frame: &str) {
        for line in frame.lines() {
            self.command(net, line);
        }
    }

    fn lost(&mut self) {
        self.link = None;
    }

    fn restarted(&mut self) {
        self.epoch += 1;
        self.history.clear();
    }

    fn next(&self) -> Option<u64> {
        let link = self.link.as_ref()?;
        let lives = link.lives.min(link.ends);
        Some(link.waits.map_or(lives, |waits| waits.min(lives)))
    }

    fn due(&mut self, net: &mut Network) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if link.waits.is_some_and(|waits| waits <= net.now) {
            return false;
        }
        if link.ends <= net.now {
            link.ends = u64::MAX;
            self.take_back(net, 2501);
            return true;
        }
        link.lives = net.now + PING_MS;
        link.waits = Some(net.now + PONG_MS);
        net.say("{}");
        true
    }
}

impl Centrifugo {
    fn command(&mut self, net: &mut Network, line: &str) {
        let Some(link) = &mut self.link else {
            return;
        };
        let raw = json::parse(line).unwrap();
        let id = number(raw, "id");
        if line == "{}" {
            link.waits = None;
        } else if let Some(body) = raw.member("connect") {
            assert!(!link.known, "it is said once");
            link.known = true;
            let subs = if self.kind.gives {
                let from = body.member("subs").and_then(|subs| subs.member("c"));
                self.subscribed();
                format!(
                    r#","subs":{{"c":{{{}}}}}"#,
                    self.stands(from.unwrap_or(Raw::NULL), false)
                )
            } else {
                String::new()
            };
            net.say(&format!(
                r#"{{"id":{id},"connect":{{"client":"c","ping":25,"pong":true{subs}}}}}"#
            ));
        } else if let Some(body) = raw.member("subscribe") {
            assert!(link.known && word(body, "channel") == "c");
            let token = if self.kind.tokens.is_some() { "t" } else { "" };
            assert_eq!(word(body, "token"), token);
            let (code, temporary) = match (link.subscribed, self.deny) {
                (true, _) => (105, false),
                (false, (1.., 112)) if !is_true(body, "recover") => (100, true),
                (false, (1.., 109)) if token.is_empty() || self.refused => (0, false),
                (false, (1.., 109)) => (109, false),
                (false, (1.., code)) => (code, code != 112),
                (false, (0, _)) => (0, false),
            };
            self.refused |= code == 109;
            if code == 0 {
                let ends = self.ends(net.now);
                let delta = self.kind.delta && word(body, "delta") == fossil::NAME;
                let mut parts = vec![self.stands(body, delta), ends];
                if delta {
                    parts.push(r#""delta":true"#.to_owned());
                }
                parts.retain(|part| !part.is_empty());
                let stands = parts.join(",");
                if let Some(link) = &mut self.link {
                    (link.delta, link.ready) = (delta, false);
                }
                self.subscribed();
                return net.say(&format!(r#"{{"id":{id},"subscribe":{{{stands}}}}}"#));
            }
            self.deny.0 = self.deny.0.saturating_sub(1);
            net.say(&format!(
                r#"{{"id":{id},"error":{{"code":{code},"message":"m","temporary":{temporary}}}}}"#
            ));
        } else if raw.member("sub_refresh").is_some() {
            assert!(self.kind.tokens.is_some());
            if link.subscribed {
                let ends = self.ends(net.now);
                net.say(&format!(r#"{{"id":{id},"sub_refresh":{{{ends}}}}}"#));
            }
        } else if raw.member("unsubscribe").is_some() {
            link.subscribed = false;
            link.ends = u64::MAX;
            net.say(&format!(r#"{{"id":{id},"unsubscribe":{{}}}}"#));
        } else {
            panic!("{line}");
        }
    }

    /// For how long the token of the channel is good from now on.
    fn ends(&mut self, now: u64) -> String {
        let (Some(ttl), Some(link)) = (self.kind.tokens, &mut self.link) else {
            return String::new();
        };
        link.ends = now + ttl * 1000;
        format!(r#""expires":true,"ttl":{ttl}"#)
    }

    fn subscribed(&mut self) {
        if let Some(link) = &mut self.link {
            link.subscribed = true;
        }
    }

    /// The payload of a publication.
    fn payload(&self, at: usize) -> String {
        let name = FAMILIES.get(self.history[at]).unwrap_or(&OTHER);
        format!(r#"{{"type":"{name}","n":{at}}}"#)
    }

    fn publication(&self, at: usize, told: Told) -> String {
        let quoted = |text: &str| {
            let mut writer = Writer::new();
            writer.string(text);
            writer.finish()
        };
        let payload = self.payload(at);
        let data = match told {
            Told::Json => payload,
            Told::Text => quoted(&payload),
            Told::New => {
                let delta = fossil::write::delta(&self.payload(at - 1), &payload);
                quoted(&String::from_utf8(delta).unwrap()) + r#","delta":true"#
            }
        };
        let offset = self.kind.keeps.map(|_| format!(r#","offset":{}"#, at + 1));
        format!(r#"{{"data":{data}{}}}"#, offset.unwrap_or_default())
    }

    /// How the channel stands for who wants it from a place on.
    fn stands(&self, from: Raw<'_>, delta: bool) -> String {
        let Some(keeps) = self.kind.keeps else {
            return String::new();
        };
        let (epoch, last) = (self.epoch, self.history.len());
        let offset = usize::try_from(number(from, "offset")).unwrap();
        let same = is_true(from, "recover") && word(from, "epoch") == *epoch.to_string();
        let stands = |offset| {
            format!(r#""recoverable":true,"positioned":true,"epoch":"{epoch}","offset":{offset}"#)
        };
        let first = match self.kind.newest {
            true => last.saturating_sub(1).max(offset),
            false => offset,
        };
        if !same || offset > last || last - first > keeps {
            return stands(last);
        }
        let missed: Vec<String> = (first..last)
            .map(|at| self.publication(at, Told::of(delta, at > first)))
            .collect();
        let missed = missed.join(",");
        format!(
            r#"{},"recovered":true,"publications":[{missed}]"#,
            stands(offset)
        )
    }

    fn change(&mut self, net: &mut Network, family: usize, lost: bool) {
        net.changes(family);
        self.tell(net, family, lost);
    }

    fn tell(&mut self, net: &mut Network, family: usize, lost: bool) {
        self.history.push(family);
        let hears = self.link.as_ref().is_some_and(|link| link.subscribed);
        if let Some(link) = self.link.as_mut().filter(|_| hears) {
            let told = Told::of(link.delta, link.ready);
            link.ready = true;
            let publication = self.publication(self.history.len() - 1, told);
            if lost {
                return;
            }
            net.say(&format!(
                r#"{{"push":{{"channel":"c","pub":{publication}}}}}"#
            ));
        }
    }

    fn take_back(&mut self, net: &mut Network, code: u64) {
        // One that the server gives ends with the connection.
        let link = self.link.as_mut().filter(|link| link.subscribed);
        if let Some(link) = link.filter(|_| !self.kind.gives) {
            link.subscribed = false;
            link.ends = u64::MAX;
            net.say(&format!(
                r#"{{"push":{{"channel":"c","unsubscribe":{{"code":{code}}}}}}}"#
            ));
        }
    }
}

fn does(world: &mut World<Centrifugo>, deed: &Deed) {
    let World { net, server, .. } = world;
    match *deed {
        Deed::Run(ms) => world.run(ms),
        Deed::Change(family) => server.change(net, family, false),
        // Where nothing is numbered nobody can know.
        Deed::Lost(family) => server.change(net, family, server.kind.keeps.is_some()),
        Deed::Cut(code) => world.cut(code),
        Deed::Restart(ms) => world.restart(ms),
        Deed::Silence(ms) => world.silence(ms),
        Deed::Freeze(ms) => world.freeze(ms),
        Deed::TakeBack(code) => server.take_back(net, code),
        Deed::Deny(times, code) => server.deny = (times, code),
        Deed::Garbage => net.say("{?"),
        Deed::Visible => world.is_seen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_change_makes_its_family_stale_in_the_end(
        keeps in prop::option::of(0usize..6),
        newest in any::<bool>(),
        gives in any::<bool>(),
        tokens in prop::option::of(prop::sample::select(vec![1u64, 20, 300])),
        delta in any::<bool>(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let kind = Kind { keeps, newest, gives, tokens, delta };
        let server = Centrifugo { kind, link: None, epoch: 1, history: Vec::new(), deny: (0, 0), refused: false };
        let mut world = World::new(if tokens.is_some() { WITH_TOKENS } else { CONFIG }, seed, server);
        for deed in &deeds {
            does(&mut world, deed);
        }
        world.server.deny = (0, 0);
        // Whatever was lost on the way is seen when something follows.
        world.run(1000);
        world.logs_in();
        world.run(400_000);
        let World { net, server, .. } = &mut world;
        server.tell(net, FAMILIES.len(), false);
        world.settles();
    }
}
