//! The schema of the messages. All other tests hold what they exchange against it; here is that it finds something.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use serde_json::{Value, json};
use support::schema::fault;

const DOCUMENT: &str = include_str!("../../docs/protocol.md");
const SCHEMA: &str = include_str!("../../docs/protocol/fresh.v1.schema.json");

#[test]
fn the_schema_finds_what_is_wrong() {
    let event = json!({ "t": "ev", "ch": "a", "s": 1, "name": "x", "data": null, "at": 5 });
    let subd = json!({ "t": "subd", "id": 1, "ch": "a", "pos": { "e": "E", "s": 1 }, "recovered": true, "missed": [event] });
    assert_eq!(fault("server", &event), None);
    assert_eq!(fault("server", &subd), None);
    let with = |message: &Value, name: &str, value: Value| {
        let mut message = message.clone();
        message[name] = value;
        message
    };
    for wrong in [
        json!({ "t": "shoe" }),
        json!({ "t": "pong" }),
        json!({ "t": "pong", "n": -1 }),
        json!({ "t": "pong", "n": 1, "shoe": 43 }),
        json!({ "t": "pong", "n": 9_007_199_254_740_992_u64 }),
        json!({ "t": "err", "code": "oops", "msg": "" }),
        with(&event, "s", json!(0)),
        with(&event, "ch", json!("a\nb")),
        with(&event, "by", json!("a b")),
        with(&subd, "recovered", json!(false)),
        with(&subd, "recovered", json!(null)),
        with(&subd, "missed", json!([{ "t": "ev" }])),
        with(&subd, "missed", Value::from(vec![event.clone(); 501])),
    ] {
        assert!(fault("server", &wrong).is_some(), "{wrong}");
    }
}

/// Whoever adds a message to one of them is told of the other.
#[test]
fn document_and_schema_have_the_same_messages_and_codes() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    for name in definitions.keys() {
        if let Some(kind) = name.strip_prefix("page-").or(name.strip_prefix("server-")) {
            assert!(
                DOCUMENT.contains(&format!(r#"{{"t":"{kind}""#)),
                "docs/protocol.md has no {kind}"
            );
            let side = if name.starts_with("page-") {
                "page"
            } else {
                "server"
            };
            let listed = definitions[side]["oneOf"].as_array().unwrap();
            let reference = json!({ "$ref": format!("#/$defs/{name}") });
            assert!(listed.contains(&reference), "{name} is not listed");
        }
    }
    for part in DOCUMENT.split(r#"{"t":""#).skip(1) {
        let (kind, _) = part.split_once('"').unwrap();
        let known = ["page", "server"]
            .iter()
            .any(|side| definitions.contains_key(&format!("{side}-{kind}")));
        assert!(known, "the schema has no {kind}");
    }
    let (_, codes) = DOCUMENT.split_once("Error codes: ").unwrap();
    let (codes, _) = codes.split_once('.').unwrap();
    let codes: Vec<&str> = codes.split('`').skip(1).step_by(2).collect();
    assert_eq!(definitions["code"]["enum"], json!(codes));
}
