//! G4: is what a page is told of a broken window true? That it broke, that this is news, and above
//! all the cause: what the app shows its users, or sends its makers.

use everfresh::engine::freshness::{Blame, Violation};

use crate::agenda::Time;
use crate::windows::{GRAIN, LONG, RUNS};
use crate::world::World;

impl World {
    /// A tab tells the others something: perhaps it asks the one that leads to look.
    pub(crate) fn note_ask(&mut self, tab: usize, text: &str) {
        if let Some(term) = self.term_of(text, "ask") {
            let watch = &mut self.terms.tabs[tab].watches[term];
            watch.asks.get_or_insert(self.now);
            self.spring(tab);
        }
    }

    /// A tab hears something from another one: perhaps what was found.
    pub(crate) fn note_found(&mut self, tab: usize, text: &str) {
        if let Some(term) = self.term_of(text, "contract") {
            self.waits_no_more(tab, term);
            // It may have waited for this tab, which was told of what it knew until now.
            let watch = &mut self.terms.tabs[tab].watches[term];
            watch.told = watch.told.map(|_| true);
        }
    }

    /// A tab knows what was found, or goes on without knowing.
    pub(crate) fn waits_no_more(&mut self, tab: usize, term: usize) {
        let watch = &mut self.terms.tabs[tab].watches[term];
        if watch.asks.take().is_some_and(|at| self.now > at + RUNS) {
            watch.slow = self.now;
        }
    }

    /// The contract that a message between tabs names in a member.
    fn term_of(&self, text: &str, member: &str) -> Option<usize> {
        let rest = text.split("\"k\":\"contracts\"").nth(1)?;
        let name = rest.split(&format!("\"{member}\":\"")).nth(1)?;
        self.term(name.split('"').next()?)
    }

    /// What is wrong with what a tab is told, if anything is.
    pub(crate) fn wrong_with(
        &self,
        tab: usize,
        term: usize,
        violation: &Violation,
    ) -> Option<&'static str> {
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let Some(ends) = self.ends(tab, term) else {
            // Who finds stored when something was fetched cannot know that the app kept nothing.
            let found = self.may_show_what_is_stored(tab, term);
            return (!found).then_some("on which nobody relies");
        };
        let watch = &self.terms.tabs[tab].watches[term];
        if watch.told == Some(false) {
            return Some("again");
        }
        // Who cannot tell how much time passed may say so.
        let lost = self.lost(tab, ends);
        let excused = self.may_show_what_is_stored(tab, term);
        if !lost && !excused && browser.mono(self.now) + GRAIN < ends.first {
            return Some("which holds");
        }
        if self.terms.calm_since.is_some() && !self.can_be_late(tab, term, violation.blame) {
            return Some("in a calm world");
        }
        let true_cause = self.is_why(tab, term, violation.blame, ends.since);
        (!true_cause).then_some("and that is not why")
    }

    /// Did something happen since a moment that this cause stands for?
    fn is_why(&self, tab: usize, term: usize, blame: Blame, since: Time) -> bool {
        let (this, watch) = (&self.tabs[tab], &self.terms.tabs[tab].watches[term]);
        let at = this.seat.browser;
        let (browser, polls) = (&self.browsers[at], &self.terms.browsers[at][term]);
        match blame {
            Blame::Offline => {
                !browser.online
                    || browser.offline >= since
                    // What was changed without a link goes first, and nothing is fetched meanwhile.
                    || self.queue.held_until[at] >= since
            }
            Blame::Throttled => this.hidden.is_some() || this.steady_since >= since,
            Blame::Frozen => this.steady_since > since || browser.clock_set > since,
            // It has to have run, and for long; that it was wanted is no cause.
            Blame::SlowFetch => {
                watch.slow >= since
                    || watch.asks.is_some_and(|at| self.now > at + RUNS)
                    || watch.cancelled >= since
                    || self.fetches_long(tab, term)
                    || polls.took_long(self.now, since)
            }
            Blame::ServerError => {
                polls.is_barred(tab, since, browser.mono_of(since))
                    || watch.failed >= since
                    || self.app_was_calmed(tab, since)
            }
        }
    }

    /// Something is mounted that was not fetched since the page was loaded anew: whoever knows only
    /// what was stored takes it for what was there before.
    fn may_show_what_is_stored(&self, tab: usize, term: usize) -> bool {
        let family = self.terms.list[term].family;
        let mut queries = self.tabs[tab].app.queries.list.iter();
        self.terms.tabs[tab].found
            && queries.any(|query| query.mounted && query.family == family && query.is_unfetched())
    }

    /// Did the server ask an app of this browser for calm, so that nothing is fetched again?
    fn app_was_calmed(&self, tab: usize, since: Time) -> bool {
        let browser = self.tabs[tab].seat.browser;
        let mut tabs = self.tabs.iter().filter(|tab| tab.seat.browser == browser);
        tabs.any(|tab| tab.app.queries.calm_until() >= since)
    }

    /// Does a fetch of the family run that began a while ago?
    fn fetches_long(&self, tab: usize, term: usize) -> bool {
        let family = self.terms.list[term].family;
        let mut queries = self.tabs[tab].app.queries.list.iter();
        queries.any(|query| {
            let began = query.fetching_since();
            query.family == family && began.is_some_and(|began| self.now > began + RUNS)
        })
    }

    /// May a window break for want of time, though nothing is wrong?
    fn can_be_late(&self, tab: usize, term: usize, blame: Blame) -> bool {
        let window = self.terms.list[term].window.unwrap_or(0);
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let asks = match self.terms.list[term].probe {
            true => 2 * browser.network.slowest(),
            false => 0,
        };
        // One fetch may take longer than those before it.
        let took = self.shape.fetch + asks;
        let polls = &self.terms.browsers[self.tabs[tab].seat.browser][term];
        self.tabs[tab].hidden.is_some()
            || polls.wants_calm(browser.mono(self.now).saturating_sub(window))
            || window / 4 < took
            || blame == Blame::SlowFetch && took > LONG
    }
}
