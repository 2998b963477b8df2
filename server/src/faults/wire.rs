//! One connection under faults: what a bad network does to bytes on their way to the page, and to both ways where the
//! link is half-open.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Device, Fault, Faults};

/// How much may be under way. More makes whoever writes wait, as a window of TCP does.
const UNDER_WAY_MAX: usize = 4 * 1024 * 1024;

/// What fits into a packet.
const PACKET_BYTES: usize = 1400;

/// How long TCP waits before it sends a packet again the first time; each time after that twice as long.
const RESEND: Duration = Duration::from_millis(200);

/// How often in a row a packet may be lost before the link is given up.
const LOST_MAX: u32 = 6;

/// What a connection carries at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// A request and its answer.
    Request,
    /// A stream of events.
    Stream,
    /// A WebSocket.
    Socket,
}

/// What has become of a connection.
const WHOLE: u8 = 0;
/// Half-open: what is said on it is swallowed, and nobody is told.
const DEAF: u8 = 1;
/// To be reset.
const CUT: u8 = 2;

/// A connection, as those see it who put faults on it.
#[derive(Debug)]
pub(crate) struct Link {
    faults: Arc<Faults>,
    use_: Mutex<(Option<Device>, Carries)>,
    condition: AtomicU8,
    changed: AtomicWaker,
}

impl Link {
    pub(super) fn new(faults: Arc<Faults>) -> Self {
        Self {
            faults,
            use_: Mutex::new((None, Carries::Request)),
            condition: AtomicU8::new(WHOLE),
            changed: AtomicWaker::new(),
        }
    }

    /// The request that has begun on it is of this device, and carries this.
    pub(super) fn is_used(&self, device: Option<Device>, carries: Carries) {
        *self.use_now() = (device, carries);
    }

    pub(super) fn device(&self) -> Option<Device> {
        self.use_now().0.clone()
    }

    /// Whether it carries what does not come through any more.
    pub(super) fn is_barred_by(&self, fault: Fault) -> bool {
        match self.use_now().1 {
            Carries::Request => false,
            Carries::Stream => fault.no_streams,
            Carries::Socket => fault.no_sockets,
        }
    }

    /// Whether it is a connection that tells of events.
    pub(super) fn is_live(&self) -> bool {
        self.use_now().1 != Carries::Request
    }

    /// Resets it.
    pub(super) fn cut(&self) {
        self.condition.store(CUT, Ordering::Release);
        self.changed.wake();
    }

    /// Swallows from now on what is said on it.
    pub(super) fn deafen(&self) {
        let swapped =
            self.condition
                .compare_exchange(WHOLE, DEAF, Ordering::AcqRel, Ordering::Acquire);
        if swapped.is_ok() {
            self.changed.wake();
        }
    }

    fn is(&self, condition: u8) -> bool {
        self.condition.load(Ordering::Acquire) == condition
    }

    fn use_now(&self) -> MutexGuard<'_, (Option<Device>, Carries)> {
        self.use_.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much later what is written now arrives; nothing if it is lost too often.
    fn delay(&self, bytes: usize) -> Option<Duration> {
        if !self.faults.are_any() {
            return Some(Duration::ZERO);
        }
        let fault = self.faults.of(self.device().as_ref());
        let mut most = Duration::ZERO;
        if fault.loss_percent > 0 {
            for _packet in 0..bytes.div_ceil(PACKET_BYTES) {
                most = most.max(resends(fault.loss_percent)?);
            }
        }
        Some(most + Duration::from_millis(fault.latency_ms))
    }
}

/// How long it takes until a packet comes through of which so many of a hundred are lost.
pub(super) fn resends(loss_percent: u8) -> Option<Duration> {
    let mut taken = Duration::ZERO;
    for lost in 0..LOST_MAX {
        // Without chance the network is a good one.
        let chance = getrandom::u32().unwrap_or(u32::MAX) % 100;
        if chance >= u32::from(loss_percent) {
            return Some(taken);
        }
        taken += RESEND * 2_u32.pow(lost);
    }
    None
}

/// A stream under the faults of its [`Link`].
pub(crate) struct Wire<S> {
    inner: S,
    link: Arc<Link>,
    /// What is under way to the page, and when each piece is due.
    under_way: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    timer: Pin<Box<Sleep>>,
}

