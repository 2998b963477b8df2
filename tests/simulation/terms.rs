//! Contracts in a world: what each app promises about the age of its data (PO1 to PO9), and what
//! its pages do with them.

mod causes;
mod contract;
mod deeds;
mod reload;

use everfresh::engine::command::Command;
use everfresh::engine::freshness::Why;
use everfresh::engine::notice::{Cause, Notice};
use everfresh::engine::output::Output;

use crate::agenda::Time;
use crate::chance::Chance;
use crate::polls::Polls;
use crate::query::{Restored, Style};
use crate::sometimes::Rare;
use crate::tab::Arrival;
use crate::transition::Extent;
use crate::windows::Watch;
use crate::world::{Happening, World};

pub(crate) use contract::{Pace, Term};
pub(crate) use deeds::Deed;
use reload::Kept;

/// All contracts of a world, and what its tabs do with them.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The contracts, the same in every tab.
    pub(crate) list: Vec<Term>,
    /// No app has an adapter, or all have one; if there are contracts.
    pub(crate) plain: Option<bool>,
    /// By tab.
    pub(crate) tabs: Vec<TabTerms>,
    /// By browser and contract.
    pub(crate) browsers: Vec<Vec<Polls>>,
    /// By browser: until then the tab that leads dies when another one asks it to look.
    ambushes: Vec<Time>,
    /// What the page that is being loaded anew has kept.
    kept: Option<Kept>,
    /// Windows that broke in the world's calm end are counted from here.
    pub(crate) calm_since: Option<Time>,
    chance: Chance,
}

/// What one tab does with the contracts.
#[derive(Debug)]
pub(crate) struct TabTerms {
    /// What is stored for a reload of it.
    session: Vec<(String, String)>,
    /// By contract.
    pub(crate) watches: Vec<Watch>,
    /// The user did something.
    pub(crate) active: Time,
    /// The page was told that nobody sees it, and not yet that somebody does.
    pub(crate) unseen: bool,
    /// Something was stored when it was loaded.
    pub(crate) found: bool,
    /// When it could last have seen that the wall clock was set.
    pub(crate) clock_seen: Time,
}

impl Terms {
    /// The contracts of a world with so many families.
    pub(crate) fn new(mut chance: Chance, extent: &Extent) -> Terms {
        let list: Vec<Term> = match chance.one_in(2) {
            true => Vec::new(),
            false => (0..extent.families)
                .filter(|_| chance.below(4) > 0)
                .collect::<Vec<_>>()
                .into_iter()
                .map(|family| Term::draw(family, &mut chance))
                .collect(),
        };
        let polls = list.iter().map(|_| Polls::default());
        let polls: Vec<_> = polls.collect();
        let plain = chance.one_in(4);
        Terms {
            plain: Some(plain).filter(|_| !list.is_empty()),
            tabs: Vec::new(),
            browsers: vec![polls; extent.browsers],
            ambushes: vec![0; extent.browsers],
            kept: None,
            calm_since: None,
            list,
            chance,
        }
    }

    /// As members of an engine's settings, with a comma before.
    pub(crate) fn settings(&self) -> String {
        if self.list.is_empty() {
            return String::new();
        }
        let terms: Vec<String> = self.list.iter().map(Term::settings).collect();
        format!(",\"contracts\":{{{}}}", terms.join(","))
    }
}

impl World {
    /// The contract of a name.
    pub(crate) fn term(&self, name: &str) -> Option<usize> {
        self.terms.list.iter().position(|term| term.name == name)
    }

    /// A tab is opened: what it does with the contracts, and what it finds of the page before.
    pub(crate) fn open_terms(&mut self, tab: usize) {
        let kept = self.terms.kept.take();
        let (session, data) = match kept {
            Some(kept) => (kept.session, kept.data),
            None => (Vec::new(), Vec::new()),
        };
        let watches = self.terms.list.iter();
        let watches = watches.map(|_| Watch::default()).collect();
        self.terms.tabs.push(TabTerms {
            found: !session.is_empty(),
            session,
            watches,
            active: self.now,
            unseen: false,
            clock_seen: self.now,
        });
        let (loaded, knows) = (self.now, self.terms.chance.one_in(2));
        for (query, version, since, vouched) in data {
            let data = Restored {
                since,
                vouched,
                loaded,
                knows,
            };
            self.tabs[tab].app.queries.restore(query, version, data);
        }
    }

    /// Does one deed of that kind. Gives back what is none.
    pub(crate) fn perform_terms(&mut self, tab: usize, output: Output) -> Option<Output> {
        let session = &mut self.terms.tabs[tab].session;
        match output {
            Output::SessionRead { key } => {
                let found = session.iter().find(|(have, _)| *have == key);
                let value = found.map(|(_, value)| value.clone());
                let arrival = Arrival::Session(key, value);
                let soon = self.now + 1;
                self.agenda.add(soon, Happening::Arrives(tab, arrival));
            }
            Output::SessionWrite { key, value } => {
                session.retain(|(have, _)| *have != key);
                session.push((key, value));
            }
            Output::SessionRemove { key } => session.retain(|(have, _)| *have != key),
            other => return Some(other),
        }
        None
    }

    /// A page watches the contracts of what is on it; one with an adapter says what is on it
    /// already.
    pub(crate) fn watch_terms(&mut self, tab: usize) {
        for term in 0..self.terms.list.len() {
            let (family, name) = {
                let term = &self.terms.list[term];
                (term.family, term.name.clone())
            };
            let queries = &self.tabs[tab].app.queries;
            let wanted = queries.style() == Style::Plain
                && queries
                    .list
                    .iter()
                    .any(|query| query.mounted && query.family == family);
            let watch = &mut self.terms.tabs[tab].watches[term];
            if watch.by_name != wanted {
                watch.by_name = wanted;
                let command = match wanted {
                    true => Command::WatchContract { contract: name },
                    false => Command::UnwatchContract { contract: name },
                };
                self.arrive(tab, Arrival::Command(command));
            }
        }
    }

    /// The engine tells the app something about contracts.
    pub(crate) fn hear_terms(&mut self, tab: usize, notice: &Notice) {
        match notice {
            Notice::Violation(violation) => self.violated(tab, violation),
            Notice::Invalidate {
                cause: Cause::Contract { contract, why },
                ..
            } => {
                self.sometimes.reached(match why {
                    Why::Poll => Rare::FoundDue,
                    Why::Focus => Rare::FetchedOnFocus,
                    Why::Reload => Rare::FetchedAfterReload,
                    Why::Wake => Rare::FetchedAfterSleep,
                    Why::User => Rare::Refreshed,
                });
                if let Some(term) = self.term(contract) {
                    self.waits_no_more(tab, term);
                    if *why == Why::Poll {
                        self.found_due(tab, term);
                    }
                }
            }
            _ => {}
        }
    }

    /// A person does what only a person can: logs in again.
    pub(crate) fn mend_terms(&mut self) {
        if self.terms.list.is_empty() {
            return;
        }
        for tab in 0..self.tabs.len() {
            if self.runs(tab) {
                self.feed(tab, Arrival::Command(Command::LoggedIn { token: None }));
            }
        }
    }
}
