//! What each transition does to a world, and how faults end.

use everfresh::engine::command::Command;
use everfresh::engine::input::PageEvent;
use everfresh::engine::key::QueryKey;
use everfresh::wire::json;

use crate::agenda::{MS, S, Time};
use crate::app::{channel_name, family_key};
use crate::browser::Sleep;
use crate::network::End;
use crate::query::FETCH_LASTS;
use crate::reference::Kind;
use crate::server::Does;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, Life};
use crate::transition::{Seat, Transition, Who};
use crate::world::{Happening, World};

impl World {
    /// An entry of the plan happens.
    pub(crate) fn apply(&mut self, what: Transition) {
        if self.healed.is_some() {
            return;
        }
        tell!(self, "--- {what:?}");
        self.room_watches(what);
        match what {
            Transition::Change { kind, times, apart } => self.change(kind, times, apart),
            Transition::Open(seat) => self.open(seat),
            Transition::Mount(seat, query) => {
                self.with_tab(seat, |world, tab| world.mount(tab, query))
            }
            Transition::Unmount(seat, query) => {
                self.with_tab(seat, |world, tab| {
                    let wishes = world.tabs[tab].app.queries.unmount(query);
                    world.put_aside(tab, query);
                    world.grant(tab, wishes);
                    world.watch_terms(tab);
                });
            }
            Transition::Remove(seat, query) => {
                self.with_tab(seat, |world, tab| {
                    let wishes = world.tabs[tab].app.queries.remove(query);
                    world.grant(tab, wishes);
                });
            }
            Transition::CancelFetch(seat, query) => {
                self.with_tab(seat, |world, tab| {
                    let wishes = world.tabs[tab].app.queries.cancel(query);
                    if !wishes.is_empty() {
                        world.sometimes.reached(Rare::FetchCancelled);
                    }
                    world.grant(tab, wishes);
                });
            }
            Transition::Watch(seat, channel) => self.with_tab(seat, |world, tab| {
                world.tabs[tab].app.watched[channel] += 1;
                let channel = channel_name(channel);
                world.command(tab, Command::Watch { channel });
            }),
            Transition::Unwatch(seat, channel) => {
                self.with_tab(seat, |world, tab| world.unwatch(tab, channel))
            }
            Transition::AppInvalidates(seat, family) => self.with_tab(seat, |world, tab| {
                let text = family_key(family);
                let key = json::parse(&text).ok().and_then(QueryKey::new);
                let keys = Vec::from_iter(key);
                world.command(tab, Command::Invalidate { keys });
            }),
            Transition::Reconnect(seat) => self.with_tab(seat, |world, tab| world.reconnect(tab)),
            Transition::Close(who) => self.with(who, |world, tab| world.close(tab)),
            Transition::Reload(who) => self.with(who, |world, tab| world.reload(tab)),
            Transition::Crash { who, outputs } => self.with(who, |world, tab| match outputs {
                0 => world.crash(tab),
                more => world.tabs[tab].fuse = Some(more - 1),
            }),
            Transition::Freeze { who, told, span } => {
                self.with(who, |world, tab| world.freeze(tab, told, span))
            }
            Transition::Cache { who, span } => self.with(who, |world, tab| world.cache(tab, span)),
            Transition::Hide { who, span } => self.with(who, |world, tab| world.hide(tab, span)),
            Transition::Sleep {
                browser,
                span,
                mono_stops,
            } => self.sleep(browser, span, mono_stops),
            Transition::SetClock { browser, by_ms } => {
                self.sometimes.reached(if by_ms < 0 {
                    Rare::ClockSetBack
                } else {
                    Rare::ClockSetForward
                });
                self.browsers[browser].set_clock(self.now, by_ms);
                self.queue.ledger.knowledge[browser].clock_set = self.now;
            }
            Transition::Online { browser, online } => self.set_online(browser, online),
            Transition::SlowBus { browser, span } => {
                self.browsers[browser].bus_slow_until = self.now + span;
            }
            Transition::HostilePost { browser, which } => self.hostile_post(browser, which),
            Transition::Break { browser } => {
                for socket in self.open_sockets(browser) {
                    self.break_socket(socket);
                }
            }
            Transition::Cut {
                browser,
                span,
                hangs,
                told,
            } => self.cut(browser, span, hangs, told),
            Transition::HalfOpen { browser, up, down } => {
                for socket in self.open_sockets(browser) {
                    self.sockets[socket].up.hole |= up;
                    self.sockets[socket].down.hole |= down;
                }
            }
            Transition::Slow { browser, span, by } => {
                let until = self.now + span;
                self.browsers[browser].network.slow_down(until, by);
            }
            Transition::Restart {
                down,
                new_epoch,
                keeps_history,
                silent,
            } => {
                self.restart(down, new_epoch, keeps_history, silent);
            }
            Transition::Forget { keep } => self.server.forget(keep),
            Transition::Kick { browser, code } => {
                self.sometimes.reached(Rare::Kicked);
                self.kick(browser, code);
            }
            Transition::KickForGood { browser, code } => {
                self.sometimes.reached(Rare::KickedForGood);
                self.kick(browser, code);
            }
            Transition::GoAway { spread } => {
                self.sometimes.reached(Rare::WentAway);
                let does = self.server.go_away(self.now, spread);
                self.server_does(does);
            }
            Transition::Flap { span } => {
                self.sometimes.reached(Rare::Flapped);
                self.server.flaps_until = self.now + span;
                for browser in 0..self.browsers.len() {
                    self.kick(browser, 1011);
                }
            }
            Transition::Refuse { span } => self.server.refuses_until = self.now + span,
            Transition::Repeat { count } => {
                let does = self.server.repeat(count);
                if !does.is_empty() {
                    self.sometimes.reached(Rare::DuplicateEvent);
                }
                self.server_does(does);
            }
            Transition::LoseEvent { kind } => self.lose_event(kind),
            Transition::HostileFrame { browser, which } => self.hostile_frame(browser, which),
            Transition::Queue(deed) => self.do_deed(deed),
            Transition::Room(deed) => self.do_in_room(deed),
            Transition::Terms(deed) => self.do_terms(deed),
        }
    }

