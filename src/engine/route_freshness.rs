//! What the freshness part and the other parts say to each other.

use super::Engine;
use super::freshness::word::Word;
use super::freshness::{Fact, Freshness, Place, ProbeId, Step};
use super::http::{Failure, Owner, Reply};
use super::ids::{TabId, Term};
use super::invalidation::{Phase, Report, RetryAfter};
use super::limits::PROBE_ANSWER_TIMEOUT;
use super::notice::{Cause, FaultCode, Notice};
use super::output::Output;
use super::status::Word as LinkWord;
use super::tabs::Role;
use super::tabs::message::Says;
use super::time::Now;

impl Engine {
    /// Tells the freshness part how things stand, lets it do what is due, and does what it says.
    pub(super) fn keep_contracts(&mut self, now: Now) {
        if self.freshness.is_empty() {
            return;
        }
        match self.tabs.role() {
            Role::Away => {}
            Role::Following => self.freshness.set_place(Place::Follows),
            Role::Leading(_) | Role::Alone(_) => self.freshness.set_place(Place::Leads),
        }
        let live = if self.layers.any() {
            self.layers.are_well()
        } else {
            self.link_status().word == LinkWord::Connected
        };
        self.freshness.link(now, live, &mut self.rng);
        self.freshness.hold_back(now, self.queue.holds());
        self.freshness.tick(now, &mut self.rng);
        self.freshness_steps(now);
    }

    pub(super) fn freshness_steps(&mut self, now: Now) {
        while let Some(step) = self.freshness.poll() {
            match step {
                Step::Refetch { key, contract, why } => {
                    self.invalidate(now, &[key], Cause::Contract { contract, why });
                }
                Step::Probe { id, mut call } => {
                    self.metrics.probes += 1;
                    self.show_token(&mut call);
                    self.send_request(now, Owner::Probe(id), PROBE_ANSWER_TIMEOUT, call);
                }
                Step::AbortProbe(id) => self.abort_request(Owner::Probe(id)),
                Step::Say(word) => self.say_of_contracts(word),
                Step::Violation(violation) => {
                    self.metrics.violations += 1;
                    self.tell(Notice::Violation(violation));
                }
                Step::Login => self.want_token(now),
                Step::Erase { key } => self.out.push_back(Output::SessionRemove { key }),
                Step::Save { key, value } => {
                    self.out.push_back(Output::SessionWrite { key, value });
                }
                Step::Load { key } => self.out.push_back(Output::SessionRead { key }),
            }
        }
    }

    fn say_of_contracts(&mut self, mut word: Word) {
        match (&mut word, self.tabs.role()) {
            (Word::Found { term, .. }, Role::Leading(mine)) => *term = mine.number,
            (Word::Needs(_) | Word::Ask(_), Role::Following) => {}
            (Word::Found { .. } | Word::Needs(_) | Word::Ask(_), _) => return,
        }
        self.post(Says::Contracts(word));
    }

    /// Another tab said something about contracts.
    pub(super) fn on_word(&mut self, now: Now, from: TabId, word: Word) {
        match word {
            Word::Needs(needs) => self.freshness.others_need(from, &needs),
            Word::Ask(name) => self.freshness.asked(now, &name, &mut self.rng),
            Word::Found {
                term: number,
                contract,
                found,
                at,
            } => {
                let term = Term { number, tab: from };
                if self.hears(now, term) {
                    self.freshness
                        .leader_found(now, &contract, found, at, &mut self.rng);
                }
            }
        }
    }

    /// A probe was answered, or will not be.
    pub(super) fn on_probe(&mut self, now: Now, id: ProbeId, result: Result<Reply<'_>, Failure>) {
        self.freshness.answered(now, id, result, &mut self.rng);
    }

    /// What happened to a key, as far as its age is concerned.
    pub(super) fn age_of_key(&mut self, now: Now, report: &Report) {
        if let Phase::Observe { age: Some(age), .. } = &report.phase {
            let found = Fact::Found(*age);
            self.freshness.report(now, &report.key, found);
        }
        let fact = match &report.phase {
            Phase::Observe { active, .. } => Fact::Observed(*active),
            Phase::Unobserve => Fact::Observed(false),
            Phase::Remove => Fact::Removed,
            Phase::Start { age: None, .. } => Fact::Started,
            Phase::Start { age: Some(age), .. } => Fact::Running(*age),
            Phase::Success { .. } => Fact::Fetched,
            Phase::Failure { retry_after, .. } => Fact::Failed {
                answered: matches!(retry_after, Some(RetryAfter::In(_) | RetryAfter::Header(_))),
            },
            Phase::Cancel => Fact::Cancelled,
        };
        self.freshness.report(now, &report.key, fact);
    }

    /// A command about a contract. Nobody knows one of that name: the app has to hear of it.
    pub(super) fn on_contract(
        &mut self,
        name: &str,
        wish: &mut dyn FnMut(&mut Freshness, &str) -> bool,
    ) {
        if !wish(&mut self.freshness, name) {
            self.fault(FaultCode::Limit, "there is no contract of this name");
        }
    }

    pub(super) fn page_visible(&mut self, now: Now, visible: bool) {
        self.invalidation.page_visible(visible);
        self.tabs.turned(now, visible);
        self.freshness.visible(now, visible);
        self.room.visible(now.mono, visible);
    }

    pub(super) fn freshness_of(
        config: &mut super::config::Config,
        online: bool,
        now: Now,
    ) -> Freshness {
        let contracts = std::mem::take(&mut config.contracts);
        let mut freshness = Freshness::new(config.scope(), contracts, online, now);
        for route in &config.routes {
            for target in &route.targets {
                freshness.route(&route.event, &target.wide);
            }
        }
        freshness
    }
}
