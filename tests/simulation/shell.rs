//! What `src/browser/shell.rs` does, in a world: feeds an engine, does what it wants done one by
//! one, and may die in between.

use std::collections::VecDeque;

use everfresh::engine::command::Command;
use everfresh::engine::ids::ConnId;
use everfresh::engine::input::LockEvent;
use everfresh::engine::invalidation::Phase;
use everfresh::engine::notice::Notice;
use everfresh::engine::output::Output;

use crate::agenda::{MIN, MS, S, Time};
use crate::app::channel_name;
use crate::browser::Claim;
use crate::fence;
use crate::network::{End, Socket, Way};
use crate::promises::Promise;
use crate::query::Wish;
use crate::said;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, FromSocket, Life, Port};
use crate::world::{Happening, World};

/// Ticks that an engine may need in a second, besides [`WINDOWS_A_SECOND`]: a wait may be short, but hundreds
/// are a loop.
const TICKS_A_SECOND: usize = 30;
/// How often in a second the window of a family may end, and a fetch be owed to a key.
const WINDOWS_A_SECOND: usize = 10;

impl World {
    /// Something arrives at a tab: it is handled now, later, or never.
    pub(crate) fn arrive(&mut self, tab: usize, arrival: Arrival) {
        if self.tabs[tab].life == Life::Gone {
            return;
        }
        if !self.runs(tab) {
            self.arrive_at_sleeper(tab, arrival);
            return;
        }
        match arrival {
            Arrival::Reply(exchange, ..) => {
                self.reply_arrives(tab, exchange);
                self.feed(tab, arrival);
            }
            Arrival::Answer(query, request, version) => {
                tell!(
                    self,
                    "{} gets data for query {query}: {version:?}",
                    self.name(tab)
                );
                let queries = &mut self.tabs[tab].app.queries;
                let wishes = queries.answered(self.now, query, request, version);
                self.fetched(tab, query, version);
                self.grant(tab, wishes);
            }
            Arrival::Retry(query) => {
                let wishes = self.tabs[tab].app.queries.retry(self.now, query);
                self.grant(tab, wishes);
            }
            arrival => self.feed(tab, arrival),
        }
    }

    fn arrive_at_sleeper(&mut self, tab: usize, arrival: Arrival) {
        let cached = self.tabs[tab].life == Life::Cached;
        if cached && matches!(arrival, Arrival::Bus(port, _) if self.tabs[tab].hears_on(port)) {
            // Chromium throws a page out of the cache for which a message arrives.
            tell!(self, "{} is thrown out of the cache", self.name(tab));
            self.end_tab(tab, true);
            return;
        }
        if let Arrival::Tick = arrival {
            // One timer, and it is armed anew when the tab runs again.
            return;
        }
        self.tabs[tab].inbox.push_back(arrival);
    }

    /// Feeds an engine one thing and does what follows from it.
    pub(crate) fn feed(&mut self, tab: usize, arrival: Arrival) {
        let mut notices = Vec::new();
        let lost = fence::lost(&arrival);
        let mut inbox = VecDeque::from([arrival]);
        while let Some(arrival) = inbox.pop_front() {
            let Some(conn) = self.conn_of(tab, &arrival) else {
                continue;
            };
            let text = match &arrival {
                Arrival::Command(command) => said::said(command),
                _ => None,
            };
            let input = match &arrival {
                Arrival::Command(command) => Some(said::input(command, text.as_deref())),
                arrival => arrival.input(conn),
            };
            let Some(input) = input else {
                continue;
            };
            let now =
                self.browsers[self.tabs[tab].seat.browser].clocks(self.now, self.tabs[tab].origin);
            tell!(self, "{} <- {}", self.name(tab), arrival.words());
            self.steps += 1;
            self.tabs[tab].inputs += 1;
            match &arrival {
                Arrival::Page(_) => self.tabs[tab].neighbour.excused(self.now),
                // What a person did in another tab may have been long on its way.
                Arrival::Bus(_, text)
                    if text.contains("\"do\":\"reconnect\"")
                        || text.contains("\"k\":\"logged-in\"") =>
                {
                    self.tabs[tab].neighbour.excused(self.now);
                    self.tabs[tab].neighbour.absolved();
                }
                _ => {}
            }
            self.before_fence(tab, &arrival);
            self.reckon_arrival(tab, &arrival);
            let late =
                matches!(arrival, Arrival::Socket(from, _) if self.tabs[tab].socket != Some(from));
            let before = notices.len();
            self.tabs[tab].engine.handle(now, input);
            self.note_link(tab, &arrival);
            while let Some(output) = self.tabs[tab].engine.poll_output() {
                match output {
                    Output::Tell(notice) => notices.push(notice),
                    // As in the shell: the app's functions are called by who is told.
                    Output::RunMutation(run) => notices.push(Notice::Run(run)),
                    Output::CancelMutation { id, attempt } => {
                        notices.push(Notice::CancelRun { id, attempt });
                    }
                    output => self.perform(tab, output, &mut inbox),
                }
                if self.burn_fuse(tab) {
                    return;
                }
            }
            let mut new = notices.iter().skip(before);
            if late && new.any(|notice| matches!(notice, Notice::Event { .. })) {
                let how = format!("{} hears an event of a link that is over", self.name(tab));
                self.fail(Promise::G5, how);
            }
            if let Arrival::Tick = arrival {
                self.count_tick(tab, now.mono.0);
            }
        }
        self.arm(tab);
        self.reckon(tab);
        for notice in notices {
            self.notice(tab, &notice);
        }
        self.after_fence(tab, lost);
        self.reckon(tab);
    }

