//! Messages of a server without a protocol in a recording, and those of one whose protocol does not say what events are: what the configuration names stays, because it
//! decides, and so does of a payload what a route puts into a key. All else is covered.

use std::rc::Rc;

use super::mask::{Mask, Rule, cover};
use super::message::Part;
use crate::wire::json::{self, Raw, Text};

/// What decides in the messages of such a server.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Fields like `.type`.
    paths: Vec<Rc<str>>,
    /// Frames that are no JSON.
    words: Vec<Rc<str>>,
    /// The protocol has messages of its own, and these are what is in them.
    within: Option<Part>,
}

/// Of which backends that is so.
const KINDS: &str = " json sse centrifugo graphql ";
/// By what the server is understood.
const FORMS: &str = " welcome refused subscribed denied ping answer ";
/// What is said to it.
const SAID: &str = " hello subscribe unsubscribe pong send ";
/// Where things stand, and bounds.
const PLACES: &str = " event data channel seq tokenParam authCodes every replays reset ";

pub(super) fn is_in(names: &str, name: &str) -> bool {
    names
        .split(' ')
        .any(|have| have == name && !have.is_empty())
}

impl Known {
    /// What `backend` says of it, of whose payloads the routes read these fields.
    pub(super) fn of(backend: Raw<'_>, routes: &[Rc<str>]) -> Option<Box<Known>> {
        let kind = backend.member("kind").and_then(Raw::string);
        let kind = kind.filter(|kind| is_in(KINDS, &kind.decode()))?;
        let graphql = kind.is("graphql");
        let mut known = Known {
            within: match kind.is("centrifugo") {
                true => Some(Part::Command),
                false => graphql.then_some(Part::GraphQl),
            },
            ..Known::default()
        };
        let string = |name| backend.member(name).and_then(Raw::string).map(Text::decode);
        let event = [("event", &[".type", ".event"][..])];
        let event = event.iter().filter(|_| !graphql);
        // Where the protocol says these, they are nothing in a payload.
        let more = [("channel", &[".channel"][..]), ("seq", &[])];
        let more = more.iter().filter(|_| known.within.is_none());
        for (name, usual) in event.chain(more).copied().collect::<Vec<_>>() {
            match string(name) {
                Some(path) => known.paths.push(path.trim_start_matches('$').into()),
                None => known.paths.extend(usual.iter().map(|path| Rc::from(*path))),
            }
        }
        let data = string("data").map_or_else(
            || vec![".data".to_owned(), ".payload".to_owned(), String::new()],
            |path| vec![path.trim_start_matches('$').to_owned()],
        );
        let data = match backend.member("subscriptions") {
            Some(subscriptions) if graphql => places_of(subscriptions),
            _ => data,
        };
        for route in routes {
            let all = data.iter().map(|data| [data, &**route].concat());
            known.paths.extend(all.map(Rc::from));
        }
        let mut each = |name: Text<'_>, form: Raw<'_>| {
            if is_in(FORMS, &name.decode()) {
                known.find(form, "");
            }
        };
        backend.members(&mut each);
        if let Some(heartbeat) = backend.member("heartbeat") {
            heartbeat.members(&mut each);
        }
        Some(Box::new(known))
    }

    /// Finds the fields of a form.
    fn find(&mut self, form: Raw<'_>, path: &str) {
        if form.is_object() {
            form.members(|name, form| self.find(form, &[path, ".", &name.decode()].concat()));
        } else if form.is_array() {
            form.elements(|form| self.find(form, path));
        } else if path.is_empty() {
            if let Some(word) = form.string() {
                self.words.push(Rc::from(&*word.decode()));
            }
        } else {
            self.paths.push(path.into());
        }
    }

    /// How a member at a path is treated, of something that is a message or a form.
    pub(super) fn rule(&self, path: &str, value: Raw<'_>) -> Rule {
        let deep = value.is_object() || value.is_array();
        let behind = |have: &Rc<str>| have.strip_prefix(path).map(str::to_owned);
        let mut rule = Rule::Hidden;
        for rest in self.paths.iter().filter_map(behind) {
            match rest.as_str() {
                "" if !deep => return Rule::Open,
                "" => rule = Rule::Message,
                rest if rest.starts_with('.') => rule = Rule::Message,
                _ => {}
            }
        }
        rule
    }

    /// How a member of `backend`, or of its `heartbeat`, is treated.
    pub(super) fn rule_of_option(name: &str, of: Raw<'_>) -> Option<Rule> {
        let kind = of.member("kind").and_then(Raw::string);
        if kind.is_some_and(|kind| kind.is("graphql")) {
            return match name {
                "subscriptions" => Some(Rule::Open),
                "connect" => Some(Rule::Message),
                _ => None,
            };
        }
        if !kind.is_some_and(|kind| is_in(KINDS, &kind.decode())) && of.member("every").is_none() {
            return None;
        }
        match name {
            _ if is_in(FORMS, name) || is_in(SAID, name) => Some(Rule::Message),
            _ if is_in(PLACES, name) => Some(Rule::Open),
            "heartbeat" => Some(Rule::Known),
            _ => None,
        }
    }

