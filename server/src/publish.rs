//! `POST /api/publish {channel | user, name, data}`: an event from any backend.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::body::{Fields, Kind, bytes, client, payload};
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::ids::{ChannelName, Epoch, EventName, Seq};
use crate::once::Asked;
use crate::publisher::{Publisher, To, write_down};
use crate::records::NewEvent;
use crate::rules::Deed;
use crate::secret::Secret;

/// Where the event stands.
#[derive(Debug, Serialize)]
pub(crate) struct Published {
    channel: ChannelName,
    e: Epoch,
    s: Seq,
}

/// Who may publish over HTTP.
#[derive(Clone, Debug)]
pub(crate) enum Publishing {
    /// Whoever may write records: the demo.
    Open,
    /// Whoever sends the key.
    Key(Arc<Secret>),
    /// Nobody: no key was given.
    Closed,
}

impl Publishing {
    /// As it was configured.
    #[must_use]
    pub(crate) fn new(key: Option<Secret>, demo: bool) -> Self {
        match key {
            Some(key) => Self::Key(Arc::new(key)),
            None if demo => Self::Open,
            None => Self::Closed,
        }
    }

    /// Is no key needed?
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Does the request come with the key?
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let key = match self {
            Self::Open => return Ok(()),
            Self::Key(key) => key,
            Self::Closed => {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    ErrorCode::Forbidden,
                    "nobody may publish: the server was started without --publish-key",
                ));
            }
        };
        let sent = headers.get(header::AUTHORIZATION);
        let sent = sent
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if sent.is_some_and(|sent| key.is(sent)) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::Unauthorized,
            "publishing needs the key, as `authorization: Bearer KEY`",
        ))
    }
}

/// Publishes one event. The answer comes after the commit, or at once where the request says
/// `prefer: respond-async`: then a failure is logged here and nobody waits for it.
pub(crate) async fn publish(
    State(app): State<App>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    app.publishing.admit(&request.headers)?;
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let channel = target(&fields)?;
    if !request.person.may(Deed::Publish, &channel) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Forbidden,
            "this channel is not for you",
        ));
    }
    let name = name(&fields)?.ok_or_else(|| ApiError::field("name", "an event name is needed"))?;
    let event = NewEvent {
        channel: channel.clone(),
        name,
        data: payload(&body, &app.live.limits)?,
        by: client(&request.headers)?,
    };
    let origin = request.origin(&body)?;
    if at_once(&request.headers) && origin.once.is_none() {
        let audit = app.live.audit.clone();
        Publisher::new(app.store, audit, &app.live.limits).later(event, request.person);
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let s = app.store.publish(vec![event], origin).await?;
    write_down(&app.live.audit, &request.person, &channel, s);
    let e = app.store.epoch().clone();
    Ok(Json(Published { channel, e, s }).into_response())
}

/// RFC 7240. A request with a name of its own is one that is sent again until it is answered, so it has to wait.
fn at_once(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|wish| wish.trim().eq_ignore_ascii_case("respond-async"))
}

fn target(fields: &Fields) -> Result<ChannelName, ApiError> {
    match (channel(fields)?, fields.text("user")?) {
        (Some(channel), None) => Ok(channel),
        (None, Some(user)) => To::User(user)
            .channel()
            .map_err(|error| ApiError::field("user", error.0)),
        (Some(_), Some(_)) => Err(ApiError::field("user", "a channel or a user, not both")),
        (None, None) => Err(ApiError::field("channel", "a channel is needed, or a user")),
    }
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
