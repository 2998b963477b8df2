//! Refusals over HTTP: `{"error":{"code":"bad_request","message":"…","retry":false,"path":"title"}}`, and with a conflict what
//! the record is now: `"current":{…}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::codes::ErrorCode;
use crate::log;
use crate::store::{StoreError, Trouble};

/// A refused request.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    current: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    code: ErrorCode,
    message: String,
    /// May the same be asked again?
    retry: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
}

impl ApiError {
    /// A refusal.
    #[must_use]
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorBody {
                code,
                message: message.into(),
                retry: code.is_passing(),
                path: None,
            },
            current: None,
        }
    }

    /// 400, on account of the field or header `path`.
    #[must_use]
    pub(crate) fn field(path: &'static str, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message);
        refusal.body.path = Some(path);
        refusal
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NotFound,
                "there is no such record",
            ),
            StoreError::StaleFence => Self::new(
                StatusCode::PRECONDITION_FAILED,
                ErrorCode::StaleFence,
                "the lease that this was made under has ended, and somebody else may have written",
            ),
            StoreError::Changed(current) => Self {
                current: Some(current),
                ..Self::new(
                    StatusCode::CONFLICT,
                    ErrorCode::Changed,
                    "somebody else wrote this record meanwhile",
                )
            },
            StoreError::NotOver(current) => Self {
                current: Some(current),
                ..Self::new(
                    StatusCode::PRECONDITION_FAILED,
                    ErrorCode::Changed,
                    "this record is another version than those that the write may be made over",
                )
            },
            StoreError::Taken(title) => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                ..Self::field("start", format!("this time is taken by “{title}”"))
            },
            StoreError::KeyReused => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                ..Self::field("idempotency-key", "another write was done under this key")
            },
            StoreError::Full(what) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Overloaded,
                format!("too many {what}"),
            ),
            StoreError::Database(_)
                if [Trouble::Again, Trouble::Held, Trouble::Lost]
                    .iter()
                    .any(|trouble| error.is(*trouble)) =>
            {
                log::store(&error);
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorCode::Overloaded,
                    "the database cannot be reached or is busy; whether it was done may be unknown",
                )
            }
            StoreError::Database(_) | StoreError::Corrupt(_) | StoreError::Stopped => {
                log::store(&error);
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::Internal,
                    "the server failed; it is logged",
                )
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Wrapped {
            error: ErrorBody,
            #[serde(skip_serializing_if = "Option::is_none")]
            current: Option<Box<RawValue>>,
        }
        let code = self.body.code;
        let body = Wrapped {
            error: self.body,
            current: self.current,
        };
        let mut response = (self.status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // For whoever counts refusals.
        response.extensions_mut().insert(code);
        response
    }
}
