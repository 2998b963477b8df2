//! `mut`: a write that a page says on its connection. It becomes the request that it stands for, and the answer to that
//! becomes `ack` or `err`: so there is one way to write, whatever it came by. Knows no state.

use axum::body::{Body, to_bytes};
use axum::extract::ws::Utf8Bytes;
use axum::http::uri::Uri;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::Person;
use crate::address::Address;
use crate::codes::ErrorCode;
use crate::ids::{ClientId, Integer, SessionKey, WriteKey};
use crate::json;
use crate::metrics::Way;
use crate::protocol::{DATA_DEPTH_MAX, SERVER_FRAME_BYTES_MAX};

/// Below this there is what may be written.
const BELOW: &str = "/api/";

/// Longest path: those that there are have 30 bytes.
const PATH_BYTES_MAX: usize = 1024;

/// What an answer may hold, so that the message around it fits in a frame.
const ANSWER_BYTES_MAX: usize = SERVER_FRAME_BYTES_MAX - 16 * 1024;

/// What a message says in a header's place: the field, and the header.
const HEADERS: [(&str, &str); 4] = [
    ("key", "idempotency-key"),
    ("match", "if-match"),
    ("fences", "everfresh-fence"),
    ("stamp", "everfresh-stamp"),
];

/// A request that came as a message: whose connection it was. No request over HTTP can bring this along.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// Who they are, by the last token of the connection.
    pub(crate) person: Person,
    /// The connection.
    pub(crate) key: SessionKey,
    /// How it came.
    pub(crate) way: Way,
}

/// What the message says. The body is passed on as it was sent: it is a part of what a repetition is known by.
#[derive(Debug, Deserialize)]
pub(crate) struct Mutation<'a> {
    key: String,
    method: String,
    path: String,
    #[serde(rename = "match")]
    over: Option<String>,
    fences: Option<String>,
    stamp: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

impl<'a> Mutation<'a> {
    /// Reads a message that is a `mut`.
    ///
    /// # Errors
    /// When it lacks what it needs.
    pub(crate) fn read(part: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(part)
    }

