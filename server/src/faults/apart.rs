//! A page that can stand still alone: the browser gives it a process of its own, apart from that of the stage.
//!
//! Pages of one site may share a process, and do so in Firefox where one has opened the other. An isolated page shares
//! none with pages that are not.

use axum::extract::Request;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// The page's address.
const PAGE: &str = "/apart";

/// What such a page loads: a worker's script has to say that it may be loaded there.
const FILES: &str = "/assets/";

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");

/// Sets the page apart.
pub(crate) async fn apart(request: Request, next: Next) -> Response {
    let (page, file) = {
        let path = request.uri().path();
        (path == PAGE, path.starts_with(FILES))
    };
    let mut response = next.run(request).await;
    if page || file {
        isolate(response.headers_mut(), page);
    }
    response
}

fn isolate(headers: &mut HeaderMap, page: bool) {
    headers.insert(EMBEDDER, HeaderValue::from_static("require-corp"));
    if page {
        headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    }
}
