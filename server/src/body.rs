//! Reading what a request sends, with refusals that name the field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::codes::ErrorCode;
use crate::config::Limits;
use crate::error::ApiError;
use crate::ids::ClientId;
use crate::json;

/// The header by which a tab says who it is, so that it knows its own events.
const CLIENT_HEADER: &str = "everfresh-client";

/// The tab that sent a request, if it said so.
pub(crate) fn client(headers: &HeaderMap) -> Result<Option<ClientId>, ApiError> {
    let Some(value) = headers.get(CLIENT_HEADER) else {
        return Ok(None);
    };
    let id = ClientId::parse(value.to_str().unwrap_or_default());
    id.map(Some)
        .map_err(|error| ApiError::field(CLIENT_HEADER, error.0))
}

/// What a body is said to be. A foreign page may send a form or plain text without being asked; these it may
/// not. So this is also what keeps other sites from writing here through a visitor's browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A JSON object.
    Json,
    /// Messages of the protocol, a line each.
    Messages,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Messages => "application/x-ndjson",
        }
    }
}

/// The body of a request that says it is of this kind.
pub(crate) fn bytes(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    wanted: Kind,
) -> Result<Bytes, ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(wanted.name()) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::BadRequest,
            format!("the body has content-type {}", wanted.name()),
        ));
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::TooLarge,
            "the body is larger than this server takes",
        ),
        _ => bad_request("the body cannot be read"),
    })
}

/// The fields of a JSON object. `null` is as good as absent; unknown fields are left alone.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    pub(crate) fn read(
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Self, ApiError> {
        Self::parse(&bytes(headers, body, Kind::Json)?)
    }

    /// Reads what was sent.
    pub(crate) fn parse(body: &Bytes) -> Result<Self, ApiError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(bad_request("the body is a JSON object")),
            Err(error) => Err(bad_request(&format!("the body is not JSON: {error}"))),
        }
    }

    /// A text.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::field(name, "this is a text")),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn count(&self, name: &'static str, max: u64) -> Result<Option<u64>, ApiError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(count) if (1..=max).contains(&count) => Ok(Some(count)),
                _ => Err(ApiError::field(
                    name,
                    format!("this is a whole number from 1 to {max}"),
                )),
            },
        }
    }
}

/// The JSON value of one field as it was sent, compact.
pub(crate) fn payload(body: &Bytes, limits: &Limits) -> Result<Box<RawValue>, ApiError> {
    #[derive(serde::Deserialize)]
    struct Payload<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let payload: Payload<'_> = serde_json::from_slice(body)
        .map_err(|error| bad_request(&format!("the body cannot be read: {error}")))?;
    match payload.data {
        None => Ok(RawValue::NULL.to_owned()),
        Some(data) => match json::compact(data, limits.depth_max) {
            None => Err(ApiError::field("data", "this nests too deep")),
            Some(data) if data.get().len() > limits.data_bytes_max => Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::TooLarge,
                "the data is longer than an event may carry",
            )),
            Some(data) => Ok(data),
        },
    }
}

fn bad_request(message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message)
}