    /// The request that it stands for.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn request(
        &self,
        client: &ClientId,
        address: Option<Address>,
        carried: Carried,
    ) -> Result<Request<Body>, Refusal<'static>> {
        WriteKey::parse(&self.key).map_err(|error| Refusal::field("key", error.0))?;
        let method = match self.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => {
                let msg = "a mutation is POST, PUT, PATCH or DELETE";
                return Err(Refusal::field("method", msg));
            }
        };
        let body = self.body.map_or("", RawValue::get);
        let mut request = Request::new(Body::from(body.to_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri()?;
        let headers = request.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let said = [
            Some(&self.key),
            self.over.as_ref(),
            self.fences.as_ref(),
            self.stamp.as_ref(),
        ];
        for ((field, name), value) in HEADERS.into_iter().zip(said) {
            let Some(value) = value else { continue };
            let value = HeaderValue::from_str(value)
                .map_err(|_strange| Refusal::field(field, "this is visible ASCII"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Ok(client) = HeaderValue::from_str(client.as_str()) {
            headers.insert(HeaderName::from_static("everfresh-client"), client);
        }
        let extensions = request.extensions_mut();
        extensions.insert(carried);
        if let Some(address) = address {
            extensions.insert(address);
        }
        Ok(request)
    }

    /// Where it goes. An address that a URI would take another way is none: `//host`, or a part after `#`.
    fn uri(&self) -> Result<Uri, Refusal<'static>> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let path = &self.path;
        if path.len() > PATH_BYTES_MAX || !path.starts_with('/') || !path.bytes().all(plain) {
            return Err(Refusal::field("path", "this is no path of this server"));
        }
        if !path.starts_with(BELOW) {
            return Err(Refusal {
                status: Some(StatusCode::NOT_FOUND.as_u16()),
                ..Refusal::new(ErrorCode::NotFound, "nothing is written at this address")
            });
        }
        Uri::try_from(path.as_str())
            .map_err(|_strange| Refusal::field("path", "this is no path of this server"))
    }
}

/// Why a mutation was not done, and whether it is of use to say it again.
#[derive(Debug, Serialize)]
pub(crate) struct Refusal<'a> {
    t: &'static str,
    id: Integer,
    code: ErrorCode,
    msg: &'a str,
    retry: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cur: Option<&'a RawValue>,
}

impl<'a> Refusal<'a> {
    /// A refusal.
    #[must_use]
    pub(crate) fn new(code: ErrorCode, msg: &'a str) -> Self {
        Self {
            t: "err",
            id: Integer(0),
            code,
            msg,
            retry: code.is_passing(),
            status: None,
            path: None,
            retry_after: None,
            cur: None,
        }
    }

    fn field(path: &'a str, msg: &'a str) -> Self {
        Self {
            status: Some(StatusCode::BAD_REQUEST.as_u16()),
            path: Some(path),
            ..Self::new(ErrorCode::BadRequest, msg)
        }
    }

    /// For whoever counts refusals.
    #[must_use]
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message, as the answer to this one.
    #[must_use]
    pub(crate) fn text(&self, id: Integer) -> Utf8Bytes {
        text(&Self { id, ..*self })
    }
}

/// What the answer to the request says, as a message.
pub(crate) async fn answer(id: Integer, response: Response) -> Utf8Bytes {
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let body: Option<&RawValue> = serde_json::from_slice(&bytes).ok();
    if head.status.is_success() {
        let etag = head.headers.get(header::ETAG);
        return text(&Ack {
            t: "ack",
            id,
            status: head.status.as_u16(),
            etag: etag.and_then(|tag| tag.to_str().ok()),
            body: body.and_then(|body| json::compact(body, DATA_DEPTH_MAX)),
        });
    }
    let said: Refused<'_> = serde_json::from_slice(&bytes).unwrap_or_default();
    let code = head.extensions.get::<ErrorCode>().copied();
    let code = code.unwrap_or_else(|| code_of(head.status));
    let seconds = head.headers.get(header::RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let current = said
        .current
        .and_then(|current| json::compact(current, DATA_DEPTH_MAX));
    let msg = if said.error.message.is_empty() {
        "this is refused"
    } else {
        &said.error.message
    };
    let refusal = Refusal {
        status: Some(head.status.as_u16()),
        path: said.error.path.as_deref().map(field_of),
        retry_after: seconds.map(|seconds| seconds.saturating_mul(1000)),
        cur: current.as_deref(),
        ..Refusal::new(code, msg)
    };
    refusal.text(id)
}

#[derive(Serialize)]
struct Ack<'a> {
    t: &'static str,
    id: Integer,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

/// The body of a refusal over HTTP.
#[derive(Default, Deserialize)]
struct Refused<'a> {
    error: Why,
    #[serde(borrow)]
    current: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Why {
    message: String,
    path: Option<String>,
}

/// What a refusal is about: a field of the body, or what the message says in a header's place.
fn field_of(path: &str) -> &str {
    let header = HEADERS.into_iter().find(|(_, name)| *name == path);
    header.map_or(path, |(field, _)| field)
}

/// The code of an answer that none of ours gave, for example to a method that an address does not have.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::BadRequest,
    }
}

