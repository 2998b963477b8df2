//! A page whose server speaks Phoenix channels, or whose backend is a project of Supabase.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::page::Page;
use crate::engine::command::Command;
use crate::engine::input::{Input, LockEvent, SocketEvent};
use crate::engine::limits::REPLAY_MARGIN;
use crate::engine::status::Word;
use crate::engine::token::{Token, TokenReason};

const PHOENIX: &str = r#"{"user":"ada","backend":{"kind":"phoenix","url":"wss://h/socket/websocket"},
    "getToken":true,"channels":["room:1"],"events":{"changed":[["tasks"]],"other":[["counts"]]}}"#;

const SUPABASE: &str = r#"{"user":"ada","backend":{"kind":"supabase","url":"wss://h/realtime/v1/websocket?apikey=k",
    "channels":{"tasks:{id}":{"changes":[{"table":"tasks","filter":"project_id=eq.{id}"}]}}},
    "getToken":true,"channels":["tasks:p1"],
    "events":{"postgres:UPDATE:public.tasks":[["tasks","$.record.project_id"]],"said":[["counts"]]}}"#;

/// A page of a server that answers signs of life by itself, but for the greeting.
fn phoenix(config: &str) -> Page {
    let mut page = Page::of(config);
    page.answers_by_itself = |frame| {
        let asks = frame.contains("heartbeat") && !frame.contains("\"0\"");
        let number = frame.split('"').nth(1).filter(|_| asks)?;
        Some(ALIVE.replace("\"0\"", &format!("\"{number}\"")))
    };
    page
}

impl Page {
    /// What was said last, with its references.
    fn references(&self) -> (String, String) {
        let mut parts = self.last().split('"');
        (parts.nth(1).unwrap().into(), parts.nth(1).unwrap().into())
    }

    /// It dials, is answered, and asks for its channel.
    fn greets(&mut self, token: &str) {
        self.gives(token);
        self.socket(SocketEvent::Opened);
        let greeting = r#"[null,"0","phoenix","heartbeat",{}]"#;
        assert_eq!(self.said().last().unwrap(), greeting);
        self.hears(ALIVE);
        assert_eq!(self.word(), Word::Connected);
    }

    /// The server answers what was said last.
    fn answered(&mut self, topic: &str, status: &str, response: &str) {
        let (join, reference) = self.references();
        let text = format!(
            r#"["{join}","{reference}","{topic}","phx_reply",{{"status":"{status}","response":{response}}}]"#
        );
        self.hears(&text);
    }

    fn joins(&mut self) {
        self.greets("t1");
        self.answered("room:1", "ok", "{}");
        assert!(self.engine.channels.is_synced());
        self.waits(20_000);
        self.stale();
        self.said();
    }

    /// The same of a project, with its changes told.
    fn follows(&mut self, token: &str) {
        self.greets(token);
        self.understood();
        self.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
        assert!(self.engine.channels.is_synced());
        self.waits(10_000);
        self.stale();
        self.said();
    }

    fn understood(&mut self) {
        let changes = r#"{"postgres_changes":[{"id":5,"event":"*","schema":"public","table":"tasks","filter":"project_id=eq.p1"}]}"#;
        self.answered("realtime:tasks:p1", "ok", changes);
    }

    fn system(&mut self, extension: &str, status: &str, message: &str) {
        let text = format!(
            r#"[null,null,"realtime:tasks:p1","system",{{"message":"{message}","status":"{status}","extension":"{extension}","channel":"tasks:p1"}}]"#
        );
        self.hears(&text);
    }
}

const ALIVE: &str = r#"[null,"0","phoenix","phx_reply",{"status":"ok","response":{}}]"#;

