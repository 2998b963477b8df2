//! Against what was recorded between the libraries' own clients and servers: `tests/wires`.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

/// The libraries' own client, with both servers.
const CLIENT: &str = include_str!("../../../tests/wires/socketio_client.jsonl");
/// A server in Node that keeps what was missed.
const NODE: &str = include_str!("../../../tests/wires/socketio_ws.jsonl");
/// The same over HTTP.
const POLLING: &str = include_str!("../../../tests/wires/socketio_polling.jsonl");
/// A server in Python.
const PYTHON: &str = include_str!("../../../tests/wires/socketio_python.jsonl");

/// A line of a recording.
#[derive(Clone, Debug)]
struct Row {
    session: String,
    ours: bool,
    kind: String,
    frame: String,
    bytes: Vec<u8>,
}

fn rows(recording: &str) -> Vec<Row> {
    let of = |raw: Raw<'_>, name: &str| {
        let text = raw.member(name).and_then(Raw::string);
        text.map(Text::decode).unwrap_or_default().into_owned()
    };
    let rows = recording.lines().skip(1).map(|line| {
        let raw = json::parse(line).unwrap();
        let hex = of(raw, "hex");
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        Row {
            session: of(raw, "session"),
            ours: of(raw, "dir") == "c>s",
            kind: of(raw, "kind"),
            frame: of(raw, "frame"),
            bytes: pairs
                .map(|pair| u8::from_str_radix(pair, 16).unwrap())
                .collect(),
        }
    });
    rows.collect()
}

/// The sessions of a recording. Some ran at the same time.
fn sessions(recording: &str) -> Vec<Vec<Row>> {
    let mut sessions: Vec<Vec<Row>> = Vec::new();
    for row in rows(recording) {
        match sessions
            .iter_mut()
            .find(|have| have[0].session == row.session)
        {
            Some(have) => have.push(row),
            None => sessions.push(vec![row]),
        }
    }
    sessions
}

fn frame(row: &Row) -> Frame<'_> {
    match row.kind.as_str() {
        "binary" => Frame::binary(&row.bytes),
        _ => Frame::text(row.frame.as_bytes()).unwrap(),
    }
}

fn open(text: &str) -> Open {
    match Decoder::default().push(Frame::Text(text)) {
        Ok(Some(Said::Open(open))) => open,
        other => panic!("{text} is {other:?}"),
    }
}

/// A frame without attachments.
fn whole(text: &str) -> Result<Whole<'_>, Fault> {
    match Decoder::default().push(Frame::Text(text))? {
        Some(Said::Packet(whole)) => Ok(whole),
        other => panic!("{text} is {other:?}"),
    }
}

