//! What a fault does to a request, before anybody has read more than its head.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::wire::{Carries, Link, resends};
use super::{Device, Faults};

/// The header by which a request names its device, where its address does not.
const DEVICE: &str = "everfresh-device";

/// Lets a request meet the faults of its device.
pub(crate) async fn meet(
    State(faults): State<Arc<Faults>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(link) = request.extensions().get::<Arc<Link>>().map(Arc::clone) else {
        return next.run(request).await;
    };
    let device = device_of(&request);
    let carries = carried_by(&request);
    let fault = faults.of(device.as_ref());
    link.is_used(device, carries);
    if fault.down {
        link.cut();
        return never().await;
    }
    match carries {
        Carries::Socket if fault.no_sockets => return StatusCode::BAD_GATEWAY.into_response(),
        // Until the page gives up.
        Carries::Stream if fault.no_streams => return never().await,
        _ => {}
    }
    if fault.loss_percent > 0 {
        match resends(fault.loss_percent) {
            Some(late) => tokio::time::sleep(late).await,
            None => {
                link.cut();
                return never().await;
            }
        }
    }
    next.run(request).await
}

/// There will be no answer.
async fn never() -> Response {
    std::future::pending().await
}

fn carried_by(request: &Request) -> Carries {
    match request.uri().path() {
        "/live" if request.headers().contains_key(header::UPGRADE) => Carries::Socket,
        "/live/sse" => Carries::Stream,
        _ => Carries::Request,
    }
}

/// Only connections and records have a device: the page itself, and what the lab asks for, come through.
fn device_of(request: &Request) -> Option<Device> {
    let path = request.uri().path();
    if !(path == "/live" || path.starts_with("/live/") || path.starts_with("/api/")) {
        return None;
    }
    let header = request.headers().get(DEVICE);
    let header = header.and_then(|value| Device::parse(value.to_str().ok()?));
    header.or_else(|| named_in(request.uri()))
}

fn named_in(uri: &Uri) -> Option<Device> {
    let mut members = uri.query()?.split('&');
    Device::parse(members.find_map(|member| member.strip_prefix("device="))?)
}