fn text(message: &impl Serialize) -> Utf8Bytes {
    match serde_json::to_string(message) {
        Ok(text) => Utf8Bytes::from(text),
        // None of the fields can fail to serialize; still, a page must get something that it can read.
        Err(_) => Utf8Bytes::from_static(
            r#"{"t":"err","code":"internal","msg":"no answer could be written","retry":true}"#,
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use axum::Json;
    use axum::response::IntoResponse;
    use serde_json::{Value, json};

    fn asked(message: &Value) -> Result<Request<Body>, Value> {
        let text = message.to_string();
        let carried = Carried {
            person: Person::default(),
            key: SessionKey(1),
            way: Way::Socket,
        };
        let client = ClientId::parse("tab").unwrap();
        let mutation = Mutation::read(&text).unwrap();
        let asked = mutation.request(&client, None, carried);
        asked.map_err(|refusal| serde_json::from_str(&refusal.text(Integer(9))).unwrap())
    }

    fn plain(name: &str, value: Value) -> Value {
        let mut message =
            json!({ "t": "mut", "id": 9, "key": "k", "method": "POST", "path": "/api/tasks" });
        message[name] = value;
        message
    }

    #[tokio::test]
    async fn it_becomes_the_request_that_it_stands_for() {
        let message = r#"{"t":"mut","id":9,"key":"k","method":"PATCH","path":"/api/tasks/7","match":"\"E:7:3\"","fences":"7;tasks;7%2Ftitle","stamp":"s","body":{ "title" : 1.10 }}"#;
        let carried = Carried {
            person: Person::default(),
            key: SessionKey(1),
            way: Way::Poll,
        };
        let client = ClientId::parse("tab").unwrap();
        let mutation = Mutation::read(message).unwrap();
        let request = mutation.request(&client, None, carried).unwrap();
        assert_eq!(
            (request.method(), request.uri().path()),
            (&Method::PATCH, "/api/tasks/7")
        );
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        for (name, value) in [
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
            ("if-match", "\"E:7:3\""),
            ("everfresh-fence", "7;tasks;7%2Ftitle"),
            ("everfresh-stamp", "s"),
            ("everfresh-client", "tab"),
        ] {
            assert_eq!(header(name), value);
        }
        assert!(request.extensions().get::<Carried>().is_some());
        let body = to_bytes(request.into_body(), 100).await.unwrap();
        assert_eq!(body, r#"{ "title" : 1.10 }"#);
    }

    #[test]
    fn what_stands_for_no_request_is_refused_by_its_field() {
        for (field, value) in [
            ("key", json!("")),
            ("key", json!("two words")),
            ("key", json!("x".repeat(256))),
            ("method", json!("GET")),
            ("method", json!("post")),
            ("method", json!("POST /api/tasks HTTP/1.1\r\n")),
            ("path", json!("")),
            ("path", json!("api/tasks")),
            ("path", json!("http://elsewhere/api/tasks")),
            ("path", json!("/api/tasks\r\nx: y")),
            ("path", json!("/api/tasks#part")),
            ("path", json!("/api/täsks")),
            ("path", json!(format!("/api/{}", "x".repeat(1024)))),
            ("match", json!("\"a\"\r\nx: y")),
            ("stamp", json!("\u{0}")),
        ] {
            let refusal = asked(&plain(field, value.clone())).unwrap_err();
            let wanted = json!({ "t": "err", "id": 9, "code": "bad_request", "status": 400, "retry": false, "path": field });
            for (name, wanted) in wanted.as_object().unwrap() {
                assert_eq!(refusal[name], *wanted, "{value}: {refusal}");
            }
        }
        for path in [
            "/",
            "/demo/cut",
            "/live",
            "//elsewhere/api/tasks",
            "/api",
            "/API/tasks",
            "/x/../api/tasks",
        ] {
            let refusal = asked(&plain("path", json!(path))).unwrap_err();
            assert_eq!(refusal["code"], "not_found", "{path}");
        }
    }

    #[test]
    fn what_it_needs_has_to_be_there() {
        for wrong in [
            plain("key", Value::Null),
            plain("method", json!(1)),
            plain("path", json!(["/api/tasks"])),
            plain("match", json!(1)),
        ] {
            assert!(Mutation::read(&wrong.to_string()).is_err(), "{wrong}");
        }
        assert!(Mutation::read(r#"{"key":"a","key":"b","method":"POST","path":"/"}"#).is_err());
    }

    #[tokio::test]
    async fn the_answer_is_an_ack_or_says_why_not() {
        let said = |response: Response| async {
            let text = answer(Integer(9), response).await;
            serde_json::from_str::<Value>(text.as_str()).unwrap()
        };
        let made = (
            StatusCode::CREATED,
            [(header::ETAG, "\"t\"")],
            Json(json!({ "id": "7" })),
        );
        assert_eq!(
            said(made.into_response()).await,
            json!({ "t": "ack", "id": 9, "status": 201, "etag": "\"t\"", "body": { "id": "7" } })
        );
        assert_eq!(
            said(StatusCode::NO_CONTENT.into_response()).await,
            json!({ "t": "ack", "id": 9, "status": 204 })
        );
        let body = json!({ "error": { "code": "changed", "message": "m", "path": "if-match" }, "current": { "id": "7" } });
        let mut changed = (StatusCode::CONFLICT, Json(body)).into_response();
        changed.extensions_mut().insert(ErrorCode::Changed);
        assert_eq!(
            said(changed).await,
            json!({ "t": "err", "id": 9, "code": "changed", "msg": "m", "retry": false, "status": 409, "path": "match", "cur": { "id": "7" } })
        );
        let mut later =
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3")]).into_response();
        later.extensions_mut().insert(ErrorCode::RateLimited);
        assert_eq!(
            said(later).await,
            json!({ "t": "err", "id": 9, "code": "rate_limited", "msg": "this is refused", "retry": true, "status": 429, "retry_after": 3000 })
        );
        assert_eq!(
            said(StatusCode::METHOD_NOT_ALLOWED.into_response()).await["code"],
            "bad_request"
        );
        // Line feeds separate messages.
        let spread = (StatusCode::OK, "{\n \"a\": 1\n}").into_response();
        assert!(!answer(Integer(9), spread).await.as_str().contains('\n'));
    }
}
