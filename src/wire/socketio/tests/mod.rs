//! Against what was recorded between the libraries' own clients and servers: `tests/wires`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod forms;
mod session;

use super::*;
use crate::wire::engineio::{
    CLOSE, PONG, PROBE, UPGRADE, query, read_body, read_error, write_body,
};
use crate::wire::recorded::{Row, rows, sessions};

/// The libraries' own client, with both servers.
const CLIENT: &str = include_str!("../../../../tests/wires/socketio_client.jsonl");
/// A server in Node that keeps what was missed.
const NODE: &str = include_str!("../../../../tests/wires/socketio_ws.jsonl");
/// The same over HTTP.
const POLLING: &str = include_str!("../../../../tests/wires/socketio_polling.jsonl");
/// A server in Python.
const PYTHON: &str = include_str!("../../../../tests/wires/socketio_python.jsonl");

fn frame(row: &Row) -> Frame<'_> {
    match row.kind.as_str() {
        "binary" => Frame::binary(&row.bytes),
        _ => Frame::text(row.frame.as_bytes()).unwrap(),
    }
}

/// A frame without attachments.
fn whole(text: &str) -> Result<Whole<'_>, Fault> {
    match Decoder::default().push(Frame::Text(text))? {
        Some(Said::Packet(whole)) => Ok(whole),
        other => panic!("{text} is {other:?}"),
    }
}

fn args<'a>(event: &Event<'a>) -> Vec<&'a str> {
    let mut args = Vec::new();
    event.args(&mut |arg| args.push(arg.text()));
    args
}

/// Writes a packet of the server as it was, from nothing but what was read of it.
fn as_the_server_wrote(packet: &Packet<'_>, attachments: usize) -> String {
    let mut to = To {
        namespace: packet.namespace,
        id: None,
        attachments,
    };
    let object = |kind: u8, members: &[(&str, Option<String>)]| {
        let mut writer = Writer::new();
        writer.object(|w| {
            for (name, json) in members {
                if let Some(json) = json {
                    w.key(name).raw(json);
                }
            }
        });
        begin(kind, &to) + &writer.finish()
    };
    let quoted = |text: &str| format!("\"{text}\"");
    match &packet.says {
        Says::Connected { sid, pid } => {
            let pid = pid.as_ref().map(|pid| quoted(pid));
            object(b'0', &[("sid", Some(quoted(sid))), ("pid", pid)])
        }
        Says::Refused { message, .. } if message == "Unable to connect" => {
            begin(b'4', &to) + &quoted(message)
        }
        Says::Refused { message, data } => {
            let data = (!data.is_null()).then(|| data.text().to_owned());
            object(b'4', &[("message", Some(quoted(message))), ("data", data)])
        }
        Says::Disconnected => disconnect(packet.namespace),
        Says::Event(event) => {
            to.id = event.id;
            super::event(&to, &event.name, &args(event))
        }
        Says::Ack { id, args } => {
            to.id = Some(*id);
            let mut texts = Vec::new();
            args.elements(|arg| texts.push(arg.text()));
            ack(&to, &texts)
        }
    }
}

#[test]
fn every_recorded_frame_of_a_server_is_read() {
    let (mut packets, mut opens, mut recorded) = (0, 0, 0);
    for rows in [CLIENT, NODE, PYTHON].into_iter().flat_map(sessions) {
        let mut decoder = Decoder::default();
        let mut header = "";
        for row in rows.iter().filter(|row| !row.ours) {
            if row.kind == "close" {
                decoder = Decoder::default();
                continue;
            }
            if row.kind == "text" {
                header = &row.frame;
                recorded += usize::from(header.starts_with('4'));
            }
            match (decoder.push(frame(row)).unwrap(), header) {
                (None, _) => assert!(header.starts_with("45") || header.starts_with("46")),
                (Some(Said::Ping), text) => assert_eq!(text, "2"),
                (Some(Said::Open(open)), _) => {
                    opens += 1;
                    assert!(open.session.len() == 20 && !open.upgrade);
                    assert_eq!(open.bytes_max, Some(100_000));
                    assert!(matches!(
                        (open.ping_ms, open.timeout_ms),
                        (2500, 1500) | (2000, 2000)
                    ));
                }
                (Some(Said::Packet(whole)), text) => {
                    packets += 1;
                    let packet = whole.read().unwrap();
                    assert_eq!(as_the_server_wrote(&packet, whole.attachments.len()), text);
                }
                (other, text) => panic!("{text} is {other:?}"),
            }
        }
        assert!(decoder.waiting.is_none());
    }
    assert_eq!((opens, packets), (14, recorded));
    assert!(recorded > 60);
}

