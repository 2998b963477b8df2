//! The faults.

use super::Mutant;

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "the last event of a burst is forgotten",
        file: "src/engine/invalidation/family.rs",
        find: "Some(told) if told + WINDOW > now => told + WINDOW,",
        replace: "Some(told) if told + WINDOW > now => return,",
    },
    Mutant {
        name: "a fetch that began before the event pays for it",
        file: "src/engine/invalidation/state.rs",
        find: "if more.need.met_by_fetch(fetch.started) {\n                    let debt = Some(both(debt, more));",
        replace: "if fetch.started <= more.need.after {\n                    let debt = Some(both(debt, more));",
    },
    Mutant {
        name: "the fence: an older leader is heard",
        file: "src/engine/tabs/hearing.rs",
        find: "if leader.term > term && !leader.doubted {",
        replace: "if leader.term > term && leader.doubted {",
    },
    Mutant {
        name: "the fence: a tab that lost the lock goes on leading",
        file: "src/engine/tabs/mod.rs",
        find: "self.out.push_back(Step::GiveUpLead);\n                self.queue(now.mono);",
        replace: "",
    },
    Mutant {
        name: "a frozen leader is not replaced",
        file: "src/engine/tabs/clock.rs",
        find: "Look::Steal => self.steal(now),",
        replace: "Look::Steal => {}",
    },
    Mutant {
        name: "every tab asks the leader for itself",
        file: "src/engine/route_tabs.rs",
        find: "self.tabs.asks(now, from);",
        replace: "",
    },
    Mutant {
        name: "the lock is kept by a page that is put away",
        file: "src/engine/tabs/mod.rs",
        find: "                self.out.push_back(Step::Release(self.ticket));\n            }\n        }\n        self.state = State::Away;",
        replace: "            }\n        }\n        self.state = State::Away;",
    },
    Mutant {
        name: "a new leader is not told what followers watch",
        file: "src/engine/route_tabs.rs",
        find: "self.channels.leader_lost(now.mono);\n                    self.say_here();",
        replace: "self.channels.leader_lost(now.mono);",
    },
    Mutant {
        name: "a hand-over forgets the positions",
        file: "src/engine/channels/server.rs",
        find: "self.source = Source::Nobody;\n        self.unplace(now);\n    }\n\n    /// This tab does not lead any more",
        replace: "self.source = Source::Nobody;\n        self.unplace(now);\n        for channel in self.channels.values_mut() {\n            channel.position = None;\n        }\n    }\n\n    /// This tab does not lead any more",
    },
    Mutant {
        name: "what a tab missed that comes back is not remembered",
        file: "src/engine/route_channels.rs",
        find: "if !self.tabs.has_others() && !self.tabs.may_return(now) {",
        replace: "if !self.tabs.has_others() {",
    },
    Mutant {
        name: "events are not passed on to the other tabs",
        file: "src/engine/route_channels.rs",
        find: "if self.lead_term().is_some() && self.tabs.has_others() {",
        replace: "if self.lead_term().is_some() && self.tabs.count() > 2 {",
    },
    Mutant {
        name: "a follower is not told of a gap",
        file: "src/engine/channels/mod.rs",
        find: "if self.source == Source::Server {\n            self.out.push_back(Step::Place {",
        replace: "if self.source == Source::Nobody {\n            self.out.push_back(Step::Place {",
    },
    Mutant {
        name: "a gap is swallowed",
        file: "src/engine/channels/mod.rs",
        find: "        if channel.mine {\n            let channel = Rc::clone(&channel.name);\n            self.out.push_back(Step::Gap { channel });",
        replace: "        if channel.mine && self.source == Source::Nobody {\n            let channel = Rc::clone(&channel.name);\n            self.out.push_back(Step::Gap { channel });",
    },
    Mutant {
        name: "a duplicate is delivered",
        file: "src/engine/channels/event.rs",
        find: "return Verdict::Duplicate;",
        replace: "return fresh;",
    },
    Mutant {
        name: "a hole in the numbers is not noticed",
        file: "src/engine/channels/event.rs",
        find: "if seq == position.seq.next() {",
        replace: "if seq > position.seq {",
    },
    Mutant {
        name: "nothing is subscribed again after a reconnect",
        file: "src/engine/channels/mod.rs",
        find: "Place::Asked { .. } | Place::Live { .. } | Place::Torn | Place::Missing { .. } => {\n                    channel.place = Place::Waiting;",
        replace: "Place::Asked { .. } | Place::Torn | Place::Missing { .. } => {\n                    channel.place = Place::Waiting;\n                }\n                Place::Live { .. } => {",
    },
    Mutant {
        name: "the backoff is reset when a connection opens",
        file: "src/engine/link/live.rs",
        find: "live.trust = Trust::Until(now.mono + STABLE_AFTER);",
        replace: "live.trust = Trust::Until(now.mono);",
    },
    Mutant {
        name: "silence is not noticed",
        file: "src/engine/link/pulse.rs",
        find: "patience: Millis(ping.0.saturating_add(SILENCE_GRACE.0)),",
        replace: "patience: Millis(ping.0.saturating_add(SILENCE_GRACE.0) << 8),",
    },
    Mutant {
        name: "the server's retry_after is not heard",
        file: "src/engine/link/dial.rs",
        find: "let span = Millis(asked.0.min(RETRY_AFTER_MAX.0));",
        replace: "let span = Millis(asked.0.min(RETRY_AFTER_MAX.0) >> 4);",
    },
    Mutant {
        name: "the wake-up of the link is forgotten",
        file: "src/engine/mod.rs",
        find: "            self.link.next_wakeup(),\n",
        replace: "",
    },
    Mutant {
        name: "what an older socket says is heard",
        file: "src/engine/link/mod.rs",
        find: "State::Dialling(dialling) => dialling.line.conn == conn,",
        replace: "State::Dialling(_) => true,",
    },
];
