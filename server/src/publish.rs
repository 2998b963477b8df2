//! `POST /api/publish {channel, name, data}`: an event from any backend.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Serialize;

use crate::app::App;
use crate::body::{Fields, Kind, bytes, client, payload};
use crate::error::ApiError;
use crate::ids::{ChannelName, Epoch, EventName, Seq};
use crate::once::Asked;
use crate::records::NewEvent;

/// Where the event stands.
#[derive(Debug, Serialize)]
pub(crate) struct Published {
    channel: ChannelName,
    e: Epoch,
    s: Seq,
}

/// Publishes one event. The answer comes after the commit.
pub(crate) async fn publish(
    State(app): State<App>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Published>, ApiError> {
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let channel =
        channel(&fields)?.ok_or_else(|| ApiError::field("channel", "a channel is needed"))?;
    let name = name(&fields)?.ok_or_else(|| ApiError::field("name", "an event name is needed"))?;
    let event = NewEvent {
        channel: channel.clone(),
        name,
        data: payload(&body)?,
        by: client(&request.headers)?,
    };
    let s = app
        .store
        .publish(vec![event], request.origin(&body)?)
        .await?;
    Ok(Json(Published {
        channel,
        e: app.store.epoch().clone(),
        s,
    }))
}

/// The field `channel`.
pub(crate) fn channel(fields: &Fields) -> Result<Option<ChannelName>, ApiError> {
    let channel = fields.text("channel")?.map(ChannelName::parse).transpose();
    channel.map_err(|error| ApiError::field("channel", error.0))
}

/// The field `name`.
pub(crate) fn name(fields: &Fields) -> Result<Option<EventName>, ApiError> {
    let name = fields.text("name")?.map(EventName::parse).transpose();
    name.map_err(|error| ApiError::field("name", error.0))
}
