//! What the native wire says of the room: who is there, and who may edit which field.

use std::borrow::Cow;

use super::json::{self, Raw, Text, Writer};
use super::native::message;
use super::{Presence, RoomCan, Shown};
use crate::engine::ids::RequestId;

/// What the server says of it. Slices point into the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<'a> {
    /// This is who is on a channel, or came and left.
    People {
        /// The channel.
        channel: Cow<'a, str>,
        /// Whether it is all, and not only what changed.
        full: bool,
        /// The name under which we are seen.
        you: Option<Cow<'a, str>>,
        /// Who is there, as a JSON object.
        join: Cow<'a, str>,
        /// Who left, as a JSON object.
        leave: Cow<'a, str>,
    },
    /// Somebody says something to all that are on a channel now.
    Signal {
        /// The channel.
        channel: Cow<'a, str>,
        /// What it is.
        name: Cow<'a, str>,
        /// The name of who says it, if others may know.
        from: Option<Raw<'a>>,
        /// The person, if others may know.
        user: Option<Raw<'a>>,
        /// With what.
        data: Raw<'a>,
    },
    /// A field is given to us.
    Granted {
        /// The request that this answers.
        request: RequestId,
        /// The lease's fence.
        fence: u64,
        /// How long it lasts, in milliseconds.
        ttl_ms: u64,
    },
    /// Somebody got a field, or nobody has it any more.
    Changed {
        /// The channel of the field.
        channel: Cow<'a, str>,
        /// Its name.
        field: Cow<'a, str>,
        /// The lease's fence.
        fence: u64,
        /// Who has it; `null` for nobody.
        holder: Raw<'a>,
        /// How long it lasts, in milliseconds.
        ttl_ms: u64,
    },
}

/// Shows us on a channel; nothing to look without being seen.
pub fn show(shown: &Shown<'_>) -> String {
    message("pres", |w| {
        w.key("id").number(shown.id.0);
        w.key("ch").string(shown.channel);
        w.key("data").raw(shown.data.unwrap_or("null"));
        if shown.anonymous {
            w.key("anon").bool(true);
        }
        if shown.everybody {
            w.key("all").bool(true);
        }
    })
}

/// We are not on a channel any more, and do not look.
pub fn leave(channel: &str) -> String {
    message("pres", |w| {
        w.key("ch").string(channel);
        w.key("leave").bool(true);
    })
}

/// Says something to the others on a channel, for this moment.
pub fn signal(channel: &str, name: &str, data: &str) -> String {
    message("sig", |w| {
        w.key("ch").string(channel);
        w.key("name").string(name);
        w.key("data").raw(data);
    })
}

/// Asks for a field, or to have it longer.
pub fn lock(id: RequestId, channel: &str, field: &str, ttl_ms: u64, fence: Option<u64>) -> String {
    message("lock", |w| {
        w.key("id").number(id.0);
        write_field(w, channel, field);
        w.key("ttl").number(ttl_ms);
        if let Some(fence) = fence {
            w.key("fence").number(fence);
        }
    })
}

/// Gives a field back.
pub fn unlock(channel: &str, field: &str, fence: u64) -> String {
    message("unlock", |w| {
        write_field(w, channel, field);
        w.key("fence").number(fence);
    })
}

fn write_field(w: &mut Writer, channel: &str, field: &str) {
    w.key("ch").string(channel);
    w.key("key").string(field);
}

/// Reads what a server says that it can do. What we do not know of is no matter.
pub(super) fn read_can(raw: Raw<'_>) -> RoomCan {
    let mut can = RoomCan::default();
    raw.elements(|what| match what.string() {
        Some(what) if what.is("pres") => can.presence = Presence::Often,
        Some(what) if what.is("sig") => can.signals = true,
        Some(what) if what.is("lock") => can.leases = true,
        Some(_) | None => {}
    });
    can
}

/// Is a message of this type about the room?
pub(super) fn is_ours(kind: &str) -> bool {
    matches!(kind, "presence" | "sig" | "lockd" | "lockev")
}

