//! Holds every message that the tests exchange against `docs/protocol/fresh.v1.schema.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../docs/protocol/fresh.v1.schema.json");

/// A validator for each message, by the name of its definition, such as `server-ev`.
static MESSAGES: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut definitions = schema["$defs"].clone();
    let names: Vec<String> = definitions.as_object().unwrap().keys().cloned().collect();
    let messages = |name: &String| name.starts_with("server-") || name.starts_with("page-");
    let messages: Vec<String> = names.into_iter().filter(messages).collect();
    for name in &messages {
        // More fields are allowed, so that both sides can grow; but here are both sides, and what they say is to
        // stand in the schema.
        definitions[name]["additionalProperties"] = false.into();
    }
    let validator = |name: String| {
        let mut one = json!({ "$schema": schema["$schema"], "$defs": definitions });
        one["$ref"] = format!("#/$defs/{name}").into();
        let validator = jsonschema::draft202012::new(&one).expect("the schema is one");
        (name, validator)
    };
    messages.into_iter().map(validator).collect()
});

/// Reads a message of the server, which has to be as the schema says.
pub fn of_server(text: &str) -> Value {
    let message: Value = serde_json::from_str(text).expect("a message is JSON");
    let fault = fault("server", &message);
    assert!(fault.is_none(), "{text} breaks the schema: {fault:?}");
    message
}

/// A message of a page, which has to be as the schema says. What the schema does not know is passed over: so does the
/// server.
pub fn of_page(message: &Value) {
    let name = format!("page-{}", message["t"].as_str().unwrap_or_default());
    if MESSAGES.contains_key(&name) {
        let fault = fault("page", message);
        assert!(fault.is_none(), "{message} breaks the schema: {fault:?}");
    }
}

/// What is wrong with a message.
pub fn fault(side: &str, message: &Value) -> Option<String> {
    let name = format!("{side}-{}", message["t"].as_str().unwrap_or_default());
    let Some(validator) = MESSAGES.get(&name) else {
        return Some(format!("there is no {name}"));
    };
    validator
        .validate(message)
        .err()
        .map(|error| format!("{error} at {}", error.instance_path()))
}
