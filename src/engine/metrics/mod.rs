//! Figures about what happens, for people and for tests.
//!
//! Counts since the engine was made, or since another person came; how long the stages take; how much of the time there was a
//! link; a row a minute for graphs. It decides nothing and knows no part: it is told what
//! happened. Everything is bounded and whole-numbered (G10).

mod histogram;
mod history;
mod rate;
mod server_clock;

use self::histogram::Histogram;
use self::history::History;
use self::rate::Rate;
use self::server_clock::ServerClock;
use super::limits::{LATENCY_MAX, METRICS_EVERY, RATE_SECONDS, UPTIME_GAP_MAX};
use super::time::{Millis, Mono, Now};
use crate::wire::json::{Writer, push_number};

/// Counts and figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Events that were new.
    pub events: u64,
    /// Events that had been seen before.
    pub duplicates: u64,
    /// Times that events were missed while the link was up.
    pub gaps: u64,
    /// Events that told of a change which another layer had told of.
    pub repeats: u64,
    /// Events that told of a change of our own whose result was in the cache.
    pub echoes: u64,
    /// Families of queries that the app was told about.
    pub invalidations: u64,
    /// Query keys that the adapter was told to refetch.
    pub refetches: u64,
    /// Contracts whose data got older than they allow.
    pub violations: u64,
    /// Questions to a server whether something changed.
    pub probes: u64,
    /// Things that should not have happened.
    pub faults: u64,
    /// Sockets that were opened.
    pub dials: u64,
    /// Frames from the server.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    bytes_out: u64,
    connects: u64,
    fetches: Outcomes,
    mutations: Outcomes,
    conflicts: u64,
    event: Histogram,
    invalidation: Histogram,
    refetch: Histogram,
    rate: Rate,
    server: ServerClock,
    uptime: Uptime,
    history: History,
    /// When the oldest event came that the app has not been told of.
    untold: Option<Mono>,
    /// What the app is shown, and since when.
    shown: String,
    shown_at: Option<Mono>,
    changed: bool,
}

/// How the link stands, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkIs {
    /// None is wanted.
    #[default]
    Unwanted,
    /// There should be one.
    Down,
    /// There is one.
    Up,
}

/// What became of something that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It worked.
    Done,
    /// It failed, and may be tried again or not.
    Failed,
    /// Somebody else had changed the same thing.
    Conflict,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    all: u64,
    failed: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uptime {
    link: LinkIs,
    at: Option<Mono>,
    wanted: u64,
    up: u64,
}

impl Metrics {
    /// Somebody else's data begins: what was counted is not for them (G9). The server's clock is
    /// the same for everybody.
    pub fn forget_user(&mut self) {
        *self = Metrics {
            server: std::mem::take(&mut self.server),
            ..Metrics::default()
        };
    }

    /// A frame came.
    pub fn frame(&mut self, now: Now, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
        self.rate.add(now.mono);
        let row = self.history.row(now);
        row.bytes = row
            .bytes
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.changed = true;
    }

    /// Something was said to the server.
    pub fn sent(&mut self, bytes: usize) {
        self.bytes_out += bytes as u64;
        self.changed = true;
    }

    /// An event that was new came, which happened at a moment of the server's clock.
    pub fn event(&mut self, now: Now, happened: Option<u64>) {
        self.events += 1;
        let row = self.history.row(now);
        row.events = row.events.saturating_add(1);
        let age = happened.and_then(|at| self.server.age(now.mono, at));
        if let Some(age) = age.filter(|age| *age <= LATENCY_MAX) {
            self.event.add(age);
        }
        self.changed = true;
    }

    /// An event will make the app be told of something.
    pub fn due(&mut self, now: Mono) {
        self.untold.get_or_insert(now);
    }

    /// The app was told of what is stale.
    pub fn told(&mut self, now: Now, families: usize) {
        let row = self.history.row(now);
        row.invalidations = row
            .invalidations
            .saturating_add(u32::try_from(families).unwrap_or(u32::MAX));
        let waited = self.untold.take().map(|since| now.mono.since(since));
        if let Some(waited) = waited.filter(|waited| *waited <= LATENCY_MAX) {
            self.invalidation.add(waited);
        }
        self.changed = true;
    }

