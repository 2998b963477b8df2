//! Whatever happens between a page and a server of Phoenix channels or of Supabase: a change makes its family stale
//! in the end, whether anybody was told of it or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::network::{FAMILIES, Network, Server, World};
use crate::engine::limits::PHOENIX_PATIENCE;
use crate::wire::phoenix::{Says, read};

/// From the answer of Supabase to the first change that it tells.
const READY_MS: u64 = 3000;

const PHOENIX: &str = r#"{"user":"u","backend":{"kind":"phoenix","url":"wss://h/websocket","token":{"join":"t"}},
    "getToken":true,"channels":["t"],"events":{"a":[["a"]],"b":[["b"]]}}"#;
const SUPABASE: &str = r#"{"user":"u","backend":{"kind":"supabase","url":"wss://h/websocket?apikey=k",
    "channels":{"t":{"changes":[{"table":"a"},{"table":"b"}]}}},"getToken":true,"channels":["t"],
    "events":{"postgres:INSERT:public.a":[["a"]],"postgres:INSERT:public.b":[["b"]]}}"#;

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and who is joined is told.
    Change(usize),
    Cut(u16),
    /// The server is not there for so long.
    Restart(u64),
    /// Nothing gets through, and nobody says so.
    Silence(u64),
    /// The page does not run.
    Freeze(u64),
    /// The channel crashes, or is closed.
    End(&'static str),
    /// The database of Supabase goes away for who is joined.
    Database,
    /// The next ones who join are refused.
    Deny(u8, &'static str),
    /// Something that was on its way when an older join ended.
    Late,
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    let reasons = vec![
        "InvalidJWTToken: unauthorized",
        "ChannelRateLimitReached: x",
        "join crashed",
    ];
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        3 => prop::sample::select(vec![1000, 1001, 1005, 1006, 1011]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        2 => prop::sample::select(vec!["phx_error", "phx_close"]).prop_map(Deed::End),
        1 => Just(Deed::Database),
        1 => (1u8..3, prop::sample::select(reasons)).prop_map(|(times, why)| Deed::Deny(times, why)),
        1 => Just(Deed::Late),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

/// A connection as the server sees it.
#[derive(Default)]
struct Link {
    /// The join of the topic, if it is joined, and from when on changes are told.
    joined: Option<(u64, u64)>,
    ready_said: bool,
    heard: u64,
}

struct Phoenix {
    supabase: bool,
    link: Option<Link>,
    /// How many of those who join are refused, and why.
    deny: (u8, &'static str),
}

impl Server for Phoenix {
    fn opened(&mut self, net: &mut Network) {
        self.link = Some(Link {
            heard: net.now,
            ..Link::default()
        });
    }

    fn hears(&mut self, net: &mut Network, frame: &str) {
        let Some(link) = &mut self.link else {
            return;
        };
        link.heard = net.now;
        let message = read(frame.as_bytes()).unwrap();
        let number = message.reference.unwrap();
        let Says::Event(event, _) = message.says else {
            panic!("{frame}");
        };
        match &*event {
            "heartbeat" => reply(net, None, number, "phoenix", "ok", "{}"),
            "phx_join" => self.join(net, number),
            "phx_leave" => link.joined = None,
            "access_token" => {}
            _ => panic!("{frame}"),
        }
    }

    fn lost(&mut self) {
        self.link = None;
    }

    fn next(&self) -> Option<u64> {
        let dead = self.link.as_ref()?.heard + PHOENIX_PATIENCE.0;
        Some(self.ready().map_or(dead, |ready| ready.min(dead)))
    }

    fn due(&mut self, net: &mut Network) -> bool {
        let is_ready = self.ready().is_some_and(|at| at <= net.now);
        let Some(link) = &mut self.link else {
            return false;
        };
        if !is_ready {
            return false;
        }
        link.ready_said = true;
        self.system(net, "ok");
        true
    }
}

fn reply(
    net: &mut Network,
    join: Option<u64>,
    number: u64,
    topic: &str,
    status: &str,
    response: &str,
) {
    let join = join.map_or("null".to_owned(), |join| format!("\"{join}\""));
    net.say(&format!(
        r#"[{join},"{number}","{topic}","phx_reply",{{"status":"{status}","response":{response}}}]"#
    ));
}

impl Phoenix {
    /// When Supabase says that changes are told from now on, if that is still to be said.
    fn ready(&self) -> Option<u64> {
        let link = self.link.as_ref();
        let link = link.filter(|link| self.supabase && !link.ready_said)?;
        link.joined.map(|(_, from)| from)
    }

    fn topic(&self) -> &'static str {
        if self.supabase { "realtime:t" } else { "t" }
    }

    fn join(&mut self, net: &mut Network, number: u64) {
        if self.deny.0 > 0 {
            self.deny.0 -= 1;
            let reason = format!("{{\"reason\":\"{}\"}}", self.deny.1);
            return reply(net, Some(number), number, self.topic(), "error", &reason);
        }
        let response = match self.supabase {
            true => {
                r#"{"postgres_changes":[{"id":1,"event":"*","schema":"public","table":"a"},{"id":2,"event":"*","schema":"public","table":"b"}]}"#
            }
            false => "{}",
        };
        reply(net, Some(number), number, self.topic(), "ok", response);
        let from = net.now + if self.supabase { READY_MS } else { 0 };
        if let Some(link) = &mut self.link {
            let before = link.joined.replace((number, from));
            link.ready_said = false;
            if let Some((before, _)) = before {
                self.says_end(net, "phx_close", before);
            }
        }
    }

    fn says_end(&self, net: &mut Network, event: &str, join: u64) {
        let topic = self.topic();
        net.say(&format!(r#"["{join}","{join}","{topic}","{event}",{{}}]"#));
    }

    fn system(&self, net: &mut Network, status: &str) {
        let topic = self.topic();
        net.say(&format!(
            r#"[null,null,"{topic}","system",{{"status":"{status}","message":"m","extension":"postgres_changes"}}]"#
        ));
    }

    fn change(&self, net: &mut Network, family: usize) {
        net.changes(family);
        let joined = self.link.as_ref().and_then(|link| link.joined);
        if joined.is_none_or(|(_, from)| from > net.now) {
            return;
        }
        let (name, topic, id) = (FAMILIES[family], self.topic(), family + 1);
        net.say(&match self.supabase {
            false => format!(r#"[null,null,"{topic}","{name}",{{}}]"#),
            true => format!(
                r#"[null,null,"{topic}","postgres_changes",{{"ids":[{id}],"data":{{"type":"INSERT","schema":"public","table":"{name}","record":{{}}}}}}]"#
            ),
        });
    }

    /// The channel crashes, or is closed.
    fn end(&mut self, net: &mut Network, event: &str) {
        if let Some((join, _)) = self.link.as_mut().and_then(|link| link.joined.take()) {
            self.says_end(net, event, join);
        }
    }

    /// The database goes away for who is joined.
    fn database(&mut self, net: &mut Network) {
        let supabase = self.supabase;
        let link = self.link.as_mut().filter(|_| supabase);
        if let Some(link) = link.filter(|link| link.joined.is_some()) {
            // It tries again by itself, and tells nobody of what came in between.
            let from = net.now + 2 * READY_MS;
            link.joined = link.joined.map(|(join, _)| (join, from));
            link.ready_said = false;
            self.system(net, "error");
        }
    }

    fn late(&self, net: &mut Network) {
        let topic = self.topic();
        self.says_end(net, "phx_close", 999_999);
        net.say(&format!(r#"["999999",null,"{topic}","a",{{}}]"#));
    }
}

fn does(world: &mut World<Phoenix>, deed: &Deed) {
    let World { net, server, .. } = world;
    match *deed {
        Deed::Run(ms) => world.run(ms),
        Deed::Change(family) => server.change(net, family),
        Deed::Cut(code) => world.cut(code),
        Deed::Restart(ms) => world.restart(ms),
        Deed::Silence(ms) => world.silence(ms),
        Deed::Freeze(ms) => world.freeze(ms),
        Deed::End(event) => server.end(net, event),
        Deed::Database => server.database(net),
        Deed::Deny(times, why) => server.deny = (times, why),
        Deed::Late => server.late(net),
        Deed::Garbage => net.say("[?"),
        Deed::Visible => world.is_seen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_change_makes_its_family_stale_in_the_end(
        supabase in any::<bool>(),
        polls in any::<bool>(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let config = if supabase { SUPABASE } else { PHOENIX };
        // Where there are both, one is tried beside the other.
        let way = if polls { "poll" } else { "ws" };
        let ladder = format!(r#""ladder":["{way}"],"kind""#);
        let config = &config.replace(r#""kind""#, &ladder);
        let server = Phoenix { supabase, link: None, deny: (0, "") };
        let mut world = World::new(config, seed, server);
        for deed in &deeds {
            does(&mut world, deed);
        }
        world.server.deny = (0, "");
        world.settles();
    }
}
