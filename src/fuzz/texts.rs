//! Decoders of text, each by itself.

use crate::engine::backend::SocketIo;
use crate::engine::hlc::Stamp;
use crate::engine::ids::{Position, Scope, TabId, number_text};
use crate::engine::key::{QueryKey, write_canonical, write_filled};
use crate::engine::limits::EPOCH_BYTES_MAX;
use crate::engine::principal;
use crate::engine::queue::MutationId;
use crate::engine::room::{Wish, Word};
use crate::engine::status::Transport;
use crate::engine::tabs::message;
use crate::wire::carried::Door;
use crate::wire::engineio::{self, Fault, Frame};
use crate::wire::json::{self, JsonFault, Raw, Text, Writer};
use crate::wire::native::{self, FRAME_BYTES_MAX};
use crate::wire::socketio::session::Session;
use crate::wire::socketio::{self, Bookmark, Says, To};
use crate::wire::sse::{Decoder, SseEvent};
use crate::wire::{Ask, Event, Heard, Protocol};

/// Any text as JSON: what is accepted can be walked, written and read again.
pub(super) fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = json::parse(text);
    let walked = json::members(text, |_, _| {});
    if !matches!(parsed, Err(JsonFault::TooDeep)) {
        let object = parsed.is_ok_and(Raw::is_object);
        assert_eq!(walked.is_ok(), object, "two readers do not agree");
    }
    if let Ok(raw) = parsed {
        walk(raw);
        let once = canonical(raw);
        let again = json::parse(&once).map(canonical);
        assert_eq!(again.as_deref(), Ok(once.as_str()), "not canonical");
    }
}

fn canonical(raw: Raw<'_>) -> String {
    let mut writer = Writer::new();
    write_canonical(raw, &mut writer);
    writer.finish()
}

/// Whatever a value is made of is a value by itself.
fn walk(raw: Raw<'_>) {
    assert_eq!(json::parse(raw.text()), Ok(raw));
    if let Some(text) = raw.string() {
        string(text);
    }
    if let Some(number) = raw.integer() {
        assert_eq!(number_text(number), raw.text());
    }
    raw.elements(walk);
    raw.members(|name, value| {
        string(name);
        assert!(raw.member(&name.decode()).is_some());
        walk(value);
    });
}

fn string(text: Text<'_>) {
    let plain = text.decode();
    assert!(text.is(&plain));
    let mut writer = Writer::new();
    writer.string(&plain);
    let written = writer.finish();
    let read = json::parse(&written).map(|raw| raw.string().map(Text::decode));
    assert_eq!(read, Ok(Some(plain)));
}

/// A key, a prefix and a payload, on a line each.
pub(super) fn keys(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text
        .split('\n')
        .map(|line| json::parse(line).unwrap_or(Raw::NULL));
    let mut next = || lines.next().unwrap_or(Raw::NULL);
    let (key, prefix, payload) = (next(), next(), next());
    let mut writer = Writer::new();
    write_filled(prefix, &mut writer, Some(payload));
    let filled = writer.finish();
    assert!(json::parse(&filled).is_ok(), "{filled}");
    let (Some(key), Some(prefix)) = (QueryKey::new(key), QueryKey::new(prefix)) else {
        return;
    };
    for one in [&key, &prefix] {
        assert_eq!(QueryKey::new(one.raw()).as_ref(), Some(one));
        assert!(one.in_family(one), "{}", one.text());
        let length = one.length();
        let mut elements = Vec::new();
        one.raw().elements(|element| elements.push(element.text()));
        assert_eq!(elements.len(), length);
        assert_eq!(QueryKey::of_elements(&elements).as_ref(), Some(one));
    }
    if key.in_family(&prefix) {
        // Families are found in sorted order by this.
        assert!(key.text().starts_with(prefix.stem()));
    }
}

/// A frame of the server.
pub(super) fn native(bytes: &[u8]) {
    let mut heard = Vec::new();
    native::read(bytes, &mut heard);
    assert!(heard.len() <= bytes.len().max(1));
    for said in &heard {
        match said {
            Heard::Event(event) => event_between_tabs(event),
            Heard::Subscribed {
                position: Some(position),
                ..
            } => {
                let mut writer = Writer::new();
                position.write(&mut writer);
                let text = writer.finish();
                let read = json::parse(&text).map(Position::read);
                assert_eq!(read, Ok(Some(position.clone())));
            }
            _ => {}
        }
    }
    // A connection over HTTP hands its messages out in other frames than a socket does.
    if bytes.len() <= FRAME_BYTES_MAX
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        let mut by_line = Vec::new();
        for line in text.split('\n') {
            native::read(line.as_bytes(), &mut by_line);
        }
        assert_eq!(heard, by_line);
    }
    let _ = native::read_alive(bytes);
}

