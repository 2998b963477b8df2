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
        name: "the fence: an older leader is heard",
        file: "src/engine/tabs/mod.rs",
        find: ".is_some_and(|leader| leader.term > term);",
        replace: ".is_some_and(|_| false);",
    },
    Mutant {
        name: "the backoff is reset when a connection opens",
        file: "src/engine/link/live.rs",
        find: "live.trust = Trust::Until(now.mono + STABLE_AFTER);",
        replace: "live.trust = Trust::Until(now.mono);",
    },
    Mutant {
        name: "nothing is subscribed again after a reconnect",
        file: "src/engine/channels/mod.rs",
        find: "self.linked = true;\n        let names: Vec<String> = self.channels.keys().cloned().collect();",
        replace: "self.linked = true;\n        let names: Vec<String> = Vec::new();",
    },
    Mutant {
        name: "a gap is swallowed",
        file: "src/engine/channels/mod.rs",
        find: "if recovery == Recovery::Complete {",
        replace: "if recovery != Recovery::NotAsked {\n            channel.position = position;",
    },
    Mutant {
        name: "a duplicate is delivered",
        file: "src/engine/channels/mod.rs",
        find: "if seq <= position.seq {",
        replace: "if seq <= position.seq {\n            return Verdict::Next;\n        }\n        if seq < position.seq {",
    },
    Mutant {
        name: "a hole in the numbers is not noticed",
        file: "src/engine/channels/mod.rs",
        find: "} else if seq == position.seq.next() {",
        replace: "} else if seq > position.seq {",
    },
    Mutant {
        name: "silence is not noticed",
        file: "src/engine/link/pulse.rs",
        find: "Question::None if now >= self.heard + self.patience => Verdict::Ask,",
        replace: "",
    },
    Mutant {
        name: "the server's retry_after is not heard",
        file: "src/engine/link/dial.rs",
        find: "let span = Millis(asked.0.min(RETRY_AFTER_MAX.0));",
        replace: "let span = Millis(asked.0.min(RETRY_AFTER_MAX.0) >> 4);",
    },
    Mutant {
        name: "the lock is kept by a page that is put away",
        file: "src/engine/mod.rs",
        find: "self.out.push_back(Output::ReleaseLock(ticket));",
        replace: "let _ = ticket;",
    },
    Mutant {
        name: "a new leader is not told what followers watch",
        file: "src/engine/route_tabs.rs",
        find: "if self.tabs.follow(term, status, tabs) {",
        replace: "if !self.tabs.follow(term, status, tabs) && false {",
    },
    Mutant {
        name: "the wake-up of the link is forgotten",
        file: "src/engine/mod.rs",
        find: "            self.link.next_wakeup(),\n",
        replace: "",
    },
    Mutant {
        name: "events are not passed on to the other tabs",
        file: "src/engine/route_tabs.rs",
        find: "if !events.is_empty() && self.tabs.count() > 1 {",
        replace: "if !events.is_empty() && self.tabs.count() > 2 {",
    },
    Mutant {
        name: "a follower is not told of a gap",
        file: "src/engine/route_channels.rs",
        find: "if step.is_some() {",
        replace: "if step.is_none() {",
    },
    Mutant {
        name: "what an older socket says is heard",
        file: "src/engine/link/mod.rs",
        find: "State::Dialling(dialling) => dialling.line.conn == conn,",
        replace: "State::Dialling(_) => true,",
    },
];
