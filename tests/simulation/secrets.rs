//! What must never stand in what an app exports: runs in which everything secret occurs, recorded, searched
//! and replayed.

use everfresh::engine::config::Config;
use everfresh::engine::http::{Failure, Headers, Reply, StreamEvent};
use everfresh::engine::ids::{ConnId, HttpId, LockTicket, TabId, TokenId};
use everfresh::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use everfresh::engine::output::Output;
use everfresh::engine::queue::{MutationId, Outcome};
use everfresh::engine::store::StoreOp;
use everfresh::engine::time::{Mono, Now, Wall};
use everfresh::engine::token::Token;
use everfresh::engine::{Boot, Engine};
use everfresh::wire::json;

use crate::replay::{recorded, replay};

/// Whatever holds one of these is secret. Ids of users are in names of channels and in keys, too.
const SECRETS: [&str; 8] = [
    "alice", "hush", "apikey-", "Bearer", "jane", "bob", "s3ss10n", "diary",
];

const CONFIG: &str = r#"{"user":"alice@example.com","name":"app","getToken":true,"record":true,
"unknown":"hush-config","backend":{"kind":"everfresh","url":"wss://hush-name:hush-word@h/live?apikey=apikey-1&x",
"ladder":LADDER},"channels":["c","user:alice@example.com"],
"events":{"moved":[["tasks","$.task.project_id"],["profile","$.user"]],
"noted":{"keys":[["notes"]],"change":"$.cid","version":"$.v"}},
"contracts":{"tasks":{"key":["tasks"],"maxAge":30000,"reloadKey":"tasks","poll":20000,
"probe":"https://h/tasks?apikey=apikey-2"}},
"mutations":{"move":{"conflict":"merge","version":1},"write":{"conflict":"ask"}}}"#;

struct Page {
    engine: Engine,
    now: u64,
    conn: ConnId,
    request: HttpId,
    /// Who is asked for a token.
    token: Option<TokenId>,
    writes: Vec<(StoreOp, String, String)>,
    runs: Vec<(MutationId, u32)>,
    keys: Vec<StoreOp>,
}

impl Page {
    fn open(ladder: &str) -> Page {
        let config = Config::parse(&CONFIG.replace("LADDER", ladder)).expect("good settings");
        let boot = Boot {
            seed: 11,
            tab: TabId(5),
            online: true,
        };
        let mut page = Page {
            engine: Engine::new(config, boot, at(0)),
            now: 0,
            conn: ConnId::default(),
            request: HttpId::default(),
            token: None,
            writes: Vec::new(),
            runs: Vec::new(),
            keys: Vec::new(),
        };
        page.happens(Input::Command(everfresh::engine::command::Command::Start));
        // The mark: nobody else is there.
        page.happens(Input::StoreRead {
            op: StoreOp(u64::MAX),
            result: Ok(&[None]),
        });
        page.happens(Input::SessionLoaded {
            key: "everfresh:1:x",
            value: Some("1790000000000"),
        });
        page.happens(Input::Lock(LockEvent::Granted(LockTicket(1))));
        page.give_token();
        page
    }