    /// Does something with the tab on a seat, if it can run.
    fn with_tab(&mut self, seat: Seat, what: impl FnOnce(&mut World, usize)) {
        if let Some(tab) = self.tab_at(seat)
            && self.runs(tab)
        {
            what(self, tab);
        }
    }

    /// Does something with a tab, if it is there and can run.
    pub(crate) fn with(&mut self, who: Who, what: impl FnOnce(&mut World, usize)) {
        let seat = match who {
            Who::On(seat) => Some(seat),
            Who::LeaderOf(browser) => self.leader(browser).map(|tab| self.tabs[tab].seat),
        };
        if let Some(seat) = seat {
            self.with_tab(seat, what);
        }
    }

    /// The tab that leads in a browser, by its own word.
    pub(crate) fn leader(&self, browser: usize) -> Option<usize> {
        let seats = self.browsers[browser].seats.iter().flatten();
        seats
            .copied()
            .find(|tab| self.tabs[*tab].app.role() == "leader")
    }

    fn command(&mut self, tab: usize, command: Command) {
        self.feed(tab, Arrival::Command(command));
    }

    fn unwatch(&mut self, tab: usize, channel: usize) {
        let app = &mut self.tabs[tab].app;
        if app.watched[channel] == 0 {
            return;
        }
        app.watched[channel] -= 1;
        if app.watched[channel] == 0 {
            app.stop_following(channel);
        }
        let channel = channel_name(channel);
        self.command(tab, Command::Unwatch { channel });
    }

    /// Somebody presses the button, which counts for whichever tab of the browser has the link.
    fn reconnect(&mut self, tab: usize) {
        // Whoever leads does it; without locks everybody leads alone.
        let browser = self.tabs[tab].seat.browser;
        let shared = self.browsers[browser].locks.is_some();
        for (at, other) in self.tabs.iter_mut().enumerate() {
            if at == tab || shared && other.seat.browser == browser {
                other.neighbour.excused(self.now);
                other.neighbour.absolved();
            }
        }
        self.command(tab, Command::Reconnect);
    }

    /// Data changes and an event tells of it, so many times.
    pub(crate) fn change(&mut self, kind: usize, left: u64, apart: Time) {
        // While the server is down nobody can change anything.
        if self.server.up {
            let change = self.truth.change(kind);
            self.publish(kind, change, false);
        }
        if left > 1 {
            let next = Happening::Change(kind, left - 1, apart);
            self.agenda.add(self.now + apart, next);
        }
    }

