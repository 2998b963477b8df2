//! How connections come in: TCP, with TLS where there is a certificate, so many at a time, and none that takes its
//! time for a handshake, a request's head or its body.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt;

use crate::faults::{Faults, Link, Wire};
use crate::log;
use crate::tls::Tls;

/// How long to wait when the system has no file descriptor left: some connection has to end first.
const BREATH: Duration = Duration::from_millis(200);

/// Bounds of what comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenLimits {
    /// Connections that carry requests, at a time. Those that became sockets are counted elsewhere.
    pub(crate) connections_max: usize,
    /// How long a TLS handshake may take, and the body of a request.
    pub(crate) patience: Duration,
    /// How long the head of a request may take, and how long a connection may wait for its next request.
    pub(crate) idle: Duration,
}

/// Serves until told to stop, and then until what was asked for is answered.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    faults: Option<Arc<Faults>>,
    limits: ListenLimits,
    stop: oneshot::Receiver<()>,
) {
    let (stopping, stopped) = watch::channel(());
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let accepting = async {
        loop {
            // Without room nobody is accepted: they wait in the system's queue, or go elsewhere.
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Without this a small frame may wait 40 ms for the acknowledgement of the one before.
                    let _stays_slower = stream.set_nodelay(true);
                    let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
                    let faults = faults.clone();
                    tokio::spawn(async move {
                        let _held: OwnedSemaphorePermit = permit;
                        let visit = Visit {
                            peer,
                            faults,
                            limits,
                            stopped,
                        };
                        visit.begin(stream, tls, router).await;
                    });
                }
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        log::error("accept", &error, &[]);
                        sleep(BREATH).await;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        // The sender's end is as good as a word.
        _dropped = stop => {}
    }
    drop((listener, stopped));
    stopping.send_replace(());
    // Each connection has a receiver for as long as it lives.
    stopping.closed().await;
}

/// The one that was to be accepted went first.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// A connection that came in.
struct Visit {
    peer: SocketAddr,
    /// What the lab of the demo does to connections, where there is one.
    faults: Option<Arc<Faults>>,
    limits: ListenLimits,
    stopped: watch::Receiver<()>,
}

impl Visit {
    async fn begin(self, stream: TcpStream, tls: Option<Tls>, router: Router) {
        match tls {
            None => self.meet(stream, router).await,
            // Whoever does not get through the handshake is no page: there is nobody to tell.
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(self.limits.patience, tls.accept(stream)).await {
                    self.meet(stream, router).await;
                }
            }
        }
    }

    async fn meet(self, stream: impl Stream, router: Router) {
        match &self.faults {
            None => self.speak(stream, router, None).await,
            Some(faults) => {
                let link = faults.link();
                let wire = Wire::new(stream, Arc::clone(&link));
                self.speak(wire, router, Some(link)).await;
            }
        }
    }

    async fn speak(mut self, stream: impl Stream, router: Router, link: Option<Arc<Link>>) {
        let (peer, limits) = (self.peer, self.limits);
        let answer = service_fn(move |request: Request<Incoming>| {
            let (router, link) = (router.clone(), link.clone());
            async move {
                let mut request = request.map(|body| timely(body, limits.patience));
                request.extensions_mut().insert(ConnectInfo(peer));
                if let Some(link) = link {
                    request.extensions_mut().insert(link);
                }
                let response: Result<_, Infallible> = router.oneshot(request).await;
                response
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        // How it ends is the peer's business.
        tokio::select! {
            _ended = connection.as_mut() => return,
            _stop = self.stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ended = connection.await;
    }
}

/// What bytes come and go on.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// A body that has to be there in time.
struct Timely {
    body: Incoming,
    until: Pin<Box<Sleep>>,
}

fn timely(body: Incoming, patience: Duration) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::new(Timely {
        body,
        until: Box::pin(sleep(patience)),
    })
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.until.as_mut().poll(context).is_ready() {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the body takes too long");
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
