//! `POST /api/kick {user}`: the backend wants somebody out now, and not when their token ends.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Serialize;

use crate::access::{Person, UserName};
use crate::app::App;
use crate::audit::Line;
use crate::body::{Fields, Kind, bytes};
use crate::error::ApiError;
use crate::once::Asked;

/// How many connections ended.
#[derive(Debug, Serialize)]
pub(crate) struct Kicked {
    kicked: usize,
}

/// Ends all connections of a person to this server. Whoever does not want them back gives them no other token.
pub(crate) async fn kick(
    State(app): State<App>,
    request: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Kicked>, ApiError> {
    app.publishing.admit(&request.headers)?;
    let body = bytes(&request.headers, body, Kind::Json)?;
    let fields = Fields::parse(&body)?;
    let user = fields.text("user")?;
    let user = user.ok_or_else(|| ApiError::field("user", "a user is needed"))?;
    let user = UserName::parse(user).map_err(|error| ApiError::field("user", error.0))?;
    let kicked = app.live.kick(&user);
    let mut person = Person::default();
    person.name = Some(user);
    app.live.audit.write(Line::of("kick", &person));
    Ok(Json(Kicked { kicked }))
}
