//! What is counted, and how Prometheus reads it (text format 0.0.4). Counts only: no name of a person, a channel or
//! a connection, so that whoever may read it learns nothing of anybody.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::codes::ErrorCode;
use crate::outbox::End;
use crate::protocol::Recovery;

/// The ways by which a page connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// WebSocket.
    Socket,
    /// Server-sent events.
    Stream,
    /// Polling.
    Poll,
}

impl Way {
    const ALL: [Self; 3] = [Self::Socket, Self::Stream, Self::Poll];

    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "websocket",
            Self::Stream => "sse",
            Self::Poll => "poll",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// How long something took, in the classes of a histogram.
#[derive(Debug, Default)]
struct Times {
    classes: [AtomicU64; CLASSES.len()],
    micros: AtomicU64,
    count: AtomicU64,
}

/// The borders of the classes, in milliseconds.
const CLASSES: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000];

/// All counts of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Instant,
    opened: [AtomicU64; 3],
    open: [AtomicU64; 3],
    /// By close code; 0 where the link was lost or the page went.
    closed: Mutex<BTreeMap<u16, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Messages and bytes from pages.
    pub(crate) heard: Traffic,
    /// The same to pages.
    pub(crate) said: Traffic,
    /// Events that were published.
    pub(crate) events: AtomicU64,
    /// Subscriptions without a position, with one that was resumed from, and with one that could not be.
    subscribed: [AtomicU64; 3],
    request_times: Times,
    outbox_times: Times,
    /// Lines that the audit log had no room for.
    pub(crate) audit_lost: AtomicU64,
}

