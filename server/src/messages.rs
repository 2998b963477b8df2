//! The messages about who is there and who may edit what, as docs/protocol.md describes them. Knows no state.

use axum::extract::ws::Utf8Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::access::UserName;
use crate::ids::{ChannelName, ClientId, EventName, FieldName, Integer};
use crate::json;

/// How large a message about many people gets, so that it fits in a frame with room to spare. What one of them
/// shows is small beside it (`show-bytes-max`).
const PRESENCE_BYTES_MAX: usize = 512 * 1024;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The name.
    pub(crate) name: &'a ClientId,
    /// The person, if others may know.
    pub(crate) user: Option<&'a UserName>,
    /// Which of two about the same name is newer.
    pub(crate) reference: u64,
    /// What it shows.
    pub(crate) data: &'a str,
}

/// Who has a lease, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The name of the client, if others may know it.
    pub(crate) client: Option<ClientId>,
    /// The person, if others may know.
    pub(crate) user: Option<UserName>,
}

/// Who is there, or came and left: in as many messages as it takes. Only the first one is `full`.
pub(crate) fn presences<'a>(
    channel: &ChannelName,
    full: bool,
    you: Option<&ClientId>,
    shown: impl Iterator<Item = Shown<'a>>,
    left: &[(ClientId, u64)],
) -> Vec<Utf8Bytes> {
    let mut out = Vec::new();
    let mut some: Vec<Shown<'a>> = Vec::new();
    let mut bytes = 0;
    for one in shown {
        if bytes + one.data.len() > PRESENCE_BYTES_MAX && !some.is_empty() {
            out.push(presence(channel, full && out.is_empty(), you, &some, &[]));
            some.clear();
            bytes = 0;
        }
        bytes += one.data.len() + 1024;
        some.push(one);
    }
    if !some.is_empty() || !left.is_empty() || full && out.is_empty() {
        out.push(presence(channel, full && out.is_empty(), you, &some, left));
    }
    out
}