fn event_between_tabs(event: &Event<'_>) {
    let text = message::event_text(event);
    assert_eq!(message::read_event(&text).as_ref(), Some(event));
}

/// A stream of events, cut anywhere.
pub(super) fn sse(bytes: &[u8]) {
    const MAX: usize = 1 << 12;
    let Some((size, stream)) = bytes.split_first() else {
        return;
    };
    let whole = decode(&[stream], MAX);
    let chunks: Vec<&[u8]> = stream.chunks(usize::from(*size) % 7 + 1).collect();
    assert_eq!(decode(&chunks, MAX), whole, "it matters where it is cut");
    let mut again = Vec::new();
    for event in &whole.0 {
        assert!(event.data.len() <= MAX);
        again.extend_from_slice(b"event: ");
        again.extend_from_slice(event.event.as_bytes());
        for line in event.data.split('\n') {
            again.extend_from_slice(b"\ndata: ");
            again.extend_from_slice(line.as_bytes());
        }
        again.extend_from_slice(b"\n\n");
    }
    assert_eq!(decode(&[&again], usize::MAX).0, whole.0);
}

/// The events of a stream, and whether it was given up.
fn decode(chunks: &[&[u8]], bytes_max: usize) -> (Vec<SseEvent>, bool) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in chunks {
        let read = decoder.push(chunk, bytes_max, &mut |event| events.push(event));
        if read.is_err() {
            return (events, true);
        }
    }
    (events, false)
}

/// A message of another tab.
pub(super) fn tabs(bytes: &[u8]) {
    if let Some(read) = message::read(bytes) {
        let written = read.write();
        assert_eq!(message::read(written.as_bytes()), Some(read), "{written}");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(event) = message::read_event(text)
    {
        event_between_tabs(&event);
    }
}

/// A message of a tab of whatever principal.
pub(super) fn users(bytes: &[u8]) {
    if let Ok(says) = principal::Says::read(bytes) {
        let written = says.write();
        assert_eq!(
            principal::Says::read(written.as_bytes()),
            Ok(says),
            "{written}"
        );
    }
}

/// What tabs say to each other about the room.
pub(super) fn room(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(wish) = Wish::read(text) {
        assert_eq!(Wish::read(&wish.write()), Some(wish));
    }
    if let Some(word) = Word::read(text) {
        assert_eq!(Word::read(&word.write()), Some(word));
    }
}

/// Names and numbers that are written in one way only.
pub(super) fn ids(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(tab) = TabId::parse(text) {
        assert_eq!(TabId::parse(&tab.text()), Some(tab));
    }
    if let Some(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.text()), Some(scope));
    }
    if let Some(id) = MutationId::parse(text) {
        assert_eq!(MutationId::parse(&id.text()), Some(id));
        assert!(id.key(1).starts_with(&id.text()));
    }
    if let Some(stamp) = Stamp::parse(text) {
        assert_eq!(stamp.text(), text);
    }
    if let Some(transport) = Transport::parse(text) {
        assert_eq!(transport.text(), text);
    }
}

/// What a server of Socket.IO sends: the first byte says whether each part is a frame of its own, and of which
/// kind, or all is a body of HTTP.
pub(super) fn socketio(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let mut decoder = socketio::Decoder::default();
    let mut bookmark = Bookmark::default();
    if how % 2 == 0 {
        let mut kept = Vec::new();
        let read = engineio::read_body(rest, &mut |frame| {
            kept.push(frame.clone());
            packet(&mut decoder, &mut bookmark, frame)
        });
        // What was read is written and read again.
        let body = engineio::write_body(&kept);
        let mut again = Vec::new();
        if read.is_ok() {
            let read = engineio::read_body(body.as_bytes(), &mut |frame| {
                again.push(frame);
                Ok(())
            });
            assert_eq!((read, &again), (Ok(()), &kept));
        }
    } else {
        for piece in super::parts::pieces(rest) {
            let frame = match piece.split_first() {
                Some((b'b', attachment)) => Ok(Frame::binary(attachment)),
                _ => Frame::text(piece),
            };
            let heard = frame.and_then(|frame| packet(&mut decoder, &mut bookmark, frame));
            if heard.is_err() {
                break;
            }
        }
    }
    meaning(rest);
    let _ = engineio::read_error(bytes);
}

