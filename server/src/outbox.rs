//! What waits to be sent on one connection: bounded, and joined into as few frames as possible.
//!
//! News to many may wait a moment for more of them ([`Outbox::pause`]); an answer to the page itself does not.
//!
//! Whoever publishes only pushes here and never waits for a page. A page that reads too slowly fills its own
//! outbox and is closed; it hurts nobody else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::codes::CloseReason;
use crate::metrics::Metrics;

/// How large a joined frame gets. Larger ones would save nothing and make the first event wait for the last.
const BATCH_BYTES_MAX: usize = 128 * 1024;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The page went, or the link broke: there is nobody to tell.
    Gone,
    /// Send what waits, then close.
    Close(CloseReason),
    /// Drop the socket without a word, as a broken network does.
    Cut,
}

/// What waits to be sent on one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    bytes_max: usize,
    filled: Notify,
    hurried: Notify,
    ended: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Utf8Bytes>,
    bytes: usize,
    end: Option<End>,
    /// Since when something waits, or what waits now is the first.
    since: Option<Instant>,
}

impl Outbox {
    /// An empty outbox that holds at most `bytes_max` bytes of messages.
    #[must_use]
    pub(crate) fn new(bytes_max: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            state: Mutex::default(),
            bytes_max,
            filled: Notify::new(),
            hurried: Notify::new(),
            ended: Notify::new(),
            metrics,
        }
    }

    /// Queues a message for this page. It goes out at once.
    pub(crate) fn push(&self, message: Utf8Bytes) {
        self.push_news(message);
        self.hurried.notify_one();
    }

    /// Queues a message that many get. Beyond the bound everything that waits is dropped and the connection ends: a page
    /// that resumes from its position loses nothing, one that gets a stream with holes would.
    pub(crate) fn push_news(&self, message: Utf8Bytes) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        if state.bytes.saturating_add(message.as_str().len()) > self.bytes_max {
            state.waiting.clear();
            state.bytes = 0;
            state.end = Some(End::Close(CloseReason::SLOW));
            self.ended.notify_one();
            return;
        }
        state.bytes += message.as_str().len();
        state.since.get_or_insert_with(Instant::now);
        state.waiting.push_back(message);
        self.filled.notify_one();
    }

    /// Ends the connection; the first end counts.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(end);
            self.ended.notify_one();
        }
    }

    /// Waits until the connection is to end.
    pub(crate) async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.lock().end {
                return end;
            }
            self.ended.notified().await;
        }
    }

    /// How the connection ended, if it is to end.
    pub(crate) fn end_so_far(&self) -> Option<End> {
        self.lock().end
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Whether the connection is to end, so that nothing more needs to be done for it.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Waits for something to send, then takes all that is ready, up to a frame's size.
    pub(crate) async fn next_frame(&self) -> Utf8Bytes {
        loop {
            if let Some(frame) = self.take_frame() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    /// After a frame: gives news that follow closely the time to go out together. To send costs far more than to say, and
    /// whoever hears of a change a moment later does not see the difference.
    pub(crate) async fn pause(&self, time: Duration) {
        if !time.is_zero() {
            let _hurried = timeout(time, self.hurried.notified()).await;
        }
    }

    /// The next frame, if anything waits.
    pub(crate) fn take_frame(&self) -> Option<Utf8Bytes> {
        let mut state = self.lock();
        let before = state.waiting.len();
        let frame = take(&mut state)?;
        let messages = before - state.waiting.len();
        // What goes on to wait is counted from now: that says too little of a page that is far behind, whose bytes
        // say enough.
        let rest = (!state.waiting.is_empty()).then(Instant::now);
        let since = std::mem::replace(&mut state.since, rest);
        drop(state);
        self.metrics.said.add(messages, frame.as_str().len());
        if let Some(since) = since {
            self.metrics.sent(since.elapsed());
        }
        Some(frame)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(state: &mut State) -> Option<Utf8Bytes> {
    let first = state.waiting.pop_front()?;
    state.bytes = state.bytes.saturating_sub(first.as_str().len());
    if state
        .waiting
        .front()
        .is_none_or(|next| beyond_a_frame(first.as_str(), next))
    {
        // Alone: sent as it is, so that an event to a thousand subscribers is one text in memory.
        return Some(first);
    }
    let mut frame = first.as_str().to_owned();
    while let Some(next) = state.waiting.front() {
        if beyond_a_frame(&frame, next) {
            break;
        }
        frame.push('\n');
        frame.push_str(next.as_str());
        let size = next.as_str().len();
        state.bytes = state.bytes.saturating_sub(size);
        state.waiting.pop_front();
    }
    Some(Utf8Bytes::from(frame))
}

fn beyond_a_frame(frame: &str, next: &Utf8Bytes) -> bool {
    frame.len() + 1 + next.as_str().len() > BATCH_BYTES_MAX
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn what_is_ready_goes_out_in_one_frame() {
        let outbox = Outbox::new(1000, Arc::default());
        for text in ["a", "b", "c"] {
            outbox.push(Utf8Bytes::from_static(text));
        }
        assert_eq!(outbox.take_frame().unwrap().as_str(), "a\nb\nc");
        assert_eq!(outbox.take_frame(), None);
    }

    #[test]
    fn a_frame_has_a_size() {
        let outbox = Outbox::new(10 * BATCH_BYTES_MAX, Arc::default());
        for _ in 0..5 {
            outbox.push(Utf8Bytes::from("x".repeat(BATCH_BYTES_MAX / 2)));
        }
        let sizes: Vec<usize> = std::iter::from_fn(|| outbox.take_frame())
            .map(|frame| frame.as_str().len())
            .collect();
        assert!(
            sizes.iter().all(|&size| size <= BATCH_BYTES_MAX),
            "{sizes:?}"
        );
        assert_eq!(sizes.len(), 5);
    }

    #[tokio::test]
    async fn news_wait_for_each_other_and_an_answer_does_not() {
        let outbox = Outbox::new(1000, Arc::default());
        let (begin, moment) = (Instant::now(), Duration::from_millis(5));
        outbox.push_news(Utf8Bytes::from_static("a"));
        outbox.pause(moment).await;
        assert!(begin.elapsed() >= moment);
        outbox.push(Utf8Bytes::from_static("b"));
        // Without the answer it would not end.
        outbox.pause(Duration::from_secs(3600)).await;
        assert_eq!(outbox.take_frame().unwrap().as_str(), "a\nb");
    }

    #[test]
    fn beyond_the_bound_the_connection_ends() {
        let outbox = Outbox::new(10, Arc::default());
        outbox.push(Utf8Bytes::from_static("123456789"));
        assert!(!outbox.has_ended());
        outbox.push(Utf8Bytes::from_static("12"));
        outbox.end(End::Cut);
        assert_eq!(outbox.lock().end, Some(End::Close(CloseReason::SLOW)));
        assert_eq!(outbox.take_frame(), None);
    }
}
