//! Connections that no socket carries: a page says something by requests, and reads from an answer that goes
//! on and on, or from one answer after the other.
//!
//! The connection lives in a task of its own, under the name that `welcome` gave it. Requests find it by that
//! name, which nobody can guess. How it is kept alive and when it ends is the session's business, the same as
//! on a socket.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::Utf8Bytes;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, sleep_until, timeout};

use crate::lane::Writes;
use crate::live::{Came, Live};
use crate::outbox::{End, Outbox};
use crate::session::Session;
use crate::store::Store;

/// Requests that may wait for their turn to say something. A page sends one at a time.
const SAYING_MAX: usize = 8;

/// The connections that no socket carries, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers(Arc<Mutex<BTreeMap<String, Arc<Carrier>>>>);

/// One of them, as requests see it.
#[derive(Debug)]
pub(crate) struct Carrier {
    name: String,
    said: mpsc::Sender<Said>,
    outbox: Arc<Outbox>,
    /// Held by whoever reads: two readers would tear the order of events apart.
    reading: tokio::sync::Mutex<()>,
    /// How it ended, once it has.
    over: watch::Receiver<Option<End>>,
}

/// What a request says, and who waits until it is heard.
#[derive(Debug)]
struct Said {
    text: String,
    heard: oneshot::Sender<()>,
}

/// The connection is over, or there never was one of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Why a page that said hello has no connection, with what it is to be told.
#[derive(Debug)]
pub(crate) struct Refused {
    /// How a socket would have been closed.
    pub(crate) end: End,
    /// The messages that a socket would have got.
    pub(crate) messages: String,
}

/// An answer to a request that waits.
#[derive(Debug)]
pub(crate) enum Polled {
    /// Messages came.
    Messages(Utf8Bytes),
    /// Nothing came for as long as a request may wait.
    Nothing,
    /// The connection ended.
    Over(End),
}

impl Carriers {
    /// Begins a connection with the page's first messages.
    ///
    /// # Errors
    /// When they end it at once, or hold no `hello`.
    pub(crate) fn begin(
        &self,
        live: &Arc<Live>,
        store: &Store,
        writes: &Writes,
        came: Came,
        text: &str,
    ) -> Result<Arc<Carrier>, Refused> {
        let place = live.open(store, writes, came);
        let outbox = Arc::clone(&place.outbox);
        let mut session = Session::new(place);
        let end = match (session.hear(text), session.name()) {
            (Err(end), _) => end,
            // The server went away just now, and heard nothing more.
            (Ok(()), None) if outbox.has_ended() => outbox.end_so_far().unwrap_or(End::Gone),
            (Ok(()), None) => session.bad_message("the first message is hello"),
            (Ok(()), Some(name)) => {
                let (said, saying) = mpsc::channel(SAYING_MAX);
                let (ended, over) = watch::channel(None);
                let carrier = Arc::new(Carrier {
                    name: name.to_owned(),
                    said,
                    outbox,
                    reading: tokio::sync::Mutex::default(),
                    over,
                });
                self.names()
                    .insert(carrier.name.clone(), Arc::clone(&carrier));
                let forget = Forget(self.clone(), carrier.name.clone());
                tokio::spawn(carry(session, saying, ended, forget));
                return Ok(carrier);
            }
        };
        outbox.end(end);
        let messages = outbox.take_frame();
        Err(Refused {
            end,
            messages: messages.map_or_else(String::new, |frame| frame.as_str().to_owned()),
        })
    }

    /// The connection of this name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Carrier>, Gone> {
        self.names().get(name).map(Arc::clone).ok_or(Gone)
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Carrier>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a name out when the task of its connection ends, whatever way.
struct Forget(Carriers, String);

impl Drop for Forget {
    fn drop(&mut self) {
        self.0.names().remove(&self.1);
    }
}

/// Runs a connection to its end.
async fn carry(
    mut session: Session,
    mut saying: mpsc::Receiver<Said>,
    ended: watch::Sender<Option<End>>,
    forget: Forget,
) {
    let outbox = session.outbox();
    let end = loop {
        tokio::select! {
            biased;
            end = outbox.ended() => break end,
            said = saying.recv() => {
                let Some(Said { text, heard }) = said else { break End::Gone };
                if let Err(end) = session.hear(&text) {
                    break end;
                }
                // Who asked may have gone meanwhile.
                let _ignored = heard.send(());
            }
            () = sleep_until(session.due()) => {
                if let Err(end) = session.on_deadline() {
                    break end;
                }
            }
        }
    };
    outbox.end(end);
    session.leave();
    ended.send_replace(Some(end));
    // Whoever still says something is told at once that nobody hears it.
    drop(saying);
    // Why it ended waits in the outbox for the request that reads next. A page that does not come for it finds
    // no connection of this name, and begins a new one.
    if let End::Close(_) = end {
        sleep(session.close_grace()).await;
    }
    drop(forget);
}

impl Carrier {
    /// Says something on the connection, and returns when it is heard.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) async fn say(&self, text: String) -> Result<(), Gone> {
        let (heard, done) = oneshot::channel();
        self.said
            .send(Said { text, heard })
            .await
            .map_err(|_over| Gone)?;
        done.await.map_err(|_over| Gone)
    }

    /// The next messages, when there are any.
    pub(crate) async fn poll(&self, patience: Duration) -> Polled {
        let _reading = self.reading.lock().await;
        match timeout(patience, self.next()).await {
            Ok(polled) => polled,
            Err(_nothing_came) => Polled::Nothing,
        }
    }

    async fn next(&self) -> Polled {
        let mut over = self.over.clone();
        let end = tokio::select! {
            biased;
            messages = self.outbox.next_frame() => return Polled::Messages(messages),
            end = over.wait_for(Option::is_some) => match end.as_deref() {
                Ok(Some(end)) => *end,
                // The task went without a word: there is nobody to hear from any more.
                Ok(None) | Err(_) => End::Gone,
            },
        };
        match self.outbox.take_frame() {
            Some(messages) if end != End::Cut => Polled::Messages(messages),
            _ => Polled::Over(end),
        }
    }

    /// Ends the connection because nobody reads any more.
    fn abandon(&self) {
        self.outbox.end(End::Gone);
    }
}

/// Ends the connection when the answer that carries it is dropped.
struct Reader(Arc<Carrier>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// An answer that goes on and on: server-sent events, one a frame.
pub(crate) fn event_stream(carrier: Arc<Carrier>) -> Body {
    let frames = stream::unfold(Some(Reader(carrier)), |reader| async {
        let reader = reader?;
        let polled = {
            let _reading = reader.0.reading.lock().await;
            reader.0.next().await
        };
        match polled {
            Polled::Messages(frame) => Some((Ok(event(frame.as_str())), Some(reader))),
            Polled::Over(End::Cut) => Some((Err(cut()), None)),
            Polled::Over(End::Gone | End::Close(_)) | Polled::Nothing => None,
        }
    });
    Body::from_stream(frames)
}

/// A frame as a server-sent event: its lines are joined again by the page.
fn event(frame: &str) -> Bytes {
    let mut event = String::with_capacity(frame.len() + 16);
    for line in frame.split('\n') {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    Bytes::from(event)
}

/// An answer that breaks off, as a broken network does.
pub(crate) fn broken_off() -> Body {
    Body::from_stream(stream::once(async { Err::<Bytes, _>(cut()) }))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut on demand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_event() {
        assert_eq!(event("{}"), "data: {}\n\n");
        assert_eq!(event("{}\n{}"), "data: {}\ndata: {}\n\n");
    }
}