/// Messages and their bytes.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    /// So many more.
    pub(crate) fn add(&self, messages: usize, bytes: usize) {
        self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What is looked up at the moment of reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// Bytes in all outboxes.
    pub(crate) outbox_bytes: usize,
    /// Bytes in the fullest one.
    pub(crate) outbox_bytes_most: usize,
    /// Jobs before the store.
    pub(crate) store_jobs: usize,
    /// Lines before the audit log.
    pub(crate) audit_lines: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            opened: Default::default(),
            open: Default::default(),
            closed: Mutex::default(),
            refused: Mutex::default(),
            requests: Mutex::default(),
            heard: Traffic::default(),
            said: Traffic::default(),
            events: AtomicU64::new(0),
            subscribed: Default::default(),
            request_times: Times::default(),
            outbox_times: Times::default(),
            audit_lost: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// A connection came.
    pub(crate) fn came(&self, way: Way) {
        if let (Some(opened), Some(open)) =
            (self.opened.get(way.index()), self.open.get(way.index()))
        {
            opened.fetch_add(1, Ordering::Relaxed);
            open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection went.
    pub(crate) fn went(&self, way: Way, code: u16) {
        if let Some(open) = self.open.get(way.index()) {
            open.fetch_sub(1, Ordering::Relaxed);
        }
        add(&self.closed, code);
    }

    /// Something was refused.
    pub(crate) fn refused(&self, code: ErrorCode) {
        add(&self.refused, code.as_str());
    }

    /// A subscription was answered.
    pub(crate) fn subscribed(&self, recovery: &Recovery) {
        let index = match recovery {
            Recovery::NotAsked => 0,
            Recovery::Complete(_) => 1,
            Recovery::Lost => 2,
        };
        if let Some(count) = self.subscribed.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request to REST was answered.
    pub(crate) fn requested(&self, method: &'static str, status: u16, took: Duration) {
        add(&self.requests, (method, status));
        self.request_times.add(took);
    }

    /// What waited longest in an outbox went on its way.
    pub(crate) fn sent(&self, waited: Duration) {
        self.outbox_times.add(waited);
    }

    /// All of it, as text.
    pub(crate) fn text(&self, waiting: Waiting) -> String {
        let mut page = Page::default();
        let uptime = self.started.elapsed().as_secs();
        page.head("uptime_seconds", "gauge", "Since the server started.");
        page.row("uptime_seconds", "", uptime);
        page.ways(
            "connections_open",
            "gauge",
            "Connections of pages.",
            &self.open,
        );
        page.ways(
            "connections_total",
            "counter",
            "Connections of pages since the start.",
            &self.opened,
        );
        page.head(
            "closes_total",
            "counter",
            "Connections that ended, by close code; 0 where the page or the link went.",
        );
        for (code, count) in locked(&self.closed).iter() {
            page.row("closes_total", &format!("{{code=\"{code}\"}}"), *count);
        }
        page.traffic("received", "from pages", &self.heard);
        page.traffic("sent", "to pages", &self.said);
        page.single("events_total", "Events that were published.", &self.events);
        page.head(
            "subscriptions_total",
            "counter",
            "Subscriptions: new ones, resumed without loss, and with a gap.",
        );
        for (kind, count) in ["new", "resumed", "gap"].iter().zip(&self.subscribed) {
            page.row(
                "subscriptions_total",
                &format!("{{kind=\"{kind}\"}}"),
                count.load(Ordering::Relaxed),
            );
        }
        page.head(
            "refusals_total",
            "counter",
            "Refusals by code, on connections and in REST.",
        );
        for (code, count) in locked(&self.refused).iter() {
            page.row("refusals_total", &format!("{{code=\"{code}\"}}"), *count);
        }
        page.head(
            "requests_total",
            "counter",
            "Requests under /api, by method and status.",
        );
        for ((method, status), count) in locked(&self.requests).iter() {
            let labels = format!("{{method=\"{method}\",status=\"{status}\"}}");
            page.row("requests_total", &labels, *count);
        }
        page.times(
            "request_seconds",
            "How long requests under /api took.",
            &self.request_times,
        );
        page.times(
            "outbox_wait_seconds",
            "How long messages waited for a page to take them.",
            &self.outbox_times,
        );
        for (name, about, value) in [
            (
                "outbox_bytes",
                "Bytes that wait for pages.",
                waiting.outbox_bytes,
            ),
            (
                "outbox_bytes_most",
                "The same for the page that is furthest behind.",
                waiting.outbox_bytes_most,
            ),
            (
                "store_jobs",
                "Jobs that wait for the store.",
                waiting.store_jobs,
            ),
            (
                "audit_lines",
                "Lines that wait for the audit log.",
                waiting.audit_lines,
            ),
        ] {
            page.head(name, "gauge", about);
            page.row(name, "", value as u64);
        }
        page.single(
            "audit_lost_total",
            "Lines that the audit log had no room for.",
            &self.audit_lost,
        );
        page.0
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add<K: Ord>(counts: &Mutex<BTreeMap<K, u64>>, key: K) {
    *locked(counts).entry(key).or_default() += 1;
}

impl Times {
    fn add(&self, time: Duration) {
        let millis = time.as_millis();
        // What is above the last border counts in `count` only.
        let class = CLASSES
            .iter()
            .position(|border| millis <= u128::from(*border));
        if let Some(class) = class.and_then(|index| self.classes.get(index)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// How a connection ended, as a number.
pub(crate) fn close_code(end: End) -> u16 {
    match end {
        End::Gone | End::Cut => 0,
        End::Close(reason) => reason.code,
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, about: &str) {
        self.line(format_args!("# HELP everfresh_{name} {about}"));
        self.line(format_args!("# TYPE everfresh_{name} {kind}"));
    }

    fn row(&mut self, name: &str, labels: &str, value: u64) {
        self.line(format_args!("everfresh_{name}{labels} {value}"));
    }

    fn single(&mut self, name: &str, about: &str, count: &AtomicU64) {
        self.head(name, "counter", about);
        self.row(name, "", count.load(Ordering::Relaxed));
    }

    fn ways(&mut self, name: &str, kind: &str, about: &str, counts: &[AtomicU64; 3]) {
        self.head(name, kind, about);
        for (way, count) in Way::ALL.iter().zip(counts) {
            let labels = format!("{{transport=\"{}\"}}", way.as_str());
            self.row(name, &labels, count.load(Ordering::Relaxed));
        }
    }

    fn traffic(&mut self, verb: &str, whom: &str, traffic: &Traffic) {
        for (what, count) in [("messages", &traffic.messages), ("bytes", &traffic.bytes)] {
            let about = format!("{what} {whom}.");
            self.single(&format!("{what}_{verb}_total"), &about, count);
        }
    }

    fn times(&mut self, name: &str, about: &str, times: &Times) {
        self.head(name, "histogram", about);
        let mut below = 0;
        for (border, count) in CLASSES.iter().zip(&times.classes) {
            below += count.load(Ordering::Relaxed);
            let labels = format!("{{le=\"{}\"}}", Seconds(border * 1000));
            self.row(&format!("{name}_bucket"), &labels, below);
        }
        let count = times.count.load(Ordering::Relaxed).max(below);
        self.row(&format!("{name}_bucket"), "{le=\"+Inf\"}", count);
        let sum = Seconds(times.micros.load(Ordering::Relaxed));
        self.line(format_args!("everfresh_{name}_sum {sum}"));
        self.row(&format!("{name}_count"), "", count);
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A text takes all that memory holds.
        let _never_fails = writeln!(self.0, "{line}");
    }
}

/// Millionths of a second, shown as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.came(Way::Stream);
        metrics.came(Way::Stream);
        metrics.went(Way::Stream, 4430);
        metrics.refused(ErrorCode::Forbidden);
        metrics.requested("PATCH", 409, Duration::from_millis(3));
        metrics.requested("PATCH", 409, Duration::from_secs(60));
        metrics.subscribed(&Recovery::Lost);
        metrics.said.add(2, 100);
        let text = metrics.text(Waiting {
            store_jobs: 7,
            ..Waiting::default()
        });
        for line in [
            "everfresh_connections_open{transport=\"sse\"} 1",
            "everfresh_connections_total{transport=\"sse\"} 2",
            "everfresh_closes_total{code=\"4430\"} 1",
            "everfresh_refusals_total{code=\"forbidden\"} 1",
            "everfresh_requests_total{method=\"PATCH\",status=\"409\"} 2",
            "everfresh_request_seconds_bucket{le=\"0.002\"} 0",
            "everfresh_request_seconds_bucket{le=\"0.005\"} 1",
            "everfresh_request_seconds_bucket{le=\"30\"} 1",
            "everfresh_request_seconds_bucket{le=\"+Inf\"} 2",
            "everfresh_request_seconds_sum 60.003",
            "everfresh_subscriptions_total{kind=\"gap\"} 1",
            "everfresh_messages_sent_total 2",
            "everfresh_bytes_sent_total 100",
            "everfresh_store_jobs 7",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
        // Whatever is shown is described before.
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
            assert!(text.contains(&format!("# TYPE {family} ")), "{line}");
        }
    }
}
