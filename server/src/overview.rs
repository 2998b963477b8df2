//! What the demo shows of a project beside its tasks: `/api/projects`, `/api/counts`, `/api/activity` and
//! `/api/members`, each with an ETag, so that looking again costs a line.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::access::Person;
use crate::app::App;
use crate::error::ApiError;
use crate::etag;
use crate::ids::TaskId;
use crate::store::Tally;
use crate::tasks::{Filter, wanted};

type Asked = Result<Query<Filter>, QueryRejection>;

/// `GET /api/projects`: all there are, and how far each is.
pub(crate) async fn projects(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    filter: Asked,
) -> Result<Response, ApiError> {
    let project = wanted(&person, filter)?;
    let (version, tallies) = app.store.tallies(project).await?;
    let tag = etag::of(app.store.epoch(), version);
    Ok(answer(&headers, &tag, tallies))
}

/// `GET /api/counts?project=`: how many tasks are how far.
pub(crate) async fn counts(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    filter: Asked,
) -> Result<Response, ApiError> {
    let project = wanted(&person, filter)?;
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
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    filter: Asked,
) -> Result<Response, ApiError> {
    let project = wanted(&person, filter)?;
    let (version, doings) = app.store.activity(project).await?;
    // What is too old goes without a write.
    let lines = u64::try_from(doings.len()).unwrap_or(u64::MAX);
    let tag = etag::of_range(app.store.epoch(), std::iter::once((TaskId(version), lines)));
    Ok(answer(&headers, &tag, doings))
}

/// `GET /api/members?project=`: who changed how much.
pub(crate) async fn members(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    filter: Asked,
) -> Result<Response, ApiError> {
    let project = wanted(&person, filter)?;
    let (version, members) = app.store.members(project).await?;
    let counts = members
        .iter()
        .map(|member| (TaskId(version), member.changes));
    let none = members.is_empty().then_some((TaskId(version), 0));
    let tag = etag::of_range(app.store.epoch(), counts.chain(none));
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
