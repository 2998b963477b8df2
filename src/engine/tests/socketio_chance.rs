//! Whatever happens between a page and a server that speaks Socket.IO: a change of which the server told
//! anybody makes its family stale in the end, whether the word of it arrived or not.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::network::{FAMILIES, Network, Server, World};

const PING_MS: u64 = 25_000;
const TIMEOUT_MS: u64 = 20_000;

const CONFIG: &str = r#"{"user":"u","backend":{"kind":"socketio","url":"wss://h/socket.io/","ladder":["ws"]},"getToken":true,
    "events":{"a":[["a"]],"b":[["b"]]}}"#;

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In Node.
    Forgets,
    /// In Node, and it keeps what was missed.
    Keeps,
    /// It says events before it says that the namespace is connected.
    Python,
}

#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    /// Something changes, and everybody who is connected is told.
    Change(usize),
    /// The same, by an event that wants an answer: it is not kept.
    Ask(usize),
    Cut(u16),
    /// The server is not there for so long, and has forgotten what it kept.
    Restart(u64),
    /// Nothing gets through, and nobody says so.
    Silence(u64),
    /// The page does not run.
    Freeze(u64),
    EndNamespace,
    /// The next ones who ask for the namespace are refused.
    Deny(u8),
    Garbage,
    Visible,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1u64..3000).prop_map(Deed::Run),
        2 => (1u64..100_000).prop_map(Deed::Run),
        6 => (0usize..2).prop_map(Deed::Change),
        1 => (0usize..2).prop_map(Deed::Ask),
        3 => prop::sample::select(vec![1000, 1001, 1005, 1006, 1011]).prop_map(Deed::Cut),
        1 => (0u64..60_000).prop_map(Deed::Restart),
        1 => (0u64..90_000).prop_map(Deed::Silence),
        1 => (0u64..200_000).prop_map(Deed::Freeze),
        1 => Just(Deed::EndNamespace),
        1 => (1u8..3).prop_map(Deed::Deny),
        1 => Just(Deed::Garbage),
        1 => Just(Deed::Visible),
    ]
}

/// A connection as the server sees it.
struct Link {
    /// The name of the session in the namespace, once it is connected.
    pid: Option<String>,
    /// The namespace was asked for.
    asked: bool,
    pinged: u64,
    ponged: u64,
}

struct Node {
    kind: Kind,
    link: Option<Link>,
    /// Events that were told, with their marks, since the server began.
    log: Vec<(u64, String)>,
    /// Sessions that can be taken up.
    kept: Vec<String>,
    serial: u64,
    deny: u8,
}

impl Server for Node {
    fn opened(&mut self, net: &mut Network) {
        self.link = Some(Link {
            pid: None,
            asked: false,
            pinged: net.now,
            ponged: net.now,
        });
        net.say(
            r#"0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
        );
    }

    fn hears(&mut self, net: &mut Network, frame: &str) {
        let Some(link) = &mut self.link else {
            return;
        };
        match frame {
            "3" => link.ponged = net.now,
            frame if frame.starts_with("43") => {}
            frame => {
                assert!(frame.starts_with("40{"), "{frame}");
                assert!(!link.asked, "asked twice on a connection");
                link.asked = true;
                self.connect(net, frame);
            }
        }
    }

    fn lost(&mut self) {
        if let Some(pid) = self.link.take().and_then(|link| link.pid) {
            self.kept.push(pid);
        }
    }

    fn restarted(&mut self) {
        self.log.clear();
        self.kept.clear();
    }

    fn next(&self) -> Option<u64> {
        let link = self.link.as_ref()?;
        let dead = (link.ponged < link.pinged).then_some(link.pinged + TIMEOUT_MS);
        Some(dead.unwrap_or(u64::MAX).min(link.pinged + PING_MS))
    }

    fn due(&mut self, net: &mut Network) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if link.ponged < link.pinged {
            return false;
        }
        link.pinged = net.now;
        net.say("2");
        true
    }
}

