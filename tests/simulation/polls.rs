//! How often contracts are looked at, seen from outside (G11, PO4): one look a browser however many
//! tabs watch, none that nobody needs, none while the server wants calm.

use std::collections::BTreeMap as Map;

use crate::agenda::{MIN, MS, S, Time};
use crate::promises::Promise;
use crate::query::{Answer, Style};
use crate::tab::Life;
use crate::terms::{Pace, Term};
use crate::windows::RUNS;
use crate::world::World;

/// Looks are never closer than this.
const LEAST: Time = S - 5 * MS;
/// How long it takes until the tab that looks hears that nobody needs it any more.
const HEARD_WITHIN: Time = 5 * S;
/// How long it takes until it is noticed that a tab crashed.
const MISSED_WITHIN: Time = 3 * MIN;

/// How long an event and a question may be under way.
const AMBIGUOUS: Time = 30 * S;
/// Inputs that a look leads to in a tab.
const INPUTS_A_LOOK: u64 = 12;

/// The looks of a browser for one contract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polls {
    /// Until when somebody may believe that it is needed.
    needed: Time,
    /// When each tab last needed it.
    needs: Map<usize, Time>,
    /// The last probe: whose, and when.
    sent: Option<(usize, Time)>,
    /// When each tab sent the one that it waits for.
    pub(crate) asked: Map<usize, Time>,
    /// When one that took long ended.
    slow: Time,
    /// The last answer compared with nothing: it is asked again at once.
    pub(crate) pointless: bool,
    /// The last version that the server said to be the newest, and when.
    vouched: Option<(u64, Time)>,
    /// Whom a probe told of which version last, and since when.
    pub(crate) known: Option<(usize, u64, Time)>,
    /// When a probe last failed.
    trouble: Time,
    /// When a tab last knew of one that was answered as it should be.
    well: Map<usize, Time>,
    /// Whose last one was not.
    troubled: Vec<usize>,
    /// When one was again that had not been.
    mended: Time,
    /// The server wants calm until then, on the monotonic clock, and these tabs know.
    calm: Option<(Time, Vec<usize>)>,
    /// Probes since the world is calm.
    pub(crate) count: u64,
}

impl Polls {
    /// Is it for the server that there was no look since a moment?
    pub(crate) fn is_barred(&self, tab: usize, since: Time, mono_since: Time) -> bool {
        self.troubled.contains(&tab)
            || self.mended >= since
            || self.trouble >= since.min(self.well.get(&tab).copied().unwrap_or(0))
            || self.wants_calm(mono_since)
    }

    /// Is a probe waited for that went out a while ago, or did one since a moment take that long?
    pub(crate) fn took_long(&self, now: Time, since: Time) -> bool {
        self.slow >= since || self.asked.values().any(|at| now > *at + RUNS)
    }

    /// Does the server want calm at a moment of the monotonic clock?
    pub(crate) fn wants_calm(&self, mono: Time) -> bool {
        self.calm.as_ref().is_some_and(|(until, _)| *until >= mono)
    }
}

impl World {
    /// Somebody may need a contract now.
    pub(crate) fn note_need(&mut self, tab: usize, term: usize) {
        if self.needs(tab, term) {
            let slow = self.browsers[self.tabs[tab].seat.browser].bus_slow_until > self.now;
            let polls = &mut self.terms.browsers[self.tabs[tab].seat.browser][term];
            let heard = HEARD_WITHIN + if slow { 5 * S } else { 0 };
            polls.needed = polls.needed.max(self.now + heard);
            polls.needs.insert(tab, self.now);
        }
    }

    /// A tab crashed: nobody knows yet.
    pub(crate) fn note_crash(&mut self, tab: usize) {
        for term in 0..self.terms.list.len() {
            self.probe_ended(tab, term);
            let needs = self.needs(tab, term);
            let polls = &mut self.terms.browsers[self.tabs[tab].seat.browser][term];
            // That it does not need it any more may be what it was about to say.
            let needed = polls.needs.remove(&tab);
            if needs || needed.is_some_and(|at| at + HEARD_WITHIN >= self.now) {
                polls.needed = polls.needed.max(self.now + MISSED_WITHIN);
            }
        }
    }

    fn needs(&self, tab: usize, term: usize) -> bool {
        let terms = &self.terms.list[term];
        let (this, watch) = (&self.tabs[tab], &self.terms.tabs[tab].watches[term]);
        let put_away = matches!(this.life, Life::Gone | Life::Cached) || this.told;
        let seen = this.hidden.is_none() || terms.hidden;
        let mounted = this.app.queries.style() != Style::Plain
            && this
                .app
                .queries
                .list
                .iter()
                .any(|query| query.mounted && query.family == terms.family);
        terms.polls() && seen && !put_away && watch.enabled && (watch.by_name || mounted)
    }