    fn publish(&mut self, kind: usize, change: u64, loses: bool) {
        let place = self.truth.publish(self.now, kind);
        let Self {
            server,
            truth,
            chance,
            now,
            ..
        } = self;
        let Kind {
            event,
            channel,
            families,
            twin,
        } = &truth.kinds[kind];
        let version = match (self.shape.versions, families.first()) {
            (true, Some(family)) => format!(",\"version\":{}", truth.versions[*family]),
            _ => String::new(),
        };
        let data = format!("{{\"place\":{place},\"change\":{change}{version}}}");
        let lost = || loses && chance.server.one_in(2);
        let does = server.publish(*now, *channel, event, &data, lost);
        let twin = *twin;
        self.server_does(does);
        if let Some(twin) = twin {
            self.sometimes.reached(Rare::ToldByTwoLayers);
            self.publish(twin, change, loses);
        }
    }

    fn lose_event(&mut self, kind: usize) {
        if self.server.up {
            self.sometimes.reached(Rare::HoleInTheNumbers);
            self.owes_event = true;
            let change = self.truth.change(kind);
            self.publish(kind, change, true);
        }
    }

    // Tabs.

    pub(crate) fn close(&mut self, tab: usize) {
        for event in [PageEvent::Suspended, PageEvent::Hidden] {
            if self.tabs[tab].life == Life::Running {
                self.feed(tab, Arrival::Page(event));
            }
        }
        if self.tabs[tab].life != Life::Gone {
            tell!(self, "{} is closed", self.name(tab));
            self.end_tab(tab, false);
        }
    }

    pub(crate) fn freeze(&mut self, tab: usize, told: bool, span: Time) {
        if told {
            if self.tabs[tab].hidden.is_none() {
                self.tabs[tab].hidden = Some(self.now);
                self.feed(tab, Arrival::Page(PageEvent::Hidden));
            }
            self.sometimes.reached(Rare::FrozenTold);
            if self.tabs[tab].life == Life::Running {
                self.tabs[tab].told = true;
                self.feed(tab, Arrival::Page(PageEvent::Suspended));
            }
        } else if self.tabs[tab].app.role() == "leader" {
            self.sometimes.reached(Rare::LeaderFrozenUntold);
        }
        if self.tabs[tab].life == Life::Running {
            self.tabs[tab].life = Life::Frozen;
            self.agenda.add(self.now + span, Happening::Thaw(tab));
        }
    }

    /// A frozen tab goes on.
    pub(crate) fn thaw(&mut self, tab: usize) {
        if self.tabs[tab].life != Life::Frozen {
            return;
        }
        self.tabs[tab].life = Life::Running;
        tell!(self, "{} goes on", self.name(tab));
        if self.tabs[tab].inbox.len() > 3 {
            self.sometimes.reached(Rare::ThawedToABurst);
        }
        let mut first = Vec::new();
        if std::mem::take(&mut self.tabs[tab].told) {
            self.hang_fetches(tab);
            self.tabs[tab].hidden = None;
            first.push(Arrival::Page(PageEvent::Resumed));
            // Some versions of Chrome do not say that the page is visible again: the shell looks.
            first.push(Arrival::Page(PageEvent::Visible));
        }
        self.go_on(tab, first);
    }

    /// Of what a frozen page was fetching some never comes, as in Chromium.
    fn hang_fetches(&mut self, tab: usize) {
        if !self.tabs[tab].app.queries.adapter() {
            return;
        }
        let mut inbox = std::mem::take(&mut self.tabs[tab].inbox);
        inbox.retain(|arrival| {
            let hangs = matches!(arrival, Arrival::Answer(..)) && self.chance.browser.one_in(2);
            if hangs {
                self.sometimes.reached(Rare::FetchHung);
                self.tabs[tab].hangs_until = self.now + FETCH_LASTS;
            }
            !hangs
        });
        self.tabs[tab].inbox = inbox;
    }

