//! Contracts in a world: what each app promises about the age of its data (PO1 to PO9), and what
//! its pages do with them.

use everfresh::engine::command::Command;
use everfresh::engine::freshness::Why;
use everfresh::engine::input::PageEvent;
use everfresh::engine::notice::{Cause, Notice};
use everfresh::engine::output::Output;

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;
use crate::http::{Form, HttpFault};
use crate::polls::Polls;
use crate::query::{Restored, Style};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Arrival;
use crate::transition::{Extent, Planned, Seat, Transition, Who};
use crate::windows::Watch;
use crate::world::{Happening, World};

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
    /// What the page that is being loaded anew has kept.
    kept: Option<Kept>,
    /// Windows that broke in the world's calm end are counted from here.
    pub(crate) calm_since: Option<Time>,
    chance: Chance,
}

/// One contract.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// Its name.
    pub(crate) name: String,
    /// The family that it is about.
    pub(crate) family: usize,
    /// How old data may be.
    pub(crate) window: Option<Time>,
    /// How often it is looked at.
    pub(crate) pace: Pace,
    /// It goes on when nobody sees the page.
    pub(crate) hidden: bool,
    /// It is refetched by who comes back after so long.
    pub(crate) focus: Option<Time>,
    /// It is slower for an idle user: after how long, and how slow.
    pub(crate) idle: Option<(Time, Time)>,
    /// Only the user fetches.
    pub(crate) manual: bool,
    /// It is off while a form is filled in.
    pub(crate) form: bool,
    /// The data and its age survive a reload.
    pub(crate) reload: bool,
    /// There is something to ask whether it changed.
    pub(crate) probe: bool,
}

/// How often a contract is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Never by the clock.
    Never,
    /// As often as the window demands.
    Window,
    /// So often.
    Every(Time),
    /// By the health of the link.
    Auto,
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
    /// Something was stored when it was loaded.
    pub(crate) found: bool,
    /// When it could last have seen that the wall clock was set.
    pub(crate) clock_seen: Time,
}

/// What a page that is loaded anew finds of the one before.
#[derive(Debug)]
struct Kept {
    session: Vec<(String, String)>,
    /// The data that the app kept: query, version, when it was fetched and when the server last
    /// said that it is the newest.
    data: Vec<(usize, u64, Time, Time)>,
}

/// Something that happens to contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The window has the focus, or lost it.
    Focus(Who, bool),
    /// The window loses the focus, and gets it back.
    Away(Who, Time),
    /// The user touches something.
    Touch(Who),
    /// A form is filled in for a while: contracts that say so are off.
    Form(Who, Time),
    /// The user wants the newest.
    Refresh(Who, usize),
    /// The server treats probes badly.
    Http(HttpFault, Time),
    /// The tab is loaded anew; what it finds stored may be a lie.
    Reload(Seat, u64),
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

    /// What happens to contracts in a world.
    pub(crate) fn plan(&self, extent: &Extent, chance: &mut Chance) -> Vec<Planned> {
        if self.list.is_empty() {
            return Vec::new();
        }
        let count = chance.between(4, 20);
        let deed = |chance: &mut Chance| {
            let at = chance.below(extent.chaos);
            let what = Transition::Terms(self.draw(extent, chance));
            Planned { at, what }
        };
        (0..count).map(|_| deed(chance)).collect()
    }

    fn draw(&self, extent: &Extent, chance: &mut Chance) -> Deed {
        let browser = chance.index(extent.browsers);
        let seat = Seat {
            browser,
            place: chance.index(extent.places),
        };
        let who = match chance.one_in(2) {
            true => Who::LeaderOf(browser),
            false => Who::On(seat),
        };
        let span = chance.between(S, 100 * S);
        match chance.below(16) {
            0 => Deed::Focus(who, chance.one_in(2)),
            1 | 2 => Deed::Away(who, span),
            3 | 4 => Deed::Touch(who),
            5 | 6 => Deed::Form(who, span),
            7 => Deed::Refresh(who, chance.index(self.list.len())),
            8..=12 => Deed::Http(http_fault(chance), span),
            _ => Deed::Reload(seat, chance.bits()),
        }
    }
}

