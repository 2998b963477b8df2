//! `/api/tasks`: the records, each list with the ETag that a page asks by.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::app::App;
use crate::body::{Fields, Kind, bytes};
use crate::error::ApiError;
use crate::etag;
use crate::ids::{INTEGER_MAX, ProjectId, TaskId};
use crate::once::Asked;
use crate::records::{NewTask, Status, TaskChange};
use crate::store::StoreError;

const TITLE_CHARS_MAX: usize = 200;
const STATUS_RULE: &str = "a status is todo, doing or done";

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    project: Option<String>,
}

/// `GET /api/tasks?project=`
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(filter) =
        filter.map_err(|_bad| ApiError::field("project", "the query cannot be read"))?;
    let project = filter.project.as_deref().map(ProjectId::parse).transpose();
    let project = project.map_err(|error| ApiError::field("project", error.0))?;
    // The version alone decides, so a page that is up to date costs no list.
    let tag = etag::of(
        app.store.epoch(),
        app.store.tasks_version(project.clone()).await?,
    );
    if etag::matches(&headers, &tag) {
        return Ok(with_tag(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let (version, tasks) = app.store.tasks(project).await?;
    let tag = etag::of(app.store.epoch(), version);
    Ok(with_tag(Json(tasks).into_response(), &tag))
}

/// `POST /api/tasks {title, project?, status?}`
pub(crate) async fn create(
    State(app): State<App>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let title = title(&fields)?.ok_or_else(|| ApiError::field("title", "a title is needed"))?;
    let project = fields.text("project")?.map(ProjectId::parse).transpose();
    let project = project.map_err(|error| ApiError::field("project", error.0))?;
    let status = status(&fields)?.unwrap_or(Status::Todo);
    let task = app
        .store
        .create_task(
            NewTask {
                title,
                project,
                status,
            },
            request.origin(&body)?,
        )
        .await?;
    Ok((StatusCode::CREATED, Json(task)).into_response())
}

/// `PATCH /api/tasks/{id} {title?, status?, version?}`
pub(crate) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let change = TaskChange {
        title: title(&fields)?,
        status: status(&fields)?,
        from: fields.count("version", INTEGER_MAX)?,
    };
    if change.title.is_none() && change.status.is_none() {
        return Err(ApiError::field("title", "a change has a title or a status"));
    }
    let task = app
        .store
        .update_task(task_id(&id)?, change, request.origin(&body)?)
        .await?;
    Ok(Json(task).into_response())
}

/// `DELETE /api/tasks/{id}`
pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Asked,
) -> Result<Response, ApiError> {
    app.store
        .delete_task(task_id(&id)?, request.origin(&[])?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn task_id(text: &str) -> Result<TaskId, ApiError> {
    TaskId::parse(text).ok_or_else(|| ApiError::from(StoreError::NotFound))
}

fn title(fields: &Fields) -> Result<Option<String>, ApiError> {
    let Some(title) = fields.text("title")?.map(str::trim) else {
        return Ok(None);
    };
    let length = title.chars().count();
    if !(1..=TITLE_CHARS_MAX).contains(&length) || title.chars().any(char::is_control) {
        return Err(ApiError::field(
            "title",
            "a title is 1 to 200 characters on one line",
        ));
    }
    Ok(Some(title.to_owned()))
}

fn status(fields: &Fields) -> Result<Option<Status>, ApiError> {
    let Some(status) = fields.text("status")? else {
        return Ok(None);
    };
    Status::parse(status)
        .map(Some)
        .ok_or_else(|| ApiError::field("status", STATUS_RULE))
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    // Not "no-store": the browser may keep it, but has to ask.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
