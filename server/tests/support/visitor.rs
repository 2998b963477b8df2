//! Somebody who comes by any of the ways there are, with a token that is signed here.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::SystemTime;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Answer, Got, Page, in_time, request, schema};

/// The secret of the tests' tokens.
pub const SECRET: &str = "a secret of the tests, which is no secret at all";

const MESSAGES: (&str, &str) = ("content-type", "application/x-ndjson");

/// The time now, in seconds.
pub fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// A token that is good for this many seconds, with more claims.
pub fn token(user: &str, seconds_left: u64, more: &Value) -> String {
    let mut claims = json!({ "sub": user, "exp": seconds() + seconds_left });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

/// A request with a token.
pub async fn call(
    addr: SocketAddr,
    token: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    request(addr, method, path, &headers, body).await
}

/// The ways to come.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Socket,
    Stream,
    Poll,
}

pub const WAYS: [Way; 3] = [Way::Socket, Way::Stream, Way::Poll];

pub struct Visitor {
    addr: SocketAddr,
    session: String,
    heard: VecDeque<Value>,
    link: Link,
}

enum Link {
    Socket(Box<Page>),
    Stream(Incoming, String),
    Poll,
}

impl Visitor {
    /// Comes, and is welcomed.
    pub async fn come(way: Way, addr: SocketAddr, client: &str, token: &str) -> Self {
        let hello = json!({ "t": "hello", "v": 1, "client": client, "token": token });
        let mut visitor = Self {
            addr,
            session: String::new(),
            heard: VecDeque::new(),
            link: Link::Poll,
        };
        match way {
            Way::Socket => {
                let mut page = Page::connect(addr).await;
                page.say(&hello).await;
                visitor.link = Link::Socket(Box::new(page));
            }
            Way::Stream => {
                let body = stream(addr, hello.to_string()).await;
                visitor.link = Link::Stream(body, String::new());
            }
            Way::Poll => {
                let answer = knock(addr, "poll", hello.to_string()).await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                visitor.take(std::str::from_utf8(&answer.body).unwrap());
            }
        }
        let welcome = visitor.hear().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        welcome["session"]
            .as_str()
            .unwrap()
            .clone_into(&mut visitor.session);
        visitor
    }

    /// Says something.
    pub async fn say(&mut self, message: &Value) {
        schema::of_page(message);
        if let Link::Socket(page) = &mut self.link {
            return page.say(message).await;
        }
        let from = json!({ "t": "from", "session": self.session });
        let answer = knock(self.addr, "send", format!("{from}\n{message}")).await;
        // Not found: what was said ended the connection, and why is there to be heard.
        let heard = [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND];
        assert!(heard.contains(&answer.status), "{answer:?}");
    }

    /// Says lines as they are.
    pub async fn say_raw(&mut self, lines: &str) {
        if let Link::Socket(page) = &mut self.link {
            return page
                .send(tokio_tungstenite::tungstenite::Message::text(lines))
                .await;
        }
        let from = json!({ "t": "from", "session": self.session });
        knock(self.addr, "send", format!("{from}\n{lines}")).await;
    }

    /// Says something, and returns the next message of a type.
    pub async fn hear_after(&mut self, message: &Value, kind: &str) -> Value {
        self.say(message).await;
        self.hear_of(kind).await
    }

    /// The name of the connection.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        self.hear_or_end().await.expect("a message")
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

    /// Asks for something, and returns the next message of its kind, or a refusal.
    pub async fn ask(&mut self, message: &Value) -> Value {
        self.say(message).await;
        self.hear().await
    }

    /// Proves that nothing came before this moment but what was heard.
    pub async fn hears_nothing(&mut self) {
        let heard = self.ask(&json!({ "t": "ping", "n": 4711 })).await;
        assert_eq!(heard, json!({ "t": "pong", "n": 4711 }));
    }

    /// The next message, or how it ended: the close code, or the status that stands for it.
    pub async fn hear_or_end(&mut self) -> Result<Value, u16> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Ok(message);
            }
            let more = match &mut self.link {
                Link::Socket(page) => match page.frame().await {
                    Got::Frame(text) => text,
                    Got::Close(code, _) => return Err(code),
                    Got::Broken => return Err(0),
                },
                Link::Stream(body, text) => {
                    let Some(Ok(frame)) = in_time("more of a stream", body.frame()).await else {
                        return Err(0);
                    };
                    let bytes = frame.into_data().expect("data");
                    text.push_str(std::str::from_utf8(&bytes).unwrap());
                    let whole = text.rfind("\n\n").map_or(0, |at| at + 2);
                    let rest = text.split_off(whole);
                    std::mem::replace(text, rest).replace("data: ", "")
                }
                Link::Poll => {
                    let from = json!({ "t": "from", "session": self.session });
                    let answer = knock(self.addr, "poll", from.to_string()).await;
                    if !answer.status.is_success() {
                        return Err(answer.status.as_u16());
                    }
                    String::from_utf8(answer.body.to_vec()).unwrap()
                }
            };
            self.take(&more);
        }
    }

    fn take(&mut self, text: &str) {
        let lines = text.lines().filter(|line| !line.is_empty());
        self.heard.extend(lines.map(schema::of_server));
    }
}

/// A request at one of the doors.
pub async fn knock(addr: SocketAddr, door: &str, body: String) -> Answer {
    let path = format!("/live/{door}");
    request(addr, Method::POST, &path, &[MESSAGES], body).await
}

/// A connection by server-sent events: its head, whatever it says.
pub async fn open_stream(addr: SocketAddr, first: String) -> Response<Incoming> {
    let link = TcpStream::connect(addr).await.unwrap();
    let (mut sender, link) = hyper::client::conn::http1::handshake(TokioIo::new(link))
        .await
        .unwrap();
    tokio::spawn(link);
    let request = Request::post("/live/sse")
        .header("host", addr.to_string())
        .header(MESSAGES.0, MESSAGES.1)
        .body(Full::new(Bytes::from(first)))
        .unwrap();
    in_time("the head of a stream", sender.send_request(request))
        .await
        .unwrap()
}

async fn stream(addr: SocketAddr, first: String) -> Incoming {
    let response = open_stream(addr, first).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}