fn http_fault(chance: &mut Chance) -> HttpFault {
    let form = match chance.below(8) {
        0 => Form::Nonsense("abc"),
        1 => Form::Nonsense("-5"),
        2 => Form::Endless,
        3 => Form::Date(chance.between(1, 40), false),
        4 => Form::Date(chance.between(1, 40), true),
        _ => Form::Seconds(chance.between(1, 120)),
    };
    match chance.below(10) {
        0 => HttpFault::Fails(chance.pick(&[500, 502, 504, 408])),
        1 | 2 => HttpFault::WantsCalm(429, form),
        3 => HttpFault::WantsCalm(503, form),
        4 => HttpFault::Unauthorized,
        5 => HttpFault::Forbidden,
        6 => HttpFault::LoginPage,
        7 => HttpFault::Hangs,
        8 => HttpFault::Slow,
        _ => HttpFault::BodyGone,
    }
}

impl Term {
    fn draw(family: usize, chance: &mut Chance) -> Term {
        let plain = Term {
            name: format!("term{family}"),
            family,
            window: Some(60 * S),
            pace: Pace::Window,
            hidden: false,
            focus: None,
            idle: None,
            manual: false,
            form: false,
            reload: chance.one_in(2),
            probe: chance.one_in(2),
        };
        let window = |window: Time| Some(window * S);
        match chance.below(9) {
            // The focus timer.
            0 | 1 => Term {
                window: window(30),
                pace: Pace::Every(30 * S),
                hidden: true,
                ..plain
            },
            // The planner.
            2 => Term {
                window: window(30),
                pace: Pace::Every(30 * S),
                focus: Some(30 * S),
                idle: Some((20 * S, 60 * S)),
                ..plain
            },
            // The plan of the day, which its user fetches.
            3 => Term {
                window: window(300),
                pace: Pace::Never,
                probe: false,
                ..plain
            },
            // Quests, habits, progress.
            4 => Term {
                focus: window(60),
                ..plain
            },
            // Books, which rest while a form is filled in.
            5 => Term {
                window: window(120),
                focus: window(120),
                form: true,
                ..plain
            },
            // The administrator's.
            6 => Term {
                window: None,
                pace: Pace::Never,
                manual: true,
                probe: false,
                ..plain
            },
            // By the health of the link.
            7 => Term {
                pace: Pace::Auto,
                ..plain
            },
            // A short one.
            _ => Term {
                window: window(10),
                hidden: chance.one_in(2),
                form: chance.one_in(2),
                ..plain
            },
        }
    }

    fn settings(&self) -> String {
        let mut members = vec![format!("\"key\":{}", crate::app::family_key(self.family))];
        let mut span = |name: &str, span: Option<Time>| {
            if let Some(span) = span {
                members.push(format!("\"{name}\":{}", span / MS));
            }
        };
        span("maxAge", self.window);
        span("refetchOnFocusAfter", self.focus);
        span("idleAfter", self.idle.map(|(after, _)| after));
        span("idlePoll", self.idle.map(|(_, poll)| poll));
        if let Pace::Every(every) = self.pace {
            span("poll", Some(every));
        }
        match self.pace {
            Pace::Never if !self.manual => members.push("\"poll\":false".to_owned()),
            Pace::Auto => members.push("\"poll\":\"auto\"".to_owned()),
            Pace::Never | Pace::Window | Pace::Every(_) => {}
        }
        if self.hidden {
            members.push("\"hidden\":\"continue\"".to_owned());
        }
        if self.manual {
            members.push("\"manual\":true".to_owned());
        }
        let name = &self.name;
        if self.reload {
            members.push(format!("\"reloadKey\":\"{name}\""));
        }
        if self.probe {
            members.push(format!("\"probe\":\"http://world/probe/{name}\""));
        }
        format!("\"{name}\":{{{}}}", members.join(","))
    }

