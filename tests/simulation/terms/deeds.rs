//! What happens to contracts in a world: users come, go and fill in forms, servers misbehave, tabs
//! are loaded anew.

use everfresh::engine::command::Command;
use everfresh::engine::input::PageEvent;

use super::Terms;
use crate::agenda::{S, Time};
use crate::chance::Chance;
use crate::http::{Form, HttpFault};
use crate::sometimes::Rare;
use crate::tab::Arrival;
use crate::transition::{Extent, Planned, Seat, Transition, Who};
use crate::world::{Happening, World};

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
    /// The tab that leads in a browser dies as soon as another one asks it to look, for a while.
    Ambush(usize, Time),
}

impl Terms {
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
        match chance.below(18) {
            0 => Deed::Focus(who, chance.one_in(2)),
            1 | 2 => Deed::Away(who, span),
            3 | 4 => Deed::Touch(who),
            5 | 6 => Deed::Form(who, span),
            7 => Deed::Refresh(who, chance.index(self.list.len())),
            8..=12 => Deed::Http(http_fault(chance), span),
            13 | 14 => Deed::Ambush(browser, span),
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

impl World {
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
            Deed::Ambush(browser, span) => {
                self.terms.ambushes[browser] = self.now + span;
            }
            Deed::Reload(seat, lie) => self.with(Who::On(seat), |world, tab| {
                world.load_anew(tab, Some(lie).filter(|lie| lie % 2 == 0));
            }),
        }
    }

    /// A tab asks the one that leads to look, which may be the moment at which that one dies: the
    /// question reaches nobody.
    pub(super) fn spring(&mut self, asks: usize) {
        let browser = self.tabs[asks].seat.browser;
        let leader = self.leader(browser).filter(|leader| *leader != asks);
        let armed = self.healed.is_none() && self.now < self.terms.ambushes[browser];
        if let Some(leader) = leader.filter(|_| armed) {
            self.terms.ambushes[browser] = 0;
            self.agenda.add(self.now, Happening::Ambushed(leader));
        }
    }

    /// A tab dies in the moment in which it is asked to look.
    pub(crate) fn ambushed(&mut self, tab: usize) {
        if self.runs(tab) {
            self.sometimes.reached(Rare::LeaderCrashedAsAsked);
            self.crash(tab);
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
        let contract = self.terms.list[term].name.clone();
        let command = match enabled {
            true => Command::EnableContract { contract },
            false => Command::DisableContract { contract },
        };
        self.arrive(tab, Arrival::Command(command));
    }
}
