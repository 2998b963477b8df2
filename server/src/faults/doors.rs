//! Where the lab asks for faults: `/demo/faults` and its neighbours.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::{DEVICES_MAX, Device, Fault, Faults, passes};
use crate::access::Stranger;
use crate::app::App;
use crate::body::{self, Kind};
use crate::codes::{CloseReason, ErrorCode};
use crate::error::ApiError;
use crate::outbox::End;
use crate::protocol::ServerMessage;

/// For how long the server stays dead if nothing is said.
const DEAD_MS: u64 = 3000;

/// The longest time that it stays dead.
const DEAD_MS_MAX: u64 = 60_000;

/// The longest time that an answer is waited for.
const WAIT_MS_MAX: u64 = 60_000;

/// Faults for a device, or for all of them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    #[serde(default)]
    device: Option<Device>,
    fault: Fault,
}

/// Whom something is to happen to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Aim {
    #[serde(default)]
    device: Option<Device>,
}

/// For how long to be dead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Death {
    #[serde(default)]
    for_ms: Option<u64>,
}

/// For how long to say nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    for_ms: u64,
}

/// How many connections were met.
#[derive(Debug, Serialize)]
pub(crate) struct Met {
    met: usize,
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| refusal(&error.to_string()))
}

fn refusal(message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
}

/// `GET /demo/faults`: the faults that are on.
pub(crate) async fn list(State(faults): State<Arc<Faults>>) -> Json<Vec<Order>> {
    let set = faults.faults();
    let on = set.iter().map(|(device, fault)| Order {
        device: device.clone(),
        fault: *fault,
    });
    Json(on.collect())
}

/// `POST /demo/faults {device?, fault}`: from now on this is wrong, and nothing else.
pub(crate) async fn set(
    State(faults): State<Arc<Faults>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let bytes = body::bytes(&headers, body, Kind::Json)?;
    let Order { device, fault } = read(&bytes)?;
    if !fault.is_within_bounds() {
        return Err(refusal(
            "latency_ms is at most 60000, loss_percent at most 90",
        ));
    }
    if faults.put(device, fault) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(refusal(&format!(
            "{DEVICES_MAX} devices have faults already"
        )))
    }
}

/// `POST /demo/half-open {device?}`: the connections that are open now swallow what is said on them, and nobody is
/// told. New ones are as good as any.
pub(crate) async fn half_open(
    State(faults): State<Arc<Faults>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Met>, ApiError> {
    let bytes = body::bytes(&headers, body, Kind::Json)?;
    let Aim { device } = read(&bytes)?;
    let links = faults.links_of(device.as_ref());
    let live = links.iter().filter(|link| link.is_live());
    let met = live.map(|link| link.deafen()).count();
    Ok(Json(Met { met }))
}

/// `POST /demo/expire {device}`: the tokens with which a device is connected are good no more.
pub(crate) async fn expire(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Met>, ApiError> {
    let bytes = body::bytes(&headers, body, Kind::Json)?;
    let Aim { device } = read(&bytes)?;
    let stranger = Stranger::Expired;
    let mut met = 0;
    for (outbox, person) in app.live.seated() {
        let Some(pass) = person.pass else { continue };
        if !device
            .as_ref()
            .is_none_or(|device| passes::is_of(&pass, device))
        {
            continue;
        }
        app.live.access.passes.expire(pass);
        let (code, msg) = (stranger.code(), stranger.message());
        outbox.push(ServerMessage::refusal(None, None, code, msg).text());
        outbox.end(End::Close(CloseReason::EXPIRED));
        met += 1;
    }
    Ok(Json(Met { met }))
}

/// `POST /demo/restart {for_ms?}`: the server dies without a word, and is started again after a while.
pub(crate) async fn restart(
    State(faults): State<Arc<Faults>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let bytes = body::bytes(&headers, body, Kind::Json)?;
    let Death { for_ms } = read(&bytes)?;
    let pause = Duration::from_millis(for_ms.unwrap_or(DEAD_MS).min(DEAD_MS_MAX));
    faults.restart.send_replace(Some(pause));
    Ok(StatusCode::ACCEPTED)
}

/// `POST /demo/wait {for_ms}`: answers after so long. A page that waits for it without letting anything else happen
/// stands still, and needs no processor for that.
pub(crate) async fn wait(
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let bytes = body::bytes(&headers, body, Kind::Json)?;
    let Wait { for_ms } = read(&bytes)?;
    tokio::time::sleep(Duration::from_millis(for_ms.min(WAIT_MS_MAX))).await;
    Ok(StatusCode::NO_CONTENT)
}
