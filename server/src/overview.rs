//! What the demo shows of a project beside its tasks: `/api/projects`, `/api/counts`, `/api/activity` and
//! `/api/members`, each with an ETag, so that looking again costs a line.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;
use crate::etag;
use crate::store::Tally;
use crate::tasks::Wanted;

/// `GET /api/projects`: all there are, and how far each is.
pub(crate) async fn projects(
    State(app): State<App>,
    Wanted(project): Wanted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, tallies) = app.store.tallies(project).await?;
    let tag = etag::of(app.store.epoch(), version);
    Ok(answer(&headers, &tag, tallies))
}

/// `GET /api/counts?project=`: how many tasks are how far.
pub(crate) async fn counts(
    State(app): State<App>,
    Wanted(project): Wanted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let of = project.as_ref().map(|project| project.as_str().to_owned());
    let (version, tallies) = app.store.tallies(project).await?;
    let all = tallies.iter().fold(
        Tally {
            project: of,
            ..Tally::default()
        },
        |all, one| Tally {
            todo: all.todo + one.todo,
            doing: all.doing + one.doing,
            done: all.done + one.done,
            ..all
        },
    );
    let tag = etag::of(app.store.epoch(), version);
    Ok(answer(&headers, &tag, all))
}

/// `GET /api/activity?project=`: what was done last, the last first.
pub(crate) async fn activity(
    State(app): State<App>,
    Wanted(project): Wanted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, doings) = app.store.activity(project).await?;
    // What is too old goes without a write.
    let lines = u64::try_from(doings.len()).unwrap_or(u64::MAX);
    let tag = etag::of_view(app.store.epoch(), version, [lines]);
    Ok(answer(&headers, &tag, doings))
}

/// `GET /api/members?project=`: who changed how much.
pub(crate) async fn members(
    State(app): State<App>,
    Wanted(project): Wanted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, members) = app.store.members(project).await?;
    let counts = members.iter().map(|member| member.changes);
    let tag = etag::of_view(app.store.epoch(), version, counts);
    Ok(answer(&headers, &tag, members))
}

fn answer(headers: &HeaderMap, tag: &str, body: impl Serialize) -> Response {
    let response = if etag::matches(headers, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(body).into_response()
    };
    etag::with(response, tag)
}