/// The same as a body, in the words of every wire: what is told is of a namespace that was asked for, and a name
/// that the server gives goes into an address as it is.
fn meaning(body: &[u8]) {
    let with = SocketIo {
        namespace: "/".to_owned(),
        auth: None,
        known_by: None,
    };
    let mut heard = Vec::new();
    Session::new(&with).read_body(body, &mut heard);
    for said in heard {
        if let Heard::Opened { session, .. } = said {
            let messages = ["3".to_owned()];
            for door in [
                Door::Wait { session: &session },
                Door::Say {
                    session: &session,
                    messages: &messages,
                },
                Door::End { session: &session },
            ] {
                let call = engineio::call("wss://h/socket.io/", door);
                assert!(call.url.bytes().all(|byte| byte.is_ascii_graphic()));
                assert!(call.url.len() < 64 + 3 * EPOCH_BYTES_MAX);
            }
        }
    }
    let mut session = Session::new(&with);
    assert_eq!(session.hello(None), "40");
    assert!(matches!(session.subscribe("/admin", None), Ask::Say(_)));
    let _ = engineio::read_body(body, &mut |frame| {
        let mut heard = Vec::new();
        let read = session.read(frame, &mut |said| heard.push(said));
        if let [Heard::Welcome { .. }] = &*heard {
            assert_eq!(session.subscribe("/", None), Ask::Known);
            heard.append(&mut session.news());
        }
        for said in heard {
            if let Heard::Event(event) = said {
                assert!(matches!(&*event.channel, "/" | "/admin"));
                event_between_tabs(&event);
            }
        }
        read
    });
}

fn packet(
    decoder: &mut socketio::Decoder,
    bookmark: &mut Bookmark,
    frame: Frame<'_>,
) -> Result<(), Fault> {
    let whole = match decoder.push(frame)? {
        Some(socketio::Said::Packet(whole)) => whole,
        Some(socketio::Said::Open(open)) => {
            let query = engineio::query(true, Some(&open.session));
            assert!(query.bytes().all(|byte| byte.is_ascii_graphic()));
            return Ok(());
        }
        _ => return Ok(()),
    };
    let packet = whole.read()?;
    let mut to = To::namespace(packet.namespace);
    to.attachments = whole.attachments.len();
    let mut values = Vec::new();
    let text = match packet.says {
        Says::Event(mut event) => {
            to.id = event.id;
            event.args(&mut |value| values.push(value.text()));
            assert_eq!(values.len(), event.count);
            let text = socketio::event(&to, &event.name, &values);
            bookmark.passed(&mut event);
            assert!(event.count <= values.len());
            text
        }
        Says::Ack { id, args } => {
            to.id = Some(id);
            args.elements(|value| values.push(value.text()));
            socketio::ack(&to, &values)
        }
        Says::Connected { pid, .. } => {
            let _ = bookmark.connected(pid.as_deref());
            // What we ask with is JSON that the server can read.
            let text = bookmark.connect("/", None);
            let mark = text.strip_prefix("40").unwrap_or("-");
            assert!(mark.is_empty() || json::parse(mark).is_ok(), "{text}");
            return Ok(());
        }
        Says::Disconnected | Says::Refused { .. } => return Ok(()),
    };
    let again = reread(&text, &whole.attachments);
    let have = again.as_ref().map(|whole| whole.read().is_ok());
    assert_eq!(have, Some(true), "{text}");
    Ok(())
}

/// Reads a packet with its attachments once more.
fn reread<'a>(text: &'a str, attachments: &'a [Vec<u8>]) -> Option<socketio::Whole<'a>> {
    let mut decoder = socketio::Decoder::default();
    let mut said = decoder.push(Frame::Text(text)).ok()?;
    for attachment in attachments {
        assert_eq!(said, None);
        said = decoder.push(Frame::binary(attachment)).ok()?;
    }
    match said {
        Some(socketio::Said::Packet(whole)) => Some(whole),
        _ => None,
    }
}