    /// A probe goes out.
    pub(crate) fn probe_sent(&mut self, tab: usize, term: usize) {
        let browser = self.tabs[tab].seat.browser;
        let mono = self.browsers[browser].mono(self.now);
        // With nothing on the screen "not modified" means nothing, and so the answer is compared with
        // nothing.
        let empty = self.needs(tab, term) && !self.shows(tab, term);
        let polls = &mut self.terms.browsers[browser][term];
        polls.known = polls.known.filter(|_| !empty);
        polls.count += 1;
        let again = polls.sent.filter(|(who, _)| *who == tab).map(|(_, at)| at);
        let early = again.is_some_and(|at| self.now < at + LEAST) && !polls.pointless;
        polls.pointless = false;
        polls.sent = Some((tab, self.now));
        polls.asked.insert(tab, self.now);
        let calm = polls
            .calm
            .as_ref()
            .filter(|(until, tabs)| mono + MS < *until && tabs.contains(&tab));
        let wrong = if early {
            Some("is looked at twice within a second".to_owned())
        } else if self.now > polls.needed {
            Some("is looked at, and nobody needs it".to_owned())
        } else {
            calm.map(|(until, _)| {
                format!(
                    "is looked at {} ms before the server wants it",
                    (*until - mono) / MS
                )
            })
        };
        if let Some(wrong) = wrong {
            let how = format!("{}: {} {wrong}", self.name(tab), self.terms.list[term].name);
            self.fail(Promise::G11, how);
        }
    }

    /// A probe is not waited for any more: whoever looks next begins anew.
    pub(crate) fn probe_given_up(&mut self, tab: usize, term: usize) {
        let browser = self.tabs[tab].seat.browser;
        let polls = &mut self.terms.browsers[browser][term];
        polls.sent = polls.sent.filter(|(who, _)| *who != tab);
        self.probe_ended(tab, term);
    }

    /// A probe is over, whatever came of it.
    pub(crate) fn probe_ended(&mut self, tab: usize, term: usize) {
        let browser = self.tabs[tab].seat.browser;
        let polls = &mut self.terms.browsers[browser][term];
        if polls
            .asked
            .remove(&tab)
            .is_some_and(|at| self.now > at + RUNS)
        {
            polls.slow = self.now;
        }
    }

    /// A probe was not answered as it should be.
    pub(crate) fn probe_failed(&mut self, tab: usize, term: usize) {
        let browser = self.tabs[tab].seat.browser;
        // A server that wants calm, or fails, is left alone by all contracts.
        for polls in &mut self.terms.browsers[browser] {
            polls.trouble = self.now;
        }
        let polls = &mut self.terms.browsers[browser][term];
        if !polls.troubled.contains(&tab) {
            polls.troubled.push(tab);
        }
    }

    /// A probe found that a version is the newest, as of a moment. Who asked knows when that was, and not when the
    /// server looked.
    pub(crate) fn vouched(
        &mut self,
        tab: usize,
        term: usize,
        version: u64,
        since: Time,
        asked: Time,
    ) {
        // What happened at about the time of the question may be in the answer, or not.
        let recent = since.saturating_sub(AMBIGUOUS);
        let quiet = !self
            .truth
            .is_told_since(self.terms.list[term].family, recent);
        let browser = self.tabs[tab].seat.browser;
        let polls = &mut self.terms.browsers[browser][term];
        // The first answer can be compared with nothing.
        let known = polls
            .known
            .filter(|known| (known.0, known.1) == (tab, version));
        let known_since = known.map(|known| known.2);
        polls.known = Some((tab, version, known_since.unwrap_or(self.now)));
        polls.vouched = Some((version, since));
        if polls.troubled.contains(&tab) {
            polls.troubled.retain(|troubled| *troubled != tab);
            polls.mended = self.now;
        }
        let family = self.terms.list[term].family;
        for other in 0..self.tabs.len() {
            if self.tabs[other].seat.browser != browser {
                continue;
            }
            // Without a leader nobody tells the others.
            if other == tab || self.browsers[browser].locks.is_some() {
                self.terms.browsers[browser][term]
                    .well
                    .insert(other, self.now);
            }
            for query in &mut self.tabs[other].app.queries.list {
                // What is newer than the newest of that moment is younger than the moment.
                if query.family == family && query.shown >= Some(version) {
                    query.vouched = query.vouched.max(since);
                    // What was asked for before it was known may be older.
                    let proven = known_since.is_some_and(|known| query.proven >= Some(known));
                    if quiet && proven && other == tab {
                        query.sure = query.sure.max(asked);
                    }
                }
            }
            let watch = &mut self.terms.tabs[other].watches[term];
            watch.told = watch.told.map(|_| true);
        }
    }

    /// What comes late may be what the server has vouched for meanwhile.
    pub(crate) fn vouch_for_answer(&mut self, tab: usize, query: usize, answer: Answer) {
        let browser = self.tabs[tab].seat.browser;
        let family = self.shape.queries[query].0;
        let query = &mut self.tabs[tab].app.queries.list[query];
        let terms = self.terms.list.iter().zip(&self.terms.browsers[browser]);
        for (_, polls) in terms.filter(|(term, _)| term.family == family) {
            if let Some((version, since)) = polls.vouched
                && matches!(answer, Answer::Data(got) if got >= version)
                && query.shown >= Some(version)
            {
                query.vouched = query.vouched.max(since);
            }
        }
    }

