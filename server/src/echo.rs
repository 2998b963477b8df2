//! `GET /demo/echo`: a socket that says what it hears, with the bounds of `/live` and the same end after a bad frame.
//! Sets of cases for RFC 6455 send what is no message of ours; here they find out what they ask for.

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::live;
use crate::outbox::{End, Outbox};
use crate::session;

/// Opens one.
pub(crate) async fn echo(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let limits = app.live.limits;
    // Nothing is ever put in: what is said goes out at once.
    let outbox = Outbox::new(0, Arc::clone(&app.live.metrics));
    live::bounded(upgrade, &limits)
        .on_upgrade(move |socket| run(socket, outbox, limits.close_grace))
}

async fn run(socket: WebSocket, outbox: Outbox, grace: Duration) {
    let (mut sink, mut stream) = socket.split();
    let end = loop {
        match stream.next().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                if sink.send(message).await.is_err() {
                    break End::Gone;
                }
            }
            // tungstenite answers these.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => break End::Gone,
            Some(Err(error)) => break session::end_of(&error),
        }
    };
    session::part(sink, stream, &outbox, end, grace).await;
}
