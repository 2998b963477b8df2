#![allow(clippy::unwrap_used)]

use std::rc::Rc;

#[cfg(not(target_arch = "wasm32"))]
use super::mask::KNOWN_NAMES;
use super::mask::Mask;
use crate::engine::principal::User;
use crate::wire::json;
use proptest::prelude::*;

fn mask() -> Mask {
    let mut mask = Mask::default();
    mask.user(&User::new("alice@h.com"));
    mask.config(r#"{"events":{"moved":[["tasks","$.task.id"],["plan",{"$range":[["$.from"]]}]]}}"#);
    mask
}

#[test]
fn what_is_known_stays_and_everything_else_is_covered_in_its_length() {
    for (text, covered) in [
        (r#"{"t":"ping","n":3}"#, r#"{"t":"ping","n":3}"#),
        (
            r#"{"t":"hello","token":"secret"}"#,
            r#"{"t":"hello","token":"aaaaaa"}"#,
        ),
        (
            r#"{"new":{"a":"b"}, "t":"x"}"#,
            r#"{"new":{"x":"x"}, "t":"x"}"#,
        ),
        (
            r#"{"t":"ev","data":{"task":{"id":7,"title":"x y"},"from":1,"n":-2.50}}"#,
            r#"{"t":"ev","data":{"task":{"id":7,"xxxxx":"xxx"},"from":1,"x":-1.11}}"#,
        ),
        ("[\"a\"]", "xxxxx"),
        ("not JSON", "xxxxxxxx"),
        ("{\"n\":1}\n \n{\"n\":2}", "{\"n\":1}\n \n{\"n\":2}"),
    ] {
        assert_eq!(mask().lines(text), covered, "{text}");
    }
}

#[test]
fn equal_stays_equal_where_it_is_compared() {
    let text =
        r#"{"vars":{"a":"x1","b":"y1"},"base":{"a":"x1","b":12},"theirs":{"a":"zz","b":12}}"#;
    let covered = mask().lines(text);
    let raw = json::parse(&covered).unwrap();
    let value = |of: &str, name: &str| raw.member(of).unwrap().member(name).unwrap().text();
    assert_eq!(value("vars", "a"), value("base", "a"));
    assert_ne!(value("vars", "a"), value("theirs", "a"));
    assert_ne!(value("vars", "a"), value("vars", "b"));
    assert_eq!(value("base", "b"), value("theirs", "b"));
    assert_eq!(covered.len(), text.len());
    assert!(!covered.contains("x1") && !covered.contains("12"));
}

#[test]
fn short_values_are_told_apart_while_there_are_enough_characters() {
    let (mut first, mut second) = (mask(), mask());
    let mut seen = std::collections::BTreeSet::new();
    for n in [8, 3, 5, 0, 1, 9, 2, 4, 7, 6, 12, 99, 10, 100] {
        let once = first.lines(&format!(r#"{{"vars":{n}}}"#));
        assert_eq!(second.lines(&once), once);
        assert!(seen.insert(once), "{n}");
    }
    // What is text stays text, also where it looks like a number.
    let text = first.lines(r#"{"vars":"8"}"#);
    assert_eq!(text, r#"{"vars":"a"}"#);
    assert_eq!(second.lines(&text), text);
    // So do all other forms of a value.
    for value in ["\"b\"", "\"c\"", "-1", "-2", "1.5", "8"] {
        let once = first.lines(&format!(r#"{{"vars":{value}}}"#));
        assert_eq!(second.lines(&once), once, "{value}");
    }
}

#[test]
fn the_id_of_a_user_is_covered_wherever_it_stands() {
    let text = r#"{"ch":"user:alice@h.com","keys":[["of","alice@h.com"]],"channels":{"alice@h.com":null}}"#;
    let covered = mask().lines(text);
    assert!(!covered.contains("alice"), "{covered}");
    assert_eq!(covered.len(), text.len());
    let hidden = mask().lines(r#"{"ch":"user:\u0061lice@h.com"}"#);
    assert!(!hidden.contains("lice"), "{hidden}");
    // A short one is in many a word.
    let mut short = Mask::default();
    short.user(&User::new("at"));
    let covered = short.lines(r#"{"ch":"at:data:at","name":"at"}"#);
    assert!(
        covered.contains(":data:") && !covered.contains("at:"),
        "{covered}"
    );
}

#[test]
fn what_is_secret_in_an_address_is_covered() {
    for (url, covered) in [
        ("wss://h/live", "wss://h/live"),
        ("https://n:w@h/a?key=k1&x&y=", "https://xxx@h/a?key=xx&x&y="),
        ("/a?b=c?d", "/a?b=xxx"),
    ] {
        assert_eq!(mask().address(url), covered);
    }
}

/// Whoever adds a member to something that we write has to decide what a recording shows of it.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn every_member_that_is_written_has_its_rule() {
    // Covered; or written only for the app to read, as a part of something that stays.
    const OTHERS: &str = " token session user text message role alone relay counters freshness metrics epoch \
        seq violations source chain dropped entries last recording nextWakeup latency samples \
        pid offset _placeholder num access_token config topic payload join_ref postgres_changes \
        subs recover positioned recoverable join_leave delta messages ";
    let mut files = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src"
    ))];
    let mut unknown = Vec::new();
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(
                std::fs::read_dir(file)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let place = file.to_string_lossy().into_owned();
        if place.contains("/tests") || place.contains("/metrics/") || place.contains("table.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        for name in shipped.split(".key(\"").skip(1) {
            let word = format!(" {} ", name.split('"').next().unwrap_or(""));
            if !KNOWN_NAMES.iter().any(|names| names.contains(&word)) && !OTHERS.contains(&word) {
                unknown.push(format!("{place}: {word}"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "no rule in record/mask.rs:\n{}",
        unknown.join("\n")
    );
}

fn texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?".prop_map(String::from),
        "[a-c\u{e9}]{0,4}(\\\\n|\\\\u0061)?".prop_map(|text| format!("\"{text}\"")),
    ];
    let names = "(t|ch|data|vars|token|keys|q|events|body|join|new|a|id|task)";
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(", "))),
            prop::collection::vec((names, inner), 0..4).prop_map(|all| {
                let members = all
                    .iter()
                    .map(|(name, value)| format!("\"{name}\" :{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    /// A replay covers what is covered already, and has to come to the same.
    #[test]
    fn what_is_covered_is_as_long_as_before_is_json_and_is_covered_again_to_the_same(
        all in prop::collection::vec(texts(), 1..6),
    ) {
        let (mut first, mut second) = (mask(), mask());
        for text in all {
            let once = first.lines(&text);
            prop_assert_eq!(once.len(), text.len());
            // A sign of life of Socket.IO is a number.
let number = text.bytes().all(|byte| byte.is_ascii_digit());
            if !number {
                prop_assert_eq!(json::parse(&once).is_ok(), json::parse(&text).is_ok_and(|raw| raw.is_object()));
            }
            prop_assert_eq!(second.lines(&once), once);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", id in "\\PC{1,6}") {
        let mut mask = mask();
        mask.user(&User::new(&id));
        prop_assert_eq!(mask.lines(&text).len(), text.len());
        prop_assert_eq!(mask.numbered(&text).len(), text.len());
        mask.address(&text);
        prop_assert!(!mask.open(&text).contains(&*Rc::<str>::from(id.as_str())) || id.len() < 4 || mask.open(&id) == id);
    }
}

#[test]
fn a_message_of_phoenix_keeps_what_decides_and_no_payload() {
    for (text, covered) in [
        (
            r#"[null,"1","phoenix","heartbeat",{}]"#,
            r#"[null,"1","phoenix","heartbeat",{}]"#,
        ),
        (
            r#"["1","1","t","phx_join",{"jwt":"secret"}]"#,
            r#"["1","1","t","phx_join",{"xxx":"xxxxxx"}]"#,
        ),
        (
            r#"["1","1","of alice@h.com","phx_reply",{"status":"error","response":{"reason":"no token","a":"b"}}]"#,
            r#"["1","1","of 4eb132c1527","phx_reply",{"status":"error","response":{"reason":"no token","x":"x"}}]"#,
        ),
        (
            r#"["1","1","t","phx_reply",{"status":"ok","response":{"postgres_changes":[{"id":7,"table":"tasks"}]}}]"#,
            r#"["1","1","t","phx_reply",{"status":"ok","response":{"postgres_changes":[{"id":7,"table":"tasks"}]}}]"#,
        ),
        (
            r#"[null,null,"t","moved",{"task":{"id":7,"title":"x"}}]"#,
            r#"[null,null,"t","moved",{"task":{"id":7,"xxxxx":"x"}}]"#,
        ),
        (
            r#"[null,null,"t","broadcast",{"event":"moved","payload":{"task":{"id":7,"title":"x"}}}]"#,
            r#"[null,null,"t","broadcast",{"event":"moved","payload":{"task":{"id":7,"xxxxx":"x"}}}]"#,
        ),
        // By which one that comes again is known, and nothing else of what a payload may call so.
        (
            r#"[null,null,"t","broadcast",{"event":"e","payload":{"meta":{"id":"x"}},"meta":{"replayed":true,"id":"b-7","to":"me"}}]"#,
            r#"[null,null,"t","broadcast",{"event":"e","payload":{"xxxx":{"xx":"x"}},"meta":{"replayed":true,"id":"b-7","xx":"xx"}}]"#,
        ),
        (
            r#"["1",null,"t","presence_state",{"ben":{"metas":[{"phx_ref":"R1","status":"away"}]}}]"#,
            r#"["1",null,"t","presence_state",{"ben":{"metas":[{"phx_ref":"R1","status":"aaaa"}]}}]"#,
        ),
        (
            r#"[null,null,"t","presence_diff",{"joins":{"k":{"metas":[{"phx_ref":"R2","client":"c","user":"u","tabs":{"c":{"active":true,"meta":{"at":"secret"}}}}]}},"leaves":{}}]"#,
            r#"[null,null,"t","presence_diff",{"joins":{"k":{"metas":[{"phx_ref":"R2","client":"c","user":"u","tabs":{"c":{"active":true,"meta":{"at":"aaaaaa"}}}}]}},"leaves":{}}]"#,
        ),
        (
            r#"["1","2","t","presence",{"type":"presence","event":"track","payload":{"client":"c","tabs":{"c":{"active":true,"meta":{"at":"secret"}}}}}]"#,
            r#"["1","2","t","presence",{"type":"presence","event":"track","payload":{"client":"c","tabs":{"c":{"active":true,"meta":{"at":"aaaaaa"}}}}}]"#,
        ),
        (
            r#"[null,null,"t","postgres_changes",{"ids":[7],"data":{"table":"tasks","task":{"id":7,"title":"x"},"record":{"id":7}}}]"#,
            r#"[null,null,"t","postgres_changes",{"ids":[7],"data":{"table":"tasks","task":{"id":7,"xxxxx":"x"},"xxxxxx":{"xx":1}}}]"#,
        ),
        (
            r#"["1",null,"t","system",{"status":"error","message":"Token has expired"}]"#,
            r#"["1",null,"t","system",{"status":"error","message":"Token has expired"}]"#,
        ),
        (
            r#"{"ref":null,"topic":"t","event":"moved","payload":{"a":"b"}}"#,
            r#"{"ref":null,"topic":"t","event":"moved","payload":{"x":"x"}}"#,
        ),
        // What is not known is covered as a whole.
        (
            r#"[null,null,"t","e",{},"more"]"#,
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        (r#"["1","secret"]"#, "xxxxxxxxxxxxxx"),
    ] {
        assert_eq!(mask().lines(text), covered, "{text}");
        assert_eq!(mask().lines(covered), covered, "what is covered stays so");
    }
    let config = r#"{"backend":{"kind":"phoenix","token":{"param":"jwt"}},"getToken":true}"#;
    assert_eq!(mask().config(config), config);
    let config = r#"{"backend":{"kind":"supabase","channels":{"a:{id}":{"private":true,"changes":[{"event":"*","table":"tasks","filter":"id=eq.{id}"}]}}},"getToken":true}"#;
    assert_eq!(mask().config(config), config);
}

#[test]
fn a_message_of_graphql_keeps_what_decides_and_no_payload() {
    let config = r#"{"user":null,"backend":{"kind":"graphql","url":"wss://h/g","connect":{"key":"sesame","authorization":"Bearer $token"},"subscriptions":{"a:{id}":{"query":"subscription{a}","event":"moved","data":"$.a"},"b":{"query":"subscription{b}"}}},"events":{"moved":[["tasks","$.id"]]}}"#;
    let shown = r#"{"user":null,"backend":{"kind":"graphql","url":"wss://h/g","connect":{"xxx":"xxxxxx","xxxxxxxxxxxxx":"Bearer $token"},"subscriptions":{"a:{id}":{"query":"subscription{a}","event":"moved","data":"$.a"},"b":{"query":"subscription{b}"}}},"events":{"moved":[["tasks","$.id"]]}}"#;
    let mut mask = mask();
    assert_eq!(mask.config(config), shown);
    for (text, covered) in [
        (r#"{"type":"ping"}"#, r#"{"type":"ping"}"#),
        (
            r#"{"type":"connection_ack","payload":{"user":"ann"}}"#,
            r#"{"type":"connection_ack","payload":{"xxxx":"xxx"}}"#,
        ),
        (
            r#"{"id":"7","type":"next","payload":{"data":{"a":{"id":7,"title":"secret"}}}}"#,
            r#"{"id":"7","type":"next","payload":{"data":{"a":{"id":7,"xxxxx":"xxxxxx"}}}}"#,
        ),
        (
            r#"{"id":"7","type":"error","payload":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#,
            r#"{"id":"7","type":"error","payload":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}"#,
        ),
        ("secret", "xxxxxx"),
    ] {
        assert_eq!(mask.frame(text), covered, "{text}");
        assert_eq!(mask.frame(covered), covered, "what is covered stays so");
    }
}

#[test]
fn a_message_of_centrifugo_keeps_what_decides_and_no_payload() {
    let config = r#"{"user":null,"backend":{"kind":"centrifugo","url":"wss://h/c","connect":{"key":"sesame"},"event":"$.kind","presence":true},"events":{"moved":[["tasks","$.id"]]}}"#;
    let shown = r#"{"user":null,"backend":{"kind":"centrifugo","url":"wss://h/c","connect":{"xxx":"xxxxxx"},"event":"$.kind","presence":true},"events":{"moved":[["tasks","$.id"]]}}"#;
    let plain = |text: &str| text.replace("alice@h.com", "4eb132c1527");
    let mut mask = mask();
    assert_eq!(mask.config(config), shown);
    for (text, covered) in [
        ("{}", "{}"),
        (
            r##"{"id":1,"connect":{"client":"secret","expires":true,"ttl":60,"ping":25,"pong":true,"data":{"a":"b"},"subs":{"#alice@h.com":{"epoch":"E","offset":27,"recoverable":true,"data":1}}}}"##,
            r##"{"id":1,"connect":{"xxxxxx":"xxxxxx","expires":true,"ttl":60,"ping":25,"pong":true,"xxxx":{"x":"x"},"subs":{"#4eb132c1527":{"epoch":"E","offset":27,"recoverable":true,"xxxx":1}}}}"##,
        ),
        (
            r#"{"id":2,"subscribe":{"positioned":true,"epoch":"E","recovered":true,"publications":[{"data":{"kind":"moved","id":5,"title":"x"},"offset":38,"info":{"user":"u"}}]}}"#,
            r#"{"id":2,"subscribe":{"positioned":true,"epoch":"E","recovered":true,"publications":[{"data":{"kind":"moved","id":5,"xxxxx":"x"},"offset":38,"info":{"xxxx":"x"}}]}}"#,
        ),
        (
            r#"{"push":{"channel":"a","pub":{"data":{"kind":"moved","id":"$token","channel":"b"},"offset":38,"tags":{"a":"b"}}}}"#,
            r#"{"push":{"channel":"a","pub":{"data":{"kind":"moved","id":"$token","xxxxxxx":"x"},"offset":38,"xxxx":{"x":"x"}}}}"#,
        ),
        (
            r#"{"push":{"channel":"a","join":{"info":{"user":"u","id":7}}}}"#,
            r#"{"push":{"channel":"a","join":{"info":{"user":"u","id":7}}}}"#,
        ),
        (
            "{\"id\":3,\"error\":{\"code\":103,\"message\":\"no\"}}\n{\"push\":{\"channel\":\"a\",\"unsubscribe\":{\"code\":2500,\"reason\":\"r\"}}}",
            "{\"id\":3,\"error\":{\"code\":103,\"message\":\"no\"}}\n{\"push\":{\"channel\":\"a\",\"unsubscribe\":{\"code\":2500,\"reason\":\"r\"}}}",
        ),
        (
            r#"{"id":2,"subscribe":{"channel":"a","token":"secret","recover":true}}"#,
            r#"{"id":2,"subscribe":{"xxxxxxx":"x","xxxxx":"xxxxxx","xxxxxxx":true}}"#,
        ),
        (
            r#"{"id":4,"sub_refresh":{"channel":"a","token":"secret"}}"#,
            r#"{"id":4,"sub_refresh":{"xxxxxxx":"x","xxxxx":"xxxxxx"}}"#,
        ),
        ("secret", "xxxxxx"),
    ] {
        let covered = plain(covered);
        assert_eq!(mask.frame(text), covered, "{text}");
        assert_eq!(mask.frame(&covered), covered, "what is covered stays so");
    }
    // What others show of themselves is told of as it is numbered: equal stays equal.
    let people = r#"{"id":4,"presence":{"presence":{"c1":{"user":"ann","client":"c1","conn_info":{"name":"secret"}}}}}"#;
    assert_eq!(mask.frame(people), people.replace("secret", "aaaaaa"));
    let comes = r#"{"push":{"channel":"a","join":{"info":{"user":"ann","client":"c1","conn_info":{"name":"secret"}}}}}"#;
    assert_eq!(mask.frame(comes), comes.replace("secret", "aaaaaa"));
}

#[test]
fn an_answer_of_phoenix_keeps_what_it_means_and_its_messages_what_decides() {
    for (text, covered) in [
        (r#"{"status":403}"#, Some(r#"{"status":403}"#)),
        (
            r#"{"status":410,"token":"secret","messages":[]}"#,
            Some(r#"{"status":410,"token":"aaaaaa","messages":[]}"#),
        ),
        (
            r#"{"status":200,"token":"secret","messages":["[null,null,\"t\",\"moved\",{\"title\":\"hush\"}]",7]}"#,
            Some(
                r#"{"status":200,"token":"aaaaaa","messages":["[null,null,\"t\",\"moved\",{\"xxxxx\":\"xxxx\"}]",null]}"#,
            ),
        ),
        // What somebody else answers is only compared.
        (r#"{"status":200,"title":"hush"}"#, None),
        (r#"{"messages":["hush"]}"#, None),
        ("7", None),
    ] {
        let mut out = String::new();
        let is_one = mask().polled(text, &mut out);
        assert_eq!(is_one.then_some(&*out), covered, "{text}");
    }
}

#[test]
fn a_packet_of_socketio_keeps_what_decides_and_no_payload() {
    for (text, covered) in [
        ("2", "2"),
        ("3", "3"),
        ("41/admin,", "41/admin,"),
        (
            r#"0{"sid":"secret","upgrades":["websocket"],"pingInterval":25000}"#,
            r#"0{"sid":"aaaaaa","upgrades":["websocket"],"pingInterval":25000}"#,
        ),
        (
            r#"40/a,{"pid":"secret","offset":"o1","token":"t","n":7}"#,
            r#"40/a,{"pid":"aaaaaa","offset":"xx","token":"x","n":1}"#,
        ),
        (
            r#"40{"sid":"s","pid":"secret"}"#,
            r#"40{"sid":"a","pid":"aaaaaa"}"#,
        ),
        (
            r#"42/a,5["moved",{"task":{"id":7,"title":"x"}},"of alice@h.com"]"#,
            r#"42/a,5["moved",{"task":{"id":7,"xxxxx":"x"}},"xxxxxxxxxxxxxx"]"#,
        ),
        (
            r#"451-["moved",{"_placeholder":true,"num":0}]"#,
            r#"451-["moved",{"xxxxxxxxxxxx":true,"xxx":1}]"#,
        ),
        ("435[]", "435[]"),
        (
            r#"44{"message":"jwt expired","data":{"code":401}}"#,
            r#"44{"message":"jwt expired","data":{"code":401}}"#,
        ),
        ("42[not JSON]", "xxxxxxxxxxxx"),
        ("42 a secret []", "xxxxxxxxxxxxxx"),
        ("42", "xx"),
        ("4", "x"),
        ("77", "xx"),
    ] {
        assert_eq!(mask().lines(text), covered, "{text}");
        assert_eq!(mask().lines(covered), covered, "what is covered stays so");
    }
    for (body, covered) in [
        ("2", "2"),
        ("42[\"a\",\"of me\"]\u{1e}2", "42[\"a\",\"xxxxx\"]\u{1e}2"),
        ("bAQI=", "bxxxx"),
        ("451-[\"a\",{}]\u{1e}bAQID", "451-[\"a\",{}]\u{1e}bxxxx"),
    ] {
        let mut out = "K".to_owned();
        assert!(mask().packets(body, &mut out), "{body}");
        assert_eq!(out, ["K", covered].concat());
    }
    for body in ["", "{\"id\":7}", "2\u{1e}", "2\u{1e}secret", "bAQ", "b"] {
        let mut out = "K".to_owned();
        assert!(!mask().packets(body, &mut out), "{body}");
        assert_eq!(out, "K", "nothing of it is written");
    }
    let mut mask = mask();
    let asked = mask.lines(r#"40{"pid":"mark-1"}"#);
    let other = mask.lines(r#"40{"sid":"s","pid":"mark-2"}"#);
    let same = mask.lines(r#"40{"sid":"s","pid":"mark-1"}"#);
    let pid = |text: &str| text.split("\"pid\":").nth(1).unwrap().to_owned();
    assert_eq!(pid(&asked), pid(&same));
    assert_ne!(pid(&asked), pid(&other));
}