    /// A fetch is over, which took so long.
    pub fn fetched(&mut self, now: Now, outcome: Outcome, took: Millis) {
        if outcome == Outcome::Done && took <= LATENCY_MAX {
            self.refetch.add(took);
        }
        self.fetches.add(outcome);
        self.count_failure(now, outcome);
    }

    /// A mutation is over, or was tried in vain.
    pub fn mutated(&mut self, now: Now, outcome: Outcome) {
        self.mutations.add(outcome);
        if outcome == Outcome::Conflict {
            self.conflicts += 1;
        }
        self.count_failure(now, outcome);
    }

    fn count_failure(&mut self, now: Now, outcome: Outcome) {
        if outcome == Outcome::Failed {
            let row = self.history.row(now);
            row.failures = row.failures.saturating_add(1);
        }
        self.changed = true;
    }

    /// This tab greets the server on a new connection.
    pub fn greeted(&mut self, now: Mono) {
        self.server.greeted(now);
    }

    /// The server welcomes this tab, and may say what time it is.
    pub fn welcomed(&mut self, now: Now, server: Option<u64>) {
        self.server.welcomed(now.mono, server);
        self.connects += 1;
        if self.connects > 1 {
            let row = self.history.row(now);
            row.reconnects = row.reconnects.saturating_add(1);
        }
        self.changed = true;
    }

    /// This tab asked the server for a sign of life.
    pub fn asked(&mut self, now: Mono) {
        self.server.asked(now);
    }

    /// The server gave a sign of life that was asked for.
    pub fn answered(&mut self, now: Mono) {
        self.server.answered(now);
        self.changed = true;
    }

    /// This is how the link stands from now on. Called after every input.
    pub fn link_is(&mut self, now: Now, link: LinkIs) {
        let was = self.uptime.link;
        let span = self.uptime.next(now.mono, link);
        if was != LinkIs::Unwanted {
            let row = self.history.row(now);
            let span = u32::try_from(span.0).unwrap_or(u32::MAX);
            row.wanted = row.wanted.saturating_add(span);
            if was == LinkIs::Up {
                row.up = row.up.saturating_add(span);
            }
        }
        if was != link {
            self.changed = true;
        }
    }

    /// What the server's clock says now; nothing if it never told.
    pub fn server_now(&self, now: Mono) -> Option<super::time::Wall> {
        self.server.now(now)
    }