    fn happens(&mut self, input: Input<'_>) {
        self.now += 7;
        self.engine.handle(at(self.now), input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::OpenSocket { conn, .. } | Output::OpenStream { conn, .. } => {
                    self.conn = conn;
                }
                Output::Request { request, .. } => self.request = request,
                Output::AskToken { request, .. } => self.token = Some(request),
                Output::StoreWrite { op, key, value } => self.writes.push((op, key, value)),
                Output::StoreList { op, .. } => self.keys.push(op),
                Output::RunMutation(run) => self.runs.push((run.id, run.attempt)),
                _ => {}
            }
        }
    }

    fn say(&mut self, text: &str) {
        let command = everfresh::engine::command::Command::parse(text).expect("a command");
        self.happens(Input::Said { command, text });
    }

    fn frame(&mut self, text: &str) {
        let (conn, event) = (self.conn, SocketEvent::Frame(text.as_bytes()));
        self.happens(Input::Socket { conn, event });
    }

    fn give_token(&mut self) {
        if let Some(request) = self.token.take() {
            let result = Ok(Some(Token::new("hush-token-0123456789")));
            self.happens(Input::Token { request, result });
        }
    }

    fn wait(&mut self, span: u64) {
        let end = self.now + span;
        while let Some(Mono(due)) = self.engine.next_wakeup().filter(|due| due.0 <= end) {
            self.now = due.max(self.now);
            self.happens(Input::Tick);
        }
        self.now = end;
        self.happens(Input::Tick);
    }

    /// The storage is empty, and takes everything.
    fn storage_answers(&mut self) {
        for op in std::mem::take(&mut self.keys) {
            self.happens(Input::StoreListed {
                op,
                result: Ok(&["everfresh:reserve".to_owned(), "bob's".to_owned()]),
            });
        }
        for (op, key, value) in std::mem::take(&mut self.writes) {
            self.happens(Input::Stored { op, result: Ok(()) });
            // Another tab of the app writes too, and somebody else's script.
            self.happens(Input::StoreChanged {
                key: Some(&key),
                value: Some(&value),
            });
        }
        self.happens(Input::StoreChanged {
            key: Some("bob"),
            value: Some("hush"),
        });
    }

    fn runs_end(&mut self, outcome: &str) {
        for (id, attempt) in std::mem::take(&mut self.runs) {
            let raw = json::parse(outcome).expect("JSON");
            let outcome = Outcome::read(raw).expect("an outcome");
            self.happens(Input::MutationDone {
                id,
                attempt,
                outcome,
            });
        }
    }

    fn answer(&mut self, status: u16, headers: Headers<'_>, body: &str) {
        let (request, body) = (self.request, body.as_bytes());
        let result = Ok(Reply {
            status,
            headers,
            body,
        });
        self.happens(Input::Response { request, result });
    }

    /// Nothing secret is in any export, and a replay is the same.
    fn check(&self) {
        let recording = recorded(&self.engine).expect("it recorded");
        let journal = self.engine.journal();
        for (text, secret) in [&recording, &journal]
            .into_iter()
            .flat_map(|text| SECRETS.map(|secret| (text, secret)))
        {
            let place = text.find(secret).map(|at| {
                let around = text.as_bytes().get(at.saturating_sub(80)..);
                let around = around.unwrap_or_default().iter().take(160);
                String::from_utf8_lossy(&around.copied().collect::<Vec<u8>>()).into_owned()
            });
            assert_eq!(place, None, "{secret} is exported");
        }
        let replay = replay(&recording).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(replay.differs, None);
        assert!(replay.inputs > 20, "{}", replay.inputs);
        for secret in SECRETS {
            assert!(!replay.story.contains(secret), "{secret} is told");
        }
    }
}

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(1000 + ms),
        wall: Wall(1_790_000_000_000 + ms),
    }
}

const WELCOME: &str = r#"{"t":"welcome","v":1,"ping":25000,"session":"s3ss10n","now":1790000000100,"exp":1790000400000}"#;

