//! `/api/tasks`: the records, each list with the ETag that a page asks by.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::access::Person;
use crate::app::App;
use crate::body::{Fields, Kind, bytes};
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::etag;
use crate::ids::{ChannelName, INTEGER_MAX, ProjectId, TaskId};
use crate::once::Asked;
use crate::records::{NewTask, Status, TaskChange};
use crate::rules::Deed;
use crate::store::{Origin, StoreError};

const TITLE_CHARS_MAX: usize = 200;
const STATUS_RULE: &str = "a status is todo, doing or done";

#[derive(Debug, Deserialize)]
struct Filter {
    project: Option<String>,
}

/// `GET /api/tasks?project=`
pub(crate) async fn list(
    State(app): State<App>,
    Wanted(project): Wanted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // The version alone decides, so a page that is up to date costs no list.
    let tag = etag::of(
        app.store.epoch(),
        app.store.tasks_version(project.clone()).await?,
    );
    if etag::matches(&headers, &tag) {
        return Ok(etag::with(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let (version, tasks) = app.store.tasks(project).await?;
    let tag = etag::of(app.store.epoch(), version);
    Ok(etag::with(Json(tasks).into_response(), &tag))
}

/// `GET /api/tasks/{id}`
pub(crate) async fn one(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = task_id(&id)?;
    check_reader(&app, &person, id).await?;
    let task = app.store.task(id).await?;
    let tag = etag::of_task(app.store.epoch(), task.id, task.version);
    if etag::matches(&headers, &tag) {
        return Ok(etag::with(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    Ok(etag::with(Json(task).into_response(), &tag))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Pages {
    before: Option<u64>,
}

/// `GET /api/tasks/{id}/history?before=VERSION`
pub(crate) async fn history(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    Path(id): Path<String>,
    pages: Result<Query<Pages>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(pages) = pages.map_err(|_bad| {
        ApiError::field("before", "this is the version up to before which is asked")
    })?;
    let id = task_id(&id)?;
    check_reader(&app, &person, id).await?;
    let before = pages.before.unwrap_or(INTEGER_MAX);
    let changes = app.store.history(id, before).await?;
    let body = Json(serde_json::json!({ "id": id, "changes": changes }));
    Ok(([(header::CACHE_CONTROL, "no-cache")], body).into_response())
}

/// `POST /api/tasks {title, project?, status?}`
pub(crate) async fn create(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let title = title(&fields)?.ok_or_else(|| ApiError::field("title", "a title is needed"))?;
    let project = fields.text("project")?.map(ProjectId::parse).transpose();
    let project = project.map_err(|error| ApiError::field("project", error.0))?;
    let status = status(&fields)?.unwrap_or(Status::Todo);
    check(&person, Deed::Publish, project.as_ref())?;
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
    let tag = etag::of_task(app.store.epoch(), task.id, task.version);
    Ok(etag::with(
        (StatusCode::CREATED, Json(task)).into_response(),
        &tag,
    ))
}

/// `PATCH /api/tasks/{id} {title?, status?, version?}`
pub(crate) async fn update(
    State(app): State<App>,
    Extension(person): Extension<Person>,
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
    let id = task_id(&id)?;
    check_task(&app, &person, id).await?;
    let origin = Origin {
        over: etag::may_match(&request.headers, app.store.epoch(), id),
        knows: change.from.is_some(),
        ..request.origin(&body)?
    };
    let task = app.store.update_task(id, change, origin).await?;
    let tag = etag::of_task(app.store.epoch(), id, task.version);
    Ok(etag::with(Json(task).into_response(), &tag))
}

/// `DELETE /api/tasks/{id}`
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    Path(id): Path<String>,
    request: Asked,
) -> Result<Response, ApiError> {
    let id = task_id(&id)?;
    check_task(&app, &person, id).await?;
    let origin = Origin {
        over: etag::may_match(&request.headers, app.store.epoch(), id),
        ..request.origin(&[])?
    };
    app.store.delete_task(id, origin).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The project whose tasks are asked for, or all, by somebody who may read them.
pub(crate) struct Wanted(pub(crate) Option<ProjectId>);

impl FromRequestParts<App> for Wanted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let filter = Query::<Filter>::from_request_parts(parts, app).await;
        let Query(filter) =
            filter.map_err(|_bad| ApiError::field("project", "the query cannot be read"))?;
        let project = filter.project.as_deref().map(ProjectId::parse).transpose();
        let project = project.map_err(|error| ApiError::field("project", error.0))?;
        let person = Extension::<Person>::from_request_parts(parts, app).await;
        let Extension(person) = person.map_err(|_missing| {
            let code = StatusCode::INTERNAL_SERVER_ERROR;
            ApiError::new(code, ErrorCode::Internal, "nobody was let in")
        })?;
        check(&person, Deed::Subscribe, project.as_ref())?;
        Ok(Self(project))
    }
}

/// May a person do this with the tasks of a project, or with all? Who may use the channel that tells of records
/// may read them, and who may publish there may write them.
fn may(person: &Person, deed: Deed, project: Option<&ProjectId>) -> bool {
    let part = project.is_some_and(|project| person.may(deed, &project.channel()));
    part || person.may(deed, &ChannelName::tasks())
}

fn check(person: &Person, deed: Deed, project: Option<&ProjectId>) -> Result<(), ApiError> {
    if may(person, deed, project) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        ErrorCode::Forbidden,
        "these records are not for you",
    ))
}

/// May a person write this task? For who may not even read it, there is none.
async fn check_task(app: &App, person: &Person, id: TaskId) -> Result<(), ApiError> {
    if may(person, Deed::Publish, None) {
        return Ok(());
    }
    check_reader(app, person, id).await?;
    let project = app.store.project_of(id).await?;
    check(person, Deed::Publish, project.as_ref())
}

/// May a person read this task, and what was done to it?
async fn check_reader(app: &App, person: &Person, id: TaskId) -> Result<(), ApiError> {
    if may(person, Deed::Subscribe, None) {
        return Ok(());
    }
    let project = app.store.project_of(id).await?;
    if may(person, Deed::Subscribe, project.as_ref()) {
        return Ok(());
    }
    Err(StoreError::NotFound.into())
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
