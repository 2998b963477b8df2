//! Messages of Phoenix, of Supabase, of Centrifugo and of GraphQL in a recording: what decides about a channel stays, payloads go by their
//! place.

use super::mask::{Mask, Rule, offset};
use super::plain::is_in;
use crate::wire::json::{self, Raw, Text, Writer};

/// A part of a message, in which members have a meaning of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The payload of an answer.
    Reply,
    /// What came with it.
    Response,
    /// The payload of a broadcast.
    Broadcast,
    /// What the server says of it.
    Kept,
    /// The payload of a change of a row.
    Change,
    /// The change itself, which is what an app is told.
    Row,
    /// Who is on a topic, by keys.
    Crowd,
    /// Who came and who left.
    Diff,
    /// What connections of a key show, in a list.
    Key,
    /// What one shows of itself.
    Shown,
    /// That we show something.
    Track,
    /// A message of Centrifugo.
    Command,
    /// What the server of Centrifugo says by itself.
    Push,
    /// A publication.
    Publication,
    /// Channels by their names.
    Subs,
    /// Somebody came or left.
    Came,
    /// Connections by their names.
    Clients,
    /// One of them.
    Client,
    /// How the connection or a channel stands.
    State,
    /// A message of GraphQL.
    GraphQl,
    /// What it carries: a result, or why there is none.
    Result,
}

/// What decides in how a connection or a channel of Centrifugo stands.
const STATE: &str =
    " ping pong expires ttl recoverable positioned recovered epoch offset code reason ";

/// What a message consists of.
const NAMES: [&str; 5] = ["join_ref", "ref", "topic", "event", "payload"];

impl Mask {
    /// Covers a message. False if it is none, and nothing was written.
    pub(super) fn of_topic(&mut self, line: &str, out: &mut String) -> bool {
        let Some((event, payload)) = parts(line) else {
            return false;
        };
        let rule = match &*event.decode() {
            "phx_reply" => Rule::Of(Part::Reply),
            "broadcast" => Rule::Of(Part::Broadcast),
            "postgres_changes" => Rule::Of(Part::Change),
            "system" => Rule::Open,
            "presence_state" => Rule::Of(Part::Crowd),
            "presence_diff" => Rule::Of(Part::Diff),
            "presence" => Rule::Of(Part::Track),
            // What the server is told of us.
            "phx_join" | "access_token" => Rule::Covered,
            _ => Rule::Payload,
        };
        let (at, text) = (offset(line, payload.text()), payload.text());
        out.push_str(&self.open(line.get(..at).unwrap_or("")));
        self.value(payload, rule, &mut String::new(), out);
        out.push_str(&self.open(line.get(at + text.len()..).unwrap_or("")));
        true
    }
}

impl Mask {
    /// Covers the answer to a request, of a server that says in it what it means. False if it is none, and nothing was
    /// written.
    pub(super) fn polled(&mut self, body: &str, out: &mut String) -> bool {
        let Ok(raw) = json::parse(body) else {
            return false;
        };
        let (mut status, mut session, mut messages) = (None, None, None);
        let mut others = false;
        raw.members(|name, value| match &*name.decode() {
            "status" => status = value.integer(),
            "token" => session = value.string(),
            "messages" => messages = Some(value),
            _ => others = true,
        });
        let Some(status) = status.filter(|_| !others) else {
            return false;
        };
        let mut w = Writer::new();
        w.object(|w| {
            w.key("status").number(status);
            if let Some(session) = session {
                w.key("token").string(&self.numbered(&session.decode()));
            }
            if let Some(messages) = messages {
                w.key("messages").array(|w| {
                    messages.elements(|message| match message.string() {
                        Some(text) => w.string(&self.lines(&text.decode())),
                        None => w.null(),
                    });
                });
            }
        });
        out.push_str(&w.finish());
        true
    }
}

impl Part {
    /// How a member of it is treated; what a payload has there goes by its place.
    pub(super) fn rule_of(self, name: &str) -> Rule {
        match (self, name) {
            (Part::Reply, "status")
            | (Part::Response, "reason" | "postgres_changes")
            | (Part::Broadcast, "event" | "type")
            // The name of a row, by which one that comes again is known.
            | (Part::Kept, "id" | "replayed")
            | (Part::Change, "ids")
            | (Part::Row, "type" | "schema" | "table") => Rule::Open,
            (Part::Reply, "response") => Rule::Of(Part::Response),
            (Part::Broadcast, "payload") => Rule::Payload,
            (Part::Broadcast, "meta") => Rule::Of(Part::Kept),
            (Part::Diff, "joins" | "leaves") => Rule::Of(Part::Crowd),
            (Part::Crowd, _) => Rule::Of(Part::Key),
            (Part::Key, "metas") | (Part::Track, "payload") => Rule::Of(Part::Shown),
            (Part::Track, "type" | "event") => Rule::Open,
            // As it is where our own protocol has them.
            (Part::Shown, "client" | "user" | "phx_ref" | "phx_ref_prev") => Rule::Open,
            (Part::Shown, "tabs") => Rule::Entries,
            // Shown to the app, and compared.
            (Part::Shown, _) => Rule::Numbered,
            (Part::Change, "data") => Rule::Of(Part::Row),
            (Part::Command, "id" | "error") | (Part::Push, "channel") => Rule::Open,
            (Part::Command, "push") => Rule::Of(Part::Push),
            (Part::Push, "pub") | (Part::State, "publications") => Rule::Of(Part::Publication),
            // Who comes and goes, and who is there.
            (Part::Push, "join" | "leave") => Rule::Of(Part::Came),
            (Part::Came, "info") | (Part::Clients, _) => Rule::Of(Part::Client),
            (Part::State, "presence") => Rule::Of(Part::Clients),
            (Part::Client, "user" | "client") => Rule::Open,
            (Part::Client, "conn_info" | "chan_info") => Rule::Numbered,
            (Part::Command | Part::Push, _) | (Part::Subs, _) => Rule::Of(Part::State),
            (Part::Publication, "offset") => Rule::Open,
            // Where an event has its name is the app's to say.
            (Part::Publication, "data") => Rule::Message,
            (Part::Publication, "info") => Rule::Payload,
            (Part::GraphQl, "id" | "type")
            | (Part::Result, "message" | "extensions" | "locations" | "path") => Rule::Open,
            (Part::GraphQl, "payload") => Rule::Of(Part::Result),
            // Where a subscription has what an app is told is the app's to say.
            (Part::Result, "data") => Rule::Message,
            (Part::State, "subs") => Rule::Of(Part::Subs),
            (Part::State, name) if is_in(STATE, name) => Rule::Open,
            _ => Rule::Covered,
        }
    }
}

/// The event and the payload of a message, if there is nothing else in it.
fn parts(line: &str) -> Option<(Text<'_>, Raw<'_>)> {
    let raw = json::parse(line).ok()?;
    let mut parts: [Option<Raw<'_>>; 5] = [None; 5];
    let mut count = 0;
    let mut put = |at: Option<usize>, value| {
        count += 1;
        if let Some(part) = at.and_then(|at| parts.get_mut(at)) {
            *part = Some(value);
        }
    };
    let mut at = 0;
    raw.elements(|value| {
        put(Some(at), value);
        at += 1;
    });
    raw.members(|name, value| put(NAMES.iter().position(|known| name.is(known)), value));
    let [_, _, topic, event, payload] = parts;
    topic?.string()?;
    let known = parts.iter().flatten().count();
    (known == count).then_some((event?.string()?, payload?))
}