#[test]
fn the_token_is_in_the_address_and_a_gap_follows_every_join() {
    let mut page = phoenix(PHOENIX);
    page.greets("t 1");
    assert_eq!(page.url, "wss://h/socket/websocket?token=t%201&vsn=2.0.0");
    assert!(!page.engine.channels.is_synced());
    page.answered("room:1", "ok", r#"{"any":1}"#);
    assert!(page.engine.channels.is_synced());
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    page.hears(r#"[null,null,"room:1","changed",{"id":1}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.socket(SocketEvent::Bytes(b"\x02\x06\x05room:1other\x01\x02"));
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
    // What was missed is not told by anybody.
    page.lost(1006);
    page.waits(30_000);
    page.greets("t1");
    page.answered("room:1", "ok", "{}");
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
}

#[test]
fn the_server_is_asked_for_signs_of_life_whatever_it_says_and_left_when_it_gives_none() {
    let mut page = phoenix(PHOENIX);
    page.joins();
    let before = page.beats;
    for _ in 0..120 {
        page.waits(1000);
        page.hears(r#"[null,null,"room:1","unknown",{}]"#);
    }
    let asked = page.beats - before;
    assert!((4..=5).contains(&asked), "{asked}");
    assert_eq!((page.dials, page.said()), (1, Vec::new()));
    page.lives = false;
    page.waits(55_000);
    assert_eq!(page.said().last().unwrap(), "closed");
}

#[test]
fn a_channel_that_crashes_is_joined_later_and_later_and_the_connection_stays() {
    let mut page = phoenix(PHOENIX);
    page.joins();
    let (mut join, mut pauses) = ("1".to_owned(), Vec::new());
    for _ in 0..5 {
        let from = page.now;
        page.hears(&format!(r#"["{join}","{join}","room:1","phx_error",{{}}]"#));
        while !page
            .said
            .last()
            .is_some_and(|said| said.contains("phx_join"))
        {
            page.waits(50);
        }
        pauses.push(page.now - from);
        join = page.references().0;
        page.answered("room:1", "ok", "{}");
        page.said();
    }
    assert!(pauses.windows(2).all(|two| two[0] < two[1]), "{pauses:?}");
    assert_eq!((page.dials, page.word()), (1, Word::Connected));
    page.waits(30_000);
    let mut stale = page.stale();
    // Once for each time that it was joined.
    stale.dedup();
    assert_eq!(stale, [r#"["counts"]"#, r#"["tasks"]"#]);
}

#[test]
fn a_topic_that_is_refused_is_told_of_and_asked_for_again_if_it_may_help() {
    let mut page = phoenix(PHOENIX);
    page.greets("t1");
    page.answered("room:1", "error", r#"{"reason":"forbidden"}"#);
    page.said();
    page.waits(10 * 60_000 % 24_000);
    assert_eq!(page.said(), [""; 0], "for good");
    assert_eq!(page.faults.len(), 2, "{:?}", page.faults);
    let mut page = phoenix(PHOENIX);
    page.greets("t1");
    page.answered("room:1", "error", r#"{"reason":"join crashed"}"#);
    assert_eq!(page.faults, ["internal: join crashed (channel room:1)"]);
    page.said();
    page.waits(15_000);
    assert!(page.said()[0].contains("phx_join"), "for now");
}

#[test]
fn a_socket_that_is_refused_is_dialled_with_another_token_each_time() {
    let mut page = phoenix(PHOENIX);
    for dial in 1..6 {
        page.gives("t");
        assert_eq!(page.dials, dial);
        // The browser says no more of a 403 than this.
        page.lost(1006);
        let from = page.now;
        while page.token.is_none() {
            page.waits(1000);
            assert!(page.now - from < 300_000);
        }
    }
    page.greets("good");
}

#[test]
fn ws26_a_token_that_a_join_refuses_is_asked_for_once_more_and_then_for_a_login() {
    let config = PHOENIX.replace("websocket\"", r#"websocket","token":{"join":"jwt"}"#);
    let mut page = phoenix(&config);
    for _ in 0..2 {
        page.greets("bad");
        assert_eq!(page.url, "wss://h/socket/websocket?vsn=2.0.0");
        assert!(
            page.said
                .last()
                .unwrap()
                .ends_with(r#""phx_join",{"jwt":"bad"}]"#)
        );
        page.answered("room:1", "error", r#"{"reason":"unauthorized"}"#);
        page.said();
        page.waits(5000);
    }
    assert_eq!(page.word(), Word::NeedsAuth);
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
}

#[test]
fn changes_that_are_told_later_than_the_answer_are_a_gap_when_they_are() {
    let mut page = phoenix(SUPABASE);
    page.greets("t1");
    let said = page.last().to_owned();
    assert!(said.contains(r#""filter":"project_id=eq.p1""#), "{said}");
    assert!(said.ends_with(r#""access_token":"t1"}]"#), "{said}");
    page.understood();
    page.waits(3000);
    assert!(!page.engine.channels.is_synced());
    assert_eq!(page.stale(), [""; 0]);
    // It takes longer than an answer may: nothing is asked twice.
    page.said();
    page.waits(20_000);
    assert_eq!(page.said(), [""; 0]);
    page.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
    assert!(page.engine.channels.is_synced());
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["counts"]"#, r#"["tasks"]"#]);
    page.hears(r#"[null,null,"realtime:tasks:p1","postgres_changes",{"ids":[5],"data":{"schema":"public","table":"tasks","type":"UPDATE","record":{"id":1,"project_id":"p1"},"old_record":{"id":1},"errors":null}}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks","p1"]"#]);
    // A row that is too large comes without its fields: more becomes stale, never less.
    page.hears(r#"[null,null,"realtime:tasks:p1","postgres_changes",{"ids":[5],"data":{"schema":"public","table":"tasks","type":"UPDATE","record":{},"errors":["Error 413: Payload Too Large"]}}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["tasks"]"#]);
    page.hears(r#"[null,null,"realtime:tasks:p1","broadcast",{"type":"broadcast","event":"said","payload":{}}]"#);
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["counts"]"#]);
}

/// A token that ends so many seconds after the page began.
fn token(seconds: u64) -> String {
    let claims = format!(r#"{{"exp":{}}}"#, 1_700_000_000 + seconds);
    let mut digits = String::new();
    crate::wire::engineio::encode_base64(claims.as_bytes(), &mut digits);
    format!("h.{}.s", digits.trim_end_matches('='))
}

#[test]
fn rt5_a_token_is_renewed_on_the_connection_that_goes_on_before_it_ends() {
    let mut page = phoenix(SUPABASE);
    page.follows(&token(600));
    assert_eq!(page.asked, [TokenReason::Connect]);
    let from = page.now;
    while page.token.is_none() {
        page.waits(1000);
        assert!(page.now - from < 590_000);
    }
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Expiring]);
    page.said();
    let next = token(1200);
    page.gives(&next);
    let said = page.said();
    assert!(
        said[0].contains(&format!(r#""access_token",{{"access_token":"{next}"}}"#)),
        "{said:?}"
    );
    assert_eq!((page.dials, page.word()), (1, Word::Connected));
    // The server says again that it tells changes; nothing was missed.
    page.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
    page.waits(10_000);
    assert_eq!(page.stale(), [""; 0]);
}

#[test]
fn ws26_a_token_that_ended_is_asked_for_once_more_and_then_for_a_login() {
    let mut page = phoenix(SUPABASE);
    page.follows("t1");
    page.system("system", "error", "Token has expired 3 seconds ago");
    assert_eq!(page.said(), ["closed"]);
    page.waits(5000);
    assert_eq!(page.asked, [TokenReason::Connect, TokenReason::Rejected]);
    page.greets("t2");
    page.answered(
        "realtime:tasks:p1",
        "error",
        r#"{"reason":"InvalidJWTToken: Token has expired"}"#,
    );
    page.waits(5000);
    assert_eq!(page.word(), Word::NeedsAuth);
    let token = Some(Token::new("good"));
    page.happens(Input::Command(Command::LoggedIn { token }));
    page.waits(5000);
    page.said();
    page.socket(SocketEvent::Opened);
    page.hears(ALIVE);
    page.understood();
    page.system("postgres_changes", "ok", "Subscribed to PostgreSQL");
    assert!(page.engine.channels.is_synced());
}

#[test]
fn joins_that_are_refused_for_now_do_not_end_the_connection() {
    let mut page = phoenix(SUPABASE);
    page.greets("t1");
    for _ in 0..3 {
        page.answered(
            "realtime:tasks:p1",
            "error",
            r#"{"reason":"ClientJoinRateLimitReached: Too many joins per second"}"#,
        );
        page.said();
        let mut waited = 0;
        while !page
            .said
            .last()
            .is_some_and(|said| said.contains("phx_join"))
        {
            page.waits(100);
            waited += 100;
            assert!(waited < 60_000);
            if page
                .said
                .last()
                .is_some_and(|said| said.contains("heartbeat"))
            {
                let number = page.engine.request.0;
                page.hears(&ALIVE.replace("\"0\"", &format!("\"{number}\"")));
            }
        }
        assert!(waited >= 5000, "{waited}");
    }
    assert_eq!(page.dials, 1);
}

const KEPT: &str = r#"{"user":"ada","backend":{"kind":"supabase","url":"wss://h/realtime/v1/websocket?apikey=k",
    "channels":{"c":{"private":true,"replay":true}}},"getToken":true,"channels":["c"],
    "events":{"said":[["said","$.id"]]}}"#;

/// The server tells of something that the database keeps.
fn said(page: &mut Page, id: u32, replayed: &str) {
    page.hears(&format!(
        r#"[null,null,"realtime:c","broadcast",{{"type":"broadcast","event":"said","payload":{{"id":{id}}},"meta":{{{replayed}"id":"m-{id}"}}}}]"#
    ));
}

#[test]
fn what_was_missed_is_asked_for_after_a_gap_and_told_once() {
    let mut page = phoenix(KEPT);
    page.greets("t1");
    assert!(!page.last().contains("replay"), "{}", page.last());
    let none = r#"{"postgres_changes":[]}"#;
    page.answered("realtime:c", "ok", none);
    // The last sign of life is asked for after 150 s.
    page.waits(160_000);
    page.stale();
    said(&mut page, 1, "");
    said(&mut page, 2, "");
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["said",1]"#, r#"["said",2]"#]);
    page.lost(1006);
    page.waits(10_000);
    page.greets("t1");
    let asked = page.last().to_owned();
    let since = asked.split(r#""replay":{"since":"#).nth(1).unwrap();
    let since: u64 = since.split(',').next().unwrap().parse().unwrap();
    let begun = 1_700_000_000_000 + 150_000 - REPLAY_MARGIN.0;
    assert!((begun..begun + 2000).contains(&since), "{asked}");
    page.answered("realtime:c", "ok", none);
    // The gap is what it was: not all that was missed is kept.
    page.waits(20_000);
    assert_eq!(page.stale(), [r#"["said"]"#]);
    let before = page.engine.metrics.duplicates;
    for id in [1, 2, 3] {
        said(&mut page, id, r#""replayed":true,"#);
    }
    page.waits(5000);
    assert_eq!(page.stale(), [r#"["said",3]"#]);
    assert_eq!(page.engine.metrics.duplicates, before + 2);
    // It comes by the usual way too.
    said(&mut page, 3, "");
    page.waits(5000);
    assert_eq!(page.stale(), [""; 0]);
}

#[test]
fn a_channel_is_had_without_what_it_missed_if_that_cannot_be_had() {
    let mut page = phoenix(KEPT);
    page.greets("t1");
    page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
    page.lost(1006);
    page.waits(10_000);
    page.greets("t1");
    assert!(page.last().contains("replay"), "{}", page.last());
    let reason = "UnableToReplayMessages: Realtime was unable to replay messages";
    let refusal = format!(r#"{{"reason":"{reason}"}}"#);
    page.answered("realtime:c", "error", &refusal);
    assert_eq!(page.faults, [format!("internal: {reason} (channel c)")]);
    page.said();
    page.waits(15_000);
    let joins = |said: &String| said.contains("phx_join");
    let join = page.said.iter().find(|said| joins(said)).unwrap();
    assert!(!join.contains("replay"), "{join}");
}

/// A page whose people are told of by a project of Supabase.
#[cfg(feature = "rooms")]
mod room {
    use super::*;

    const CONFIG: &str = r#"{"user":"ada","backend":{"kind":"supabase","url":"wss://h/realtime/v1/websocket?apikey=k"},"getToken":true}"#;

    fn tells(page: &mut Page, command: &str) {
        page.happens(Input::Command(Command::parse(command).unwrap()));
    }

    fn state(page: &mut Page, topic: &str, join: &str, state: &str) {
        page.hears(&format!(
            r#"["{join}",null,"{topic}","presence_state",{state}]"#
        ));
    }

    #[test]
    fn who_enters_a_room_has_its_channel_and_is_shown_there_a_few_times_a_minute() {
        let mut page = phoenix(CONFIG);
        page.greets("t1");
        tells(&mut page, r#"{"do":"join","channel":"c","meta":{"at":1}}"#);
        let (join, _) = page.references();
        assert!(
            page.last()
                .contains(r#""presence":{"key":"","enabled":true}"#),
            "{}",
            page.last()
        );
        page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
        let track = page.last().to_owned();
        assert!(
            track.contains(r#""event":"track""#) && track.contains(r#""meta":{"at":1}"#),
            "{track}"
        );
        page.answered("realtime:c", "ok", "{}");
        state(
            &mut page,
            "realtime:c",
            &join,
            r#"{"ben":{"metas":[{"phx_ref":"b1","where":"list"}]}}"#,
        );
        let there = page.engine.room();
        assert!(there.contains(r#""user":"ben","self":false,"tabs":[{"active":true,"typing":null,"meta":{"where":"list"}}]"#), "{there}");
        // However long nothing is told of Ben, who is there as long as the server does not say that he left.
        page.said();
        for at in 0..300 {
            tells(
                &mut page,
                &format!(r#"{{"do":"join","channel":"c","meta":{{"at":{at}}}}}"#),
            );
            page.waits(1000);
        }
        let tracks = page
            .said()
            .iter()
            .filter(|said| said.contains("\"track\""))
            .count();
        assert!((30..=40).contains(&tracks), "{tracks}");
        assert!(
            page.engine.room().contains(r#""user":"ben""#),
            "{}",
            page.engine.room()
        );
        page.hears(r#"[null,null,"realtime:c","presence_diff",{"joins":{},"leaves":{"ben":{"metas":[{"phx_ref":"b1"}]}}}]"#);
        assert!(
            page.engine.room().contains(r#""people":[]"#),
            "{}",
            page.engine.room()
        );
        assert_eq!(page.faults, [""; 0]);
    }

    #[test]
    fn what_cannot_be_had_is_said_once_a_link() {
        let mut page = phoenix(CONFIG);
        page.greets("t1");
        tells(&mut page, r#"{"do":"join","channel":"c","meta":{}}"#);
        page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
        for _ in 0..3 {
            tells(
                &mut page,
                r#"{"do":"typing","channel":"c","field":"title"}"#,
            );
            page.waits(3000);
        }
        tells(
            &mut page,
            r#"{"do":"lease","channel":"c","field":"f","use":"take"}"#,
        );
        tells(
            &mut page,
            r#"{"do":"signal","channel":"c","name":"wave","data":1}"#,
        );
        page.waits(1000);
        let faults = std::mem::take(&mut page.faults);
        for part in ["typing", "leases", "signals"] {
            let text = format!("this server has no {part}");
            assert_eq!(
                faults.iter().filter(|fault| fault.contains(&text)).count(),
                1,
                "{faults:?}"
            );
        }
        assert!(!page.said().iter().any(|said| said.contains("\"typing\"")));
    }

    #[test]
    fn a_server_of_the_apps_own_tells_of_others_and_shows_nothing_of_the_page() {
        let mut page = phoenix(PHOENIX);
        page.joins();
        tells(
            &mut page,
            r#"{"do":"join","channel":"room:1","meta":{"at":1}}"#,
        );
        page.waits(1000);
        assert!(
            page.faults
                .join("")
                .contains("this server has no presence that a page tells"),
            "{:?}",
            page.faults
        );
        page.hears(r#"[null,null,"room:1","presence_state",{"ben":{"metas":[{"phx_ref":"b1"},{"phx_ref":"b2"}]}}]"#);
        let there = page.engine.room();
        assert!(
            there.contains(r#""user":"ben""#) && there.matches(r#""meta":{}"#).count() == 2,
            "{there}"
        );
        assert!(!page.said().iter().any(|said| said.contains("\"presence\"")));
    }

    #[test]
    fn g9_nothing_of_the_last_person_is_shown_or_seen_by_the_next_one() {
        // The page follows the channel, whoever is there and in its room.
        let mut page = phoenix(&CONFIG.replace(r#""getToken""#, r#""channels":["c"],"getToken""#));
        tells(
            &mut page,
            r#"{"do":"join","channel":"c","meta":{"at":"adas"}}"#,
        );
        page.greets("t1");
        let (join, _) = page.references();
        page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
        assert!(page.last().contains("adas"), "{}", page.last());
        let ben = r#"{"ben":{"metas":[{"phx_ref":"b1"}]}}"#;
        state(&mut page, "realtime:c", &join, ben);
        assert!(page.engine.room().contains("ben"));
        page.said();

        tells(&mut page, r#"{"do":"user","user":"bob"}"#);
        assert!(!page.engine.room().contains("ben"));
        page.happens(Input::Lock(LockEvent::Unavailable));
        page.waits(5_000);
        page.greets("t2");
        page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
        page.waits(60_000);
        let said = page.said();
        assert!(!said.iter().any(|said| said.contains("track")), "{said:?}");
        // Bob enters the same room, and shows what is his.
        tells(
            &mut page,
            r#"{"do":"join","channel":"c","meta":{"at":"bobs"}}"#,
        );
        let asked = page.last().to_owned();
        assert!(asked.contains("phx_join"), "{asked}");
        page.answered("realtime:c", "ok", r#"{"postgres_changes":[]}"#);
        page.waits(60_000);
        let said = page.said();
        assert!(said.iter().any(|said| said.contains("bobs")), "{said:?}");
        assert!(!said.iter().any(|said| said.contains("adas")), "{said:?}");
        assert!(!page.engine.room().contains("ben"));
    }
}
