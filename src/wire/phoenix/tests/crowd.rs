//! Who is on a topic.

use super::*;
use crate::wire::native_room::Said;
use crate::wire::{Protocol, Shown};

const TAB: &str = "00000000000000aa";
const OURS: &str = r#"{"tabs":{"00000000000000aa":{"active":true,"meta":{"at":1}}}}"#;

/// What the engine is told of people, in short.
fn people(heard: Vec<Heard<'_>>) -> Vec<String> {
    let mut out = Vec::new();
    for heard in heard {
        match heard {
            Heard::Room(Said::People {
                full,
                you,
                join,
                leave,
                ..
            }) => {
                let you = you.unwrap_or_default();
                let kind = if full { "all" } else { "news" };
                out.push(format!("{kind} {you} {join} {leave}"));
            }
            Heard::Event(_) => {}
            other => out.extend(words(vec![other])),
        }
    }
    out
}

fn say(session: &mut Session, frame: &str) -> Vec<String> {
    let mut heard = Vec::new();
    session.hear(read(frame.as_bytes()), &mut heard);
    people(heard)
}

fn joins(session: &mut Session, id: u64, channel: &str, topic: &str) -> Vec<String> {
    let ask = session.subscribe(RequestId(id), channel, None, None);
    assert!(matches!(ask, Ask::Say(_)), "{ask:?}");
    let frame = format!(
        r#"["{id}","{id}","{topic}","phx_reply",{{"status":"ok","response":{{"postgres_changes":[]}}}}]"#
    );
    say(session, &frame)
}

