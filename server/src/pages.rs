//! The built page: files of one folder or of the program, `index.html` for every address the page itself routes, and the headers
//! that keep it to its own code.

use std::io;
use std::path::Path;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower_http::services::{ServeDir, ServeFile};

use crate::app::App;
use crate::codes::ErrorCode;
use crate::error::ApiError;
use crate::log;
use crate::within::Within;

/// Length of the hash that Vite puts before a file's ending.
const HASH_CHARS: usize = 8;

/// The files of the page.
#[derive(Clone, Debug)]
pub(crate) enum Pages {
    /// In a folder.
    Folder { files: ServeDir, index: ServeFile },
    /// In the program itself.
    Within(Within),
}

impl Pages {
    /// The page in a folder, else the one that the program was built with, if it was built with one.
    pub(crate) fn new(folder: Option<&Path>) -> Option<Self> {
        match folder {
            Some(folder) => Some(Self::Folder {
                files: ServeDir::new(folder),
                index: ServeFile::new(folder.join("index.html")),
            }),
            None => Within::here().map(Self::Within),
        }
    }

    /// `None` where there is no such file.
    async fn get(&self, request: Request) -> io::Result<Option<Response>> {
        let (mut files, mut index) = match self {
            Self::Folder { files, index } => (files.clone(), index.clone()),
            Self::Within(page) => {
                let (method, path) = (request.method(), request.uri().path());
                let route = || is_route(path).then(|| page.get(method, "/")).flatten();
                return Ok(page.get(method, path).or_else(route));
            }
        };
        let is_route = is_route(request.uri().path());
        let mut again = Request::new(Body::empty());
        again.method_mut().clone_from(request.method());
        *again.headers_mut() = request.headers().clone();
        match files.try_call(request).await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => {}
            Ok(response) => return Ok(Some(response.map(Body::new))),
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(error),
        }
        if is_route {
            let index = index.try_call(again).await?;
            return Ok(Some(index.map(Body::new)));
        }
        Ok(None)
    }
}

/// What the system says where a name leads to no file that may be read.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | PermissionDenied | NotADirectory)
}

/// Everything that is neither REST nor the socket.
pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    let policy = policy(request.headers(), &app.beside.sources());
    let immutable = is_hashed(request.uri());
    let mut response = match &app.pages {
        None => not_found("no page is served here: start the server with --www DIR"),
        Some(pages) => match pages.get(request).await {
            Ok(Some(response)) => response,
            Ok(None) => not_found("there is no such page"),
            Err(error) => {
                log::error("pages", &error, &[]);
                ApiError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::Internal,
                    "the file cannot be read",
                )
                .into_response()
            }
        },
    };
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if found {
        let caching = if immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn not_found(message: &str) -> Response {
    ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message).into_response()
}

/// An address without a dot in its last part is one of the page's own routes; with one it is a file, and a
/// missing file answered with HTML would be a riddle to whoever asked for a script.
fn is_route(path: &str) -> bool {
    !path.rsplit('/').next().unwrap_or_default().contains('.')
}

/// Whether the name says that the contents never change: `/assets/index-BMGY8Afm.js`.
fn is_hashed(uri: &Uri) -> bool {
    let Some(file) = uri.path().strip_prefix("/assets/") else {
        return false;
    };
    let Some((stem, _ending)) = file
        .rsplit('/')
        .next()
        .and_then(|name| name.split_once('.'))
    else {
        return false;
    };
    let hash = stem
        .len()
        .checked_sub(HASH_CHARS + 1)
        .and_then(|from| stem.get(from..));
    let hash = hash.and_then(|tail| tail.strip_prefix('-'));
    hash.is_some_and(|hash| {
        hash.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// What the page may load and whom it may talk to.
fn policy(headers: &HeaderMap, beside: &str) -> HeaderValue {
    const REST: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; worker-src 'self'; base-uri 'none'; frame-ancestors 'self'";
    // Older Safari does not take 'self' for the page's own host under ws:, so the host is named. Only what reads
    // as a host goes into the header: a semicolon in it would write a policy of its own.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(|host| is_plain(host.as_str()));
    let policy = match host {
        Some(host) => format!("{REST}; connect-src 'self' ws://{host} wss://{host}{beside}"),
        None => format!("{REST}; connect-src 'self'{beside}"),
    };
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_bad| HeaderValue::from_static("default-src 'none'"))
}

fn is_plain(host: &str) -> bool {
    host.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_for_ever() {
        for path in [
            "/assets/index-BMGY8Afm.js",
            "/assets/everfresh_bg-a1B2_-xy.wasm",
            "/assets/a/b-12345678.css.map",
        ] {
            assert!(is_hashed(&path.parse().unwrap()), "{path}");
        }
        for path in [
            "/index-BMGY8Afm.js",
            "/assets/logo.svg",
            "/assets/index-short.js",
            "/assets/12345678.js",
            "/assets/",
        ] {
            assert!(!is_hashed(&path.parse().unwrap()), "{path}");
        }
    }

    #[test]
    fn a_strange_host_writes_no_policy() {
        let with = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            policy(&headers, "").to_str().unwrap().to_owned()
        };
        assert!(
            with("localhost:4321")
                .ends_with("connect-src 'self' ws://localhost:4321 wss://localhost:4321")
        );
        assert!(with("[::1]:80").contains("ws://[::1]:80"));
        for host in ["a;script-src *", "a b", "user@host", "a,b"] {
            assert!(with(host).ends_with("connect-src 'self'"), "{host}");
        }
    }
}
