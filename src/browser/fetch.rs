//! HTTP by `fetch`: answers that are read as they come, and answers that are wanted whole.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortController, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestInit,
    RequestMode, Response,
};

use super::callback::{Callback, then};
use super::happening::Happening;
use super::inbox::Inbox;
use crate::engine::http::{self, Call, Failure, Method, Sight};
use crate::engine::ids::{ConnId, HttpId};

/// A request under way; given up when dropped.
pub(super) struct Fetch {
    whose: Whose,
    abort: AbortController,
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// A connection whose messages are read as they come.
    Stream(ConnId),
    /// Somebody who wants the answer whole.
    Request(HttpId),
}

/// What happens to an answer, owned.
pub(super) enum Happened {
    /// It has begun.
    Opened(Head),
    /// More of it came.
    Chunk(Vec<u8>),
    /// It ended as it should.
    Ended,
    /// It broke, or never began.
    Failed(Failure),
}

/// Status and headers, owned.
#[derive(Default)]
pub(super) struct Head {
    pub(super) status: u16,
    etag: Option<String>,
    retry_after: Option<String>,
    content_type: Option<String>,
    date: Option<String>,
}

/// A whole answer, owned.
#[derive(Default)]
pub(super) struct Whole {
    head: Head,
    body: Vec<u8>,
}

impl Head {
    /// The headers as the engine takes them.
    pub(super) fn headers(&self) -> http::Headers<'_> {
        http::Headers {
            etag: self.etag.as_deref(),
            retry_after: self.retry_after.as_deref(),
            content_type: self.content_type.as_deref(),
            date: self.date.as_deref(),
        }
    }
}

impl Whole {
    /// The answer as the engine takes it.
    pub(super) fn reply(&self) -> http::Reply<'_> {
        http::Reply {
            status: self.head.status,
            headers: self.head.headers(),
            body: &self.body,
        }
    }
}

impl Fetch {
    /// Sends a request. Nothing if this browser cannot.
    pub(super) fn send(inbox: &Inbox, whose: Whose, call: &Call) -> Option<Fetch> {
        let abort = AbortController::new().ok()?;
        let init = init(call, &abort)?;
        let promise = web_sys::window()?.fetch_with_str_and_init(&call.url, &init);
        Flight::follow(inbox, whose, call.bytes_max, &promise);
        Some(Fetch { whose, abort })
    }

    pub(super) fn whose(&self) -> Whose {
        self.whose
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

fn init(call: &Call, abort: &AbortController) -> Option<RequestInit> {
    let init = RequestInit::new();
    init.set_method(call.method.text());
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_mode(match call.sight {
        Sight::Full => RequestMode::Cors,
        Sight::Presence => RequestMode::NoCors,
    });
    init.set_signal(Some(&abort.signal()));
    let headers = web_sys::Headers::new().ok()?;
    for (name, value) in &call.headers {
        headers.append(name, value).ok()?;
    }
    init.set_headers(&headers);
    if let (Method::Post, Some(body)) = (call.method, &call.body) {
        init.set_body(&JsValue::from_str(body));
    }
    Some(init)
}

/// The callbacks of a request, and what they share. It keeps itself until the browser has called
/// back for the last time, because a callback that is gone by then would throw.
struct Flight {
    inbox: Inbox,
    whose: Whose,
    bytes_max: usize,
    /// What came so far of an answer that is wanted whole.
    whole: RefCell<Whole>,
    reader: RefCell<Option<ReadableStreamDefaultReader>>,
    steps: RefCell<Option<Steps>>,
}

struct Steps {
    answered: Callback,
    read: Callback,
    failed: Callback,
}

impl Flight {
    fn follow(inbox: &Inbox, whose: Whose, bytes_max: usize, promise: &Promise) {
        let flight = Rc::new(Flight {
            inbox: inbox.clone(),
            whose,
            bytes_max,
            whole: RefCell::default(),
            reader: RefCell::default(),
            steps: RefCell::default(),
        });
        let step = |of: fn(&Flight, &JsValue)| {
            let flight = Rc::clone(&flight);
            inbox.listener(move |value| of(&flight, &value))
        };
        let steps = Steps {
            answered: step(Flight::answered),
            read: step(Flight::read),
            failed: step(|flight, _| flight.end(Happened::Failed(Failure::Unreachable))),
        };
        then(promise, &steps.answered, &steps.failed);
        flight.steps.replace(Some(steps));
    }

    fn answered(&self, response: &JsValue) {
        let Some(response) = response.dyn_ref::<Response>() else {
            return self.end(Happened::Failed(Failure::Unreachable));
        };
        let headers = response.headers();
        let header = |name| headers.get(name).ok().flatten();
        self.tell(Happened::Opened(Head {
            status: response.status(),
            etag: header("etag"),
            retry_after: header("retry-after"),
            content_type: header("content-type"),
            date: header("date"),
        }));
        match response.body() {
            Some(body) => {
                let reader = body.get_reader().unchecked_into();
                self.reader.replace(Some(reader));
                self.more();
            }
            None => self.end(Happened::Ended),
        }
    }

    fn more(&self) {
        let promise = self
            .reader
            .borrow()
            .as_ref()
            .map(ReadableStreamDefaultReader::read);
        if let (Some(promise), Some(steps)) = (promise, &*self.steps.borrow()) {
            then(&promise, &steps.read, &steps.failed);
        }
    }

    fn read(&self, chunk: &JsValue) {
        let value = Reflect::get(chunk, &JsValue::from_str("value")).unwrap_or_default();
        match value.dyn_ref::<Uint8Array>() {
            Some(bytes) => {
                self.tell(Happened::Chunk(bytes.to_vec()));
                self.more();
            }
            None => self.end(Happened::Ended),
        }
    }

    fn end(&self, how: Happened) {
        // Taken out first: what is told may drop the last handle of this request.
        let steps = self.steps.take();
        self.reader.replace(None);
        self.tell(how);
        drop(steps);
    }

    fn tell(&self, happened: Happened) {
        let request = match self.whose {
            Whose::Stream(conn) => return self.inbox.put(Happening::Stream(conn, happened)),
            Whose::Request(request) => request,
        };
        let result = match happened {
            Happened::Opened(head) => {
                self.whole.borrow_mut().head = head;
                return;
            }
            Happened::Chunk(bytes) => {
                let body = &mut self.whole.borrow_mut().body;
                if body.len() + bytes.len() <= self.bytes_max {
                    body.extend_from_slice(&bytes);
                    return;
                }
                // The request is given up now. That it failed is told again, and not heard.
                Err(Failure::TooLarge)
            }
            Happened::Ended => Ok(self.whole.take()),
            Happened::Failed(failure) => Err(failure),
        };
        self.inbox.put(Happening::Response(request, result));
    }
}