    /// Does a string in a message stay?
    pub(super) fn keeps(&self, text: &str) -> bool {
        // What stands for something is nothing secret.
        text.contains("$token")
            || text.contains("$channel")
            || self.words.iter().any(|word| **word == *text)
    }
}

/// Where subscriptions have what an app is told.
fn places_of(subscriptions: Raw<'_>) -> Vec<String> {
    let mut places = Vec::new();
    subscriptions.members(|_, how| {
        let place = how.member("data").and_then(Raw::string).map(Text::decode);
        places.push(place.unwrap_or_default().trim_start_matches('$').to_owned());
    });
    places
}

impl Mask {
    /// Frames of a socket.
    pub(super) fn frame(&mut self, text: &str) -> String {
        let Some(known) = &self.plain else {
            return self.lines(text);
        };
        let rule = known.within.map_or(Rule::Message, Rule::Of);
        if known.within.is_none() && known.keeps(text.trim_ascii()) {
            return text.to_owned();
        }
        if !text.contains('\n') || json::parse(text).is_ok() {
            return self.message(text, rule);
        }
        let lines: Vec<String> = text.split('\n').map(|line| self.frame(line)).collect();
        lines.join("\n")
    }

    fn message(&mut self, text: &str, rule: Rule) -> String {
        let mut out = String::with_capacity(text.len());
        match json::parse(text) {
            Ok(raw) if raw.is_object() || raw.is_array() => {
                let (before, after) = text.split_once(raw.text()).unwrap_or(("", ""));
                out.push_str(before);
                self.value(raw, rule, &mut String::new(), &mut out);
                out.push_str(after);
            }
            _ if text.trim_ascii().is_empty() => out.push_str(text),
            // What is no message stays none.
            _ => cover(text, &mut out),
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::backend::Speaks;
    use crate::engine::config::Config;
    use crate::wire::{Heard, Wire};

    const CONFIG: &str = r#"{"user":null,"backend":{"kind":"json","url":"ws://h/ws","event":"$.head.kind",
        "hello":{"head":{"kind":"auth"},"key":"sesame","token":"$token"},
        "welcome":{"status":{"word":"hi"}},"seq":"$.head.n",
        "heartbeat":{"every":5000,"send":"ping","answer":["pong",{"alive":true}]}},
        "events":{"moved":[["tasks","$.task.id"]]}}"#;

    const FRAMES: [&str; 8] = [
        r#"{"status":{"word":"hi","of":"alice"},"more":["secret"]}"#,
        r#"{"status":{"word":"ho"}}"#,
        r#"{"head":{"kind":"moved","n":7},"data":{"task":{"id":5,"title":"secret"}}}"#,
        r#"{"head":{"kind":"moved","n":7},"task":{"id":6,"secret":"x"}}"#,
        "[{\"head\":{\"kind\":\"moved\",\"n\":9}}]",
        "pong",
        "secret",
        "{\"head\":{\"kind\":\"a\"}}\n{\"secret\":1}",
    ];

    /// What the engine makes of a frame, and keys by payloads.
    fn kinds(config: &str, frames: &[String]) -> Vec<String> {
        let config = Config::parse(config).unwrap();
        assert!(matches!(config.speaks, Speaks::Plain(_)));
        let mut wire = Wire::new(&config.speaks);
        wire.begin();
        let mut out = vec![wire.hello("c", Some("t")).len().to_string()];
        wire.ping(1);
        for frame in frames {
            let mut heard = Vec::new();
            wire.read(frame.as_bytes(), &mut heard);
            out.extend(heard.into_iter().map(|said| match said {
                Heard::Event(event) => {
                    let data = json::parse(&event.data).unwrap();
                    let id = data.member("task").and_then(|task| task.member("id"));
                    format!("{} {} {id:?}", event.channel, event.name)
                }
                other => format!("{other:?}"),
            }));
        }
        out
    }

    #[test]
    fn what_decides_stays_and_all_else_is_covered() {
        let mut mask = Mask::default();
        let config = mask.config(CONFIG);
        let frames = FRAMES.map(|frame| mask.frame(frame));
        for (shown, text) in frames.iter().zip(FRAMES).chain([(&config, CONFIG)]) {
            assert_eq!(shown.len(), text.len(), "{shown}");
            assert!(
                !shown.contains("secret") && !shown.contains("alice"),
                "{shown}"
            );
            assert!(!shown.contains("sesame"), "{shown}");
        }
        let plain = FRAMES.map(str::to_owned);
        assert_eq!(kinds(&config, &frames), kinds(CONFIG, &plain));
        // Once more comes to the same.
        let mut again = Mask::default();
        assert_eq!(again.config(&config), config);
        assert_eq!(frames.each_ref().map(|frame| again.frame(frame)), frames);
        // What is said is covered as what it is made of.
        let said = mask.frame(r#"{"head":{"kind":"auth"},"key":"sesame","token":"t1"}"#);
        assert_eq!(
            said,
            r#"{"head":{"kind":"auth"},"xxx":"xxxxxx","xxxxx":"xx"}"#
        );
    }
}