    /// Writes the counts as an object.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("events").number(self.events);
            w.key("duplicates").number(self.duplicates);
            w.key("gaps").number(self.gaps);
            w.key("repeats").number(self.repeats);
            w.key("echoes").number(self.echoes);
            w.key("invalidations").number(self.invalidations);
            w.key("refetches").number(self.refetches);
            w.key("violations").number(self.violations);
            w.key("probes").number(self.probes);
            w.key("faults").number(self.faults);
            w.key("dials").number(self.dials);
            w.key("frames").number(self.frames);
            w.key("bytes").number(self.bytes);
        });
    }

    /// The figures as the app is shown them, as JSON text.
    pub fn shown(&self) -> &str {
        if self.shown.is_empty() {
            "null"
        } else {
            &self.shown
        }
    }

    /// Works out what the app is shown, if that is due. True if it was.
    pub fn refresh(&mut self, now: Now) -> bool {
        let due = match self.shown_at {
            Some(at) => self.next_wakeup().is_some_and(|due| due <= now.mono) && at < now.mono,
            None => true,
        };
        if due {
            let mut writer = Writer::new();
            self.write_figures(now, &mut writer);
            self.shown = writer.finish();
            self.shown_at = Some(now.mono);
            self.changed = false;
        }
        due
    }

    /// When the figures have to be worked out again, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let at = self.shown_at?;
        let silent = self.rate.silent_at().filter(|silent| *silent > at);
        let changed = self.changed.then_some(at + METRICS_EVERY);
        match (changed, silent) {
            (Some(changed), Some(silent)) => Some(changed.min(silent)),
            (changed, silent) => changed.or(silent),
        }
    }

    fn write_figures(&mut self, now: Now, w: &mut Writer) {
        let messages = self.rate.sum(now.mono);
        w.object(|w| {
            w.key("uptime")
                .raw(&percent(self.uptime.up, self.uptime.wanted));
            w.key("messagesPerSecond")
                .raw(&tenths(messages, RATE_SECONDS));
            w.key("reconnects").number(self.connects.saturating_sub(1));
            w.key("reconnectsLastHour")
                .number(self.history.reconnects_an_hour().into());
            w.key("bytesIn").number(self.bytes);
            w.key("bytesOut").number(self.bytes_out);
            w.key("latency").object(|w| {
                for (name, stage) in [
                    ("event", &self.event),
                    ("invalidation", &self.invalidation),
                    ("refetch", &self.refetch),
                ] {
                    w.key(name);
                    write_stage(w, stage);
                }
            });
            w.key("fetches").number(self.fetches.all);
            w.key("mutations").number(self.mutations.all);
            let tried = self.fetches.all + self.mutations.all;
            let failed = self.fetches.failed + self.mutations.failed;
            w.key("failureRate").raw(&percent(failed, tried));
            w.key("conflictRate")
                .raw(&percent(self.conflicts, self.mutations.all));
            w.key("roundTrip");
            write_span(w, self.server.round_trip());
            w.key("serverClockOffset");
            // How far off the server's clock is from ours, for people: it may be either way.
            match self.server.now(now.mono) {
                Some(server) if server.0 >= now.wall.0 => w.number(server.0 - now.wall.0),
                Some(server) => {
                    let mut text = "-".to_owned();
                    push_number(&mut text, now.wall.0 - server.0);
                    w.raw(&text);
                }
                None => w.null(),
            }
        });
    }

    /// The last hours, a row a minute, as JSON text.
    pub fn history(&self) -> String {
        let mut writer = Writer::new();
        self.history.write(&mut writer);
        writer.finish()
    }
}

impl Outcomes {
    fn add(&mut self, outcome: Outcome) {
        self.all += 1;
        if outcome == Outcome::Failed {
            self.failed += 1;
        }
    }
}

impl Uptime {
    /// Counts the time since the last look for what the link was, and gives it.
    fn next(&mut self, now: Mono, link: LinkIs) -> Millis {
        let span = self.at.map_or(Millis(0), |at| now.since(at));
        self.at = Some(now);
        let was = std::mem::replace(&mut self.link, link);
        let span = if span > UPTIME_GAP_MAX {
            Millis(0)
        } else {
            span
        };
        if was != LinkIs::Unwanted {
            self.wanted += span.0;
        }
        if was == LinkIs::Up {
            self.up += span.0;
        }
        span
    }
}

fn write_stage(w: &mut Writer, stage: &Histogram) {
    w.object(|w| {
        w.key("samples").number(stage.samples().into());
        for (name, permille) in [("p50", 500), ("p95", 950), ("p99", 990)] {
            w.key(name);
            write_span(w, stage.quantile(permille));
        }
    });
}

fn write_span(w: &mut Writer, span: Option<Millis>) {
    match span {
        Some(span) => w.number(span.0),
        None => w.null(),
    }
}

/// A part of a whole in percent with two decimals; `null` if there is no whole.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "null".to_owned();
    }
    // Times and counts are far below what this could overflow at.
    let basis = part.saturating_mul(10_000) / whole;
    let mut text = String::new();
    push_number(&mut text, basis / 100);
    text.push('.');
    push_number(&mut text, basis / 10 % 10);
    push_number(&mut text, basis % 10);
    text
}