    /// The engine's number of the socket that something came from; nothing if the shell does not
    /// listen to that socket any more.
    fn conn_of(&mut self, tab: usize, arrival: &Arrival) -> Option<ConnId> {
        match arrival {
            Arrival::Socket(socket, event) => {
                if self.tabs[tab].socket == Some(*socket) {
                    if let FromSocket::Closed(code, reason) = event {
                        self.sockets[*socket].client = End::Closed;
                        let mono = self.browsers[self.tabs[tab].seat.browser].mono(self.now);
                        self.tabs[tab].neighbour.closed(mono, *code, reason);
                    } else if let FromSocket::Opened = event {
                        self.sockets[*socket].client = End::Open;
                    }
                    return Some(self.sockets[*socket].conn);
                }
                // Real shells drop the listener. What is in the queue already may come all the same.
                if self.shape.late_frames && self.chance.browser.one_in(2) {
                    self.sometimes.reached(Rare::LateFrame);
                    return Some(self.sockets[*socket].conn);
                }
                None
            }
            Arrival::Bus(port, _) | Arrival::UserBus(port, _)
                if !self.tabs[tab].hears_on(*port) =>
            {
                None
            }
            Arrival::Queue(crate::queue::Arrival::Ran(id, attempt, outcome)) => self
                .run_ends(tab, *id, *attempt, outcome)
                .then_some(ConnId(0)),
            _ => Some(ConnId(0)),
        }
    }

    /// Does the tab die here?
    fn burn_fuse(&mut self, tab: usize) -> bool {
        match self.tabs[tab].fuse {
            Some(0) => {
                self.sometimes.reached(Rare::CrashBetweenOutputs);
                self.crash(tab);
                true
            }
            Some(left) => {
                self.tabs[tab].fuse = Some(left - 1);
                false
            }
            None => false,
        }
    }

    /// G10: an engine that is woken again and again does something wrong.
    fn count_tick(&mut self, tab: usize, mono: u64) {
        let second = mono / 1000;
        let ticks = &mut self.tabs[tab].ticks;
        if ticks.0 != second {
            *ticks = (second, 0);
        }
        ticks.1 += 1;
        let streams = self.shape.extent.families + self.shape.queries.len();
        let most = TICKS_A_SECOND + WINDOWS_A_SECOND * streams;
        if ticks.1 > most {
            let how = format!("{} was woken {most} times within a second", self.name(tab));
            self.fail(Promise::G10, how);
        }
    }

    /// Replaces the tab's one timer.
    pub(crate) fn arm(&mut self, tab: usize) {
        let seat = self.tabs[tab].seat;
        self.tabs[tab].arming += 1;
        let Some(due) = self.tabs[tab].engine.next_wakeup() else {
            return;
        };
        let clocks = self.browsers[seat.browser].clocks(self.now, self.tabs[tab].origin);
        let delay = (due.since(clocks.mono).0 + 1) * MS + self.chance.browser.below(3 * MS);
        let at = match self.tabs[tab].hidden {
            None => self.now + delay,
            Some(since) => {
                let grain = if self.now >= since + self.shape.throttled_after {
                    MIN
                } else {
                    S
                };
                let at = (self.now + delay).div_ceil(grain) * grain;
                if at > self.now + delay + 10 * S {
                    self.sometimes.reached(Rare::ThrottledTimer);
                }
                at
            }
        };
        let arming = self.tabs[tab].arming;
        // A timer further away than the world's end need not be planned.
        if delay < 100 * MIN {
            self.agenda.add(at, Happening::Timer(tab, arming));
        }
    }