fn state(join: u64, topic: &str, state: &str) -> String {
    format!(r#"["{join}",null,"{topic}","presence_state",{state}]"#)
}

fn diff(topic: &str, joins: &str, leaves: &str) -> String {
    format!(
        r#"[null,null,"{topic}","presence_diff",{{"joins":{{{joins}}},"leaves":{{{leaves}}}}}]"#
    )
}

fn key(name: &str, metas: &str) -> String {
    format!(r#""{name}":{{"metas":[{metas}]}}"#)
}

fn looks(session: &mut Session, everybody: bool) -> (Option<String>, Vec<String>) {
    let say = session.look("c", TAB, everybody);
    (say, people(session.news()))
}

fn phoenix() -> Session {
    let mut session = session(r#"{"kind":"phoenix"}"#);
    session.look("c", TAB, true);
    joins(&mut session, 1, "c", "c");
    session
}

#[test]
fn who_comes_and_goes_before_everybody_is_told_is_told_after_it() {
    let mut session = phoenix();
    let early = diff(
        "c",
        &key("bob", r#"{"phx_ref":"b2"}"#),
        &key("ann", r#"{"phx_ref":"a1"}"#),
    );
    assert_eq!(say(&mut session, &early), [""; 0]);
    let all = [
        key("ann", r#"{"phx_ref":"a1"}"#),
        key("bob", r#"{"phx_ref":"b1","x":1}"#),
    ];
    let told = say(
        &mut session,
        &state(1, "c", &format!("{{{}}}", all.join(","))),
    );
    assert_eq!(
        told,
        [
            r#"all  {"bob":{"ref":2,"user":"bob","data":{"tabs":{"b1":{"active":true,"meta":{"x":1}},"b2":{"active":true,"meta":{}}}}}} {}"#
        ]
    );
    // What is told twice is told once, and of two connections of a key the other one stays.
    let again = diff("c", &key("bob", r#"{"phx_ref":"b2"}"#), "");
    assert_eq!(say(&mut session, &again), [""; 0]);
    let one = diff("c", "", &key("bob", r#"{"phx_ref":"b1"}"#));
    assert_eq!(
        say(&mut session, &one),
        [
            r#"news  {"bob":{"ref":4,"user":"bob","data":{"tabs":{"b2":{"active":true,"meta":{}}}}}} {}"#
        ]
    );
    let other = diff("c", "", &key("bob", r#"{"phx_ref":"b2"}"#));
    assert_eq!(say(&mut session, &other), [r#"news  {} {"bob":5}"#]);
    let nobody = diff("c", "", &key("zoe", r#"{"phx_ref":"z"}"#));
    assert_eq!(say(&mut session, &nobody), [""; 0]);
}

#[test]
fn an_update_is_no_leave_and_a_new_join_begins_anew() {
    let mut session = phoenix();
    say(&mut session, &state(1, "c", "{}"));
    say(
        &mut session,
        &diff("c", &key("ann", r#"{"phx_ref":"a1","n":1}"#), ""),
    );
    let update = diff(
        "c",
        &key("ann", r#"{"phx_ref":"a2","phx_ref_prev":"a1","n":2}"#),
        &key("ann", r#"{"phx_ref":"a1","n":1}"#),
    );
    assert_eq!(
        say(&mut session, &update),
        [
            r#"news  {"ann":{"ref":3,"user":"ann","data":{"tabs":{"a2":{"active":true,"meta":{"n":2}}}}}} {}"#
        ]
    );
    // That they are still there is known without the server, and everybody to a tab that comes later.
    let still = r#"{"ann":{"ref":3,"user":"ann","data":{"tabs":{"a2":{"active":true,"meta":{"n":2}}}}}} {}"#;
    assert_eq!(
        looks(&mut session, false),
        (None, vec![format!("news  {still}")])
    );
    assert_eq!(
        looks(&mut session, true),
        (None, vec![format!("all  {still}")])
    );
    say(
        &mut session,
        r#"[null,null,"c","phx_error",{"reason":"crash"}]"#,
    );
    joins(&mut session, 2, "c", "c");
    assert_eq!(looks(&mut session, true), (None, vec![]), "nobody is known");
    let late = state(1, "c", &format!("{{{}}}", key("old", r#"{"phx_ref":"o"}"#)));
    assert_eq!(
        say(&mut session, &late),
        [""; 0],
        "it is of the former join"
    );
    assert_eq!(say(&mut session, &state(2, "c", "{}")), ["all  {} {}"]);
}

#[test]
fn a_page_like_this_one_is_known_by_its_own_name_and_shown_once() {
    let mut session = session(r#"{"kind":"supabase"}"#);
    session.look("c", TAB, true);
    joins(&mut session, 1, "c", "realtime:c");
    let ours = |reference: &str, n: u64| {
        let meta = format!(
            r#"{{"phx_ref":"{reference}","client":"{TAB}","user":"ann","tabs":{{"{TAB}":{{"active":true,"meta":{{"n":{n}}}}}}}}}"#
        );
        key("0b-uuid", &meta)
    };
    let all = state(1, "realtime:c", &format!("{{{}}}", ours("r1", 1)));
    let shown = |number: u64, n: u64| {
        format!(
            r#"{{"{TAB}":{{"ref":{number},"user":"ann","data":{{"tabs":{{"{TAB}":{{"active":true,"meta":{{"n":{n}}}}}}}}}}}}} {{}}"#
        )
    };
    assert_eq!(
        say(&mut session, &all),
        [format!("all {TAB} {}", shown(1, 1))]
    );
    // It came back before the server knew that its last connection is gone.
    let back = diff("realtime:c", &ours("r2", 2), "");
    assert_eq!(
        say(&mut session, &back),
        [format!("news {TAB} {}", shown(2, 2))]
    );
    let gone = diff("realtime:c", "", &ours("r1", 1));
    assert_eq!(
        say(&mut session, &gone),
        [format!("news {TAB} {}", shown(3, 2))]
    );
}

fn shown(id: u64, data: Option<&str>, anonymous: bool) -> Shown<'_> {
    Shown {
        id: RequestId(id),
        channel: "c",
        data,
        anonymous,
        everybody: false,
        tab: TAB,
    }
}

#[test]
fn what_is_shown_is_said_as_the_official_client_says_it_and_to_each_join() {
    // {"sub":"ann"}
    let token = "h.eyJzdWIiOiJhbm4ifQ.s";
    let mut session = session(r#"{"kind":"supabase","channels":{"c":{"presence":{"key":"k"}}}}"#);
    session.hello(Some(token));
    session.look("c", TAB, true);
    assert_eq!(
        session.show(&shown(3, Some(OURS), false)),
        None,
        "it is not joined yet"
    );
    let Ask::Say(join) = session.subscribe(RequestId(4), "c", None, None) else {
        panic!("it is asked for");
    };
    assert!(
        join.contains(r#""presence":{"key":"k","enabled":true}"#),
        "{join}"
    );
    let reply =
        r#"["4","4","realtime:c","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]"#;
    let payload = format!(
        r#"{{"client":"{TAB}","user":"ann","tabs":{{"{TAB}":{{"active":true,"meta":{{"at":1}}}}}}}}"#
    );
    let track = |join: u64, id: u64, payload: &str| {
        format!(
            r#"["{join}","{id}","realtime:c","presence",{{"type":"presence","event":"track","payload":{payload}}}]"#
        )
    };
    assert_eq!(
        say(&mut session, reply),
        [
            format!("say {}", track(4, 3, &payload)),
            "c Impossible".to_owned()
        ]
    );
    let nameless = payload.replace(r#""user":"ann","#, "");
    assert_eq!(
        session.show(&shown(5, Some(OURS), true)),
        Some(track(4, 5, &nameless))
    );
    // The topic is joined anew, and with it all is told again.
    say(&mut session, r#"["4","4","realtime:c","phx_error",{}]"#);
    assert_eq!(
        joins(&mut session, 6, "c", "realtime:c"),
        [
            format!("say {}", track(6, 5, &nameless)),
            "c Impossible".to_owned()
        ]
    );
    let refused = r#"["6","5","realtime:c","phx_reply",{"status":"error","response":{}}]"#;
    let mut heard = Vec::new();
    session.hear(read(refused.as_bytes()), &mut heard);
    assert!(
        matches!(&heard[..], [Heard::Refused(no)] if no.request == Some(RequestId(5)) && no.code == "forbidden"),
        "{heard:?}"
    );
    assert_eq!(
        session.show(&shown(7, None, false)).unwrap(),
        r#"["6","7","realtime:c","presence",{"type":"presence","event":"untrack"}]"#
    );
}

#[test]
fn without_a_token_that_says_who_it_is_the_key_says_it_before_and_after_the_join() {
    let mut session = session(
        r#"{"kind":"supabase","channels":{"c":{"presence":{"key":"ann","enabled":true}}}}"#,
    );
    session.look("c", TAB, true);
    session.show(&shown(3, Some(OURS), false));
    let told = joins(&mut session, 4, "c", "realtime:c");
    assert!(told[0].contains(r#""user":"ann""#), "{told:?}");
    let again = session.show(&shown(5, Some(OURS), false)).unwrap();
    assert!(again.contains(r#""user":"ann""#), "{again}");
    let nameless = session.show(&shown(6, Some(OURS), true)).unwrap();
    assert!(!nameless.contains("ann"), "{nameless}");
}

#[test]
fn a_channel_that_was_joined_without_who_is_there_is_joined_anew() {
    let mut session = session(r#"{"kind":"supabase"}"#);
    joins(&mut session, 1, "c", "realtime:c");
    let leave = r#"["1","1","realtime:c","phx_leave",{}]"#;
    let (said, news) = looks(&mut session, true);
    assert_eq!(said.as_deref(), Some(leave));
    assert_eq!(news, [r#"Torn { channel: "c" }"#]);
    assert_eq!(joins(&mut session, 2, "c", "realtime:c"), ["c Impossible"]);
    assert_eq!(looks(&mut session, true), (None, vec![]), "once is enough");
    // Who looks while the answer is on its way.
    let mut session = self::session(r#"{"kind":"supabase"}"#);
    session.subscribe(RequestId(1), "c", None, None);
    assert_eq!(looks(&mut session, true), (None, vec![]));
    let reply =
        r#"["1","1","realtime:c","phx_reply",{"status":"ok","response":{"postgres_changes":[]}}]"#;
    assert_eq!(
        say(&mut session, reply),
        [
            "c Impossible",
            &format!("say {leave}"),
            r#"Torn { channel: "c" }"#
        ]
    );
}

#[test]
fn the_recorded_presence_of_both_is_read() {
    let told = |recorded: &str, session: &mut Session| {
        let mut told = Vec::new();
        for row in rows(recorded) {
            let is = |word: &str| row.frame.contains(word);
            if !row.ours && row.kind == "text" && is("\"presence_") {
                told.extend(say(session, &row.frame));
            }
            if is("1.0.0") || is("room:v1") {
                break;
            }
        }
        told
    };
    let mut real = session(r#"{"kind":"phoenix"}"#);
    real.look("room:lobby", TAB, true);
    joins(&mut real, 3, "room:lobby", "room:lobby");
    let seen = told(PHOENIX, &mut real);
    assert_eq!(seen.len(), 2, "the first one waits: {seen:?}");
    assert!(
        seen[0].starts_with("all ")
            && seen[0].contains(r#""meta":{"status":"viewing","online_at":1763690000}"#)
    );
    assert!(
        seen[1].starts_with("news ")
            && seen[1].contains(r#"{"status":"away""#)
            && seen[1].ends_with(" {}")
    );
    let mut project = session(r#"{"kind":"supabase"}"#);
    project.look("task-updates:p1", TAB, true);
    joins(
        &mut project,
        6,
        "task-updates:p1",
        "realtime:task-updates:p1",
    );
    let seen = told(SUPABASE, &mut project);
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen[1].contains(r#""user":"u1""#) && seen[1].contains(r#""status":"typing""#));
    assert!(seen[2].contains(r#""status":"idle""#));
    assert!(seen[3].ends_with(r#" {} {"u1":4}"#), "{}", seen[3]);
}
