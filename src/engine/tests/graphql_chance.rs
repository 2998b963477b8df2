//! Whatever happens between a page and a server of GraphQL: a change of which the server told anybody makes its
//! family stale in the end, whether the word of it arrived or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::network::{FAMILIES, Network, Server, World};
use crate::wire::json::{self, Raw, Text};

const CONFIG: &str = r#"{"user":"u","backend":{"kind":"graphql","url":"wss://h/graphql","subscriptions":{
    "a":{"query":"subscription{a}"},"b":{"query":"subscription{b}"}}},"getToken":true,"channels":["a","b"],
    "events":{"a":[["a"]],"b":[["b"]]}}"#;

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    Change(usize),
    Cut(u16),
    Restart(u64),
    Silence(u64),
    Freeze(u64),
    /// A subscription ends, by one message or the other.
    End(usize, bool),
    /// The next ones who come are refused.
    Deny(u8),
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        3 => prop::sample::select(vec![1000, 1001, 1006, 1011, 4408, 4409, 4429, 4500]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        2 => (0usize..2, any::<bool>()).prop_map(|(family, fails)| Deed::End(family, fails)),
        1 => (1u8..3).prop_map(Deed::Deny),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

#[derive(Default)]
struct Node {
    open: bool,
    known: bool,
    /// What is subscribed under which number.
    running: BTreeMap<u64, usize>,
    deny: u8,
    refuses: bool,
}

impl Server for Node {
    fn opened(&mut self, _: &mut Network) {
        *self = Node {
            open: true,
            deny: self.deny,
            ..Node::default()
        };
    }

    fn hears(&mut self, net: &mut Network, frame: &str) {
        let raw = json::parse(frame).unwrap();
        let of = |name: &str| raw.member(name).and_then(Raw::string).map(Text::decode);
        let id = of("id").and_then(|id| id.parse().ok());
        match of("type").unwrap().as_ref() {
            "connection_init" if self.deny > 0 => {
                self.deny -= 1;
                self.refuses = true;
            }
            "connection_init" => {
                assert!(!self.known, "said twice");
                self.known = true;
                net.say(r#"{"type":"connection_ack"}"#);
            }
            "ping" => net.say(r#"{"type":"pong"}"#),
            "subscribe" => {
                assert!(self.known, "before the server knows us");
                let family = usize::from(frame.contains("{b}"));
                assert!(!self.running.values().any(|have| *have == family));
                assert!(self.running.insert(id.unwrap(), family).is_none());
            }
            "complete" => {
                self.running.remove(&id.unwrap());
            }
            other => panic!("{other}"),
        }
    }

    fn lost(&mut self) {
        self.open = false;
        self.running.clear();
    }

    fn next(&self) -> Option<u64> {
        self.refuses.then_some(0)
    }

    fn due(&mut self, _: &mut Network) -> bool {
        self.refuses = false;
        false
    }
}

impl Node {
    fn change(&mut self, net: &mut Network, family: usize) {
        net.changes(family);
        let name = FAMILIES[family];
        for (id, _) in self.running.iter().filter(|(_, of)| **of == family) {
            net.say(&format!(
                r#"{{"id":"{id}","type":"next","payload":{{"data":{{"{name}":1}}}}}}"#
            ));
        }
    }

    fn end(&mut self, net: &mut Network, family: usize, fails: bool) {
        let found = self.running.iter().find(|(_, of)| **of == family);
        let Some(id) = found.map(|(id, _)| *id) else {
            return;
        };
        self.running.remove(&id);
        let how = match fails {
            true => r#""error","payload":[{"message":"for now"}]"#,
            false => r#""complete""#,
        };
        net.say(&format!(r#"{{"id":"{id}","type":{how}}}"#));
    }
}

fn does(world: &mut World<Node>, deed: &Deed) {
    let World { net, server, .. } = world;
    match *deed {
        Deed::Run(ms) => world.run(ms),
        Deed::Change(family) => server.change(net, family),
        Deed::Cut(code) => world.cut(code),
        Deed::Restart(ms) => world.restart(ms),
        Deed::Silence(ms) => world.silence(ms),
        Deed::Freeze(ms) => world.freeze(ms),
        Deed::End(family, fails) => server.end(net, family, fails),
        Deed::Deny(times) => server.deny = times,
        Deed::Garbage => net.say("{?!"),
        Deed::Visible => world.is_seen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_change_that_was_told_makes_its_family_stale_in_the_end(
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let mut world = World::new(CONFIG, seed, Node::default());
        for deed in &deeds {
            does(&mut world, deed);
        }
        world.server.deny = 0;
        world.settles();
    }
}
