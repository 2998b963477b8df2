//! The built page as a part of the program, where it was built so: `cargo xtask dist` does.

use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

/// Addresses and what is there.
type Files = &'static [(&'static str, &'static [u8])];

/// What `build.rs` found.
static FILES: Files = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The files of the page in the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within(Files);

impl Within {
    /// Nothing if the program was built without the page.
    pub(crate) fn here() -> Option<Self> {
        (!FILES.is_empty()).then_some(Self(FILES))
    }

    /// The file at an address.
    pub(crate) fn get(self, method: &Method, path: &str) -> Option<Response> {
        let path = if path == "/" { "/index.html" } else { path };
        let at = self.0.binary_search_by_key(&path, |(name, _)| name).ok()?;
        let (name, contents) = self.0.get(at)?;
        let body = match *method {
            Method::GET => Body::from(*contents),
            Method::HEAD => Body::empty(),
            _ => return None,
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
        headers.insert(header::CONTENT_LENGTH, contents.len().into());
        Some(response)
    }
}

/// Of the kinds of files that a built page has.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    const PAGE: Within = Within(&[
        ("/assets/a.wasm", b"wasm"),
        ("/index.html", b"<!doctype html>"),
    ]);

    #[test]
    fn a_file_is_served_as_what_it_is() {
        for (path, kind, length) in [
            ("/", "text/html; charset=utf-8", "15"),
            ("/index.html", "text/html; charset=utf-8", "15"),
            ("/assets/a.wasm", "application/wasm", "4"),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let response = PAGE.get(&method, path).unwrap();
                assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
                assert_eq!(response.headers()[header::CONTENT_LENGTH], length);
            }
        }
        assert!(PAGE.get(&Method::GET, "/assets").is_none());
        assert!(PAGE.get(&Method::POST, "/").is_none());
    }
}
