//! `/api/blocks`: the demo's calendar, whose ranges have an ETag each, so that a page that asks for one day is answered
//! with 304 whatever happened on the others.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::access::Person;
use crate::app::App;
use crate::body::{Fields, Kind, bytes};
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::etag;
use crate::ids::{ChannelName, INTEGER_MAX, Millis, TaskId};
use crate::once::Asked;
use crate::records::{BlockId, Span};
use crate::rules::Deed;
use crate::store::StoreError;

/// The longest block.
const BLOCK_MS_MAX: u64 = 12 * 60 * 60 * 1000;

/// The widest range that is asked for at a time.
const RANGE_MS_MAX: u64 = 62 * 24 * 60 * 60 * 1000;

#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    from: u64,
    to: u64,
}

/// `GET /api/blocks?from=MS&to=MS`
pub(crate) async fn list(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Response, ApiError> {
    check(&person, Deed::Subscribe)?;
    let rule = "from and to are milliseconds since 1970, at most 62 days apart";
    let Query(Range { from, to }) = range.map_err(|_bad| ApiError::field("from", rule))?;
    let within = span(from, to, RANGE_MS_MAX).ok_or_else(|| ApiError::field("to", rule))?;
    let blocks = app.store.blocks(within).await?;
    let versions = blocks.iter().map(|block| (block.id.0, block.version));
    let tag = etag::of_range(app.store.epoch(), versions);
    let response = if etag::matches(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(blocks).into_response()
    };
    Ok(etag::with(response, &tag))
}

/// `PATCH /api/blocks/{id} {start, end}`: moves it. 422 where another block has a part of that time.
pub(crate) async fn update(
    State(app): State<App>,
    Extension(person): Extension<Person>,
    Path(id): Path<String>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    check(&person, Deed::Publish)?;
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let time = |name| -> Result<u64, ApiError> {
        let found = fields.count(name, INTEGER_MAX)?;
        found.ok_or_else(|| ApiError::field(name, "this is a time in milliseconds since 1970"))
    };
    let to = span(time("start")?, time("end")?, BLOCK_MS_MAX);
    let to =
        to.ok_or_else(|| ApiError::field("end", "a block ends after its start, within 12 hours"))?;
    let id = TaskId::parse(&id).map(BlockId);
    let id = id.ok_or_else(|| ApiError::from(StoreError::NotFound))?;
    let block = app.store.move_block(id, to, request.origin(&body)?).await?;
    Ok(Json(block).into_response())
}

fn span(start: u64, end: u64, most: u64) -> Option<Span> {
    let length = end.checked_sub(start)?;
    (1..=most).contains(&length).then_some(Span {
        start: Millis(start),
        end: Millis(end),
    })
}

/// Who may use the channel that tells of moves may read the blocks, and who may publish there may move them.
fn check(person: &Person, deed: Deed) -> Result<(), ApiError> {
    if person.may(deed, &ChannelName::calendar()) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        ErrorCode::Forbidden,
        "these records are not for you",
    ))
}
