//! What every request passes: from where it comes, whose page and whose token it is, how many there may be. And what
//! is counted and written down of it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::access::{Person, Stranger};
use crate::address::Address;
use crate::app::App;
use crate::audit::Line;
use crate::body;
use crate::clock;
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::live::{Origins, Turned};
use crate::metrics::Waiting;
use crate::mutation::Carried;
use crate::quota::{Ask, TooMuch};

/// Notes from where a request comes.
pub(crate) async fn locate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(ConnectInfo(peer)) = peer {
        let address = app.proxies.source(*peer, request.headers());
        request.extensions_mut().insert(address);
    }
    next.run(request).await
}

/// Which foreign pages may ask, by the same list as for sockets: a browser keeps answers from all others.
pub(crate) fn cors(origins: &Origins, methods: &[Method]) -> CorsLayer {
    let origins = origins.clone();
    let headers = [
        "everfresh-client",
        "everfresh-fence",
        "everfresh-stamp",
        "idempotency-key",
        "prefer",
    ];
    let headers = headers.into_iter().map(header::HeaderName::from_static);
    let common = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_origin, request| {
            origins.allow(&request.headers)
        }))
        .allow_methods(methods.to_vec())
        .allow_headers(headers.chain(common).collect::<Vec<_>>())
        .expose_headers([header::ETAG, header::RETRY_AFTER])
}

/// Whose request it is, and whether there were too many of theirs. Where only known people come in, it shows a token,
/// as a socket does.
pub(crate) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match admitted(&app, &request) {
        Ok(person) => {
            request.extensions_mut().insert(person.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(person);
            response
        }
        Err(refusal) => *refusal,
    }
}

fn admitted(app: &App, request: &Request) -> Result<Person, Box<Response>> {
    let person = match request.extensions().get::<Carried>() {
        Some(carried) => on_connection(carried)?,
        None => by_itself(app, request)?,
    };
    let address = request.extensions().get::<Address>().copied();
    let who = app.live.who(&person, address);
    let allowed = app.live.quotas.allow(who.as_ref(), Ask::Request);
    allowed.map_err(too_much)?;
    Ok(person)
}

/// Whose mutation it is: its connection has shown the token. Some time may have passed since it was said.
fn on_connection(carried: &Carried) -> Result<Person, Box<Response>> {
    let person = &carried.person;
    if person.is_struck_off() {
        return Err(stranger(Stranger::Unknown));
    }
    if person.until.is_some_and(|until| until <= clock::now()) {
        return Err(stranger(Stranger::Expired));
    }
    Ok(person.clone())
}

fn by_itself(app: &App, request: &Request) -> Result<Person, Box<Response>> {
    // A browser would keep the answer from such a page, but the write would be done.
    if !app.origins.allow(request.headers()) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Forbidden,
            "this Origin may not ask: start the server with --allow-origin",
        )
        .into_response()
        .into());
    }
    let address = request.extensions().get::<Address>().copied();
    let token = request.headers().get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    let person = app.live.admit(token, address);
    person.map_err(|turned| match turned {
        Turned::Stranger(who) => stranger(who),
        Turned::TooMuch(much) => too_much(much),
    })
}

fn stranger(stranger: Stranger) -> Box<Response> {
    let (code, message) = (stranger.code(), stranger.message());
    let refusal = ApiError::new(StatusCode::UNAUTHORIZED, code, message);
    Box::new(refusal.into_response())
}

fn too_much(much: TooMuch) -> Box<Response> {
    let mut response = ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::RateLimited,
        "too many requests in so short a time",
    )
    .into_response();
    let seconds = HeaderValue::from(much.seconds);
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    Box::new(response)
}

/// Counts requests, and writes down those that write and those that are refused.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let asked = app.live.audit.is_on().then(|| {
        let address = request.extensions().get::<Address>().copied();
        let client = body::client(request.headers()).ok().flatten();
        let carried = request.extensions().get::<Carried>();
        let carried = carried.map(|carried| (carried.key, carried.way));
        // The router has taken off what led here.
        let path = format!("/api{}", request.uri().path());
        (path, address, client, carried)
    });
    app.requests.all.fetch_add(1, Ordering::Relaxed);
    let mut response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED {
        app.requests.not_modified.fetch_add(1, Ordering::Relaxed);
    }
    let metrics = &app.live.metrics;
    metrics.requested(name(&method), status.as_u16(), began.elapsed());
    let code = response.extensions().get::<ErrorCode>().copied();
    if let Some(code) = code {
        metrics.refused(code);
    }
    if let Some((path, address, client, carried)) = asked
        && (code.is_some() || !method.is_safe())
    {
        let nobody = Person::default();
        let person = response.extensions().get::<Person>().unwrap_or(&nobody);
        let event = if code.is_some() { "refuse" } else { "write" };
        let line = Line {
            method: Some(name(&method)),
            path: Some(&path),
            status: Some(status.as_u16()),
            code,
            client: client.as_ref().map(|client| client.as_str()),
            connection: carried.map(|(key, _)| key.0),
            ..Line::of(event, person).from(address, carried.map(|(_, way)| way))
        };
        app.live.audit.write(line);
    }
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// A method that is counted: anybody may send any word for one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let (outbox_bytes, outbox_bytes_most) = app.live.outbox_bytes();
    let text = app.live.metrics.text(Waiting {
        outbox_bytes,
        outbox_bytes_most,
        store_jobs: app.store.waiting(),
        audit_lines: app.live.audit.waiting(),
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

/// `GET /healthz`: whether new pages are to be sent here.
pub(crate) async fn health(State(app): State<App>) -> Response {
    let leaving = app.live.leaving_within().is_some();
    let status = if leaving {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let headers = [(header::CACHE_CONTROL, "no-store")];
    let body = axum::Json(serde_json::json!({ "ok": !leaving }));
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::ids::{Millis, SessionKey};
    use crate::metrics::Way;

    #[test]
    fn a_mutation_that_waited_for_longer_than_its_token_is_good_is_not_done() {
        let until = |until: u64| {
            let mut person = Person::default();
            person.until = Some(Millis(until));
            let (key, way) = (SessionKey(1), Way::Socket);
            on_connection(&Carried { person, key, way })
        };
        let late = until(clock::now().0).unwrap_err();
        assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
        let code = late.extensions().get::<ErrorCode>();
        assert_eq!(code, Some(&ErrorCode::TokenExpired));
        assert!(until(clock::now().0 + 60_000).is_ok());
    }
}
