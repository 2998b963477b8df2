//! A page whose server speaks the protocol of Centrifugo.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::command::Command;
use crate::engine::input::{Input, SocketEvent};
use crate::engine::status::Word;
use crate::engine::token::TokenReason;

const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"centrifugo","url":"wss://h/connection/websocket"},
    "getToken":true,"channels":["room"],"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

const BOTH: [&str; 2] = [r#"["counts"]"#, r#"["tasks"]"#];

impl Page {
    /// It dials, says who it is, and is told that it is known.
    fn is_known(&mut self, more: &str) {
        if self.token.is_some() {
            self.gives("t1");
        }
        self.socket(SocketEvent::Opened);
        assert!(
            self.last().starts_with(r#"{"id":1,"connect":{"#),
            "{}",
            self.last()
        );
        self.hears(&format!(
            r#"{{"id":1,"connect":{{"client":"c","ping":25,"pong":true{more}}}}}"#
        ));
        assert_eq!(self.word(), Word::Connected);
    }

    /// The number of the command that was said last.
    fn number(&self) -> String {
        let line = self.last().lines().last().unwrap();
        line[6..].split(',').next().unwrap().to_owned()
    }

    /// The server answers it.
    fn replies(&mut self, body: &str) {
        let number = self.number();
        self.hears(&format!(r#"{{"id":{number},{body}}}"#));
    }

    fn stands(&mut self, offset: u64, more: &str) {
        self.replies(&format!(
            r#""subscribe":{{"recoverable":true,"positioned":true,"epoch":"E","offset":{offset}{more}}}"#
        ));
    }

    fn publishes(&mut self, offset: u64, name: &str) {
        self.hears(&format!(
            r#"{{"push":{{"channel":"room","pub":{{"data":{{"type":"{name}"}},"offset":{offset}}}}}}}"#
        ));
    }

    /// It follows its channel, at E/2, and has caught up.
    fn is_at_two(&mut self) {
        self.is_known("");
        self.stands(2, "");
        assert!(self.engine.channels.is_synced());
        self.settles(20_000);
        self.stale();
        self.said();
    }

    /// Time passes, with the server's signs of life.
    fn settles(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now + 20_000 < until {
            self.waits(20_000);
            self.hears("{}");
        }
        self.waits(until - self.now);
        self.hears("{}");
    }
}

#[test]
fn what_was_missed_costs_what_it_is_about_and_nothing_else() {
    let mut page = Page::of(CONFIG);
    page.is_known("");
    assert_eq!(page.url, "wss://h/connection/websocket");
    assert_eq!(
        page.said()[..2],
        [
            r#"{"id":1,"connect":{"token":"t1","name":"everfresh"}}"#,
            r#"{"id":2,"subscribe":{"channel":"room","positioned":true,"recoverable":true}}"#
        ]
    );
    page.hears(
        r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"E","offset":2}}"#,
    );
    page.waits(20_000);
    assert_eq!(page.stale(), BOTH, "before it there is nothing to go on");
    page.publishes(3, "changed");
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.lost(1006);
    page.waits(20_000);
    page.is_known("");
    assert_eq!(
        page.last(),
        r#"{"id":2,"subscribe":{"channel":"room","recover":true,"epoch":"E","offset":3,"positioned":true,"recoverable":true}}"#
    );
    page.stands(
        3,
        r#","recovered":true,"was_recovering":true,"publications":[{"data":{"type":"other"},"offset":4}]"#,
    );
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
    // What was told twice is no news.
    page.publishes(4, "other");
    page.waits(3000);
    assert_eq!(page.stale(), [""; 0]);
}

#[test]
fn what_cannot_be_recovered_is_fetched_anew_at_a_moment_of_each_page() {
    let mut page = Page::of(CONFIG);
    page.is_at_two();
    for epoch in ["E", "F"] {
        page.lost(1006);
        page.waits(20_000);
        page.is_known("");
        page.stale();
        let from = page.now;
        page.replies(&format!(
            r#""subscribe":{{"recoverable":true,"positioned":true,"epoch":"{epoch}","offset":90,"was_recovering":true}}"#
        ));
        while page.stale().is_empty() {
            page.waits(10);
        }
        assert!(page.now > from, "not all at one moment");
        page.settles(20_000);
        page.stale();
        // From there on it goes on.
        page.publishes(91, "changed");
        page.waits(3000);
        assert_eq!(page.stale(), [r#"["tasks"]"#]);
    }
}

#[test]
fn a_hole_is_filled_by_asking_again() {
    let mut page = Page::of(CONFIG);
    page.is_at_two();
    page.publishes(4, "changed");
    let said = page.last().to_owned();
    assert!(
        said.starts_with("{\"id\":3,\"unsubscribe\":{\"channel\":\"room\"}}\n"),
        "{said}"
    );
    assert!(
        said.contains(r#""recover":true,"epoch":"E","offset":2"#),
        "{said}"
    );
    page.stands(
        2,
        r#","recovered":true,"publications":[{"data":{"type":"other"},"offset":3},{"data":{"type":"changed"},"offset":4}]"#,
    );
    assert!(page.engine.channels.is_synced());
    page.waits(20_000);
    assert_eq!(page.stale(), BOTH);
}

#[test]
fn a_channel_that_the_server_took_back_for_now_is_asked_for_at_once_but_not_again_and_again() {
    let push =
        r#"{"push":{"channel":"room","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#;
    let mut page = Page::of(CONFIG);
    page.is_at_two();
    page.hears(push);
    assert!(
        page.last()
            .contains(r#""recover":true,"epoch":"E","offset":2"#)
    );
    page.stands(2, r#","recovered":true"#);
    page.waits(3000);
    assert_eq!(page.stale(), [""; 0]);
    page.said();
    page.hears(push);
    page.waits(2000);
    assert_eq!(page.said(), [""; 0], "it has happened shortly before");
    page.settles(20_000);
    assert!(page.said()[0].contains(r#""recover":true"#));
}

#[test]
fn signs_of_life_are_the_servers_and_silence_is_the_end() {
    let mut page = Page::of(CONFIG);
    page.is_at_two();
    for _ in 0..5 {
        page.waits(24_000);
        page.hears("{}");
        assert_eq!(page.said(), ["{}"]);
    }
    page.waits(34_000);
    assert_eq!(page.said(), [""; 0], "nothing is asked");
    page.waits(2000);
    assert_eq!(page.said()[0], "closed");
}

#[test]
fn a_token_is_renewed_on_the_connection_before_it_ends() {
    let mut page = Page::of(CONFIG);
    page.is_known(r#","expires":true,"ttl":600"#);
    page.stands(2, "");
    page.settles(300_000);
    assert_eq!(page.asked, [TokenReason::Connect]);
    page.settles(245_000);
    assert_eq!(page.asked.len(), 2, "{:?}", page.asked);
    page.gives("t2");
    assert!(
        page.last().ends_with(r#""refresh":{"token":"t2"}}"#),
        "{}",
        page.last()
    );
    page.replies(r#""refresh":{"expires":true,"ttl":600}"#);
    page.settles(500_000);
    assert_eq!((page.asked.len(), page.dials), (2, 1));
    page.settles(45_000);
    assert_eq!((page.asked.len(), page.dials), (3, 1));
}

#[test]
fn ws26_a_token_that_the_server_refuses_is_asked_for_once_more_and_then_for_a_login() {
    for close in [true, false] {
        let mut page = Page::of(CONFIG);
        for _ in 0..2 {
            page.gives("bad");
            page.socket(SocketEvent::Opened);
            match close {
                true => page.lost(3500),
                false => page.hears(r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#),
            }
            page.waits(5000);
        }
        assert_eq!(page.word(), Word::NeedsAuth);
        assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
    }
}

#[test]
fn a_token_that_ended_on_the_connection_is_asked_for_anew() {
    let mut page = Page::of(CONFIG);
    page.is_at_two();
    page.lost(3005);
    page.waits(5000);
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
    page.is_known("");
    assert!(page.last().contains(r#""recover":true"#));
}

#[test]
fn a_code_that_says_stay_away_is_obeyed() {
    for (code, word) in [
        (3503, Word::Failed),
        (4501, Word::Failed),
        (3001, Word::Reconnecting),
        (4001, Word::Reconnecting),
    ] {
        let mut page = Page::of(CONFIG);
        page.is_at_two();
        page.lost(code);
        page.waits(4000);
        let dials = page.dials;
        assert!(
            page.word() == word || (word == Word::Reconnecting && dials > 0),
            "{code}"
        );
        page.waits(60_000);
        if word == Word::Failed {
            assert_eq!(
                (page.word(), page.dials, page.token),
                (word, dials, None),
                "{code}"
            );
        } else {
            assert!(page.token.is_some() || page.dials > dials, "{code}");
        }
    }
}

#[test]
fn a_channel_that_the_server_gives_is_followed_and_recovered_with_the_first_command() {
    let mut page = Page::of(CONFIG);
    let sub = r#"{"recoverable":true,"positioned":true,"epoch":"E","offset":2}"#;
    page.is_known(&format!(r#","subs":{{"room":{sub}}}"#));
    assert_eq!(page.said().len(), 1, "nothing is asked");
    assert!(page.engine.channels.is_synced());
    page.settles(20_000);
    assert_eq!(page.stale(), BOTH);
    page.publishes(3, "changed");
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.lost(1006);
    page.waits(20_000);
    let missed = r#"[{"data":{"type":"other"},"offset":4}]"#;
    page.is_known(&format!(
        r#","subs":{{"room":{{"recoverable":true,"epoch":"E","offset":3,"recovered":true,"publications":{missed}}}}}"#
    ));
    let said = page.said();
    assert!(
        said.last()
            .unwrap()
            .contains(r#""subs":{"room":{"recover":true,"epoch":"E","offset":3}}"#),
        "{said:?}"
    );
    page.settles(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
}

#[test]
fn a_payload_that_does_not_fit_costs_no_change_and_no_connection() {
    let mut page = Page::of(&CONFIG.replace(r#""kind""#, r#""delta":"fossil","kind""#));
    page.is_known("");
    assert!(page.last().ends_with(r#""delta":"fossil"}}"#));
    page.stands(2, r#","delta":true"#);
    page.settles(20_000);
    page.stale();
    let tells = |page: &mut Page, publication: &str| {
        page.hears(&format!(
            r#"{{"push":{{"channel":"room","pub":{publication}}}}}"#
        ));
    };
    tells(&mut page, r#"{"data":"{\"type\":\"changed\"}","offset":3}"#);
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.said();
    tells(&mut page, r#"{"data":"G\nG@0,1;","offset":4,"delta":true}"#);
    assert_eq!(page.faults.len(), 1, "{:?}", page.faults);
    let said = page.said();
    assert_eq!(
        said.last().unwrap().split_once(',').unwrap().1,
        r#""subscribe":{"channel":"room","recover":true,"epoch":"E","offset":3,"positioned":true,"recoverable":true}}"#
    );
    page.said.extend(said);
    page.stands(
        3,
        r#","recovered":true,"was_recovering":true,"publications":[{"data":{"type":"other"},"offset":4}]"#,
    );
    page.waits(3000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
    assert_eq!(page.dials, 1);
}

#[cfg(feature = "rooms")]
#[test]
fn who_enters_a_room_has_its_channel_and_asks_who_is_there() {
    let config = r#"{"user":"ada","backend":{"kind":"centrifugo","url":"wss://h/connection/websocket","presence":true},"getToken":true}"#;
    let mut page = Page::of(config);
    page.is_known("");
    let join = r#"{"do":"join","channel":"c","meta":{"at":1}}"#;
    page.happens(Input::Command(Command::parse(join).unwrap()));
    assert!(page.last().contains(r#""channel":"c""#), "{}", page.last());
    page.stands(2, "");
    assert!(
        page.last().contains(r#""presence":{"channel":"c"}"#),
        "{}",
        page.last()
    );
    page.replies(r#""presence":{"presence":{"c":{"user":"ann","client":"c"},"b":{"user":"bob","client":"b","conn_info":{"n":1}}}}"#);
    let there = page.engine.room();
    for person in [
        r#""user":"ann","self":true"#,
        r#""user":"bob","self":false,"tabs":[{"active":true,"typing":null,"meta":{"n":1}}]"#,
    ] {
        assert!(there.contains(person), "{there}");
    }
    let faults = page.faults.join("");
    assert!(
        faults.contains("this server has no presence that a page tells"),
        "{faults}"
    );
}