/// Reads a message of one of these types; nothing if it lacks what its type needs.
pub(super) fn read<'a>(kind: &str, line: &'a str) -> Option<Said<'a>> {
    let mut channel = None;
    let mut field = None;
    let mut request = None;
    let mut fence = None;
    let mut ttl = None;
    let mut full = false;
    let mut join = "{}";
    let mut leave = "{}";
    let mut holder = None;
    let mut name = None;
    let mut from = None;
    let mut user = None;
    let mut you = None;
    let mut data = None;
    json::members(line, |key, value| {
        let text = || value.string().map(Text::decode);
        match key.decode().as_ref() {
            "ch" => channel = text(),
            "key" => field = text(),
            "id" => request = value.integer().map(RequestId),
            "fence" => fence = value.integer(),
            "ttl" => ttl = value.integer(),
            "full" => full = value.bool() == Some(true),
            "join" if value.is_object() => join = value.text(),
            "leave" if value.is_object() => leave = value.text(),
            "holder" => holder = Some(value),
            "name" => name = text(),
            "from" => from = Some(value),
            "user" => user = Some(value),
            "you" => you = text(),
            "data" => data = Some(value),
            _ => {}
        }
    })
    .ok()?;
    Some(match kind {
        "presence" => Said::People {
            channel: channel?,
            full,
            you,
            join: join.into(),
            leave: leave.into(),
        },
        "sig" => Said::Signal {
            channel: channel?,
            name: name?,
            from,
            user,
            data: data?,
        },
        "lockd" => Said::Granted {
            request: request?,
            fence: fence?,
            ttl_ms: ttl?,
        },
        _ => Said::Changed {
            channel: channel?,
            field: field?,
            fence: fence?,
            holder: holder?,
            ttl_ms: ttl.unwrap_or(0),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Heard, native};

    fn heard(frame: &str) -> Vec<Heard<'_>> {
        let mut out = Vec::new();
        native::read(frame.as_bytes(), &mut out);
        out
    }

    #[test]
    fn what_we_say_is_what_the_protocol_says() {
        let id = RequestId(3);
        let nothing = Shown {
            id,
            channel: "c",
            data: None,
            anonymous: false,
            everybody: false,
            tab: "t",
        };
        for (said, text) in [
            (
                show(&Shown {
                    data: Some(r#"{"tabs":{}}"#),
                    anonymous: true,
                    everybody: true,
                    ..nothing
                }),
                r#"{"t":"pres","id":3,"ch":"c","data":{"tabs":{}},"anon":true,"all":true}"#,
            ),
            (
                show(&nothing),
                r#"{"t":"pres","id":3,"ch":"c","data":null}"#,
            ),
            (
                signal("c", "cursor", "[1,2]"),
                r#"{"t":"sig","ch":"c","name":"cursor","data":[1,2]}"#,
            ),
            (leave("c"), r#"{"t":"pres","ch":"c","leave":true}"#),
            (
                lock(id, "c", "f", 30_000, None),
                r#"{"t":"lock","id":3,"ch":"c","key":"f","ttl":30000}"#,
            ),
            (
                lock(id, "c", "f", 30_000, Some(7)),
                r#"{"t":"lock","id":3,"ch":"c","key":"f","ttl":30000,"fence":7}"#,
            ),
            (
                unlock("c", "f", 7),
                r#"{"t":"unlock","ch":"c","key":"f","fence":7}"#,
            ),
        ] {
            assert_eq!(said, text);
        }
    }

    #[test]
    fn what_the_server_says_is_understood() {
        let frame = r#"{"t":"presence","ch":"c","full":true,"join":{"a":{"ref":1}}}"#;
        assert_eq!(
            heard(frame),
            [Heard::Room(Said::People {
                channel: "c".into(),
                full: true,
                you: None,
                join: r#"{"a":{"ref":1}}"#.into(),
                leave: "{}".into(),
            })]
        );
        let frame = r#"{"t":"sig","ch":"c","name":"n","from":"a","data":[1]}"#;
        assert!(matches!(
            heard(frame).as_slice(),
            [Heard::Room(Said::Signal { from: Some(_), user: None, data, .. })]
                if data.text() == "[1]"
        ));
        let frame = r#"{"t":"welcome","v":1,"ping":1,"can":["pres","lock","fly",7]}"#;
        let room = RoomCan {
            signals: false,
            ..RoomCan::ALL
        };
        assert!(matches!(
            heard(frame).as_slice(),
            [Heard::Welcome { room: can, .. }] if *can == room
        ));
        let frame = r#"{"t":"lockd","id":3,"fence":7,"ttl":30000}"#;
        let request = RequestId(3);
        let granted = Said::Granted {
            request,
            fence: 7,
            ttl_ms: 30_000,
        };
        assert_eq!(heard(frame), [Heard::Room(granted)]);
        let frame = r#"{"t":"lockev","ch":"c","key":"f","fence":8,"holder":null}"#;
        assert!(matches!(
            heard(frame).as_slice(),
            [Heard::Room(Said::Changed { fence: 8, holder, .. })] if holder.is_null()
        ));
    }

    #[test]
    fn what_lacks_something_is_no_message() {
        for frame in [
            r#"{"t":"presence"}"#,
            r#"{"t":"sig","ch":"c","name":"n"}"#,
            r#"{"t":"sig","ch":"c","data":1}"#,
            r#"{"t":"lockd","id":3,"fence":7}"#,
            r#"{"t":"lockd","fence":7,"ttl":1}"#,
            r#"{"t":"lockev","ch":"c","fence":8,"holder":null}"#,
            r#"{"t":"lockev","ch":"c","key":"f","fence":8}"#,
        ] {
            assert!(
                matches!(heard(frame).as_slice(), [Heard::Malformed(_)]),
                "{frame}"
            );
        }
    }
}
