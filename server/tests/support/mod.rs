//! A server in this process, an HTTP client and a page's end of the socket. Every wait has a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "tests may fail loudly, and each test file uses a part of this"
)]

pub mod postgres;
pub mod program;
pub mod schema;
pub mod visitor;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use everfresh_server::{Config, Handle, serve};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// A folder of a test's own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("everfresh-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_dir_all(&self.0);
    }
}

/// Far beyond what anything here takes; reached only by what never happens.
const DEADLINE: Duration = Duration::from_secs(30);

pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_late| panic!("waited in vain for {what}"))
}

/// Asks again and again until the answer is yes.
pub async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    in_time(what, async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Are the tests to keep their data in PostgreSQL? `EVERFRESH_TEST_DATABASE=postgres`
pub fn on_postgres() -> bool {
    std::env::var_os("EVERFRESH_TEST_DATABASE").is_some_and(|database| database == "postgres")
}

/// Variables for a program whose data survives it.
pub fn kept_variables(folder: &Folder) -> Vec<(&'static str, String)> {
    if on_postgres() {
        return vec![("EVERFRESH_DATABASE", postgres::of_folder(&folder.0))];
    }
    let file = folder.path("data.sqlite").display().to_string();
    vec![("EVERFRESH_DATA", file)]
}

/// The demo on a free port, with data that survives the server.
pub fn kept(folder: &Folder) -> Config {
    let mut config = plain();
    if on_postgres() {
        config.database = Some(postgres::database(&postgres::of_folder(&folder.0)));
    } else {
        config.data = Some(folder.path("data.sqlite"));
    }
    config
}

/// The demo on a free port, with data that no other server has.
pub fn config() -> Config {
    let mut config = plain();
    if on_postgres() {
        config.database = Some(postgres::database(&postgres::fresh()));
    }
    config
}

fn plain() -> Config {
    Config {
        listen: "127.0.0.1:0".to_owned(),
        demo: true,
        ..Config::default()
    }
}

pub async fn start(config: Config) -> Handle {
    serve(config).await.expect("the server starts")
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub async fn request(
    addr: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    in_time("an answer", async {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (mut sender, link) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let link = tokio::spawn(link);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", addr.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender
            .send_request(request.body(Full::new(body.into())).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        link.abort();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    })
    .await
}

pub async fn get(addr: SocketAddr, path: &str) -> Answer {
    request(addr, Method::GET, path, &[], "").await
}

pub async fn send(addr: SocketAddr, method: Method, path: &str, body: &Value) -> Answer {
    request(
        addr,
        method,
        path,
        &[("content-type", "application/json")],
        body.to_string(),
    )
    .await
}

pub async fn publish(addr: SocketAddr, channel: &str, data: &Value) -> u64 {
    let body = json!({ "channel": channel, "name": "changed", "data": data });
    let answer = send(addr, Method::POST, "/api/publish", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["s"].as_u64().unwrap()
}

/// What a page gets from its socket.
#[derive(Debug, PartialEq)]
pub enum Got {
    Frame(String),
    Close(u16, String),
    /// The link ended without a close frame.
    Broken,
}

/// A page's end of the socket.
pub struct Page {
    socket: WebSocketStream<TcpStream>,
    waiting: std::collections::VecDeque<Value>,
}

/// How a page dials.
#[derive(Clone, Debug)]
pub struct Dial<'a> {
    pub protocols: Option<&'a str>,
    pub origin: Option<String>,
    pub receive_buffer: Option<u32>,
    /// The device of the demo that it stands for.
    pub device: Option<&'a str>,
}

impl Default for Dial<'_> {
    fn default() -> Self {
        Self {
            protocols: Some("fresh.v1"),
            origin: None,
            receive_buffer: None,
            device: None,
        }
    }
}

impl Page {
    pub async fn dial(addr: SocketAddr, dial: Dial<'_>) -> Result<Self, Error> {
        in_time("the handshake", async {
            let socket = TcpSocket::new_v4()?;
            if let Some(size) = dial.receive_buffer {
                socket.set_recv_buffer_size(size)?;
            }
            let stream = socket.connect(addr).await?;
            let query = dial.device.map(|device| format!("?device={device}"));
            let query = query.unwrap_or_default();
            let mut request = format!("ws://{addr}/live{query}").into_client_request()?;
            if let Some(protocols) = dial.protocols {
                request
                    .headers_mut()
                    .insert("sec-websocket-protocol", protocols.parse().unwrap());
            }
            if let Some(origin) = &dial.origin {
                request
                    .headers_mut()
                    .insert("origin", origin.parse().unwrap());
            }
            let (socket, _response) = tokio_tungstenite::client_async(request, stream).await?;
            Ok(Self {
                socket,
                waiting: Default::default(),
            })
        })
        .await
    }

    /// Connects without a hello.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::dial(addr, Dial::default())
            .await
            .expect("the socket opens")
    }

    /// Connects and is welcomed.
    pub async fn welcomed(addr: SocketAddr, client: &str) -> Self {
        let mut page = Self::connect(addr).await;
        page.say(&json!({ "t": "hello", "v": 1, "client": client }))
            .await;
        let welcome = page.hear().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        page
    }

    /// Connects with a token and is welcomed.
    pub async fn known(addr: SocketAddr, client: &str, token: &str) -> Self {
        let mut page = Self::connect(addr).await;
        page.say(&json!({ "t": "hello", "v": 1, "client": client, "token": token }))
            .await;
        let welcome = page.hear().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        page
    }

    /// The next message of a type; what comes before it is passed over.
    pub async fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["t"] == kind {
                return message;
            }
        }
    }

    /// What is told next of a name that is there, or changed.
    pub async fn hear_join(&mut self, name: &str) -> Value {
        loop {
            let message = self.hear_of("presence").await;
            if let Some(shown) = message["join"].get(name) {
                return shown.clone();
            }
        }
    }

    pub async fn say(&mut self, message: &Value) {
        schema::of_page(message);
        self.say_anything(message).await;
    }

    /// Says what no page should.
    pub async fn say_anything(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// The same to a server that may be gone. False if it is.
    pub async fn try_say(&mut self, message: &Value) -> bool {
        self.try_send(Message::text(message.to_string())).await
    }

    /// Sends a frame to a server that may be gone. False if it is.
    pub async fn try_send(&mut self, message: Message) -> bool {
        let sent = self.socket.send(message);
        in_time("a frame to be sent", sent).await.is_ok()
    }

    pub async fn send(&mut self, message: Message) {
        in_time("a frame to be sent", self.socket.send(message))
            .await
            .expect("the socket is open");
    }

    /// Sends one text message as several WebSocket frames.
    pub async fn send_in_parts(&mut self, text: &str, size: usize) {
        let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        for (index, part) in parts.iter().enumerate() {
            let opcode = if index == 0 {
                Data::Text
            } else {
                Data::Continue
            };
            let frame = Frame::message(
                part.to_vec(),
                OpCode::Data(opcode),
                index + 1 == parts.len(),
            );
            self.send(Message::Frame(frame)).await;
        }
    }

    /// Subscribes and returns the answer.
    pub async fn subscribe(&mut self, channel: &str, position: Option<&Value>) -> Value {
        let mut message = json!({ "t": "sub", "id": 1, "ch": channel });
        if let Some(position) = position {
            message["pos"] = position.clone();
        }
        self.say(&message).await;
        let answer = self.hear().await;
        assert_eq!(
            (answer["t"].as_str(), answer["ch"].as_str()),
            (Some("subd"), Some(channel)),
            "{answer}"
        );
        answer
    }

    /// The next frame as it travels.
    pub async fn frame(&mut self) -> Got {
        in_time("a frame", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return Got::Frame(text.to_string()),
                    Some(Ok(Message::Close(Some(close)))) => {
                        return Got::Close(close.code.into(), close.reason.to_string());
                    }
                    Some(Ok(Message::Close(None))) => return Got::Close(1005, String::new()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Got::Broken,
                }
            }
        })
        .await
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return message;
            }
            match self.frame().await {
                Got::Frame(text) => {
                    self.waiting.extend(text.split('\n').map(schema::of_server));
                }
                other => panic!("a message was expected, not {other:?}"),
            }
        }
    }

    /// The messages up to the end, and how it ended.
    pub async fn hear_out(&mut self) -> (Vec<Value>, Got) {
        let mut heard: Vec<Value> = self.waiting.drain(..).collect();
        loop {
            match self.frame().await {
                Got::Frame(text) => heard.extend(text.split('\n').map(schema::of_server)),
                end => return (heard, end),
            }
        }
    }

    /// Proves that nothing came before this moment but what was heard: asks, and the answer is next.
    pub async fn hears_nothing(&mut self) {
        self.say(&json!({ "t": "ping", "n": 4711 })).await;
        assert_eq!(self.hear().await, json!({ "t": "pong", "n": 4711 }));
    }

    /// Closes as a page does, and waits until the server has answered.
    pub async fn close(mut self) -> Got {
        self.send(Message::Close(None)).await;
        self.frame().await
    }
}
