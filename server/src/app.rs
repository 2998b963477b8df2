//! The router: which address leads where.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::body::BODY_BYTES_MAX;
use crate::carried::Carriers;
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::live::{self, Live, Origins};
use crate::pages::{self, Pages};
use crate::publish::Publishing;
use crate::store::Store;
use crate::{demo, doors, publish, tasks};

/// What every request can reach.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// Records and events.
    pub(crate) store: Store,
    /// Connections.
    pub(crate) live: Arc<Live>,
    /// Connections that no socket carries.
    pub(crate) carriers: Carriers,
    /// Who may connect.
    pub(crate) origins: Origins,
    /// The page, if one is served.
    pub(crate) pages: Option<Pages>,
    /// Who may publish.
    pub(crate) publishing: Publishing,
    /// Counters of REST.
    pub(crate) requests: Arc<Requests>,
}

/// Counters of REST.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    all: AtomicU64,
    not_modified: AtomicU64,
}

impl Requests {
    /// All requests, and those answered with 304.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (
            self.all.load(Ordering::Relaxed),
            self.not_modified.load(Ordering::Relaxed),
        )
    }
}

/// The router; `with_demo` adds what `--demo` switches on.
pub(crate) fn router(app: App, with_demo: bool) -> Router {
    let mut api = Router::new()
        .route("/tasks", get(tasks::list).post(tasks::create))
        .route("/tasks/{id}", patch(tasks::update).delete(tasks::delete));
    if app.publishing.is_open() {
        api = api.route("/publish", post(publish::publish));
    }
    let mut api = api
        .fallback(nothing_here)
        .layer(from_fn_with_state(app.clone(), admit));
    if !app.publishing.is_open() {
        // A backend comes with its key, and is none of the people.
        api = api.route("/publish", post(publish::publish));
    }
    let api = api.layer(from_fn_with_state(app.clone(), count));
    let origins = app.origins.clone();
    // A page of an origin that may connect by a socket may connect without one too.
    let foreign = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_origin, request| {
            origins.allow(&request.headers)
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::ACCEPT]);
    let live = Router::new()
        .route("/live", get(live::upgrade))
        .route("/live/sse", post(doors::sse))
        .route("/live/poll", post(doors::poll))
        .route("/live/send", post(doors::send))
        .layer(foreign);
    let mut router = Router::new()
        .nest("/api", api)
        .merge(live)
        .route("/healthz", get(health))
        .fallback(pages::page);
    if with_demo {
        let demo = Router::new()
            .route("/stats", get(demo::stats))
            .route("/cut", post(demo::cut))
            .route("/burst", post(demo::burst));
        let mut demo = demo.fallback(nothing_here);
        if app.live.access.is_closed() {
            demo = demo.layer(from_fn_with_state(app.clone(), admit));
        }
        router = router.nest("/demo", demo);
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}

async fn health() -> Response {
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(serde_json::json!({ "ok": true })),
    )
        .into_response()
}

async fn nothing_here() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "there is nothing at this address",
    )
}

/// Whose request it is. Where only known people come in, it shows a token, as a socket does.
async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    match app.live.access.admit(token) {
        Ok(person) => {
            request.extensions_mut().insert(person);
            next.run(request).await
        }
        Err(stranger) => ApiError::new(
            StatusCode::UNAUTHORIZED,
            stranger.code(),
            stranger.message(),
        )
        .into_response(),
    }
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    app.requests.all.fetch_add(1, Ordering::Relaxed);
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_MODIFIED {
        app.requests.not_modified.fetch_add(1, Ordering::Relaxed);
    }
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
