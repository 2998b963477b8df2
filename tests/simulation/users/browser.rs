//! What the browser of a world of users does for its tabs: locks, channels, storage, and when what
//! reaches which page.

use everfresh::engine::command::Command;
use everfresh::engine::ids::{LockTicket, TabId, TokenId};
use everfresh::engine::input::{Input, LockEvent, PageEvent, SocketEvent};
use everfresh::engine::output::Output;
use everfresh::engine::queue::Outcome;
use everfresh::engine::time::Mono;
use everfresh::wire::json;

use super::{Due, TABS, Tab, USERS, World};

impl World {
    pub(super) fn does(&mut self, tab: usize, output: Output) {
        match output {
            Output::OpenSocket { conn, .. } => self.dials(tab, conn),
            Output::SendFrame { conn, frame } => self.sends(tab, conn, frame),
            Output::CloseSocket { conn } => self.hangs_up(tab, Some(conn)),
            Output::AskToken { request, .. } => {
                let (delay, user) = (self.chance.between(1, 3000), self.tabs[tab].user);
                self.plan(delay, tab, Due::Token(request, user));
            }
            Output::QueueForLock { ticket, name } => {
                let queue = self.locks.entry(name.to_string()).or_default();
                queue.push_back((tab, ticket));
                if queue.len() == 1 {
                    self.plan(1, tab, Due::Granted(name.to_string(), ticket));
                }
            }
            Output::StealLock { ticket, name } => {
                let queue = self.locks.entry(name.to_string()).or_default();
                let loser = queue.pop_front();
                queue.push_front((tab, ticket));
                if let Some((loser, ticket)) = loser {
                    self.plan(1, loser, Due::Unlocked(ticket));
                }
                self.plan(1, tab, Due::Granted(name.to_string(), ticket));
            }
            Output::ReleaseLock(ticket) => self.release(tab, Some(ticket)),
            Output::HoldTabLock(name) => self.tabs[tab].mark = Some(name.to_string()),
            Output::ReleaseTabLock => self.tabs[tab].mark = None,
            Output::QueryLocks { prefix } => {
                let holds = |tab: &&Tab| {
                    let mark = tab.mark.as_deref();
                    mark.is_some_and(|mark| mark.starts_with(&*prefix))
                };
                let found = self.tabs.iter().filter(holds).map(|tab| tab.id).collect();
                self.plan(1, tab, Due::Tabs(found));
            }
            Output::OpenUserChannel(_) => self.tabs[tab].users = true,
            Output::CloseUserChannel => self.tabs[tab].users = false,
            Output::PostToUsers(text) => {
                for other in (0..TABS).filter(|other| *other != tab) {
                    self.plan(1, other, Due::ToUsers(text.clone()));
                }
            }
            Output::OpenTabChannel(name) => {
                self.tabs[tab].opened += 1;
                self.tabs[tab].channel = Some(name.to_string());
            }
            Output::CloseTabChannel => self.tabs[tab].channel = None,
            Output::PostToTabs(text) => {
                let name = self.tabs[tab].channel.clone();
                for other in (0..TABS).filter(|other| *other != tab) {
                    if name.is_some() && self.tabs[other].channel == name {
                        let opened = self.tabs[other].opened;
                        self.plan(1, other, Due::Said(opened, text.clone()));
                    }
                }
            }
            other => self.stores(tab, other),
        }
    }

    fn stores(&mut self, tab: usize, output: Output) {
        let delay = self.chance.between(1, 4);
        match output {
            Output::StoreWrite { op, key, value } => {
                self.store.insert(key.clone(), value.clone());
                self.plan(delay, tab, Due::Stored(op));
                self.changed(tab, &key, Some(value));
            }
            Output::StoreRemove { key } => {
                self.store.remove(&key);
                self.changed(tab, &key, None);
            }
            Output::StoreList { op, prefix } => self.plan(delay, tab, Due::Listed(op, prefix)),
            Output::StoreRead { op, keys } => self.plan(delay, tab, Due::Read(op, keys)),
            Output::SessionWrite { key, value } => {
                self.tabs[tab].kept.insert(key, value);
            }
            Output::SessionRemove { key } => {
                self.tabs[tab].kept.remove(&key);
            }
            Output::SessionRead { key } => self.plan(1, tab, Due::Session(key)),
            Output::RunMutation(run) => self.runs(tab, &run),
            Output::Tell(notice) => self.told(tab, notice),
            _ => {}
        }
    }