    /// Does anybody but the user look?
    pub(crate) fn polls(&self) -> bool {
        !self.manual && self.pace != Pace::Never
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

    /// Something happens to contracts.
    pub(crate) fn do_terms(&mut self, deed: Deed) {
        match deed {
            Deed::Focus(who, focused) => {
                let event = if focused {
                    PageEvent::Focused
                } else {
                    PageEvent::Blurred
                };
                self.with(who, |world, tab| world.page_event(tab, event));
            }
            Deed::Away(who, span) => self.with(who, |world, tab| {
                world.page_event(tab, PageEvent::Blurred);
                let back = Arrival::Page(PageEvent::Focused);
                let at = world.now + span;
                world.agenda.add(at, Happening::Arrives(tab, back));
            }),
            Deed::Touch(who) => {
                self.with(who, |world, tab| world.page_event(tab, PageEvent::Touched));
            }
            Deed::Form(who, span) => self.with(who, |world, tab| world.form(tab, span)),
            Deed::Refresh(who, term) => self.with(who, |world, tab| {
                let contract = world.terms.list[term].name.clone();
                world.feed(tab, Arrival::Command(Command::RefreshContract { contract }));
            }),
            Deed::Http(fault, span) => {
                let until = self.now + span;
                self.http.misbehave(fault, until);
            }
            Deed::Reload(seat, lie) => self.with(Who::On(seat), |world, tab| {
                world.load_anew(tab, Some(lie).filter(|lie| lie % 2 == 0));
            }),
        }
    }

    fn page_event(&mut self, tab: usize, event: PageEvent) {
        self.feed(tab, Arrival::Page(event));
    }

    fn form(&mut self, tab: usize, span: Time) {
        for term in 0..self.terms.list.len() {
            if self.terms.list[term].form && self.terms.tabs[tab].watches[term].enabled {
                self.sometimes.reached(Rare::FormFilledIn);
                self.enable(tab, term, false);
                let at = self.now + span;
                let ends = Happening::FormEnds(tab, term);
                self.agenda.add(at, ends);
            }
        }
    }

    /// A contract of a tab is in force, or off.
    pub(crate) fn enable(&mut self, tab: usize, term: usize, enabled: bool) {
        self.terms.tabs[tab].watches[term].enabled = enabled;
        let contract = self.terms.list[term].name.clone();
        let command = match enabled {
            true => Command::EnableContract { contract },
            false => Command::DisableContract { contract },
        };
        self.arrive(tab, Arrival::Command(command));
    }

    /// A tab is loaded anew.
    pub(crate) fn reload(&mut self, tab: usize) {
        self.load_anew(tab, None);
    }

    /// A tab is loaded anew. What is stored may be a lie. The app may have kept what it knows the
    /// age of: all of a family or nothing.
    fn load_anew(&mut self, tab: usize, lie: Option<u64>) {
        let seat = self.tabs[tab].seat;
        let browser = seat.browser;
        self.close(tab);
        let mut session = self.terms.tabs[tab].session.clone();
        let set = self.browsers[browser].clock_set;
        let kept = self.tabs[tab].app.queries.list.iter().enumerate();
        let kept = kept.filter_map(|(at, query)| {
            // What nobody looked at is not what was stored the age of.
            if !query.mounted {
                return None;
            }
            let mut terms = self.terms.list.iter();
            let term = terms.find(|term| term.reload && term.family == query.family)?;
            let mut stored = session.iter();
            let told = stored.any(|(key, _)| key.ends_with(&term.name));
            // Whose clock was set since knows no age.
            let proven = query.proven.filter(|proven| told && *proven > set)?;
            Some((at, query.shown?, proven, query.vouched))
        });
        let data: Vec<_> = match self.terms.chance.one_in(2) {
            true => kept.collect(),
            false => Vec::new(),
        };
        if let Some(lie) = lie {
            let wall = self.browsers[browser]
                .clocks(self.now, self.tabs[tab].origin)
                .wall
                .0;
            for (_, value) in &mut session {
                self.sometimes.reached(Rare::SessionLies);
                *value = match lie / 2 % 5 {
                    0 => (wall + 3_600_000).to_string(),
                    1 => "99999999999999999999".to_owned(),
                    2 => "{\"at\":1}".to_owned(),
                    3 => (wall + 86_400_000 * 365).to_string(),
                    _ => String::new(),
                };
            }
        }
        if !data.is_empty() {
            self.sometimes.reached(Rare::DataKeptOverReload);
        }
        tell!(self, "{} keeps {data:?} {session:?}", self.name(tab));
        self.terms.kept = Some(Kept { session, data });
        self.open(seat);
        self.terms.kept = None;
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
                    self.terms.tabs[tab].watches[term].wanted = Some(self.now);
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