impl<S> Wire<S> {
    /// `inner` under the faults that meet `link`.
    pub(crate) fn new(inner: S, link: Arc<Link>) -> Self {
        Self {
            inner,
            link,
            under_way: VecDeque::new(),
            bytes: 0,
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "reset on demand")
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Hands over what is due. Ready when nothing is under way any more.
    fn deliver(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.changed.register(context.waker());
        if self.link.is(CUT) {
            return Poll::Ready(Err(reset()));
        }
        while let Some((due, piece)) = self.under_way.front_mut() {
            if self.timer.deadline() != *due {
                self.timer.as_mut().reset(*due);
            }
            ready!(self.timer.as_mut().poll(context));
            // Of a link that went deaf meanwhile nothing arrives.
            let written = if self.link.is(DEAF) {
                piece.len()
            } else {
                ready!(Pin::new(&mut self.inner).poll_write(context, piece))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes -= written;
            let _gone = piece.split_to(written);
            if piece.is_empty() {
                self.under_way.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let quiet = match this.deliver(context) {
            Poll::Ready(done) => {
                done?;
                true
            }
            Poll::Pending => false,
        };
        if this.link.is(DEAF) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let Some(delay) = this.link.delay(bytes.len()) else {
            this.link.cut();
            return Poll::Ready(Err(reset()));
        };
        if quiet && delay.is_zero() {
            return Pin::new(&mut this.inner).poll_write(context, bytes);
        }
        if this.bytes >= UNDER_WAY_MAX {
            return Poll::Pending;
        }
        let last = this.under_way.back().map(|(due, _)| *due);
        let due = Instant::now() + delay;
        // The order of bytes is kept, whatever happens to packets.
        let due = last.map_or(due, |last| last.max(due));
        this.under_way
            .push_back((due, Bytes::copy_from_slice(bytes)));
        this.bytes += bytes.len();
        // So that somebody wakes when the first is due.
        if let Poll::Ready(done) = this.deliver(context) {
            done?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is under way has left: whoever flushes need not wait for its arrival.
        if let Poll::Ready(done) = self.deliver(context) {
            done?;
        }
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.deliver(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Whoever reads is there all the time, so what is due is handed over from here too.
        if let Poll::Ready(done) = this.deliver(context) {
            done?;
        }
        while this.link.is(DEAF) {
            let mut swallowed = [0; 1024];
            let mut swallowed = ReadBuf::new(&mut swallowed);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut swallowed))?;
            if swallowed.filled().is_empty() {
                // It does not tell of ends either.
                return Poll::Pending;
            }
        }
        Pin::new(&mut this.inner).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{pause, timeout};

    use super::*;

    fn wire(
        fault: Fault,
    ) -> (
        Wire<tokio::io::DuplexStream>,
        tokio::io::DuplexStream,
        Arc<Link>,
    ) {
        let faults = Arc::new(Faults::default());
        let device = Device::parse("one");
        assert!(faults.put(device.clone(), fault));
        let link = faults.link();
        link.is_used(device, Carries::Socket);
        let (near, far) = duplex(64 * 1024);
        (Wire::new(near, Arc::clone(&link)), far, link)
    }

    #[tokio::test]
    async fn what_is_late_comes_whole_and_in_order() {
        pause();
        let (mut wire, mut far, _link) = wire(Fault {
            latency_ms: 2000,
            // Some of these are lost once or twice, and none so often that the connection ends.
            loss_percent: 5,
            ..Fault::default()
        });
        let began = Instant::now();
        let sent: Vec<u8> = (0..200).collect();
        for byte in &sent {
            wire.write_all(&[*byte]).await.unwrap();
            wire.flush().await.unwrap();
        }
        // Nobody waited for the arrival.
        assert!(began.elapsed() < Duration::from_millis(1));
        // The one who reads also drives what is under way.
        let driving = tokio::spawn(async move {
            let mut end = [0; 1];
            let _ended = wire.read(&mut end).await;
        });
        let mut got = vec![0; sent.len()];
        far.read_exact(&mut got).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(2000));
        assert_eq!(got, sent);
        driving.abort();
    }

    #[tokio::test]
    async fn a_deaf_link_swallows_both_ways_until_it_is_cut() {
        pause();
        let (mut wire, mut far, link) = wire(Fault::default());
        link.deafen();
        wire.write_all(b"lost").await.unwrap();
        far.write_all(b"lost too").await.unwrap();
        let mut buffer = [0; 8];
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, far.read(&mut buffer)).await.is_err());
        assert!(timeout(hour, wire.read(&mut buffer)).await.is_err());
        link.cut();
        let kind = wire.read(&mut buffer).await.unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_good_link_is_passed_through() {
        let (mut wire, mut far, link) = wire(Fault::default());
        wire.write_all(b"there").await.unwrap();
        far.write_all(b"back").await.unwrap();
        let mut buffer = [0; 5];
        far.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"there");
        let got = wire.read(&mut buffer).await.unwrap();
        assert_eq!(buffer.get(..got).unwrap(), b"back");
        assert!(!link.is_barred_by(Fault::default()));
    }
}