/// Writes a `presence` message. What people show is already text, so it is put together by hand.
pub(crate) fn presence(
    channel: &ChannelName,
    full: bool,
    you: Option<&ClientId>,
    shown: &[Shown<'_>],
    left: &[(ClientId, u64)],
) -> Utf8Bytes {
    let mut text = format!(r#"{{"t":"presence","ch":{}"#, quoted(channel.as_str()));
    if full {
        text.push_str(r#","full":true"#);
    }
    if let Some(you) = you {
        text.push_str(&format!(r#","you":{}"#, quoted(you.as_str())));
    }
    text.push_str(r#","join":{"#);
    for (index, one) in shown.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let name = quoted(one.name.as_str());
        text.push_str(&format!(r#"{comma}{name}:{{"ref":{}"#, one.reference));
        if let Some(user) = one.user {
            text.push_str(&format!(r#","user":{}"#, quoted(user.as_str())));
        }
        text.push_str(&format!(r#","data":{}}}"#, one.data));
    }
    text.push_str(r#"},"leave":{"#);
    for (index, (name, reference)) in left.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        text.push_str(&format!("{comma}{}:{reference}", quoted(name.as_str())));
    }
    text.push_str("}}");
    Utf8Bytes::from(text)
}

/// A signal on its way to the others.
pub(crate) fn signal(
    channel: &ChannelName,
    from: Option<(&ClientId, Option<&UserName>)>,
    name: &EventName,
    data: &RawValue,
) -> Utf8Bytes {
    let mut text = format!(
        r#"{{"t":"sig","ch":{},"name":{}"#,
        quoted(channel.as_str()),
        quoted(name.as_str())
    );
    if let Some((client, user)) = from {
        text.push_str(&format!(r#","from":{}"#, quoted(client.as_str())));
        if let Some(user) = user {
            text.push_str(&format!(r#","user":{}"#, quoted(user.as_str())));
        }
    }
    text.push_str(&format!(r#","data":{}}}"#, data.get()));
    Utf8Bytes::from(text)
}

/// A lease is given, or goes on.
pub(crate) fn granted(
    id: Integer,
    channel: &ChannelName,
    field: &FieldName,
    fence: u64,
    ttl_ms: u64,
) -> Utf8Bytes {
    Utf8Bytes::from(format!(
        r#"{{"t":"lockd","id":{},"ch":{},"key":{},"fence":{fence},"ttl":{ttl_ms}}}"#,
        id.0,
        quoted(channel.as_str()),
        quoted(field.as_str()),
    ))
}

/// Somebody has a field, for so long; or nobody has it any more.
pub(crate) fn changed(
    channel: &ChannelName,
    field: &FieldName,
    fence: u64,
    holder: Option<(&Holder, u64)>,
) -> Utf8Bytes {
    let mut text = format!(
        r#"{{"t":"lockev","ch":{},"key":{},"fence":{fence},"holder":"#,
        quoted(channel.as_str()),
        quoted(field.as_str()),
    );
    match holder {
        None => text.push_str("null}"),
        Some((holder, ttl_ms)) => {
            let mut fields = serde_json::Map::new();
            if let Some(client) = &holder.client {
                fields.insert("client".to_owned(), client.as_str().into());
            }
            if let Some(user) = &holder.user {
                fields.insert("user".to_owned(), user.as_str().into());
            }
            let holder = Value::Object(fields);
            text.push_str(&format!(r#"{holder},"ttl":{ttl_ms}}}"#));
        }
    }
    Utf8Bytes::from(text)
}

/// The `data` of a message as it was sent, compact; nothing for `null`, none, or what nests too deep or is longer
/// than it may be.
pub(crate) fn data(
    part: &str,
    bytes_max: usize,
    depth_max: usize,
) -> Result<Option<Box<RawValue>>, BadData> {
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let Ok(Data { data: Some(data) }) = serde_json::from_str::<Data<'_>>(part) else {
        return Ok(None);
    };
    match json::compact(data, depth_max) {
        Some(data) if data.get().len() <= bytes_max => Ok(Some(data)),
        Some(_) | None => Err(BadData),
    }
}

/// What a page wants to show is too long, or nests too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadData;

fn quoted(text: &str) -> Value {
    Value::from(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn channel() -> ChannelName {
        ChannelName::parse("a\"b").unwrap()
    }

    fn parsed(text: &Utf8Bytes) -> Value {
        serde_json::from_str(text.as_str()).unwrap()
    }

    #[test]
    fn a_crowd_is_told_in_pieces_and_the_first_one_is_the_whole() {
        const DATA_BYTES_MAX: usize = 16 * 1024;
        let names: Vec<ClientId> = (0..100)
            .map(|n| ClientId::parse(&format!("c{n}")).unwrap())
            .collect();
        let data = format!("\"{}\"", "x".repeat(DATA_BYTES_MAX - 2));
        let shown = names.iter().map(|name| Shown {
            name,
            user: None,
            reference: 3,
            data: &data,
        });
        let texts = presences(&channel(), true, None, shown, &[]);
        let parts: Vec<Value> = texts.iter().map(parsed).collect();
        assert!(parts.len() > 1);
        assert!(
            texts
                .iter()
                .all(|text| text.as_str().len() < PRESENCE_BYTES_MAX + 2 * DATA_BYTES_MAX)
        );
        let full: Vec<bool> = parts.iter().map(|part| part["full"] == true).collect();
        assert!(full[0] && !full[1..].contains(&true));
        let count: usize = parts
            .iter()
            .map(|part| part["join"].as_object().unwrap().len())
            .sum();
        assert_eq!(count, 100);
    }

    #[test]
    fn an_empty_channel_is_told_as_such_and_a_change_of_nothing_is_not() {
        let texts = presences(&channel(), true, None, [].into_iter(), &[]);
        assert_eq!(
            texts[0].as_str(),
            r#"{"t":"presence","ch":"a\"b","full":true,"join":{},"leave":{}}"#
        );
        assert!(presences(&channel(), false, None, [].into_iter(), &[]).is_empty());
    }

    #[test]
    fn leases_are_told_with_their_holder_or_without() {
        let field = FieldName::parse("title").unwrap();
        let jane = Holder {
            client: Some(ClientId::parse("c1").unwrap()),
            user: Some(UserName::parse("jane").unwrap()),
        };
        let text = changed(&channel(), &field, 7, Some((&jane, 30_000)));
        assert_eq!(
            text.as_str(),
            r#"{"t":"lockev","ch":"a\"b","key":"title","fence":7,"holder":{"client":"c1","user":"jane"},"ttl":30000}"#
        );
        let text = changed(&channel(), &field, 7, None);
        assert_eq!(parsed(&text)["holder"], Value::Null);
        let text = granted(Integer(3), &channel(), &field, 7, 9);
        assert_eq!(
            text.as_str(),
            r#"{"t":"lockd","id":3,"ch":"a\"b","key":"title","fence":7,"ttl":9}"#
        );
    }

    #[test]
    fn what_is_shown_is_taken_as_it_was_sent_and_has_a_size() {
        let read = |text| data(text, 20, 60).map(|data| data.map(|data| data.get().to_owned()));
        assert_eq!(read(r#"{"t":"pres","data":null}"#), Ok(None));
        assert_eq!(read(r#"{"t":"pres"}"#), Ok(None));
        assert_eq!(
            read(r#"{"data": { "n" : 1.10 } }"#),
            Ok(Some(r#"{"n":1.10}"#.to_owned()))
        );
        assert_eq!(read(r#"{"data":"0123456789012345678"}"#), Err(BadData));
        let deep = format!(r#"{{"data":{}{}}}"#, "[".repeat(61), "]".repeat(61));
        assert_eq!(data(&deep, 1000, 60).err(), Some(BadData));
    }
}
