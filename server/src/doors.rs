//! The doors of `/live` for pages that no socket reaches: `POST /live/sse` begins a connection and reads it,
//! `POST /live/poll` begins one or waits for its next messages, `POST /live/send` says something on either.
//! `GET /live` without an upgrade answers whether the server is there.

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::address::Address;
use crate::app::App;
use crate::body::{self, Kind};
use crate::carried::{Carrier, Gone, Polled, Refused, broken_off, event_stream};
use crate::codes::{CloseReason, ErrorCode};
use crate::error::ApiError;
use crate::lane::Writes;
use crate::live::Came;
use crate::metrics::Way;
use crate::outbox::End;

use std::sync::Arc;

/// When to ask again for a place on a full server, or after too much was asked for, in seconds.
const LATER: HeaderValue = HeaderValue::from_static("5");

/// Says which connection a request belongs to: the first line of its body.
#[derive(Debug, Deserialize)]
struct From {
    t: String,
    session: String,
}

/// `POST /live/sse`: `hello` and what else a page says at once; the answer is the connection.
pub(crate) async fn sse(
    State(app): State<App>,
    Extension(writes): Extension<Writes>,
    address: Option<Extension<Address>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let carrier = match opening(&app, &headers, body) {
        Ok(Opening::New(text)) => {
            begin(&app, &writes, Way::Stream, address, &text).map_err(Turned::into_response)
        }
        Ok(Opening::Of(..)) => Err(bad_request("a stream begins with hello").into_response()),
        Err(refusal) => Err(refusal.into_response()),
    };
    match carrier {
        Ok(carrier) => {
            let headers = [
                (header::CONTENT_TYPE, "text/event-stream"),
                (header::CACHE_CONTROL, "no-store"),
                // nginx would hold events back until it has a buffer full of them.
                (header::HeaderName::from_static("x-accel-buffering"), "no"),
            ];
            (headers, event_stream(carrier)).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// `POST /live/poll`: the first one says `hello`, the following ones whose messages they wait for.
pub(crate) async fn poll(
    State(app): State<App>,
    Extension(writes): Extension<Writes>,
    address: Option<Extension<Address>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let carrier = match opening(&app, &headers, body) {
        Ok(Opening::New(text)) => {
            begin(&app, &writes, Way::Poll, address, &text).map_err(Turned::into_response)
        }
        Ok(Opening::Of(session, text)) => match app.carriers.find(&session) {
            // To wait is a sign of life like any other.
            Ok(carrier) => carrier.say(text).await.map(|()| carrier).or_else(|Gone| {
                // It ended just now: why, is still there to be read.
                app.carriers.find(&session)
            }),
            Err(gone) => Err(gone),
        }
        .map_err(|Gone| no_session().into_response()),
        Err(refusal) => Err(refusal.into_response()),
    };
    let carrier = match carrier {
        Ok(carrier) => carrier,
        Err(refusal) => return refusal,
    };
    match carrier.poll(app.live.limits.ping_interval).await {
        Polled::Messages(frame) => messages(StatusCode::OK, frame.as_str().to_owned()),
        Polled::Nothing => StatusCode::NO_CONTENT.into_response(),
        Polled::Over(End::Cut) => broken_off().into_response(),
        Polled::Over(End::Gone) => no_session().into_response(),
        Polled::Over(End::Close(reason)) => messages(status_of(reason), String::new()),
    }
}

/// `POST /live/send`: messages of a connection.
pub(crate) async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    match opening(&app, &headers, body)? {
        Opening::New(_) => Err(bad_request("the first line says from which session")),
        Opening::Of(session, text) => {
            let carrier = app.carriers.find(&session).map_err(|Gone| no_session())?;
            carrier.say(text).await.map_err(|Gone| no_session())?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

/// `GET /live` without an upgrade: whether the server is there and takes connections.
pub(crate) fn alive(app: &App) -> Response {
    let mut answer = if let Some(spread) = app.live.leaving_within() {
        let mut answer = StatusCode::SERVICE_UNAVAILABLE.into_response();
        let seconds = HeaderValue::from(spread.as_secs().max(1));
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        answer
    } else {
        axum::Json(serde_json::json!({ "t": "alive" })).into_response()
    };
    let no_store = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, no_store);
    answer
}

/// What the body of a request begins with.
enum Opening {
    /// Messages of a connection that is to be.
    New(String),
    /// The name of a connection, and messages of it.
    Of(String, String),
}

fn opening(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Opening, ApiError> {
    if !app.origins.allow(headers) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Forbidden,
            "this Origin may not connect: start the server with --allow-origin",
        ));
    }
    let bytes = body::bytes(headers, body, Kind::Messages)?;
    let text = std::str::from_utf8(&bytes).map_err(|_bytes| bad_request("messages are UTF-8"))?;
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    Ok(match serde_json::from_str::<From>(first) {
        Ok(From { t, session }) if t == "from" => Opening::Of(session, rest.to_owned()),
        _ => Opening::New(text.to_owned()),
    })
}

/// Why there is no connection: the answer's status, and the messages that a socket would have got.
struct Turned(StatusCode, String);

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        messages(self.0, self.1)
    }
}

fn begin(
    app: &App,
    writes: &Writes,
    way: Way,
    address: Option<Extension<Address>>,
    text: &str,
) -> Result<Arc<Carrier>, Turned> {
    let address = address.map(|Extension(address)| address);
    let full = app.live.sockets_open() >= app.live.limits.sockets_max;
    if full || app.live.leaving_within().is_some() {
        return Err(Turned(StatusCode::SERVICE_UNAVAILABLE, String::new()));
    }
    app.carriers
        .begin(&app.live, &app.store, writes, Came { way, address }, text)
        .map_err(|Refused { end, messages }| match end {
            End::Close(reason) => Turned(status_of(reason), messages),
            End::Gone | End::Cut => Turned(StatusCode::GONE, messages),
        })
}

/// The status by which a page decides as it would by the close code of a socket.
fn status_of(reason: CloseReason) -> StatusCode {
    match reason {
        CloseReason::BAD_MESSAGE => StatusCode::BAD_REQUEST,
        CloseReason::UNAUTHORIZED | CloseReason::EXPIRED => StatusCode::UNAUTHORIZED,
        CloseReason::KICKED => StatusCode::FORBIDDEN,
        CloseReason::VERSION => StatusCode::NOT_ACCEPTABLE,
        CloseReason::TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        CloseReason::TOO_MANY => StatusCode::TOO_MANY_REQUESTS,
        CloseReason::GOING_AWAY | CloseReason::TRY_LATER => StatusCode::SERVICE_UNAVAILABLE,
        // The session is over; the page goes on in a new one from its positions.
        _ => StatusCode::GONE,
    }
}

fn messages(status: StatusCode, lines: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut answer = (status, headers, Body::from(lines)).into_response();
    let later = [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if later.contains(&status) {
        answer.headers_mut().insert(header::RETRY_AFTER, LATER);
    }
    answer
}

fn bad_request(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
}

fn no_session() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "there is no connection of this name",
    )
}
