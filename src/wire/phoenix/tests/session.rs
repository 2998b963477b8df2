//! Whole sessions, in the words of every wire.

use super::*;
use crate::engine::limits::{JOIN_WAITS_MAX, JOIN_WAITS_READY_MAX};

const TASKS: &str = r#"{"kind":"supabase","channels":{"tasks-changes":{"changes":[{"table":"tasks","filter":"project_id=eq.p1"}]}}}"#;

pub(super) fn plain() -> Session {
    session(r#"{"kind":"phoenix"}"#)
}

pub(super) fn say(session: &mut Session, text: &str) -> Vec<String> {
    hear(session, read(text.as_bytes()))
}

pub(super) fn ask(session: &mut Session, id: u64, channel: &str) -> String {
    match session.subscribe(RequestId(id), channel, None, Some("t")) {
        Ask::Say(text) => text,
        other => panic!("{other:?}"),
    }
}

pub(super) fn join(session: &mut Session, id: u64, channel: &str) {
    ask(session, id, channel);
    let topic = if session.capabilities().renews {
        "realtime:"
    } else {
        ""
    };
    let reply = format!(
        r#"["{id}","{id}","{topic}{channel}","phx_reply",{{"status":"ok","response":{{}}}}]"#
    );
    assert_eq!(say(session, &reply), [format!("{channel} Impossible")]);
}

/// A session that has asked for the changes of `TASKS`, and got a yes.
fn asked_for_changes() -> Session {
    let mut session = session(TASKS);
    ask(&mut session, 1, "tasks-changes");
    let reply = r#"["1","1","realtime:tasks-changes","phx_reply",{"status":"ok","response":{"postgres_changes":[{"id":42860287,"event":"*","schema":"public","table":"tasks","filter":"project_id=eq.p1"}]}}]"#;
    assert_eq!(
        say(&mut session, reply),
        [""; 0],
        "changes are not told yet"
    );
    session
}

fn system(extension: &str, status: &str, message: &str) -> String {
    format!(
        r#"["1",null,"realtime:tasks-changes","system",{{"message":"{message}","status":"{status}","extension":"{extension}","channel":"tasks-changes"}}]"#
    )
}

/// Leads a recorded session: whenever its client joined or left, so do we, under the same number.
fn follow(session: &mut Session, rows: &[Row]) -> Vec<String> {
    let mut told = Vec::new();
    for row in rows
        .iter()
        .filter(|row| matches!(&*row.kind, "text" | "binary"))
    {
        let ours = row.ours && row.kind == "text";
        match (ours, read_row(row)) {
            (true, Ok(message)) => {
                let channel = message.topic.trim_start_matches("realtime:");
                let id = RequestId(message.reference.unwrap());
                if row.frame.contains("phx_join") {
                    assert!(matches!(
                        session.subscribe(id, channel, None, None),
                        Ask::Say(_)
                    ));
                } else if row.frame.contains("phx_leave") {
                    assert!(session.unsubscribe(id, channel).is_some());
                }
            }
            (false, read) if !row.ours => told.extend(hear(session, read)),
            _ => {}
        }
    }
    told
}

#[test]
fn the_recorded_sessions_of_phoenix_mean_this() {
    let mut told = Vec::new();
    for rows in sessions(PHOENIX) {
        told.extend(follow(&mut plain(), &rows));
    }
    let short: Vec<&str> = told
        .iter()
        .map(|text| text.split(" {").next().unwrap())
        .collect();
    assert_eq!(
        short,
        [
            "room:lobby Impossible",
            "room:lobby presence_diff",
            "room:lobby presence_state",
            "room:lobby shout",
            r#"room:lobby blob "AAEC/v8=""#,
            r#"room:lobby blob "AAEC/v8=""#,
            "room:lobby presence_diff",
            "welcome 25000 Some(35000) None",
            "Pong",
            // The first version.
            "room:v1 Impossible",
            "room:v1 presence_diff",
            "room:v1 presence_state",
            "room:v1 shout",
            "welcome 25000 Some(35000) None",
        ]
    );
    assert_eq!(told[3], r#"room:lobby shout {"body":"hi"}"#);
}

#[test]
fn the_recorded_sessions_of_supabase_mean_this() {
    let mut told = Vec::new();
    for rows in sessions(SUPABASE) {
        let mut session = session(
            r#"{"kind":"supabase","channels":{"task-updates:{id}":{"changes":[
                {"event":"INSERT","table":"tasks","filter":"project_id=eq.{id}"},
                {"event":"UPDATE","table":"tasks","filter":"project_id=eq.{id}"}]}}}"#,
        );
        told.extend(follow(&mut session, &rows));
    }
    let short: Vec<&str> = told
        .iter()
        .map(|text| text.split(" {").next().unwrap())
        .collect();
    assert_eq!(
        short,
        [
            "task-updates:p1 presence_state",
            "task-updates:p1 Impossible",
            "task-updates:p1 task-update",
            r#"task-updates:p1 task-update "AQID/w==""#,
            "task-updates:p1 presence_diff",
            "task-updates:p1 presence_diff",
            "task-updates:p1 postgres:INSERT:public.tasks",
            "welcome 25000 Some(35000) None",
            "task-updates:p1 postgres:UPDATE:public.tasks",
            "task-updates:p1 presence_diff",
            "Pong",
            // The first version.
            "room1 Impossible",
            "room1 cursor",
        ]
    );
    assert_eq!(told[2], r#"task-updates:p1 task-update {"id":7,"s":"é"}"#);
    assert_eq!(told[12], r#"room1 cursor {"x":1}"#);
}

#[test]
fn the_recorded_changes_of_rows_are_events_with_the_row() {
    let mut session = asked_for_changes();
    say(
        &mut session,
        &system("postgres_changes", "ok", "Subscribed to PostgreSQL"),
    );
    let mut names = Vec::new();
    for row in rows(CHANGES).iter().filter(|row| row.kind == "text") {
        let data = row.frame.split_once(r#""data":"#).unwrap().1;
        let data = data.strip_suffix("}]").unwrap();
        let told = hear(&mut session, read(row.frame.as_bytes())).remove(0);
        let name = told.strip_suffix(data).unwrap();
        names.push(
            name.trim_start_matches("tasks-changes postgres:")
                .trim_end()
                .to_owned(),
        );
    }
    let expected = "INSERT:public.tasks UPDATE:public.tasks UPDATE:public.tasks UPDATE:public.tasks \
        UPDATE:public.tasks INSERT:public.tasks INSERT:public.tasks INSERT:public.tasks INSERT:public.tasks \
        INSERT:public.tasks INSERT:public.tasks INSERT:public.tasks";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_channel_is_live_when_its_changes_are_told_and_not_before() {
    let mut session = asked_for_changes();
    let broadcast = r#"[null,null,"realtime:tasks-changes","broadcast",{"type":"broadcast","event":"e","payload":{"a":1}}]"#;
    assert_eq!(say(&mut session, broadcast), [r#"tasks-changes e {"a":1}"#]);
    let ready = system("postgres_changes", "ok", "Subscribed to PostgreSQL");
    assert_eq!(say(&mut session, &ready), ["tasks-changes Impossible"]);
    // It is said again after each new token, and nothing was missed then.
    assert_eq!(say(&mut session, &ready), [""; 0]);
    let other = r#"[null,null,"realtime:tasks-changes","postgres_changes",{"ids":[7],"data":{"type":"INSERT","schema":"public","table":"tasks"}}]"#;
    assert_eq!(
        say(&mut session, other),
        [""; 0],
        "a change that nobody asked for"
    );
}

#[test]
fn changes_that_are_not_told_are_a_refusal_for_good_or_for_now() {
    for (message, code) in [
        (
            "Unable to subscribe to changes with given parameters. Please check Realtime is enabled",
            "bad_request",
        ),
        ("Error parsing `filter` params: []", "bad_request"),
        (
            "Realtime was unable to connect to the project database",
            "internal",
        ),
    ] {
        let mut session = asked_for_changes();
        assert_eq!(
            say(&mut session, &system("postgres_changes", "error", message)),
            [
                r#"say ["1","1","realtime:tasks-changes","phx_leave",{}]"#.to_owned(),
                format!("told {code}: {message} (channel tasks-changes)"),
                format!("tasks-changes {code}: {message}"),
            ]
        );
        let ready = system("postgres_changes", "ok", "Subscribed to PostgreSQL");
        assert_eq!(say(&mut session, &ready), [""; 0], "it was left");
    }
    // The database went away later: what it changed meanwhile is told to nobody.
    let mut session = asked_for_changes();
    say(
        &mut session,
        &system("postgres_changes", "ok", "Subscribed to PostgreSQL"),
    );
    assert_eq!(
        say(
            &mut session,
            &system("postgres_changes", "error", "no database")
        ),
        [
            "told internal: no database (channel tasks-changes)",
            r#"say ["1","1","realtime:tasks-changes","phx_leave",{}]"#,
            "tasks-changes ended",
        ]
    );
}

#[test]
fn a_server_that_understood_something_else_is_left() {
    let change =
        r#"{"id":1,"event":"*","schema":"public","table":"tasks","filter":"project_id=eq.p1"}"#;
    for understood in [
        "",
        &change.replace("p1", "p2"),
        &change.replace('*', "INSERT"),
        &change.replace("tasks", "rows"),
        &change.replace(r#""id":1,"#, ""),
        &change.replace(r#","filter":"project_id=eq.p1""#, ""),
        &[change, ",", change].concat(),
    ] {
        let mut session = session(TASKS);
        ask(&mut session, 1, "tasks-changes");
        let reply = format!(
            r#"["1","1","realtime:tasks-changes","phx_reply",{{"status":"ok","response":{{"postgres_changes":[{understood}]}}}}]"#
        );
        let told = say(&mut session, &reply);
        assert!(
            told[2].starts_with("tasks-changes bad_request: "),
            "{told:?}"
        );
    }
}

#[test]
fn what_belongs_to_a_former_join_is_dropped() {
    let mut session = plain();
    join(&mut session, 1, "t");
    assert_eq!(
        session.unsubscribe(RequestId(2), "t").unwrap(),
        r#"["1","2","t","phx_leave",{}]"#
    );
    ask(&mut session, 3, "t");
    for old in [
        r#"["1","2","t","phx_reply",{"status":"ok","response":{}}]"#,
        r#"["1","1","t","phx_close",{}]"#,
        r#"["1","1","t","phx_reply",{"status":"ok","response":{}}]"#,
        r#"["1",null,"t","e",{}]"#,
        r#"["1","1","t","phx_error",{}]"#,
        // The first version, in which only the reference tells.
        r#"{"ref":"1","topic":"t","event":"phx_close","payload":{}}"#,
    ] {
        assert_eq!(say(&mut session, old), [""; 0], "{old}");
    }
    let new = r#"["3","3","t","phx_reply",{"status":"ok","response":{}}]"#;
    assert_eq!(say(&mut session, new), ["t Impossible"]);
    assert_eq!(say(&mut session, new), [""; 0]);
    assert_eq!(say(&mut session, r#"["3",null,"t","e",{}]"#), ["t e {}"]);
    // What is told to everybody belongs to no join.
    assert_eq!(say(&mut session, r#"[null,null,"t","e",1]"#), ["t e 1"]);
    assert_eq!(say(&mut session, r#"[null,null,"other","e",1]"#), [""; 0]);
    assert_eq!(
        say(&mut session, r#"["3","3","t","phx_close",{}]"#),
        ["t ended"]
    );
    assert_eq!(say(&mut session, r#"[null,null,"t","e",1]"#), [""; 0]);
    assert_eq!(session.unsubscribe(RequestId(5), "t"), None);
}

#[test]
fn a_channel_that_crashed_is_joined_anew() {
    let mut session = plain();
    join(&mut session, 1, "t");
    let crash = r#"["1","1","t","phx_error",{"reason":"channel_crash"}]"#;
    assert_eq!(say(&mut session, crash), ["t ended"]);
    assert_eq!(ask(&mut session, 2, "t"), r#"["2","2","t","phx_join",{}]"#);
}

#[test]
fn an_ask_without_an_answer_is_made_anew_but_not_at_once() {
    let mut session = plain();
    ask(&mut session, 1, "t");
    for id in 0..JOIN_WAITS_MAX {
        assert_eq!(
            session.subscribe(RequestId(2 + id as u64), "t", None, None),
            Ask::Known
        );
    }
    assert_eq!(ask(&mut session, 9, "t"), r#"["9","9","t","phx_join",{}]"#);
    let late = r#"["1","1","t","phx_reply",{"status":"ok","response":{}}]"#;
    assert_eq!(say(&mut session, late), [""; 0]);
    let mut session = asked_for_changes();
    for id in 0..JOIN_WAITS_READY_MAX {
        let asked = session.subscribe(RequestId(2 + id as u64), "tasks-changes", None, None);
        assert_eq!(asked, Ask::Known);
    }
    ask(&mut session, 9, "tasks-changes");
    // One that is joined, and that somebody asks for who has not followed it.
    let mut session = plain();
    join(&mut session, 1, "t");
    ask(&mut session, 2, "t");
}

#[test]
fn a_refusal_is_about_the_channel_unless_it_is_about_the_token_that_it_got() {
    let refuse = |id: u64, response: &str| {
        format!(r#"[null,"{id}","t","phx_reply",{{"status":"error","response":{response}}}]"#)
    };
    for (reason, code) in [
        ("unmatched topic", "not_found"),
        ("forbidden", "forbidden"),
        ("unauthorized", "unauthorized"),
        ("the token has expired", "unauthorized"),
        ("join crashed", "internal"),
    ] {
        let mut session = plain();
        ask(&mut session, 1, "t");
        let told = say(
            &mut session,
            &refuse(1, &format!(r#"{{"reason":"{reason}"}}"#)),
        );
        let expected = [
            format!("told {code}: {reason} (channel t)"),
            format!("t {code}: {reason}"),
        ];
        assert_eq!(told, expected);
    }
    let mut session = plain();
    ask(&mut session, 1, "t");
    assert_eq!(
        say(&mut session, &refuse(1, r#"{"x":1}"#))[1],
        r#"t internal: {"x":1}"#
    );

    let mut session =
        super::session(r#"{"kind":"phoenix","token":{"join":"jwt"},"join":{"jwt":0,"a":1}}"#);
    assert_eq!(
        ask(&mut session, 1, "t"),
        r#"["1","1","t","phx_join",{"a":1,"jwt":"t"}]"#
    );
    let reason = r#"{"reason":"unauthorized"}"#;
    assert_eq!(
        say(&mut session, &refuse(1, reason)),
        ["turned away: unauthorized: unauthorized"]
    );
    // Where another channel takes the token, it is good.
    session.begin();
    join(&mut session, 2, "other");
    ask(&mut session, 3, "t");
    assert_eq!(
        say(&mut session, &refuse(3, reason))[1],
        "t unauthorized: unauthorized"
    );
}

#[test]
fn refusals_of_supabase_say_by_a_code_whether_to_try_again() {
    for (reason, code) in [
        ("ChannelRateLimitReached: Too many channels", "rate_limited"),
        (
            "ClientJoinRateLimitReached: Too many joins per second",
            "rate_limited",
        ),
        (
            "Unauthorized: You do not have permissions to read from this Channel topic: t",
            "forbidden",
        ),
        (
            "PrivateOnly: This project only allows private channels",
            "forbidden",
        ),
        (
            "TopicNameRequired: You must provide a topic name",
            "bad_request",
        ),
        (
            "InitializingProjectConnection: Realtime is initializing",
            "internal",
        ),
        ("IncreaseConnectionPool", "internal"),
    ] {
        let mut session = session(TASKS);
        ask(&mut session, 1, "t");
        let reply = format!(
            r#"["1","1","realtime:t","phx_reply",{{"status":"error","response":{{"reason":"{reason}"}}}}]"#
        );
        assert_eq!(say(&mut session, &reply)[1], format!("t {code}: {reason}"));
    }
    for reason in [
        "InvalidJWTToken: Token has expired 3 seconds ago",
        "MalformedJWT: x",
        "JwtSignatureError: x",
    ] {
        let mut session = session(TASKS);
        ask(&mut session, 1, "t");
        let reply = format!(
            r#"["1","1","realtime:t","phx_reply",{{"status":"error","response":{{"reason":"{reason}"}}}}]"#
        );
        assert_eq!(
            say(&mut session, &reply),
            [format!("turned away: unauthorized: {reason}")]
        );
    }
}

#[test]
fn a_word_of_the_system_is_about_the_token_or_about_the_channel() {
    let mut session = asked_for_changes();
    let expired = system("system", "error", "Token has expired 3 seconds ago");
    assert_eq!(
        say(&mut session, &expired),
        ["turned away: unauthorized: Token has expired 3 seconds ago"]
    );
    let mut session = asked_for_changes();
    let busy = system("system", "error", "Too many messages per second");
    assert_eq!(
        say(&mut session, &busy),
        ["told rate_limited: Too many messages per second (channel tasks-changes)"]
    );
    let close = r#"["1","1","realtime:tasks-changes","phx_close",{}]"#;
    assert_eq!(say(&mut session, close), ["tasks-changes ended"]);
    let mut session = asked_for_changes();
    assert_eq!(
        say(&mut session, &system("system", "ok", "all is well")),
        [""; 0]
    );
}

#[test]
fn what_another_client_says_is_never_taken_for_the_servers_word() {
    let mut session = asked_for_changes();
    for name in ["phx_close", "system", "postgres_changes"] {
        let mut frame = vec![4, 22, name.len() as u8, 0, 1];
        frame.extend(b"realtime:tasks-changes");
        frame.extend(name.as_bytes());
        frame.extend(br#"{"status":"ok","extension":"postgres_changes"}"#);
        let told = hear(&mut session, read_bytes(&frame));
        assert!(
            told[0].starts_with(&format!("tasks-changes {name} ")),
            "{told:?}"
        );
        let inner = r#"{"status":"ok","extension":"postgres_changes"}"#;
        let text = format!(
            r#"[null,null,"realtime:tasks-changes","broadcast",{{"type":"broadcast","event":"{name}","payload":{inner}}}]"#
        );
        assert_eq!(
            say(&mut session, &text),
            [format!("tasks-changes {name} {inner}")]
        );
    }
}

#[test]
fn a_token_is_renewed_before_it_ends_on_every_channel() {
    // {"sub":"1","exp":1700000000}
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIiwiZXhwIjoxNzAwMDAwMDAwfQ.c2ln";
    let mut project = session(TASKS);
    project.hello(Some(token));
    let alive = r#"[null,"0","phoenix","phx_reply",{"status":"ok","response":{}}]"#;
    assert_eq!(
        say(&mut project, alive),
        ["welcome 25000 Some(35000) Some(At(1700000000000))"]
    );
    join(&mut project, 1, "a");
    ask(&mut project, 2, "b");
    let said = project.authorize(RequestId(9), Some("x"));
    assert_eq!(
        said,
        [
            r#"["1","9","realtime:a","access_token",{"access_token":"x"}]"#,
            r#"["2","9","realtime:b","access_token",{"access_token":"x"}]"#,
        ]
    );
    assert_eq!(
        project.news(),
        [Heard::Authorized {
            request: Some(RequestId(9)),
            ends: None
        }]
    );
    assert!(project.authorize(RequestId(10), None).is_empty());
    // A server of the app's own is told a token once.
    let mut own = plain();
    own.hello(Some(token));
    assert_eq!(say(&mut own, alive), ["welcome 25000 Some(35000) None"]);
    assert!(!own.capabilities().renews && project.capabilities().renews);
}

#[test]
fn what_cannot_be_read_ends_the_connection() {
    for bad in ["", "[]", "7", r#"["1"]"#] {
        let told = say(&mut plain(), bad);
        assert!(told[0].starts_with("Broken("), "{told:?}");
    }
}
