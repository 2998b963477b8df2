//! What the other parts say to the metrics and the journal, and what can be read of them.

use super::Engine;
use super::invalidation::{Phase, Report};
use super::journal::{Part, What};
use super::key::QueryKey;
use super::metrics::{LinkIs, Outcome};
use super::notice::{Cause, Notice};
use super::output::Output;
use super::principal::Cover;
use super::record::Recorder;
use super::status::Word;
use super::tell::Touched;
use super::time::Now;
use crate::wire::json::Writer;

impl Engine {
    /// The app is told that families are stale.
    pub(super) fn note_told(&mut self, now: Now, keys: &[QueryKey], cause: &Cause) {
        self.metrics.told(now, keys.len());
        let (why, by) = match cause {
            Cause::Event { event, .. } => ("event", Some(event.as_str())),
            Cause::Gap { channel } => ("gap", Some(channel.as_str())),
            Cause::App => ("app", None),
            Cause::Contract { contract, why } => (why.text(), Some(&**contract)),
        };
        self.journal.told(keys, why, by);
    }

    /// An input was handled: this is how things stand now.
    pub(super) fn note_status(&mut self, now: Now) {
        let status = self.link_status();
        self.metrics.link_is(
            now,
            match status.word {
                Word::Idle | Word::Polling | Word::Closed => LinkIs::Unwanted,
                // A connection that was lost a moment ago is still shown as one.
                _ if status.authenticated => LinkIs::Up,
                _ => LinkIs::Down,
            },
        );
        self.journal.link(status.word.text(), status.attempt);
        self.journal.role(self.role());
        for (part, text) in self.journal.take_said() {
            let part = Part::text(part);
            self.tell(Notice::Log { part, text });
        }
        if self.metrics.refresh(now) {
            self.touch(Touched::Counters);
        }
    }

    /// The adapter is about to say what happens to a key.
    pub(super) fn note_report(&mut self, now: Now, report: &Report) {
        let since = self.invalidation.fetching_since(&report.key);
        let took = since.map(|since| now.mono.since(since));
        let (what, outcome) = match report.phase {
            Phase::Observe { .. } | Phase::Unobserve | Phase::Remove => return,
            Phase::Start { .. } => ("started", None),
            Phase::Success { .. } if took.is_none() => ("put", None),
            Phase::Success { .. } => ("done", Some(Outcome::Done)),
            Phase::Failure { .. } => ("failed", Some(Outcome::Failed)),
            Phase::Cancel => ("cancelled", None),
        };
        if let Some(outcome) = outcome {
            self.metrics.fetched(now, outcome, took.unwrap_or_default());
        }
        self.journal.note(What::Fetch {
            key: report.key.clone(),
            what,
        });
    }

    /// Counts what leaves for the server, at the one door through which everything leaves.
    pub(super) fn count_sent(&mut self, output: Option<&Output>) {
        match output {
            Some(Output::SendFrame { frame, .. }) => self.metrics.sent(frame.len()),
            Some(Output::Request { call, .. }) => {
                self.metrics.sent(call.body.as_ref().map_or(0, String::len));
            }
            _ => {}
        }
    }

    /// Why a query, or a family, is as it is, as JSON text. Nothing if `key` is no query key.
    pub fn explain(&self, now: Now, key: &str) -> Option<String> {
        let key = QueryKey::new(crate::wire::json::parse(key).ok()?)?;
        let mut writer = Writer::new();
        writer.object(|w| {
            w.key("key").raw(key.text());
            w.key("at").number(now.wall.0);
            self.status().write_members(w);
            w.key("role").string(self.role());
            w.key("nextWakeup");
            match self.next_wakeup() {
                Some(at) => w.number(now.wall_at(at).0),
                None => w.null(),
            }
            w.key("chain");
            self.journal.write_chain(&key, w);
        });
        Some(writer.finish())
    }

    /// The journal, as JSON text. Whoever is here is not in it by name, also where names of channels
    /// and keys hold the id.
    pub fn journal(&self) -> String {
        let mut writer = Writer::new();
        self.journal.write(&mut writer);
        let text = writer.finish();
        match self.config.user.as_ref().and_then(Cover::of) {
            Some(cover) => cover.over(&text),
            None => text,
        }
    }

    /// The recording so far, if the configuration asks for one.
    pub fn recording(&self) -> Option<String> {
        self.recorder.as_ref().map(Recorder::text)
    }

    /// The last hours, a row a minute, as JSON text.
    pub fn history(&self) -> String {
        self.metrics.history()
    }
}