    pub(crate) fn cache(&mut self, tab: usize, span: Time) {
        for event in [
            PageEvent::Suspended,
            PageEvent::Hidden,
            PageEvent::Suspended,
        ] {
            if self.tabs[tab].life == Life::Running {
                self.feed(tab, Arrival::Page(event));
            }
        }
        if self.tabs[tab].life == Life::Running {
            self.tabs[tab].life = Life::Cached;
            self.tabs[tab].hidden = None;
            self.agenda.add(self.now + span, Happening::Restore(tab));
        }
    }

    /// A page comes back from the back/forward cache.
    pub(crate) fn restore(&mut self, tab: usize) {
        if self.tabs[tab].life != Life::Cached {
            return;
        }
        self.tabs[tab].life = Life::Running;
        self.sometimes.reached(Rare::BackFromCache);
        let events = [PageEvent::Resumed, PageEvent::Visible, PageEvent::Resumed];
        self.go_on(tab, events.map(Arrival::Page).to_vec());
    }

    pub(crate) fn hide(&mut self, tab: usize, span: Time) {
        if self.tabs[tab].hidden.is_none() {
            self.tabs[tab].hidden = Some(self.now);
            self.feed(tab, Arrival::Page(PageEvent::Hidden));
            self.agenda.add(self.now + span, Happening::Show(tab));
        }
    }

    /// A hidden tab is seen again.
    pub(crate) fn show(&mut self, tab: usize) {
        if self.tabs[tab].life == Life::Gone || self.tabs[tab].hidden.take().is_none() {
            return;
        }
        self.tabs[tab].steady_since = self.now;
        if self.runs(tab) {
            self.feed(tab, Arrival::Page(PageEvent::Visible));
        } else {
            self.tabs[tab]
                .inbox
                .push_back(Arrival::Page(PageEvent::Visible));
        }
    }

    /// A tab can run again: first what the browser says, then what has queued.
    fn go_on(&mut self, tab: usize, first: Vec<Arrival>) {
        self.stood_still(tab);
        let queued = std::mem::take(&mut self.tabs[tab].inbox);
        self.tabs[tab].inbox.extend(first);
        let queued = self.shuffle_sources(queued.into());
        self.tabs[tab].inbox.extend(queued);
        self.catch_up(tab);
    }

    fn catch_up(&mut self, tab: usize) {
        self.tabs[tab].steady_since = self.now;
        while self.runs(tab) && self.broken.is_none() {
            let Some(arrival) = self.tabs[tab].inbox.pop_front() else {
                self.arm(tab);
                return;
            };
            self.arrive(tab, arrival);
        }
    }

    /// Browsers keep the order within a source of tasks, and no order between sources.
    fn shuffle_sources(&mut self, queued: Vec<Arrival>) -> Vec<Arrival> {
        let mut sources: Vec<Vec<Arrival>> = vec![Vec::new(); 5];
        for arrival in queued.into_iter().rev() {
            let source = match &arrival {
                Arrival::Socket(..) => 0,
                Arrival::Bus(..) => 1,
                Arrival::Lock(_) => 2,
                Arrival::Answer(..) => 3,
                _ => 4,
            };
            sources[source].push(arrival);
        }
        let mut out = Vec::new();
        while sources.iter().any(|source| !source.is_empty()) {
            let at = self.chance.browser.index(sources.len());
            out.extend(sources[at].pop());
        }
        out
    }

    // Computers.

    fn sleep(&mut self, browser: usize, span: Time, mono_stops: bool) {
        if self.browsers[browser].asleep.is_some() {
            return;
        }
        self.sometimes.reached(if mono_stops {
            Rare::SleptWithoutMono
        } else {
            Rare::SleptWithMono
        });
        let since = self.now;
        self.browsers[browser].asleep = Some(Sleep { since, mono_stops });
        let until = self.now + span;
        if span > 20 * S {
            for socket in self.open_sockets(browser) {
                self.sockets[socket].up.hole = true;
                self.sockets[socket].down.hole = true;
                // Some are told by the network after the computer woke up, some never.
                if self.chance.network.one_in(2) {
                    let at = until + self.chance.network.between(MS, 4 * S);
                    self.agenda.add(at, Happening::Breaks(socket));
                }
            }
        }
        self.agenda.add(until, Happening::Wake(browser));
    }

