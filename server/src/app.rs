//! The router: which address leads where.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, patch, post};
use axum::{Extension, Router};

use crate::address::Proxies;
use crate::carried::Carriers;
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::faults::{self, Faults};
use crate::lane::Writes;
use crate::live::{self, Live, Origins};
use crate::neighbours::Neighbours;
use crate::pages::{self, Pages};
use crate::publish::Publishing;
use crate::store::Store;
use crate::{blocks, demo, doors, echo, gate, kick, overview, publish, tasks};

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
    /// Proxies whose word counts.
    pub(crate) proxies: Proxies,
    /// The page, if one is served.
    pub(crate) pages: Option<Pages>,
    /// Who may publish.
    /// Other servers that the page may talk to.
    pub(crate) beside: Neighbours,
    pub(crate) publishing: Publishing,
    /// Counters of REST.
    pub(crate) requests: Arc<Requests>,
}

/// Counters of REST.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// All of them.
    pub(crate) all: AtomicU64,
    /// Those answered with 304.
    pub(crate) not_modified: AtomicU64,
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

/// What is below `/api`, whether it is asked for by a request or on a connection.
fn api(app: &App, demo: bool) -> Router<App> {
    let mut api = Router::new()
        .route("/tasks", get(tasks::list).post(tasks::create))
        .route(
            "/tasks/{id}",
            get(tasks::one).patch(tasks::update).delete(tasks::delete),
        )
        .route("/tasks/{id}/history", get(tasks::history));
    if demo {
        api = api
            .route("/blocks", get(blocks::list))
            .route("/blocks/{id}", patch(blocks::update))
            .route("/projects", get(overview::projects))
            .route("/counts", get(overview::counts))
            .route("/activity", get(overview::activity))
            .route("/members", get(overview::members));
    }
    if app.publishing.is_open() {
        api = api.route("/publish", post(publish::publish));
    }
    let mut api = api
        .fallback(nothing_here)
        .layer(from_fn_with_state(app.clone(), gate::admit));
    if !app.publishing.is_open() {
        // A backend comes with its key, and is none of the people.
        api = api
            .route("/publish", post(publish::publish))
            .route("/kick", post(kick::kick));
    }
    api.layer(from_fn_with_state(app.clone(), gate::count))
}

/// The router; with `faults` there is also what `--demo` switches on.
pub(crate) fn router(app: App, faults: Option<&Arc<Faults>>) -> Router {
    let api = api(&app, faults.is_some());
    let body_bytes_max = app.live.limits.body_bytes_max;
    // A router of its own, because what connections reach must not hold the connections' own addresses.
    let carried = Router::new()
        .nest("/api", api.clone())
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(app.clone());
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
    let api = api.layer(gate::cors(&app.origins, &methods));
    let live = Router::new()
        .route("/live", get(live::upgrade))
        .route("/live/sse", post(doors::sse))
        .route("/live/poll", post(doors::poll))
        .route("/live/send", post(doors::send))
        .layer(Extension(Writes::new(carried)))
        // A page of an origin that may connect by a socket may connect without one too.
        .layer(gate::cors(&app.origins, &[Method::GET, Method::POST]));
    let mut router = Router::new()
        .nest("/api", api)
        .merge(live)
        .route("/healthz", get(gate::health))
        .fallback(pages::page);
    if let Some(faults) = faults {
        let lab = Router::new()
            .route("/faults", get(faults::list).post(faults::set))
            .route("/half-open", post(faults::half_open))
            .route("/restart", post(faults::restart))
            .with_state(Arc::clone(faults));
        let demo = Router::new()
            .route("/stats", get(demo::stats))
            .route("/beside", get(demo::beside))
            .route("/cut", post(demo::cut))
            .route("/burst", post(demo::burst))
            .route("/echo", get(echo::echo))
            .route("/expire", post(faults::expire))
            .route("/wait", post(faults::wait));
        let mut demo = demo.merge(lab).fallback(nothing_here);
        if app.live.access.is_closed() {
            demo = demo.layer(from_fn_with_state(app.clone(), gate::admit));
        }
        router = router
            .nest("/demo", demo)
            .route("/metrics", get(gate::metrics))
            .layer(from_fn(faults::apart))
            .layer(from_fn_with_state(Arc::clone(faults), faults::meet));
    }
    router
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(app.clone(), gate::locate))
        .with_state(app)
}

/// The router of the address for whoever watches over the server.
pub(crate) fn watchers(app: App) -> Router {
    Router::new()
        .route("/metrics", get(gate::metrics))
        .route("/healthz", get(gate::health))
        .fallback(nothing_here)
        .with_state(app)
}

async fn nothing_here() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "there is nothing at this address",
    )
}
