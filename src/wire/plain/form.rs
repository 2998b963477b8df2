//! Messages that the app wrote down: what we say, with places for what is known only then, and what the
//! server says, to be recognised by.
//!
//! In what we say, `$token` and `$channel` stand for those, also within a longer string. What the server says
//! is recognised if everything that the form has is there; `"$channel"` takes the channel's name from that
//! place, and a list means any of its elements. A form that is a string is a frame that is no JSON.

use std::borrow::Cow;

use crate::engine::text;
use crate::wire::json::{self, Raw, Text, Writer};

/// A message that the app wrote down, as JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form(Box<str>);

/// What stands for the names in what we say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// `$token`
    pub token: &'a str,
    /// `$channel`
    pub channel: &'a str,
}

/// A frame, and what it is as JSON, if it is JSON.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// As it came.
    pub text: &'a str,
    /// What it is.
    pub raw: Option<Raw<'a>>,
}

impl Form {
    /// As the app wrote it.
    pub fn new(raw: Raw<'_>) -> Form {
        Form(raw.text().into())
    }

    fn raw(&self) -> Raw<'_> {
        json::parse(&self.0).unwrap_or(Raw::NULL)
    }

    /// Is this name somewhere in it?
    pub fn names(&self, name: &str) -> bool {
        text::find(&self.0, name).is_some()
    }

    /// What is said.
    pub fn fill(&self, names: Names<'_>) -> String {
        let raw = self.raw();
        if let Some(text) = raw.string() {
            return filled(&text.decode(), names).into_owned();
        }
        let mut writer = Writer::new();
        fill(raw, names, &mut writer);
        writer.finish()
    }

    /// Is this what the server says? Then `channel` has the name that is in it, if it has one.
    pub fn fits<'a>(&self, message: Message<'a>, channel: &mut Cow<'a, str>) -> bool {
        let form = self.raw();
        let mut fit = one_fits(form, message, channel);
        form.elements(|form| fit = fit || one_fits(form, message, channel));
        fit
    }
}

fn one_fits<'a>(form: Raw<'_>, message: Message<'a>, channel: &mut Cow<'a, str>) -> bool {
    if let Some(text) = form.string() {
        return text.decode() == message.text.trim_ascii();
    }
    form.is_object() && message.raw.is_some_and(|raw| fits(form, raw, channel))
}

/// The scanner bounds how deep this goes.
fn fits<'a>(form: Raw<'_>, value: Raw<'a>, channel: &mut Cow<'a, str>) -> bool {
    if form.is_object() {
        let mut fit = value.is_object();
        form.members(|name, form| {
            let have = value.member(&name.decode());
            fit = fit && have.is_some_and(|have| fits(form, have, channel));
        });
        return fit;
    }
    if form.is_array() {
        let mut fit = false;
        form.elements(|form| fit = fit || fits(form, value, channel));
        return fit;
    }
    match (form.string(), value.string()) {
        (Some(form), Some(value)) if form.is("$channel") => {
            *channel = value.decode();
            true
        }
        (Some(form), Some(value)) => form.decode() == value.decode(),
        _ => form.text() == value.text(),
    }
}

/// The scanner bounds how deep this goes.
fn fill(raw: Raw<'_>, names: Names<'_>, w: &mut Writer) {
    if raw.is_object() {
        w.object(|w| raw.members(|name, value| fill(value, names, w.key(&name.decode()))));
    } else if raw.is_array() {
        w.array(|w| raw.elements(|value| fill(value, names, w)));
    } else if let Some(text) = raw.string() {
        w.string(&filled(&Text::decode(text), names));
    } else {
        w.raw(raw.text());
    }
}

fn filled<'a>(text: &'a str, names: Names<'_>) -> Cow<'a, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = text::mark(rest, b"$") {
        let (before, behind) = rest.split_at(at);
        let (value, after) = match (
            behind.strip_prefix("$token"),
            behind.strip_prefix("$channel"),
        ) {
            (Some(after), _) => (names.token, after),
            (_, Some(after)) => (names.channel, after),
            _ => ("$", behind.get(1..).unwrap_or("")),
        };
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn form(text: &str) -> Form {
        Form::new(json::parse(text).unwrap())
    }

    fn fits_in(form: &Form, text: &str) -> Option<String> {
        let mut channel = Cow::Borrowed("");
        let raw = json::parse(text).ok();
        let fit = form.fits(Message { text, raw }, &mut channel);
        fit.then(|| channel.into_owned())
    }

    #[test]
    fn what_is_said_has_the_token_and_the_channel_wherever_they_are_named() {
        let names = Names {
            token: "t\"1",
            channel: "a$token",
        };
        let say = |text: &str| form(text).fill(names);
        assert_eq!(
            say(r#"{"type":"auth","token":"$token","n":1,"in":["Bearer $token","$"]}"#),
            r#"{"type":"auth","token":"t\"1","n":1,"in":["Bearer t\"1","$"]}"#
        );
        assert_eq!(say(r#""AUTH $token""#), "AUTH t\"1");
        // What is put in is not looked at again.
        assert_eq!(say(r#"{"c":"$channel:$x"}"#), r#"{"c":"a$token:$x"}"#);
        assert_eq!(say(r#""ping""#), "ping");
    }

    #[test]
    fn a_message_is_known_by_what_the_form_has_and_may_have_more() {
        let welcome = form(r#"{"type":"welcome","ok":true,"v":{"n":1}}"#);
        let text = r#"{"v":{"n":1,"m":2},"ok":true,"type":"welc\u006fme","user":"x"}"#;
        assert_eq!(fits_in(&welcome, text).as_deref(), Some(""));
        for other in [
            r#"{"type":"welcome","ok":true}"#,
            r#"{"type":"welcome","ok":false,"v":{"n":1}}"#,
            r#"{"type":"welcome","ok":true,"v":{"n":11}}"#,
            r#"{"type":"welcome","ok":true,"v":1}"#,
            r#"["welcome"]"#,
            "welcome",
        ] {
            assert_eq!(fits_in(&welcome, other), None, "{other}");
        }
    }

    #[test]
    fn a_form_may_be_a_text_or_several_forms_and_take_a_channel() {
        assert!(fits_in(&form(r#""pong""#), "pong\n").is_some());
        assert!(fits_in(&form(r#""pong""#), r#"{"type":"pong"}"#).is_none());
        let any = form(r#"["pong",{"type":["pong","alive"]}]"#);
        for text in ["pong", r#"{"type":"pong"}"#, r#"{"type":"alive"}"#] {
            assert!(fits_in(&any, text).is_some(), "{text}");
        }
        assert!(fits_in(&any, r#"{"type":"ping"}"#).is_none());
        let subscribed = form(r#"{"type":"subscribed","to":{"channel":"$channel"}}"#);
        let text = r#"{"type":"subscribed","to":{"channel":"task:1"}}"#;
        assert_eq!(fits_in(&subscribed, text).as_deref(), Some("task:1"));
        assert!(fits_in(&subscribed, r#"{"type":"subscribed","to":{"channel":1}}"#).is_none());
    }
}
