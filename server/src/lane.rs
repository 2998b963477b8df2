//! The mutations of one connection: done one after the other, in the order in which they were said, beside all else that
//! the connection says and hears. So a slow one holds up neither signs of life nor events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::codes::ErrorCode;
use crate::ids::Integer;
use crate::mutation::{Refusal, answer};
use crate::outbox::Outbox;

/// Where mutations are done: the same addresses that requests over HTTP come to.
#[derive(Clone, Debug)]
pub(crate) struct Writes(Router);

impl Writes {
    /// The addresses.
    #[must_use]
    pub(crate) fn new(router: Router) -> Self {
        Self(router)
    }

    async fn done(&self, request: Request<Body>) -> Response {
        let Ok(response) = self.0.clone().oneshot(request).await.map_err(never);
        response
    }
}

fn never(never: Infallible) -> Infallible {
    never
}

/// What a connection has asked for and was not answered yet.
#[derive(Debug)]
pub(crate) struct Lane {
    writes: Writes,
    outbox: Arc<Outbox>,
    waiting_max: usize,
    /// There once something was asked for: most connections never do.
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    jobs: UnboundedSender<Job>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Job {
    id: Integer,
    request: Request<Body>,
    /// Given back when the answer waits to be sent: what waits there has a bound of its own.
    _place: OwnedSemaphorePermit,
}

impl Lane {
    /// One on which nothing was asked for yet, with room for so many at a time.
    #[must_use]
    pub(crate) fn new(writes: Writes, outbox: Arc<Outbox>, waiting_max: usize) -> Self {
        Self {
            writes,
            outbox,
            waiting_max,
            work: None,
        }
    }

    /// Does this when all before it is done.
    ///
    /// # Errors
    /// When too much waits.
    pub(crate) fn ask(
        &mut self,
        id: Integer,
        request: Request<Body>,
    ) -> Result<(), Refusal<'static>> {
        let work = self.work.get_or_insert_with(|| {
            let (jobs, coming) = unbounded_channel();
            tokio::spawn(work(self.writes.clone(), Arc::clone(&self.outbox), coming));
            let places = Arc::new(Semaphore::new(self.waiting_max));
            Work { jobs, places }
        });
        let place = Arc::clone(&work.places).try_acquire_owned();
        let _place = place.map_err(|_none| {
            let msg = "as many mutations of this connection wait as may";
            Refusal::new(ErrorCode::TooManyMuts, msg)
        })?;
        let job = Job {
            id,
            request,
            _place,
        };
        work.jobs.send(job).map_err(|_over| {
            // What did the work is gone: it has failed in the middle of something, or the connection ends.
            self.work = None;
            Refusal::new(ErrorCode::Internal, "the server failed")
        })
    }
}

/// Does what is asked for until nobody is left who would hear the answer. What is begun then is finished, what only waits
/// is not: a page says it again on its next connection, maybe to another server, and that has to come after what it
/// said there before.
async fn work(writes: Writes, outbox: Arc<Outbox>, mut jobs: UnboundedReceiver<Job>) {
    while let Some(job) = jobs.recv().await {
        if outbox.has_ended() {
            return;
        }
        let response = writes.done(job.request).await;
        outbox.push(answer(job.id, response).await);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use crate::codes::CloseReason;
    use crate::outbox::End;
    use axum::extract::ws::Utf8Bytes;
    use axum::routing::post;
    use std::sync::Mutex;
    use std::time::Duration;
    use tokio::time::timeout;

    /// A lane to an address that waits for leave to answer, and notes what came to it.
    struct Slow {
        lane: Lane,
        outbox: Arc<Outbox>,
        leave: Arc<Semaphore>,
        came: Arc<Mutex<Vec<String>>>,
    }

    impl Slow {
        fn new(waiting_max: usize) -> Self {
            let leave = Arc::new(Semaphore::new(0));
            let came = Arc::<Mutex<Vec<String>>>::default();
            let outbox = Arc::new(Outbox::new(1_000_000, Arc::default()));
            let (wait, note) = (Arc::clone(&leave), Arc::clone(&came));
            let handler = move |body: String| async move {
                note.lock().unwrap().push(body);
                wait.acquire().await.unwrap().forget();
            };
            let writes = Writes::new(Router::new().route("/", post(handler)));
            let lane = Lane::new(writes, Arc::clone(&outbox), waiting_max);
            Self {
                lane,
                outbox,
                leave,
                came,
            }
        }

        fn ask(&mut self, n: u64) -> Result<(), Refusal<'static>> {
            let request = Request::post("/").body(Body::from(n.to_string()));
            self.lane.ask(Integer(n), request.unwrap())
        }

        fn came(&self) -> Vec<String> {
            self.came.lock().unwrap().clone()
        }

        async fn heard(&self) -> String {
            let frame = timeout(LONG, self.outbox.next_frame()).await;
            frame.unwrap().as_str().to_owned()
        }

        /// Waits until so many came.
        async fn until_came(&self, count: usize) {
            let came = async {
                while self.came().len() < count {
                    tokio::task::yield_now().await;
                }
            };
            timeout(LONG, came).await.unwrap();
        }
    }

    /// Far beyond what any of this takes.
    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn they_are_done_one_after_the_other_and_hold_nothing_up() {
        let mut slow = Slow::new(8);
        for n in 1..=3 {
            slow.ask(n).unwrap();
        }
        slow.until_came(1).await;
        slow.outbox.push(Utf8Bytes::from_static("an event"));
        assert_eq!(slow.heard().await, "an event");
        for n in 1..=3 {
            slow.until_came(n).await;
            tokio::task::yield_now().await;
            assert_eq!(slow.came().len(), n, "the next one waits for its turn");
            slow.leave.add_permits(1);
            let ack = format!(r#"{{"t":"ack","id":{n},"status":200}}"#);
            assert_eq!(slow.heard().await, ack);
        }
        assert_eq!(slow.came(), ["1", "2", "3"]);
    }

    #[tokio::test]
    async fn so_many_wait_and_no_more_until_one_is_answered() {
        let mut slow = Slow::new(2);
        slow.ask(1).unwrap();
        slow.ask(2).unwrap();
        let text = slow.ask(3).unwrap_err().text(Integer(3));
        let wanted = r#"{"t":"err","id":3,"code":"too_many_muts","msg":"as many mutations of this connection wait as may","retry":true}"#;
        assert_eq!(text.as_str(), wanted);
        slow.leave.add_permits(1);
        slow.heard().await;
        // The place is given back after the answer is there.
        while slow.ask(4).is_err() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn when_the_connection_ends_what_is_begun_is_finished_and_what_waits_is_not_begun() {
        let mut slow = Slow::new(8);
        slow.ask(1).unwrap();
        slow.ask(2).unwrap();
        slow.until_came(1).await;
        slow.outbox.end(End::Close(CloseReason::GOING_AWAY));
        slow.leave.add_permits(2);
        // The work is over when it has let go of the channel.
        let jobs = slow.lane.work.as_ref().unwrap().jobs.clone();
        timeout(LONG, jobs.closed()).await.unwrap();
        assert_eq!(slow.came(), ["1"]);
        assert_eq!(slow.leave.available_permits(), 1);
        assert_eq!(slow.ask(3).unwrap_err().code(), ErrorCode::Internal);
    }
}