/// What the libraries' client says in its first session, in order.
fn first_session() -> Vec<String> {
    let root = To::namespace(ROOT);
    let none = Bookmark::default();
    let admin = none.connect("/admin", json::parse(r#"{"token":"good"}"#).ok());
    vec![
        none.connect(ROOT, None),
        event(&root, "noack", &[r#""a""#, "1", "null", "{}"]),
        event(
            &To {
                id: Some(0),
                ..root
            },
            "echo",
            &[r#"{"b":"é"}"#],
        ),
        event(
            &To {
                id: Some(1),
                attachments: 1,
                ..root
            },
            "bin",
            &[&placeholder(0)],
        ),
        admin.clone(),
        admin,
        event(
            &To {
                namespace: "/admin",
                id: Some(0),
                attachments: 0,
            },
            "echo",
            &[r#""ns""#],
        ),
        disconnect("/admin"),
        disconnect(ROOT),
    ]
}

#[test]
fn what_the_libraries_client_says_is_what_we_say_to_the_byte() {
    let root = To::namespace(ROOT);
    let one = |id| To {
        id: Some(id),
        ..root
    };
    let auth = |text| json::parse(text).ok();
    let none = Bookmark::default();
    let recorded = sessions(CLIENT).into_iter().map(|rows| {
        let said = rows
            .into_iter()
            .filter(|row| row.ours && row.kind == "text");
        said.map(|row| row.frame).collect::<Vec<_>>()
    });
    let mut after = Bookmark::default();
    let before = after.connect(ROOT, auth(r#"{"user":"zed","token":"t"}"#));
    after.connected(Some("OT6X94et37cEJ_ggAAAn"));
    let welcome = whole(r#"42["welcome",{},"Q7yS_PX"]"#).unwrap();
    let Says::Event(mut welcome) = welcome.read().unwrap().says else {
        panic!("an event");
    };
    after.passed(&mut welcome);
    let ours = [
        first_session(),
        vec![
            before,
            after.connect(ROOT, auth(r#"{"user":"zed","token":"t"}"#)),
            disconnect(ROOT),
        ],
        vec![
            none.connect(ROOT, auth(r#"{"token":"jwt"}"#)),
            event(&one(0), "echo", &["[1]"]),
            event(&root, "ask", &["1"]),
            ack(&one(1), &[r#"{"yes":1}"#]),
            disconnect(ROOT),
        ],
        vec![none.connect(ROOT, auth(r#"{"token":"bad"}"#))],
    ];
    assert_eq!(recorded.collect::<Vec<_>>(), ours);
}

#[test]
fn other_recorded_frames_of_a_client_are_written_to_the_byte() {
    let root = To::namespace(ROOT);
    let twelve = To {
        id: Some(12),
        ..root
    };
    let seven = To {
        id: Some(7),
        attachments: 1,
        ..root
    };
    let admin = To {
        namespace: "/admin",
        id: Some(3),
        attachments: 0,
    };
    let none = Bookmark::default();
    let all: Vec<Row> = [NODE, PYTHON].into_iter().flat_map(rows).collect();
    for ours in [
        event(&twelve, "echo", &["[1,2]"]),
        event(&root, "askme", &[]),
        event(&seven, "bin", &[&placeholder(0)]),
        event(&admin, "echo", &[r#""x""#]),
        ack(
            &To {
                id: Some(0),
                ..root
            },
            &[r#"{"yes":true}"#],
        ),
        none.connect("/admin", json::parse("{}").ok()),
        none.connect("/none", None),
        PONG.to_owned(),
    ] {
        assert!(
            all.iter().any(|row| row.ours && row.frame == ours),
            "{ours}"
        );
    }
    for row in all.iter().filter(|row| row.kind == "open") {
        assert_eq!(row.frame, ["GET /socket.io/?", &query(true, None)].concat());
    }
}

#[test]
fn over_http_a_body_carries_several() {
    let rows = rows(POLLING);
    let behind = |row: &Row, mark: &str| {
        let (_, body) = row.frame.split_once(mark)?;
        Some(body.replace("\\x1e", "\x1e"))
    };
    let bodies: Vec<String> = rows
        .iter()
        .filter_map(|row| behind(row, " BODY "))
        .collect();
    let mut shapes = Vec::new();
    for body in &bodies {
        let (mut decoder, mut shape) = (Decoder::default(), String::new());
        let mut frames = Vec::new();
        let result = read_body(body.as_bytes(), &mut |frame| {
            frames.push(frame.clone());
            shape += match decoder.push(frame)? {
                Some(Said::Packet(whole)) => {
                    whole.read()?;
                    "packet "
                }
                Some(Said::Open(open)) if open.upgrade => "open ",
                Some(other) => panic!("{other:?}"),
                None => "part ",
            };
            Ok(())
        });
        if body == "ok" {
            assert_eq!(
                result,
                Err(Fault::Type),
                "what the answer to a POST says is not read"
            );
            continue;
        }
        assert_eq!(write_body(&frames), *body);
        shapes.push((shape, result));
    }
    let expected = [
        ("open ", Ok(())),
        // Ours: what the server would read is not what we read.
        ("", Err(Fault::OldServer)),
        ("packet packet ", Ok(())),
        ("packet packet ", Ok(())),
        ("packet ", Ok(())),
        ("part packet ", Ok(())),
        ("part part packet ", Ok(())),
    ];
    assert_eq!(
        shapes,
        expected.map(|(shape, result)| (shape.to_owned(), result))
    );
    let error = rows
        .iter()
        .find_map(|row| behind(row, "HTTP 400 "))
        .unwrap();
    assert_eq!(read_error(error.as_bytes()), Some(410));
    assert_eq!(read_error(br#"{"code":5}"#), Some(403));
    assert_eq!(read_error(br#"{"code":4}"#), Some(401));
    assert_eq!(read_error(b"<html>"), None);
    assert_eq!(read_body(b"", &mut |_| Err(Fault::Order)), Ok(()));
}

#[test]
fn the_way_from_http_to_a_socket() {
    let rows = rows(POLLING);
    let said: Vec<&str> = rows
        .iter()
        .filter(|row| row.ours && row.kind == "text")
        .map(|row| row.frame.as_str())
        .collect();
    let echo = event(
        &To {
            id: Some(2),
            ..To::namespace(ROOT)
        },
        "echo",
        &[r#""after upgrade""#],
    );
    assert_eq!(said, [PROBE, UPGRADE, &echo, PONG, CLOSE]);
    let mut decoder = Decoder::default();
    for (text, said) in [
        ("3probe", Said::Probed),
        ("6", Said::Noop),
        ("2", Said::Ping),
        ("1", Said::Close),
    ] {
        assert_eq!(decoder.push(Frame::Text(text)), Ok(Some(said)));
    }
    let open = rows.iter().find(|row| row.kind == "open").unwrap();
    let sid = open.frame.split_once("&sid=").unwrap().1;
    assert_eq!(
        open.frame,
        ["GET /socket.io/?", &query(true, Some(sid))].concat()
    );
}

/// Reads a session as a client does: events are passed on after the namespace is connected.
fn follow(bookmark: &mut Bookmark, rows: &[Row]) -> Vec<String> {
    let mut out = Vec::new();
    let mut held: Vec<&Row> = Vec::new();
    for row in rows
        .iter()
        .filter(|row| !row.ours && row.frame.starts_with('4'))
    {
        let read = whole(&row.frame).unwrap();
        let connected = match read.read().unwrap().says {
            Says::Connected { pid, .. } => {
                out.push(format!("{:?}", bookmark.connected(pid.as_deref())));
                true
            }
            _ => {
                held.push(row);
                out.iter().any(|said| !said.starts_with("event"))
            }
        };
        if connected {
            for row in held.drain(..) {
                let read = whole(&row.frame).unwrap();
                if let Says::Event(mut event) = read.read().unwrap().says {
                    bookmark.passed(&mut event);
                    assert_eq!(event.count, 1, "the mark is no argument");
                    out.push(format!("event {} {}", event.name, event.is_authenticated()));
                }
            }
        }
    }
    out
}

#[test]
fn what_was_missed_comes_before_the_reply_and_moves_the_mark() {
    let session = |name: &str| {
        let mut all = sessions(NODE).into_iter();
        all.find(|rows| rows[0].session == name).unwrap()
    };
    let rows = session("recovery");
    let mut connections = rows.split(|row| row.kind == "close");
    let mut bookmark = Bookmark::default();
    let first = follow(&mut bookmark, connections.next().unwrap());
    assert_eq!(first, ["NotAsked", "event welcome false"]);
    let auth = json::parse(r#"{"user":"rec"}"#).ok();
    assert_eq!(
        bookmark.connect(ROOT, auth),
        r#"40{"pid":"8XnVT-ryyZ0wyVrTAAAH","offset":"Q7yKNCT","user":"rec"}"#
    );
    let second = follow(&mut bookmark, connections.next().unwrap());
    let expected = [
        "Resumed",
        "event timeblock_updated false",
        "event welcome false",
    ];
    assert_eq!(second, expected);
    assert_eq!(bookmark.offset.as_deref(), Some("Q7yKNJI"));
    // A server that knows nothing of it.
    let third = follow(&mut bookmark, &session("recovery refused"));
    assert_eq!(third, ["Impossible", "event welcome false"]);
    assert_eq!(bookmark.offset.as_deref(), Some("Q7yKNL9"));
    // A server in Python never goes on, and adds nothing.
    let python = sessions(CLIENT).into_iter().nth(2).unwrap();
    let python: Vec<Row> = python.into_iter().take(5).collect();
    let fourth = follow(&mut bookmark, &python);
    assert_eq!(fourth, ["Impossible", "event authenticated true"]);
    assert_eq!(bookmark, Bookmark::default());
}