    /// Whoever stood still does not know what was said meanwhile, and looks once if nobody told it
    /// before that it is not needed any more.
    pub(crate) fn note_waking(&mut self, tab: usize) {
        for polls in &mut self.terms.browsers[self.tabs[tab].seat.browser] {
            polls.needed = polls.needed.max(self.now);
        }
    }

    /// A server that wants calm said so to a tab, which tells the others.
    pub(crate) fn calm_heard(&mut self, tab: usize, span: Time) {
        let browser = self.tabs[tab].seat.browser;
        let until = self.browsers[browser].mono(self.now) + span;
        for polls in &mut self.terms.browsers[browser] {
            if polls.calm.as_ref().is_none_or(|(have, _)| *have < until) {
                polls.calm = Some((until, vec![tab]));
            }
        }
    }

    /// The engine of a tab wants a contract's family fetched because it is time.
    pub(crate) fn found_due(&mut self, tab: usize, term: usize) {
        let now = self.now;
        let terms = &self.terms.list[term];
        // What it changed offline may have gone first, since before it was hidden.
        let held = self.queue.held_until[self.tabs[tab].seat.browser];
        let hidden = self.tabs[tab]
            .hidden
            .is_some_and(|since| since + S < now && held + S < now);
        let watch = &mut self.terms.tabs[tab].watches[term];
        // One may have been held back until just before the next one.
        let before = std::mem::replace(&mut watch.due_before, watch.due);
        // That something changed is news, also just after it was fetched because it was time.
        let early = !terms.probe && before.is_some_and(|at| now < at + LEAST);
        watch.due = Some(now);
        watch.dues += 1;
        let wrong = if early {
            "is to be fetched three times within a second"
        } else if hidden && !terms.hidden {
            "is to be fetched although nobody sees it"
        } else {
            return;
        };
        let how = format!("{}: {} {wrong}", self.name(tab), self.terms.list[term].name);
        self.fail(Promise::G11, how);
    }

    /// Looks are counted from here.
    pub(crate) fn begin_calm(&mut self) {
        self.terms.calm_since = Some(self.now);
        for tab in &mut self.terms.tabs {
            for watch in &mut tab.watches {
                watch.dues = 0;
            }
        }
        for polls in self.terms.browsers.iter_mut().flatten() {
            polls.count = 0;
        }
    }

    /// G11: in a calm world nothing is looked at more often than its contract says.
    pub(crate) fn check_polls(&mut self) {
        let Some(since) = self.terms.calm_since else {
            return;
        };
        for term in 0..self.terms.list.len() {
            let most = self.terms.list[term].looks_within(self.now - since);
            for browser in 0..self.browsers.len() {
                let tabs = self
                    .tabs
                    .iter()
                    .filter(|tab| tab.seat.browser == browser && tab.life != Life::Gone);
                let looks = match self.browsers[browser].locks {
                    Some(_) => most,
                    // Everybody is alone.
                    None => most * tabs.count() as u64,
                };
                let count = self.terms.browsers[browser][term].count;
                if count > looks {
                    self.too_often(term, count, looks);
                }
            }
            for tab in 0..self.tabs.len() {
                let count = self.terms.tabs[tab].watches[term].dues;
                // Where no adapter says what is shown, "not modified" means nothing.
                let plain = self.terms.plain == Some(true);
                let changes = match self.terms.list[term].probe && !plain {
                    // Where a fetch takes long, a tab cannot wait long for the one that looks, or its window
                    // breaks: it helps itself now and then.
                    true if self.shape.fetch > S => 3 + most / 4,
                    true => 3,
                    false => most,
                };
                if self.tabs[tab].life == Life::Running && count > changes {
                    self.too_often(term, count, changes);
                }
            }
        }
    }

    /// What looks in calm cost a tab: the question, the word of the leader, fetches and their ends.
    pub(crate) fn inputs_of_looks(&self) -> u64 {
        let since = self.terms.calm_since.unwrap_or(self.now);
        let looks = self.terms.list.iter();
        let looks = looks.map(|term| term.looks_within(self.now - since));
        looks.sum::<u64>() * INPUTS_A_LOOK
    }

    fn too_often(&mut self, term: usize, count: u64, most: u64) {
        let name = &self.terms.list[term].name;
        let how = format!("{name} is looked at {count} times, and {most} are enough");
        self.fail(Promise::G11, how);
    }
}

impl Term {
    /// How often it may be looked at within a span in which nothing happens.
    fn looks_within(&self, span: Time) -> u64 {
        if !self.polls() {
            return 0;
        }
        // A look begins before the window ends, by a quarter of it at most.
        let window = self.window.map_or(Time::MAX, |window| window / 4 * 3);
        let own = match self.pace {
            Pace::Never => return 0,
            Pace::Window => Time::MAX,
            Pace::Every(every) => every,
            Pace::Auto => 10 * S,
        };
        span / own.min(window) + 2
    }
}