    fn changed(&mut self, tab: usize, key: &str, value: Option<String>) {
        for other in (0..TABS).filter(|other| *other != tab) {
            self.plan(2, other, Due::Changed(key.to_owned(), value.clone()));
        }
    }

    /// A tab gives a lock up, or all that it holds or waits for.
    fn release(&mut self, tab: usize, ticket: Option<LockTicket>) {
        let mut next = Vec::new();
        let is = |entry: &(usize, LockTicket)| {
            entry.0 == tab && ticket.is_none_or(|ticket| ticket == entry.1)
        };
        for (name, queue) in &mut self.locks {
            let held = queue.front().is_some_and(is);
            queue.retain(|entry| !is(entry));
            if let Some((other, ticket)) = queue.front().filter(|_| held) {
                next.push((*other, name.clone(), *ticket));
            }
        }
        for (other, name, ticket) in next {
            self.plan(1, other, Due::Granted(name, ticket));
        }
    }

    fn arrives(&mut self, tab: usize, due: Due) {
        match due {
            Due::Granted(name, ticket) => {
                let queue = self.locks.get(&name);
                if queue.is_some_and(|queue| queue.front() == Some(&(tab, ticket))) {
                    self.happens(tab, Input::Lock(LockEvent::Granted(ticket)));
                }
            }
            Due::Unlocked(ticket) => self.happens(tab, Input::Lock(LockEvent::Lost(ticket))),
            Due::Tabs(found) => self.happens(tab, Input::TabLocks(&found)),
            Due::Said(opened, text) => {
                if self.tabs[tab].opened == opened && self.tabs[tab].channel.is_some() {
                    self.check_secret(tab, &text);
                    self.happens(tab, Input::TabMessage(text.as_bytes()));
                }
            }
            Due::ToUsers(text) => {
                if self.tabs[tab].users {
                    self.check_secret(tab, &text);
                    self.happens(tab, Input::UserMessage(text.as_bytes()));
                }
            }
            Due::Stored(op) => self.happens(tab, Input::Stored { op, result: Ok(()) }),
            Due::Listed(op, prefix) => {
                let keys = self.store.keys().filter(|key| key.starts_with(&prefix));
                let keys: Vec<String> = keys.cloned().collect();
                let result = Ok(keys.as_slice());
                self.happens(tab, Input::StoreListed { op, result });
            }
            Due::Read(op, keys) => {
                let values: Vec<_> = keys
                    .iter()
                    .map(|key| self.store.get(key).cloned())
                    .collect();
                let result = Ok(values.as_slice());
                self.happens(tab, Input::StoreRead { op, result });
            }
            Due::Changed(key, value) => {
                let (key, value) = (Some(key.as_str()), value.as_deref());
                self.happens(tab, Input::StoreChanged { key, value });
            }
            Due::Session(key) => {
                let value = self.tabs[tab].kept.get(&key).cloned();
                let (key, value) = (key.as_str(), value.as_deref());
                self.happens(tab, Input::SessionLoaded { key, value });
            }
            Due::Refused(conn) | Due::Cut(conn) => {
                let (code, reason) = (1006, "");
                let event = SocketEvent::Closed { code, reason };
                self.happens(tab, Input::Socket { conn, event });
            }
            Due::Done(id, attempt) => {
                let of = self
                    .ids
                    .get(&id.text())
                    .map(|serial| self.list[*serial].owner);
                self.done.insert(id.text());
                self.seen.late_run += u64::from(of.is_some_and(|of| of != self.tabs[tab].user));
                let raw = json::parse(r#"{"ok":true}"#).expect("JSON");
                let outcome = Outcome::read(raw).expect("an outcome");
                let input = Input::MutationDone {
                    id,
                    attempt,
                    outcome,
                };
                self.happens(tab, input);
            }
            Due::Opened(conn) => {
                let event = SocketEvent::Opened;
                self.happens(tab, Input::Socket { conn, event });
            }
            Due::Frame(conn, frame) => {
                let event = SocketEvent::Frame(frame.as_bytes());
                self.happens(tab, Input::Socket { conn, event });
            }
            Due::Token(request, user) => {
                self.seen.late_token += u64::from(user != self.tabs[tab].user);
                let token =
                    USERS[user].map_or("null".to_owned(), |name| format!("\"token-of-{name}\""));
                let TokenId(request) = request;
                self.say(
                    tab,
                    &format!(r#"{{"do":"token","request":{request},"token":{token}}}"#),
                );
            }
            Due::AtServer(line, frame) => self.hears(line, &frame),
            Due::HungUp(line) => self.hung_up(line),
            Due::Pings(line) => self.pings(line),
            Due::Thaws(told) => {
                self.tabs[tab].frozen = None;
                self.tabs[tab].back = self.now;
                if told {
                    self.happens(tab, Input::Page(PageEvent::Resumed));
                }
            }
            Due::Boots => self.boots(tab),
            Due::AsksCookie => self.set_user(tab),
            Due::Fetched(fetch, session) => {
                if fetch != self.tabs[tab].fetches {
                    return;
                }
                if session == self.tabs[tab].session && !self.tabs[tab].fenced {
                    self.fetched[self.tabs[tab].user] = true;
                } else {
                    self.seen.late_fetch += 1;
                }
                self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"success"}"#);
            }
        }
    }

    /// A page's process dies, or it is closed. Another one is loaded on its place, and may be what a
    /// reload makes of it.
    pub(super) fn dies(&mut self, tab: usize, down: u64, reload: bool) {
        self.tell(tab, "--- dies");
        let work = |m: &super::Mutation| m.accepted && !m.settled;
        self.seen.crashed_with_work += u64::from(self.list.iter().any(work));
        self.lapses += 1;
        self.hangs_up(tab, None);
        self.release(tab, None);
        let gone = &mut self.tabs[tab];
        gone.life += 1;
        gone.there = false;
        gone.frozen = None;
        (gone.channel, gone.users, gone.mark) = (None, false, None);
        if !reload {
            gone.kept.clear();
        }
        self.plan(down, tab, Due::Boots);
    }

    /// A page is loaded, for whoever the server says is there.
    fn boots(&mut self, tab: usize) {
        let fresh = Tab::new(tab, self.user, self.chance.bits());
        let old = &mut self.tabs[tab];
        *old = Tab {
            id: TabId(old.id.0 + TABS as u64),
            life: old.life,
            session: old.session + 1,
            fetches: old.fetches + 1,
            opened: old.opened,
            back: self.now,
            kept: std::mem::take(&mut old.kept),
            ..fresh
        };
        self.starts(tab);
    }

    pub(super) fn starts(&mut self, tab: usize) {
        self.say(tab, r#"{"do":"fetch","key":["plan"],"phase":"observe"}"#);
        self.say(tab, r#"{"do":"listen","event":"noted"}"#);
        self.happens(tab, Input::Command(Command::Start));
    }

    /// A page stands still, and is told so or not.
    pub(super) fn freezes(&mut self, tab: usize, span: u64, told: bool) {
        self.tell(tab, &format!("--- freezes for {span}, told: {told}"));
        if told {
            self.happens(tab, Input::Page(PageEvent::Suspended));
        }
        self.lapses += 1;
        self.tabs[tab].frozen = Some(self.now + span);
        self.plan(span, tab, Due::Thaws(told));
    }

    /// What is due for a page waits while it stands still, and is nothing to one that is gone.
    fn comes_due(&mut self, number: u64, tab: usize, life: u64, due: Due) {
        let elsewhere = matches!(due, Due::AtServer(..) | Due::HungUp(_) | Due::Pings(_));
        let is_there =
            life == self.tabs[tab].life && (self.tabs[tab].there || matches!(due, Due::Boots));
        if !elsewhere && !is_there {
            return;
        }
        match self.tabs[tab].frozen {
            Some(until) if !elsewhere && !matches!(due, Due::Thaws(_)) => {
                self.agenda.insert((until + 1, number), (tab, life, due));
            }
            Some(_) | None => self.arrives(tab, due),
        }
    }

    pub(super) fn wait(&mut self, span: u64) {
        let end = self.now + span;
        loop {
            let planned = self.agenda.first_key_value().map(|(at, _)| (at.0, None));
            let ticks = (0..TABS).filter(|at| self.tabs[*at].runs());
            let ticks = ticks.filter_map(|at| {
                let Mono(due) = self.tabs[at].engine.next_wakeup()?;
                Some((due.saturating_sub(1000), Some(at)))
            });
            let next = ticks
                .chain(planned)
                .min_by_key(|(at, tab)| (*at, tab.is_none()));
            let Some((at, ticks)) = next.filter(|(at, ..)| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            match ticks {
                Some(tab) => self.happens(tab, Input::Tick),
                None => {
                    if let Some(((_, number), (tab, life, due))) = self.agenda.pop_first() {
                        self.comes_due(number, tab, life, due);
                    }
                }
            }
        }
        self.now = end;
    }
}