impl Node {
    fn connect(&mut self, net: &mut Network, frame: &str) {
        if self.deny > 0 {
            self.deny -= 1;
            net.say(r#"44{"message":"no","data":{"code":"unauthorized"}}"#);
            if let Some(link) = &mut self.link {
                link.asked = false;
            }
            return;
        }
        let part = |name: &str| {
            let (_, rest) = frame.split_once(&["\"", name, "\":\""].concat())?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        self.serial += 1;
        let fresh = ["p", &self.serial.to_string()].concat();
        let before = part("pid").filter(|pid| self.kept.contains(pid));
        let from = part("offset").and_then(|offset| {
            let at: u64 = offset.strip_prefix('o')?.parse().ok()?;
            self.log.iter().position(|(mark, _)| *mark == at)
        });
        match (self.kind, before.zip(from)) {
            (Kind::Keeps, Some((pid, from))) => {
                for (_, frame) in self.log.iter().skip(from + 1) {
                    net.say(frame);
                }
                self.kept.retain(|have| *have != pid);
                self.connected(net, pid);
            }
            (Kind::Python, _) => {
                net.say(r#"42["authenticated",{}]"#);
                self.connected(net, fresh);
            }
            (Kind::Keeps | Kind::Forgets, _) => self.connected(net, fresh),
        }
    }

    fn connected(&mut self, net: &mut Network, pid: String) {
        let named = match self.kind {
            Kind::Keeps => [r#"40{"sid":"x","pid":""#, &pid, "\"}"].concat(),
            Kind::Forgets | Kind::Python => r#"40{"sid":"x"}"#.to_owned(),
        };
        net.say(&named);
        if let Some(link) = &mut self.link {
            link.pid = Some(pid);
        }
    }

    fn change(&mut self, net: &mut Network, family: usize, asks: bool) {
        net.changes(family);
        self.serial += 1;
        let mark = self.serial;
        let name = FAMILIES[family];
        let number = mark.to_string();
        let frame = match (self.kind, asks) {
            (_, true) => ["42", &number, "[\"", name, "\",{}]"].concat(),
            (Kind::Keeps, false) => ["42[\"", name, "\",{},\"o", &number, "\"]"].concat(),
            (Kind::Forgets | Kind::Python, false) => ["42[\"", name, "\",{}]"].concat(),
        };
        if self.link.as_ref().is_some_and(|link| link.pid.is_some()) {
            net.say(&frame);
        }
        if !asks {
            self.log.push((mark, frame));
        }
    }

    fn end_namespace(&mut self, net: &mut Network) {
        if let Some(link) = self.link.as_mut().filter(|link| link.pid.is_some()) {
            link.pid = None;
            net.say("41");
        }
    }
}

fn does(world: &mut World<Node>, deed: &Deed) {
    let World { net, server, .. } = world;
    match *deed {
        Deed::Run(ms) => world.run(ms),
        Deed::Change(family) => server.change(net, family, false),
        Deed::Ask(family) => server.change(net, family, true),
        Deed::Cut(code) => world.cut(code),
        Deed::Restart(ms) => world.restart(ms),
        Deed::Silence(ms) => world.silence(ms),
        Deed::Freeze(ms) => world.freeze(ms),
        Deed::EndNamespace => server.end_namespace(net),
        Deed::Deny(times) => server.deny = times,
        Deed::Garbage => net.say("4?!"),
        Deed::Visible => world.is_seen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_change_that_was_told_makes_its_family_stale_in_the_end(
        kind in prop::sample::select(vec![Kind::Forgets, Kind::Keeps, Kind::Python]),
        polls in any::<bool>(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let server = Node { kind, link: None, log: Vec::new(), kept: Vec::new(), serial: 0, deny: 0 };
        let config = match polls {
            true => CONFIG.replace("\"ws\"", "\"poll\""),
            false => CONFIG.to_owned(),
        };
        let mut world = World::new(&config, seed, server);
        for deed in &deeds {
            does(&mut world, deed);
        }
        world.server.deny = 0;
        world.settles();
    }
}