    /// Does one deed.
    fn perform(&mut self, tab: usize, output: Output, inbox: &mut VecDeque<Arrival>) {
        tell!(self, "{}   -> {}", self.name(tab), output_words(&output));
        match output {
            Output::OpenSocket { conn, .. } => self.open_socket(tab, conn),
            Output::SendFrame { conn, frame } => {
                self.note_subscription(tab, &frame);
                if let Some(socket) = self.socket_of(tab, conn) {
                    self.send_up(socket, frame);
                }
            }
            Output::CloseSocket { conn } => {
                if let Some(socket) = self.socket_of(tab, conn) {
                    if self.sockets[socket].client == End::Open && self.sockets[socket].down.hole {
                        self.sometimes.reached(Rare::PageGaveUpOnServer);
                    }
                    self.tabs[tab].socket = None;
                    self.close_client(socket);
                }
            }
            Output::QueueForLock { ticket, name } => {
                let browser = self.tabs[tab].seat.browser;
                let Some(lock) = self.browsers[browser].lock(&name) else {
                    inbox.push_back(Arrival::Lock(LockEvent::Unavailable));
                    return;
                };
                let granted = lock.queue(Claim { tab, ticket });
                let holder = lock.holder;
                self.grant_lock(granted);
                self.throw_out_of_cache(holder);
            }
            Output::ReleaseLock(ticket) => {
                let claim = Claim { tab, ticket };
                let browser = &mut self.browsers[self.tabs[tab].seat.browser];
                let granted: Vec<Claim> = (browser.locks.iter_mut().flatten())
                    .filter_map(|lock| lock.release(claim))
                    .collect();
                for claim in granted {
                    self.grant_lock(Some(claim));
                }
                let at = self.now + self.chance.browser.between(1, 3 * MS);
                let over = Arrival::Lock(LockEvent::Lost(ticket));
                self.agenda.add(at, Happening::Arrives(tab, over));
            }
            Output::OpenTabChannel(name) => {
                self.ports += 1;
                let number = self.ports;
                self.tabs[tab].port = Some(Port { number, name });
                self.tabs[tab].fence.forget();
            }
            Output::CloseTabChannel => {
                // Put away: whatever the server said is forgotten with the lead.
                self.tabs[tab].neighbour.absolved();
                self.tabs[tab].port = None;
            }
            Output::PostToTabs(message) => {
                self.check_fence(tab, &message);
                self.note_ask(tab, &message);
                self.tabs[tab].questions += u64::from(message.contains(r#""k":"ask""#));
                self.post(tab, &message);
            }
            Output::Tell(_) => {}
            other => {
                let other = self.perform_among_tabs(tab, other, inbox);
                let other = other.and_then(|other| self.perform_on_storage(tab, other, inbox));
                let other = other.and_then(|other| self.perform_http(tab, other));
                let other = other.and_then(|other| self.perform_terms(tab, other));
                if let Some(other) = other {
                    self.unmodelled(&other);
                }
            }
        }
    }

    /// An output that no part of the simulator answers yet; the run says which there were.
    fn unmodelled(&mut self, output: &Output) {
        let words = format!("{output:?}");
        let name = words.split([' ', '(']).next().unwrap_or_default();
        self.unmodelled.insert(name.to_owned());
    }

    fn note_subscription(&mut self, tab: usize, frame: &str) {
        let watched = &self.tabs[tab].app.watched;
        let others = (0..watched.len()).any(|at| {
            watched[at] == 0 && frame.contains(&format!("\"ch\":\"{}\"", channel_name(at)))
        });
        if others && frame.starts_with("{\"t\":\"sub\"") {
            self.sometimes.reached(Rare::FollowersOwnChannel);
        }
    }

    /// A page in the back/forward cache that holds a lock which others want is thrown out.
    pub(crate) fn throw_out_of_cache(&mut self, holder: Option<Claim>) {
        if let Some(holder) = holder
            && self.tabs[holder.tab].life == Life::Cached
        {
            tell!(self, "{} is thrown out of the cache", self.name(holder.tab));
            self.end_tab(holder.tab, true);
        }
    }

    /// Tells a claim that the lock is its own now.
    pub(crate) fn grant_lock(&mut self, granted: Option<Claim>) {
        let Some(claim) = granted else { return };
        // Whatever the server said is forgotten with the last lead.
        self.tabs[claim.tab].neighbour.absolved();
        self.took_lead(claim.tab);
        self.queue_led(claim.tab);
        let at = self.now + self.chance.browser.between(1, 4 * MS);
        let arrival = Arrival::Lock(LockEvent::Granted(claim.ticket));
        self.agenda.add(at, Happening::Arrives(claim.tab, arrival));
    }

    fn took_lead(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let others = self.tabs.iter().enumerate().any(|(at, other)| {
            at != tab && other.seat.browser == browser && other.app.role() == "leader"
        });
        if others {
            self.sometimes.reached(Rare::HandOver);
        }
        let in_flight = self.tabs[tab]
            .bus_last
            .iter()
            .any(|(_, last)| *last > self.now);
        if others && in_flight {
            self.sometimes.reached(Rare::HandOverWithEventsInFlight);
        }
    }

    fn free_after_crash(&mut self, tab: usize) {
        let at = self.now + self.chance.browser.between(5 * MS, 120 * MS);
        self.agenda.add(at, Happening::LocksFreed(tab));
    }

    /// The locks of a tab that is gone pass on.
    pub(crate) fn free_locks(&mut self, tab: usize) {
        self.tabs[tab].own_lock = None;
        let browser = &mut self.browsers[self.tabs[tab].seat.browser];
        let granted: Vec<Claim> = (browser.locks.iter_mut().flatten())
            .filter_map(|lock| lock.forget(tab))
            .collect();
        for claim in granted {
            self.grant_lock(Some(claim));
        }
    }

    /// Says something to the other tabs. In order from one to another, and in no order else.
    pub(crate) fn post(&mut self, from: usize, message: &str) {
        let browser = self.tabs[from].seat.browser;
        let Some(name) = self.tabs[from].port.as_ref().map(|port| port.name.clone()) else {
            return;
        };
        for to in 0..self.tabs.len() {
            let other = &self.tabs[to];
            let Some(port) = other.port.as_ref().filter(|port| {
                to != from
                    && other.life != Life::Gone
                    && other.seat.browser == browser
                    && port.name == name
            }) else {
                continue;
            };
            let number = port.number;
            let at = self.bus_arrival(browser, from, to);
            let arrival = Arrival::Bus(number, message.to_owned());
            self.agenda.add(at, Happening::Arrives(to, arrival));
        }
    }

    fn bus_arrival(&mut self, browser: usize, from: usize, to: usize) -> Time {
        let browser = &self.browsers[browser];
        let mut delay = self.chance.browser.between(1, browser.bus_delay);
        if self.now < browser.bus_slow_until {
            delay += self.chance.browser.between(MS, 3 * S);
        }
        if delay > S {
            self.sometimes.reached(Rare::SlowBus);
        }
        let lasts = &mut self.tabs[to].bus_last;
        let last = match lasts.iter().position(|(sender, _)| *sender == from) {
            Some(at) => &mut lasts[at].1,
            None => {
                lasts.push((from, 0));
                &mut lasts.last_mut().expect("it was pushed just now").1
            }
        };
        *last = (self.now + delay).max(*last + 1);
        *last
    }

    fn open_socket(&mut self, tab: usize, conn: ConnId) {
        // A shell has one socket: the one before is dropped, and so closed.
        if let Some(old) = self.tabs[tab].socket.take() {
            self.close_client(old);
        }
        let socket = self.sockets.len();
        self.sockets.push(Socket {
            tab,
            conn,
            client: End::Opening,
            server: End::Opening,
            up: Way::default(),
            down: Way::default(),
        });
        self.tabs[tab].socket = Some(socket);
        self.dial(socket);
    }

    /// The app hears a notice, and does what it wants because of it.
    fn notice(&mut self, tab: usize, notice: &Notice) {
        match notice {
            Notice::Invalidate { keys, cause, .. } => {
                let keys: Vec<&str> = keys.iter().map(|key| key.text()).collect();
                tell!(
                    self,
                    "{} is told: stale {} {cause:?}",
                    self.name(tab),
                    keys.join(" ")
                );
            }
            Notice::Refetch { keys, cause } => {
                let keys: Vec<&str> = keys.iter().map(|key| key.text()).collect();
                tell!(
                    self,
                    "{} is told: refetch {} {cause:?}",
                    self.name(tab),
                    keys.join(" ")
                );
            }
            Notice::Event { channel, data, .. } => {
                tell!(
                    self,
                    "{} is told: event on {channel} {data}",
                    self.name(tab)
                );
            }
            Notice::Fault(fault) => tell!(self, "{} is told: {fault:?}", self.name(tab)),
            _ => {}
        }
        self.hear_of_mutations(tab, notice);
        self.hear_of_room(tab, notice);
        self.hear_terms(tab, notice);
        match self.tabs[tab].app.hear(self.now, notice, &self.truth) {
            Ok(heard) => {
                if heard.owes {
                    self.sometimes.reached(Rare::FetchOwed);
                }
                if heard.missed {
                    self.sometimes.reached(Rare::MissedEvents);
                }
                self.grant(tab, heard.wishes);
            }
            Err(mut broken) => {
                broken.how = format!("{}: {}", self.name(tab), broken.how);
                self.broken(broken);
            }
        }
    }

    /// Somebody looks at a query.
    pub(crate) fn mount(&mut self, tab: usize, query: usize) {
        let family = self.shape.queries[query].0;
        let new = !self.tabs[tab].app.queries.list[query].mounted;
        let wishes = self.tabs[tab].app.queries.mount(self.now, query);
        // With it, because nobody may know how old it is.
        if new {
            self.begin_anew(tab, |term| term.family == family);
        }
        self.grant(tab, wishes);
        self.watch_terms(tab);
    }

    /// Does what the app wants.
    pub(crate) fn grant(&mut self, tab: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            if self.tabs[tab].life == Life::Gone {
                return;
            }
            match wish {
                Wish::Fetch { query, request } => {
                    tell!(self, "{} fetches query {query}", self.name(tab));
                    self.fetch(tab, query, request);
                }
                Wish::Retry { query, after } => {
                    self.sometimes.reached(Rare::FetchFailed);
                    let at = self.now + after;
                    self.agenda
                        .add(at, Happening::Arrives(tab, Arrival::Retry(query)));
                }
                Wish::Report(report) => {
                    if report.phase == Phase::Cancel {
                        self.fetch_cancelled(tab, report.key.text());
                    }
                    self.feed(tab, Arrival::Command(Command::Fetch(report)));
                }
            }
        }
    }

    /// The process of a tab dies.
    pub(crate) fn crash(&mut self, tab: usize) {
        tell!(self, "{} crashes", self.name(tab));
        self.note_crash(tab);
        if self.tabs[tab].app.role() == "leader" {
            self.sometimes.reached(Rare::LeaderCrashed);
        }
        self.end_tab(tab, true);
    }

    /// A tab is over; the browser cleans up after it, after a crash a little later.
    pub(crate) fn end_tab(&mut self, tab: usize, crashed: bool) {
        let seat = self.tabs[tab].seat;
        self.tabs[tab].life = Life::Gone;
        self.tabs[tab].port = None;
        self.tabs[tab].users = None;
        self.tabs[tab].inbox.clear();
        if self.browsers[seat.browser].seats[seat.place] == Some(tab) {
            self.browsers[seat.browser].seats[seat.place] = None;
        }
        for socket in 0..self.sockets.len() {
            if self.sockets[socket].tab == tab && self.sockets[socket].client != End::Closed {
                self.close_client(socket);
            }
        }
        self.tabs[tab].socket = None;
        self.queue_ends(tab);
        self.room_ends(tab);
        if crashed {
            self.free_after_crash(tab);
        } else {
            self.free_locks(tab);
        }
    }
}

/// An output in words, for the story.
fn output_words(output: &Output) -> String {
    match output {
        Output::SendFrame { frame, .. } => format!("send {frame}"),
        Output::PostToTabs(message) => format!("post {message}"),
        other => format!("{other:?}"),
    }
}