fn fault(text: &str) -> Fault {
    match whole(text) {
        Ok(whole) => whole
            .read()
            .map(|packet| format!("{packet:?}"))
            .unwrap_err(),
        Err(fault) => fault,
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

#[test]
fn the_first_frame_says_how_the_session_goes() {
    let said = open(
        r#"0{"sid":"S","upgrades":["x","websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":9}"#,
    );
    let expected = Open {
        session: "S".to_owned(),
        ping_ms: 25_000,
        timeout_ms: 20_000,
        bytes_max: Some(9),
        upgrade: true,
    };
    assert_eq!(said, expected);
    // Before 2022, and in the order of Python.
    let said = open(r#"0{"sid":"S","pingTimeout":1,"pingInterval":2}"#);
    assert_eq!((said.ping_ms, said.timeout_ms), (2, 1));
    assert_eq!((said.bytes_max, said.upgrade), (None, false));
    let long = "x".repeat(EPOCH_BYTES_MAX + 1);
    for bad in [
        "0".to_owned(),
        "0{}".to_owned(),
        "0[]".to_owned(),
        r#"0{"sid":"","pingTimeout":1,"pingInterval":2}"#.to_owned(),
        r#"0{"sid":"S","pingTimeout":1}"#.to_owned(),
        r#"0{"sid":"S","pingTimeout":1,"pingInterval":-2}"#.to_owned(),
        [
            r#"0{"sid":""#,
            &long,
            r#"","pingTimeout":1,"pingInterval":2}"#,
        ]
        .concat(),
    ] {
        assert_eq!(
            Decoder::default().push(Frame::Text(&bad)),
            Err(Fault::Json),
            "{bad}"
        );
    }
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
fn a_name_of_a_session_goes_into_an_address_as_it_is() {
    assert_eq!(query(false, None), "EIO=4&transport=polling");
    let odd = query(true, Some("a_-B9&x=\u{e9}#"));
    assert_eq!(odd, "EIO=4&transport=websocket&sid=a_-B9%26x%3d%c3%a9%23");
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
    assert_eq!(read_error(error.as_bytes()), Some(CloseMeans::Lost));
    assert_eq!(read_error(br#"{"code":5}"#), Some(CloseMeans::Final));
    assert_eq!(read_error(br#"{"code":4}"#), Some(CloseMeans::Unauthorized));
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

#[test]
fn attachments_come_back_in_their_order() {
    let mut decoder = Decoder::default();
    let text = r#"452-/a,7["b",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]]"#;
    assert_eq!(decoder.push(Frame::Text(text)), Ok(None));
    // A sign of life is no packet of Socket.IO: it may come between.
    assert_eq!(decoder.push(Frame::Text("2")), Ok(Some(Said::Ping)));
    assert_eq!(decoder.push(Frame::binary(b"one")), Ok(None));
    let Ok(Some(Said::Packet(whole))) = decoder.push(Frame::binary(b"two")) else {
        panic!("all is there");
    };
    assert_eq!(whole.attachments, [b"one".to_vec(), b"two".to_vec()]);
    let packet = whole.read().unwrap();
    assert_eq!(packet.namespace, "/a");
    assert!(matches!(packet.says, Says::Event(event) if event.id == Some(7) && event.count == 2));
    // Nothing is left over.
    assert_eq!(decoder.push(Frame::binary(b"three")), Err(Fault::Order));
}

#[test]
fn attachments_are_bounded_and_in_order() {
    let mut decoder = Decoder::default();
    let many = format!("45{}-[\"b\"]", ATTACHMENTS_MAX + 1);
    assert_eq!(decoder.push(Frame::Text(&many)), Err(Fault::TooLarge));
    let huge = "4599999999999999999999-[\"b\"]";
    assert_eq!(decoder.push(Frame::Text(huge)), Err(Fault::Head));
    for text in [r#"45-["b"]"#, r#"45["b"]"#, r#"451["b"]"#, "451"] {
        assert_eq!(decoder.push(Frame::Text(text)), Err(Fault::Head), "{text}");
    }
    assert_eq!(decoder.push(Frame::Text(r#"452-["b"]"#)), Ok(None));
    assert_eq!(decoder.push(Frame::Text(r#"42["x"]"#)), Err(Fault::Order));
    let half = vec![0; ATTACHMENT_BYTES_MAX / 2 + 1];
    assert_eq!(decoder.push(Frame::binary(&half)), Ok(None));
    assert_eq!(decoder.push(Frame::binary(&half)), Err(Fault::TooLarge));
    for bad in [
        r#"{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        r#"{"_placeholder":true}"#,
        r#"[{"a":{"_placeholder":true,"num":"0"}}]"#,
    ] {
        let text = ["451-[\"b\",", bad, "]"].concat();
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(Frame::Text(&text)), Ok(None));
        let Ok(Some(Said::Packet(whole))) = decoder.push(Frame::binary(b"")) else {
            panic!("all is there");
        };
        assert_eq!(whole.read(), Err(Fault::Placeholder), "{text}");
    }
    // Where nothing is attached, an object of that form is the app's.
    assert!(
        whole(r#"42["b",{"_placeholder":true,"num":1}]"#)
            .unwrap()
            .read()
            .is_ok()
    );
}

#[test]
fn what_is_none_of_the_protocol_is_told_why() {
    for (text, expected) in [
        ("", Fault::Type),
        ("5", Fault::Type),
        ("x", Fault::Type),
        ("4", Fault::Type),
        ("47", Fault::Type),
        ("4\u{e9}", Fault::Type),
        ("40", Fault::OldServer),
        ("40{}", Fault::OldServer),
        (r#"40{"sid":7}"#, Fault::OldServer),
        ("42", Fault::Json),
        ("42[]", Fault::Json),
        ("42{}", Fault::Json),
        ("42[{}]", Fault::Json),
        (r#"42["x""#, Fault::Json),
        (r#"42["connect"]"#, Fault::Json),
        (r#"42["newListener",1]"#, Fault::Json),
        ("43[]", Fault::Head),
        ("431{}", Fault::Json),
        ("41{}", Fault::Json),
        ("4299999999999999999[]", Fault::Head),
        ("42-1[]", Fault::Json),
        (r#"42/a["x"]"#, Fault::Json),
        ("44{", Fault::Json),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    let long = ["41/", &"x".repeat(CHANNEL_NAME_BYTES_MAX), ","].concat();
    assert_eq!(fault(&long), Fault::TooLarge);
    let large = " ".repeat(PACKET_BYTES_MAX + 1);
    assert_eq!(Frame::text(large.as_bytes()), Err(Fault::TooLarge));
    assert_eq!(
        Decoder::default().push(Frame::Text(&large)),
        Err(Fault::TooLarge)
    );
    assert_eq!(Frame::text(b"2\xff"), Err(Fault::NotText));
    let deep = ["42[\"x\",", &"[".repeat(70), &"]".repeat(70), "]"].concat();
    assert_eq!(fault(&deep), Fault::Json);
}

#[test]
fn a_namespace_ends_at_a_comma_or_with_the_packet() {
    for (text, namespace) in [("41", "/"), ("41/", "/"), ("41/a", "/a"), ("41/a,", "/a")] {
        let whole = whole(text).unwrap();
        let packet = whole.read().unwrap();
        assert_eq!(
            (packet.namespace, packet.says),
            (namespace, Says::Disconnected),
            "{text}"
        );
    }
}

#[test]
fn a_refusal_is_an_object_or_words_or_nothing() {
    for (text, words, data) in [
        (
            r#"44{"message":"m","data":{"code":401}}"#,
            "m",
            r#"{"code":401}"#,
        ),
        (
            r#"44/none,"Unable to connect""#,
            "Unable to connect",
            "null",
        ),
        ("44", "", "null"),
        ("44[1]", "", "null"),
    ] {
        let whole = whole(text).unwrap();
        let Says::Refused {
            message,
            data: have,
        } = whole.read().unwrap().says
        else {
            panic!("{text}");
        };
        assert_eq!((&*message, have.text()), (words, data));
    }
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
        "Complete",
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

#[test]
fn only_what_can_be_a_mark_is_taken_for_one() {
    let mut bookmark = Bookmark::default();
    let pass = |bookmark: &mut Bookmark, text: &str| {
        let whole = whole(text).unwrap();
        let Says::Event(mut event) = whole.read().unwrap().says else {
            panic!("{text}");
        };
        bookmark.passed(&mut event);
        args(&event).join(" ")
    };
    assert_eq!(
        pass(&mut bookmark, r#"42["x",1,"a"]"#),
        "1 \"a\"",
        "nothing is kept there"
    );
    assert_eq!(bookmark.connected(Some("P")), Recovery::NotAsked);
    // Without a mark there is nothing to go on from.
    assert_eq!(bookmark.connect(ROOT, None), r#"40{"pid":"P"}"#);
    assert_eq!(bookmark.connected(Some("P")), Recovery::Impossible);
    assert_eq!(pass(&mut bookmark, r#"42["x"]"#), "", "a name is no mark");
    assert_eq!(pass(&mut bookmark, r#"42["x",1,2]"#), "1 2");
    assert_eq!(
        pass(&mut bookmark, r#"427["x","a"]"#),
        "\"a\"",
        "an answer is wanted"
    );
    let long = ["\"", &"x".repeat(EPOCH_BYTES_MAX + 1), "\""].concat();
    assert_eq!(
        pass(&mut bookmark, &["42[\"x\",", &long, "]"].concat()),
        long
    );
    assert_eq!(bookmark.offset, None);
    assert_eq!(pass(&mut bookmark, r#"42["x","O"]"#), "");
    assert_eq!(bookmark.connected(Some("P")), Recovery::Complete);
    assert_eq!(bookmark.connected(None), Recovery::Impossible);
}

#[test]
fn the_payload_is_the_first_argument() {
    for (text, payload) in [
        (r#"42["x",{"a":[1]},2]"#, r#"{"a":[1]}"#),
        (r#"42["x"]"#, "null"),
        (r#"42/a,[7,"y"]"#, r#""y""#),
    ] {
        let whole = whole(text).unwrap();
        let Says::Event(event) = whole.read().unwrap().says else {
            panic!("{text}");
        };
        assert_eq!(event.payload().text(), payload);
    }
}

#[test]
fn bytes_are_spelled_as_everywhere() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"\xff\xfe", "//4="),
        (b"\xfb\xef\xbe", "++++"),
    ] {
        let mut out = String::new();
        encode_base64(bytes, &mut out);
        assert_eq!(out, text);
        assert_eq!(decode_base64(text.as_bytes()).as_deref(), Ok(bytes));
    }
    for bad in ["Z", "Zg", "Zg=", "Z===", "====", "Zg=a", "Zm9-", "Zm 9"] {
        assert_eq!(decode_base64(bad.as_bytes()), Err(Fault::Base64), "{bad}");
    }
    let large = vec![b'A'; ATTACHMENT_BYTES_MAX / 3 * 4 + 8];
    assert_eq!(decode_base64(&large), Err(Fault::TooLarge));
}

proptest! {
    #[test]
    fn what_we_say_is_read_as_it_was_said(
        namespace in "(/[a-z0-9\"]{1,8})?",
        id in prop::option::of(0..=INTEGER_MAX),
        name in "[a-z0-9\\[\"\u{e9},/ -]{0,8}",
        values in prop::collection::vec("(-?[1-9][0-9]{0,3}|null|\"[a-z,]{0,3}\"|\\[\\[1\\],\\{\"a\":true\\}\\])", 0..4),
    ) {
        let namespace = if namespace.is_empty() { ROOT } else { &namespace };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let to = To { namespace, id, attachments: 0 };
        let text = event(&to, &name, &values);
        let read = whole(&text).unwrap();
        let packet = read.read().unwrap();
        prop_assert_eq!(packet.namespace, namespace);
        let Says::Event(said) = packet.says else { panic!("{text}") };
        prop_assert_eq!((said.id, &*said.name, args(&said)), (id, &*name, values.clone()));
        let to = To { id: Some(id.unwrap_or(0)), ..to };
        let text = ack(&to, &values);
        let read = whole(&text).unwrap();
        let Says::Ack { id: number, args } = read.read().unwrap().says else { panic!("{text}") };
        prop_assert_eq!(Some(number), to.id);
        prop_assert_eq!(args.text(), ["[", &values.join(","), "]"].concat());
    }

    #[test]
    fn bodies_are_read_as_they_were_written(
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..9)), 0..6),
    ) {
        let texts: Vec<String> = parts.iter().map(|(_, bytes)| {
            bytes.iter().map(|byte| char::from(b'0' + byte % 7)).chain(['4']).collect()
        }).collect();
        let frames: Vec<Frame<'_>> = parts.iter().zip(&texts).map(|((binary, bytes), text)| {
            if *binary { Frame::binary(bytes) } else { Frame::Text(text) }
        }).collect();
        let body = write_body(&frames);
        let mut read = Vec::new();
        let result = read_body(body.as_bytes(), &mut |frame| {
            read.push(match frame {
                Frame::Text(text) => Frame::Text(texts.iter().find(|have| *have == text).unwrap()),
                Frame::Binary(bytes) => Frame::Binary(Cow::Owned(bytes.into_owned())),
            });
            Ok(())
        });
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        crate::fuzz::run("socketio", &bytes);
    }

    #[test]
    fn nothing_like_a_packet_makes_it_panic(
        text in "[0-6]{0,3}(-|/a,|[0-9]{0,3}){0,3}(\\[|\\]|\\{|\\}|\"[a-z]{0,3}\"|:|,|[0-9]|true){0,12}\u{1e}?(b[A-Za-z0-9=]{0,9})?",
    ) {
        crate::fuzz::run("socketio", text.as_bytes());
    }
}