    /// A computer wakes up.
    pub(crate) fn wake(&mut self, browser: usize) {
        let Some(sleep) = self.browsers[browser].wake(self.now) else {
            return;
        };
        tell!(self, "browser {browser} wakes up");
        // A hold goes by the clock that stood still.
        let held = &mut self.queue.held_until[browser];
        if sleep.mono_stops && *held > sleep.since {
            *held += self.now - sleep.since;
        }
        let (says_visible, says_online) =
            (self.chance.browser.one_in(2), self.chance.browser.one_in(2));
        for tab in 0..self.tabs.len() {
            let seen = self.tabs[tab].hidden.is_none();
            if self.tabs[tab].seat.browser == browser && self.runs(tab) {
                // What hung when it went on, asleep, is found to hang only now.
                if self.tabs[tab].hangs_until > sleep.since {
                    self.tabs[tab].hangs_until = self.now + FETCH_LASTS;
                }
                let mut first = Vec::new();
                if says_visible && seen {
                    first.push(Arrival::Page(PageEvent::Visible));
                }
                if says_online && self.browsers[browser].online {
                    first.push(Arrival::Page(PageEvent::Online));
                }
                self.go_on(tab, first);
            }
        }
    }

    /// The browser changes its opinion of the network.
    pub(crate) fn set_online(&mut self, browser: usize, online: bool) {
        if std::mem::replace(&mut self.browsers[browser].online, online) == online {
            return;
        }
        self.browsers[browser].offline = self.now;
        let event = if online {
            PageEvent::Online
        } else {
            PageEvent::Offline
        };
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].seat.browser == browser {
                self.arrive(tab, Arrival::Page(event));
            }
        }
    }

    fn hostile_post(&mut self, browser: usize, which: u64) {
        const TEXTS: [&str; 8] = [
            "",
            "null",
            "{\"v\":1}",
            "{\"v\":1,\"from\":\"0000000000000001\",\"k\":\"sing\"}",
            "{\"v\":2,\"from\":\"0000000000000001\",\"k\":\"bye\"}",
            "{\"v\":1,\"from\":\"0000000000000001\",\"k\":\"lead\",\"term\":-1}",
            "{\"v\":1,\"from\":\"0000000000000001\",\"k\":\"events\",\"term\":1,\"events\":[{}]}",
            "\u{0}{\"v\":",
        ];
        self.sometimes.reached(Rare::HostileTabMessage);
        let text = TEXTS[(which % TEXTS.len() as u64) as usize];
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].seat.browser == browser
                && let Some(port) = &self.tabs[tab].port
            {
                let arrival = Arrival::Bus(port.number, text.to_owned());
                self.arrive(tab, arrival);
            }
        }
    }

    // The network.

    /// The sockets of a browser of which no end is closed.
    pub(crate) fn open_sockets(&self, browser: usize) -> Vec<usize> {
        (0..self.sockets.len())
            .filter(|&at| {
                let socket = &self.sockets[at];
                self.tabs[socket.tab].seat.browser == browser
                    && socket.client != End::Closed
                    && socket.server != End::Closed
            })
            .collect()
    }

    fn cut(&mut self, browser: usize, span: Time, hangs: bool, told: bool) {
        let until = self.now + span;
        for socket in self.open_sockets(browser) {
            // Short cuts are survived: what was sent is sent again. Long ones seldom are.
            if self.chance.network.below(40) < span / S {
                self.sockets[socket].up.hole = true;
                self.sockets[socket].down.hole = true;
                let at = until + self.chance.network.between(MS, 2 * S);
                self.agenda.add(at, Happening::Breaks(socket));
            }
        }
        self.browsers[browser].network.cut_off(until, hangs);
        if told {
            self.set_online(browser, false);
            let at = until + self.chance.network.between(MS, S);
            self.agenda.add(at, Happening::Reconnected(browser));
        }
    }

    // The server.

    fn restart(&mut self, down: Time, new_epoch: bool, keeps_history: bool, silent: u64) {
        if !self.server.up {
            return;
        }
        for socket in self.server.stop() {
            let code = self.chance.server.pick(&[1001, 1006, 1012]);
            self.server_does(vec![Does::Close(socket, code, String::new())]);
        }
        let back = Happening::ServerUp(new_epoch, keeps_history, silent);
        self.agenda.add(self.now + down, back);
    }

    /// The server is back.
    pub(crate) fn server_up(&mut self, new_epoch: bool, keeps_history: bool, silent: u64) {
        if self.server.up {
            return;
        }
        tell!(self, "the server is back, new epoch: {new_epoch}");
        self.sometimes.reached(if new_epoch {
            Rare::RestartedNewEpoch
        } else {
            Rare::RestartedSameEpoch
        });
        self.server.start(new_epoch, keeps_history);
        // The numbers start anew because some may be lost: here they are.
        if new_epoch {
            for _ in 0..silent {
                self.sometimes.reached(Rare::SilentChange);
                let kind = self.chance.server.index(self.shape.extent.kinds);
                self.truth.change(kind);
            }
        }
    }

    fn kick(&mut self, browser: usize, code: u16) {
        let reason = match code {
            4429 => format!("retry_after={}", self.chance.server.between(500, 20_000)),
            _ => String::new(),
        };
        for socket in self.open_sockets(browser) {
            let does = self.server.kick(socket, code, &reason);
            self.server_does(Vec::from_iter(does));
        }
    }

    fn hostile_frame(&mut self, browser: usize, which: u64) {
        let texts = [
            String::new(),
            "\u{0}\u{1}".to_owned(),
            "[".repeat(5000),
            format!("{{\"t\":\"ev\",\"ch\":\"channel0\",\"s\":{},\"name\":\"cake\",\"data\":null}}", u64::MAX),
            "{\"t\":\"ev\",\"ch\":\"channel0\",\"s\":9007199254740991,\"name\":\"cake\",\"data\":{}}".to_owned(),
            "{\"t\":\"ev\",\"ch\":\"nowhere\",\"s\":1,\"name\":\"event0\",\"data\":{}}".to_owned(),
            "{\"t\":\"subd\",\"ch\":\"nowhere\",\"pos\":{\"e\":\"x\",\"s\":1},\"recovered\":true,\"missed\":[3]}".to_owned(),
            "{\"t\":\"welcome\",\"ping\":1}".to_owned(),
            "{\"t\":\"welcome\"}\n{\"t\":\"pong\",\"n\":77}".to_owned(),
            "{\"t\":\"cake\",\"__proto__\":{\"a\":1e400}}".to_owned(),
            "{\"t\":\"err\",\"code\":\"internal\",\"msg\":\"\\ud800\"}".to_owned(),
            " ".repeat((1 << 20) + 1),
        ];
        let text = &texts[(which % texts.len() as u64) as usize];
        for socket in self.open_sockets(browser) {
            if self.server.knows(socket) {
                self.sometimes.reached(Rare::HostileFrame);
                self.server_does(vec![Does::Send(socket, text.clone())]);
            }
        }
    }

    /// The last fault is over.
    pub(crate) fn heal(&mut self) {
        tell!(self, "=== the last fault is over");
        self.healed = Some(self.now);
        self.server.refuses_until = 0;
        self.server.flaps_until = 0;
        self.http.heal();
        self.server_up(true, false, 1);
        for browser in 0..self.browsers.len() {
            self.browsers[browser].network.heal();
            self.browsers[browser].bus_slow_until = 0;
            self.wake(browser);
            self.set_online(browser, true);
            if self.browsers[browser].seats.iter().all(Option::is_none) {
                self.open(Seat { browser, place: 0 });
            }
        }
        for tab in 0..self.tabs.len() {
            self.tabs[tab].fuse = None;
            self.thaw(tab);
            self.restore(tab);
        }
        self.heal_queue();
        for kind in 0..self.shape.extent.kinds {
            if self.owes_event || self.chance.app.one_in(3) {
                let at = self.now + self.chance.app.between(S, 30 * S);
                self.agenda.add(at, Happening::Change(kind, 1, 0));
            }
        }
    }

    /// Whoever was told not to dial again needs a person to say otherwise. A tab that takes the
    /// lead from it shows that a login is wanted, and does not dial either.
    pub(crate) fn mend(&mut self) {
        for tab in 0..self.tabs.len() {
            let wants_person = self.tabs[tab].neighbour.is_stopped()
                || matches!(self.tabs[tab].app.word(), "needs-auth" | "failed");
            if self.runs(tab) && wants_person {
                self.reconnect(tab);
            }
        }
        self.mend_queue();
        self.mend_terms();
    }
}