/// A quotient with one decimal.
fn tenths(sum: u64, by: u64) -> String {
    let tenths = sum.saturating_mul(10) / by.max(1);
    let mut text = String::new();
    push_number(&mut text, tenths / 10);
    text.push('.');
    push_number(&mut text, tenths % 10);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::Wall;

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms),
            wall: Wall(1_000_000 + ms),
        }
    }

    fn shown(metrics: &mut Metrics, now: Now) -> String {
        metrics.shown_at = None;
        metrics.refresh(now);
        metrics.shown().to_owned()
    }

    #[track_caller]
    fn has(metrics: &mut Metrics, now: Now, part: &str) {
        let text = shown(metrics, now);
        assert!(text.contains(part), "{part} is not in {text}");
    }

    #[test]
    fn uptime_is_the_time_with_a_link_of_the_time_in_which_one_was_wanted() {
        let mut metrics = Metrics::default();
        has(&mut metrics, at(0), r#""uptime":null"#);
        metrics.link_is(at(0), LinkIs::Unwanted);
        metrics.link_is(at(10_000), LinkIs::Down);
        metrics.link_is(at(11_000), LinkIs::Up);
        metrics.link_is(at(20_000), LinkIs::Unwanted);
        metrics.link_is(at(50_000), LinkIs::Down);
        has(&mut metrics, at(50_000), r#""uptime":90.00"#);
    }

    #[test]
    fn the_time_asleep_is_neither_up_nor_down() {
        let mut metrics = Metrics::default();
        metrics.link_is(at(0), LinkIs::Up);
        metrics.link_is(at(1000), LinkIs::Up);
        metrics.link_is(at(7_200_000), LinkIs::Down);
        metrics.link_is(at(7_201_000), LinkIs::Up);
        has(&mut metrics, at(7_201_000), r#""uptime":50.00"#);
    }

    #[test]
    fn stages_are_measured_from_their_beginning() {
        let mut metrics = Metrics::default();
        metrics.greeted(Mono(0));
        metrics.welcomed(at(40), Some(5_000_000));
        // The way takes 20, so the server's clock says 5,001,020 at 1040.
        metrics.event(at(1040), Some(5_001_000));
        metrics.event(at(1040), Some(4_000_000));
        metrics.due(Mono(1040));
        metrics.due(Mono(1060));
        metrics.told(at(1140), 2);
        metrics.told(at(1150), 1);
        metrics.fetched(at(1400), Outcome::Done, Millis(200));
        metrics.fetched(at(1400), Outcome::Failed, Millis(9000));
        let now = at(1400);
        has(
            &mut metrics,
            now,
            r#""event":{"samples":1,"p50":20,"p95":20,"p99":20}"#,
        );
        has(
            &mut metrics,
            now,
            r#""invalidation":{"samples":1,"p50":100,"#,
        );
        has(&mut metrics, now, r#""refetch":{"samples":1,"p50":200,"#);
        has(&mut metrics, now, r#""failureRate":50.00"#);
    }

    #[test]
    fn conflicts_and_reconnects_are_counted() {
        let mut metrics = Metrics::default();
        for outcome in [
            Outcome::Done,
            Outcome::Conflict,
            Outcome::Failed,
            Outcome::Done,
        ] {
            metrics.mutated(at(0), outcome);
        }
        for ms in [0, 10, 20] {
            metrics.welcomed(at(ms), None);
        }
        has(&mut metrics, at(20), r#""conflictRate":25.00"#);
        has(&mut metrics, at(20), r#""failureRate":25.00"#);
        has(
            &mut metrics,
            at(20),
            r#""reconnects":2,"reconnectsLastHour":2"#,
        );
    }

    #[test]
    fn a_server_that_is_behind_has_a_negative_offset() {
        let mut metrics = Metrics::default();
        metrics.welcomed(at(0), Some(1_000_000 - 600_000));
        has(&mut metrics, at(0), r#""serverClockOffset":-600000"#);
    }

    #[test]
    fn figures_change_at_most_once_a_second_and_come_to_rest() {
        let mut metrics = Metrics::default();
        metrics.refresh(at(0));
        assert_eq!(metrics.next_wakeup(), None);
        metrics.frame(at(100), 10);
        let first = metrics.shown().to_owned();
        metrics.refresh(at(100));
        assert_eq!(metrics.shown(), first, "not yet");
        assert_eq!(metrics.next_wakeup(), Some(Mono(1000)));
        metrics.refresh(at(1000));
        assert!(metrics.shown().contains(r#""messagesPerSecond":0.1"#));
        assert_eq!(metrics.next_wakeup(), Some(Mono(10_000)));
        metrics.refresh(at(10_000));
        assert!(metrics.shown().contains(r#""messagesPerSecond":0.0"#));
        assert_eq!(metrics.next_wakeup(), None);
    }
}