fn connected() -> Page {
    let mut page = Page::open(r#"["ws"]"#);
    let (conn, event) = (page.conn, SocketEvent::Opened);
    page.happens(Input::Socket { conn, event });
    page.frame(WELCOME);
    page.frame(r#"{"t":"subd","ch":"c","pos":{"e":"E","s":1}}"#);
    page.frame(
        r#"{"t":"subd","ch":"user:alice@example.com","pos":{"e":"E","s":1},"recovered":true}"#,
    );
    page
}

#[test]
fn events_with_payloads_keep_only_what_routes_name() {
    let mut page = connected();
    page.say(r#"{"do":"listen","event":"moved"}"#);
    page.say(r#"{"do":"fetch","key":["tasks",7],"phase":"observe"}"#);
    page.say(r#"{"do":"fetch","key":["profile","alice@example.com"],"phase":"observe"}"#);
    page.frame(
        r#"{"t":"ev","ch":"c","s":2,"name":"moved","by":"00000000000000ff","at":1790000000100,
        "data":{"task":{"project_id":7,"title":"my diary","owner":{"jane":"jane"}},"user":"alice@example.com","n":1234567}}"#
            .replace('\n', "")
            .as_str(),
    );
    page.frame(r#"{"t":"ev","ch":"c","s":3,"name":"noted","data":{"cid":"k1","v":5,"text":"hush \u00e9 \"x\""}}"#);
    page.frame(
        r#"{"t":"ev","ch":"c","s":9,"name":"moved","data":["hush",{"jane":1.5e3}],"new":"hush"}"#,
    );
    page.frame(
        r#"{"t":"err","ch":"c","id":3,"code":"forbidden","msg":"hush, alice@example.com may not"}"#,
    );
    page.frame("hush: this is no JSON");
    page.frame("{\"t\":\"ping\",\"n\":4}\n\n  {\"t\":\"pong\",\"n\":1}");
    let (conn, event) = (page.conn, SocketEvent::Frame(b"\xff\xfe hush"));
    page.happens(Input::Socket { conn, event });
    page.wait(5000);
    let event = SocketEvent::Closed {
        code: 4429,
        reason: "hush: retry_after=2000, alice",
    };
    page.happens(Input::Socket { conn, event });
    page.wait(4000);
    page.check();
}

#[test]
fn mutations_and_their_conflicts_are_told_apart_and_covered() {
    let mut page = connected();
    page.storage_answers();
    page.say(
        r#"{"do":"mutate","id":1,"name":"move","version":1,"lane":"task:1","vars":{"title":"my diary","done":true,"n":3},
        "base":{"title":"jane's","done":false,"n":3}}"#,
    );
    page.storage_answers();
    page.runs_end(
        r#"{"ok":false,"class":"conflict","data":{"title":"jane's","done":false,"n":4}}"#,
    );
    page.storage_answers();
    page.runs_end(r#"{"ok":true,"data":{"answer":"hush"}}"#);
    page.say(
        r#"{"do":"mutate","id":2,"name":"write","lane":"task:1","vars":{"title":"bob's diary"}}"#,
    );
    page.storage_answers();
    page.runs_end(r#"{"ok":false,"class":"conflict","data":{"title":"hush"}}"#);
    page.storage_answers();
    page.say(r#"{"do":"queue","id":3,"op":"list","of":"conflicts"}"#);
    page.say(r#"{"do":"queue","id":4,"op":"export"}"#);
    page.say(r#"{"do":"mutate","id":5,"name":"gone","vars":"hush"}"#);
    page.storage_answers();
    page.wait(61_000);
    page.check();
}

#[test]
fn other_tabs_and_other_people_are_covered() {
    let mut page = connected();
    let of = page_scope(&page);
    let head = format!(r#"{{"v":1,"from":"0000000000000007","of":"{of}","#);
    for rest in [
        r#""k":"hello","visible":true}"#.to_owned(),
        r#""k":"here","visible":true,"channels":{"user:alice@example.com":{"e":"E","s":1},"d":null}}"#.to_owned(),
        r#""k":"queue","q":{"q":"queued","items":[{"id":"00000194a1b2c3d40000000000000007","name":"move","v":1,"lane":"l",
            "vars":{"title":"hush"},"at":1790000000000,"stamp":"01d9v00000000100000000000007","durable":true}]}}"#
            .replace('\n', ""),
        r#""k":"call","id":1,"open":1,"do":"reconnect","body":{"a":"hush"}}"#.to_owned(),
        r#""k":"sings","song":"hush"}"#.to_owned(),
        r#""k":"logged-in"}"#.to_owned(),
    ] {
        page.happens(Input::TabMessage(format!("{head}{rest}").as_bytes()));
    }
    page.happens(Input::TabMessage(b"hush"));
    page.happens(Input::UserMessage(br#"{"v":1,"k":"who"}"#));
    page.happens(Input::TabLocks(&[TabId(7), TabId(5)]));
    page.say(r#"{"do":"join","channel":"c","meta":{"cursor":"hush","at":3}}"#);
    page.say(r#"{"do":"lease","channel":"c","field":"title","use":"take"}"#);
    page.wait(500);
    page.frame(
        r#"{"t":"presence","ch":"c","full":true,"join":{"00000000000000ff":{"ref":1,"user":"jane\u00e9","data":{"tabs":{"t1":{"active":true,"typing":"title","typed":1,"meta":{"x":"hush"}}}}}},"leave":{}}"#,
    );
    page.frame(
        r#"{"t":"lockev","ch":"c","key":"title","fence":3,"holder":{"user":"jane"},"ttl":30000}"#,
    );
    page.wait(8000);
    page.say(r#"{"do":"logged-in","token":"hush-token-2"}"#);
    page.give_token();
    page.wait(1000);
    page.check();
}

#[test]
fn what_comes_by_http_is_covered() {
    let ndjson = Headers {
        content_type: Some("application/x-ndjson"),
        ..Headers::default()
    };
    let mut page = Page::open(r#"["poll"]"#);
    page.answer(200, ndjson, WELCOME);
    page.answer(204, ndjson, "");
    page.wait(1500);
    page.answer(200, ndjson, "{\"t\":\"subd\",\"ch\":\"c\",\"pos\":{\"e\":\"E\",\"s\":1}}\n{\"t\":\"ev\",\"ch\":\"c\",\"s\":2,\"name\":\"noted\",\"data\":\"hush\"}");
    // The probe of a contract, with its answers.
    page.say(r#"{"do":"fetch","key":["tasks"],"phase":"observe"}"#);
    for body in [
        r#"{"tasks":["hush"]}"#,
        r#"{"tasks":["hush"]}"#,
        r#"{"tasks":["jane"]}"#,
        "<p>hush",
        "hush",
    ] {
        page.wait(20_000);
        page.answer(200, Headers::default(), body);
    }
    let request = page.request;
    let result = Err(Failure::Unreachable);
    page.happens(Input::Response { request, result });
    page.wait(30_000);
    page.check();

    let mut page = Page::open(r#"["sse"]"#);
    let conn = page.conn;
    let headers = Headers {
        content_type: Some("text/event-stream"),
        etag: Some("\"1\""),
        ..Headers::default()
    };
    let status = 200;
    let event = StreamEvent::Opened { status, headers };
    page.happens(Input::Stream { conn, event });
    let stream = format!(
        ": hush\n\ndata: {WELCOME}\n\ndata: {{\"t\":\"ev\",\"ch\":\"c\",\"s\":2,\ndata: \"name\":\"noted\",\"data\":\"hush\"}}\n\n"
    );
    for chunk in stream.as_bytes().chunks(17) {
        let event = StreamEvent::Chunk(chunk);
        page.happens(Input::Stream { conn, event });
    }
    page.wait(2000);
    let event = StreamEvent::Ended;
    page.happens(Input::Stream { conn, event });
    page.wait(2000);
    page.check();
}

#[test]
fn a_recording_ends_with_its_person() {
    let mut page = connected();
    page.say(r#"{"do":"user","user":"bob"}"#);
    page.wait(1000);
    assert_eq!(recorded(&page.engine).as_deref(), Some("end user\n"));
    // Somebody who logs in before whom nobody was there goes on.
    let config = CONFIG
        .replace("LADDER", r#"["ws"]"#)
        .replace("\"alice@example.com\",\"name\"", "null,\"name\"");
    let boot = Boot {
        seed: 11,
        tab: TabId(5),
        online: true,
    };
    page.engine = Engine::new(Config::parse(&config).expect("good"), boot, at(0));
    page.now = 0;
    page.happens(Input::Command(everfresh::engine::command::Command::Start));
    page.say(r#"{"do":"user","user":"alice@example.com"}"#);
    page.say(r#"{"do":"watch","channel":"inbox:alice@example.com"}"#);
    for _ in 0..10 {
        page.happens(Input::Page(PageEvent::Touched));
        page.happens(Input::Page(PageEvent::Hidden));
    }
    page.check();
}

#[test]
fn a_recording_has_an_end() {
    let mut page = connected();
    let text = "x".repeat(100_000);
    for seq in 2..60 {
        page.frame(&format!(
            r#"{{"t":"ev","ch":"c","s":{seq},"name":"noted","data":"{text}"}}"#
        ));
    }
    let recording = recorded(&page.engine).expect("it recorded");
    assert!(recording.ends_with("end full\n"), "{}", recording.len());
    assert!(recording.len() <= everfresh::engine::limits::RECORD_BYTES_MAX);
    assert_eq!(replay(&recording).map(|replay| replay.differs), Ok(None));
}

/// As the names of its locks have it.
fn page_scope(page: &Page) -> String {
    let config = Config::parse(&CONFIG.replace("LADDER", r#"["ws"]"#)).expect("good settings");
    assert!(page.now > 0);
    config
        .scope()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned()
}
