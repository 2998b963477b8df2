//! What the tabs part and the other parts say to each other, and what tabs say to each other.

use std::borrow::Cow;
use std::rc::Rc;

use super::channels::{Before, Replay, TooManyChannels, Why};
use super::ids::{CallId, TabId, Term};
use super::input::LockEvent;
use super::list::List;
use super::notice::FaultCode;
use super::output::Output;
use super::tabs::calls::{Call, CallRefused, Deed, Taken};
use super::tabs::message::{self, Message, Says};
use super::tabs::{self, Hears, Role};
use super::tell::Touched;
use super::time::Now;
use super::{Engine, Life, principal};

impl Engine {
    /// Something happened to the leader's lock.
    pub(super) fn on_lock(&mut self, now: Now, event: LockEvent) {
        if self.life != Life::Running {
            return;
        }
        match event {
            LockEvent::Granted(ticket) => self.tabs.granted(now, ticket),
            LockEvent::Lost(ticket) => self.tabs.lost(now, ticket),
            LockEvent::Unavailable => self.tabs.unavailable(tabs::Why::NoLocks),
        }
        self.tabs_steps(now);
    }

    /// This browser has no channel between tabs.
    pub(super) fn on_no_tab_channel(&mut self, now: Now) {
        if self.life == Life::Running {
            self.tabs.unavailable(tabs::Why::NoChannel);
            self.tabs_steps(now);
        }
    }

    /// The browser says which tabs hold their own lock.
    pub(super) fn on_tab_locks(&mut self, now: Now, held: &[TabId]) {
        self.tabs.locks(now, held);
        self.tabs_steps(now);
    }

    /// Does what the tabs part wants done.
    pub(super) fn tabs_steps(&mut self, now: Now) {
        while let Some(step) = self.tabs.poll() {
            self.touch(Touched::Channels);
            match step {
                tabs::Step::Queue(ticket) => {
                    let name = principal::scope_name(self.scope);
                    self.out.push_back(Output::QueueForLock { ticket, name });
                }
                tabs::Step::Steal(ticket) => {
                    let name = principal::scope_name(self.scope);
                    self.out.push_back(Output::StealLock { ticket, name });
                }
                tabs::Step::Release(ticket) => self.out.push_back(Output::ReleaseLock(ticket)),
                tabs::Step::TakeLead => self.take_lead(now),
                tabs::Step::GiveUpLead => self.give_up_lead(now),
                tabs::Step::NewLeader => {
                    self.channels.leader_lost(now.mono);
                    self.say_here();
                    for call in self.calls.open().to_vec() {
                        self.say_call(&call);
                    }
                }
                tabs::Step::LeaderLost => {
                    self.channels.leader_lost(now.mono);
                    self.room_link(now, false);
                }
                tabs::Step::SayHere => self.say_here(),
                tabs::Step::SayLead => self.told_tabs = None,
                tabs::Step::Ask => self.post(Says::Ask),
                tabs::Step::Offer(to) => self.post(Says::Offer { to }),
                tabs::Step::QueryLocks => {
                    let prefix = principal::tab_locks(self.scope);
                    self.out.push_back(Output::QueryLocks { prefix });
                }
                tabs::Step::Gone(tab) => {
                    self.channels.forget_tab(now.mono, tab);
                    self.calls.forget_tab(tab);
                    self.queue.tab_gone(now, tab);
                    self.freshness.forget_tab(tab);
                    self.desk.forget_tab(tab);
                    self.channel_steps(now);
                    self.told_tabs = None;
                }
                tabs::Step::Alone(why) => self.fault(FaultCode::Alone, why.text()),
            }
        }
    }

    fn take_lead(&mut self, now: Now) {
        self.channels.take_lead(now.mono);
        self.told_tabs = None;
        self.want_link(now);
        // Nobody can place what a leader says before it said that it leads.
        self.say_lead(now);
        self.queue_leads(now);
        // What was asked of the last leader is this tab's own business now.
        for call in self.calls.open().to_vec() {
            self.serve_own(now, &call);
        }
    }

    fn give_up_lead(&mut self, now: Now) {
        self.link.unwant(now, "another tab leads");
        self.link_steps(now);
        self.channels.give_up_lead(now.mono);
        self.calls.give_up_lead();
        self.desk.clear();
        self.room_link(now, false);
        self.queue.follow();
        self.relay.clear();
        self.told_tabs = None;
    }

    /// Another tab said something.
    pub(super) fn on_tab_message(&mut self, now: Now, bytes: &[u8]) {
        match self.tabs.role() {
            Role::Away | Role::Alone(_) => return,
            Role::Following | Role::Leading(_) => {}
        }
        let message = message::read(bytes);
        // Ids are made anew for each page: what says that it is from us is not.
        let Some(Message { from, says, .. }) =
            message.filter(|message| message.scope == self.scope && message.from != self.tabs.me())
        else {
            self.fault(
                FaultCode::BadTabMessage,
                "a message of another tab is not ours",
            );
            return;
        };
        if !matches!(says, Says::Events { .. }) {
            self.touch(Touched::Channels);
        }
        match says.term() {
            None => self.on_tab_says(now, from, says),
            Some(term) => {
                if self.hears(now, term) {
                    self.tabs.heard(now, from, None);
                    self.on_leader_says(now, term, says);
                }
            }
        }
        self.tabs_steps(now);
        self.channel_steps(now);
    }

    /// May what a leader of this term says be used? A newer one than us ends our lead first.
    pub(super) fn hears(&mut self, now: Now, term: Term) -> bool {
        let hears = self.tabs.hears(now, term);
        self.tabs_steps(now);
        if hears == Hears::Foreign {
            self.fault(FaultCode::BadTabMessage, "no leader has such a term");
        }
        hears == Hears::Yes
    }

    /// What any tab may say.
    fn on_tab_says(&mut self, now: Now, from: TabId, says: Says<'_>) {
        let leads = matches!(self.tabs.role(), Role::Leading(_));
        match says {
            Says::Hello { visible } => {
                self.tabs.heard(now, from, Some(visible));
                self.told_tabs = None;
            }
            Says::Here { visible, wants } => {
                let mut news = self.tabs.heard(now, from, Some(visible));
                if leads {
                    match self.channels.watch_for_tab(now.mono, from, &wants) {
                        Ok(watches) => news |= watches,
                        Err(TooManyChannels) => {
                            self.fault(FaultCode::Limit, "more channels than may be known");
                        }
                    }
                    self.channel_steps(now);
                }
                // Whoever has something to say wants to hear how things stand; who says only that
                // it is still there does not.
                if news {
                    self.told_tabs = None;
                }
            }
            Says::Bye => self.tabs.left(now, from),
            Says::LoggedIn if self.tabs.has_link() => self.on_login(now, None),
            Says::LoggedIn => self.heard_of_login(),
            Says::Contracts(word) => self.on_word(now, from, word),
            Says::Queue(text) => self.on_queue_talk(now, from, &text),
            Says::Wish(text) => {
                self.tabs.heard(now, from, None);
                if leads {
                    self.on_wish(now, from, &text);
                }
            }
            Says::Calm { host, until } => self.on_calm(now, &host, until),
            Says::Ask => {
                self.tabs.heard(now, from, None);
                self.tabs.asks(now, from);
                self.told_tabs = None;
            }
            Says::Offer { to } => {
                self.tabs.heard(now, from, None);
                if to == self.tabs.me() {
                    self.tabs.offered(now);
                }
            }
            Says::Missing { channel, position } => {
                self.tabs.heard(now, from, None);
                if leads {
                    self.replay(
                        from,
                        &channel,
                        self.channels.replay(&channel, position.as_ref()),
                    );
                }
            }
            Says::Call {
                id,
                open,
                kind,
                body,
            } => {
                self.tabs.heard(now, from, None);
                if leads && self.tabs.knows(from) {
                    self.on_call(now, from, id, open, &kind, body);
                }
            }
            Says::Lead { .. }
            | Says::Events { .. }
            | Says::Place { .. }
            | Says::Replay { .. }
            | Says::Refused { .. }
            | Says::Room { .. }
            | Says::Answer { .. } => {}
        }
    }

    /// What only a leader may say. It was heard already that this one leads.
    fn on_leader_says(&mut self, now: Now, term: Term, says: Says<'_>) {
        if let Says::Lead {
            status,
            hold,
            tabs,
            positions,
            ..
        } = says
        {
            self.remember_link(&status, hold.map(|until| now.heard(until)));
            let new = !self.tabs.follows(term);
            self.tabs.follow(term, status, tabs);
            self.tabs_steps(now);
            if new {
                self.queue.follow_leader(now, term);
            }
            self.room_follows(now, new);
            self.channels.leader_has(now.mono, &positions);
            #[cfg(feature = "phoenix")]
            self.channels.followed(now);
            return;
        }
        // Before its first word on the positions, what a leader says cannot be placed. It is not
        // lost: the positions tell what is missing.
        if !self.tabs.follows(term) {
            return;
        }
        let me = self.tabs.me();
        match says {
            Says::Events { events, .. } => {
                for text in &events {
                    self.on_tab_event(now, text);
                }
            }
            Says::Place {
                to,
                channel,
                position,
                before,
                ..
            } if to.is_none_or(|to| to == me) => {
                self.channels
                    .leader_places(now.mono, &channel, position, before);
                #[cfg(feature = "phoenix")]
                self.channels.followed(now);
            }
            Says::Replay {
                to,
                channel,
                events,
                position,
                ..
            } if to == me => {
                for text in &events {
                    self.on_tab_event(now, text);
                }
                self.channels.replayed(now.mono, &channel, position);
            }
            Says::Refused { channel, code, .. } => {
                let why = match code.as_ref() {
                    FULL => Why::Full,
                    code => Why::Denied(code.into()),
                };
                self.channels.leader_refused(&channel, why);
            }
            Says::Room { to, word, .. } if to.is_none_or(|to| to == me) => {
                self.on_word_of_room(now, &word);
            }
            Says::Answer { to, id, body, .. } if to == me => self.on_answer(now, id, body),
            Says::Hello { .. }
            | Says::Here { .. }
            | Says::Bye
            | Says::Calm { .. }
            | Says::LoggedIn
            | Says::Queue(_)
            | Says::Wish(_)
            | Says::Room { .. }
            | Says::Contracts(_)
            | Says::Ask
            | Says::Missing { .. }
            | Says::Call { .. }
            | Says::Offer { .. }
            | Says::Lead { .. }
            | Says::Place { .. }
            | Says::Replay { .. }
            | Says::Answer { .. } => {}
        }
    }

    /// Tells a tab what it missed. Without an answer it will be told as soon as the channel is
    /// subscribed.
    fn replay(&mut self, to: TabId, channel: &str, replay: Option<Replay>) {
        let (Some(term), Some(replay)) = (self.lead_term(), replay) else {
            return;
        };
        let channel = Cow::Borrowed(channel);
        match replay {
            Replay::Events(events, position) => {
                let events = events.iter().map(|text| Cow::Borrowed(&**text)).list();
                self.post(Says::Replay {
                    term,
                    to,
                    channel,
                    events,
                    position,
                });
            }
            Replay::Gap(position) => self.post(Says::Place {
                term,
                to: Some(to),
                channel,
                position,
                before: Before::Gap,
            }),
        }
    }

    // Calls.

    /// Asks the leader for something; this tab itself, if it leads. The answer comes once, however
    /// often the lead changes meanwhile.
    pub(super) fn call_leader(
        &mut self,
        now: Now,
        deed: Deed,
        body: &str,
    ) -> Result<CallId, CallRefused> {
        let call = self.calls.call(deed, body)?;
        match self.tabs.role() {
            // It is sent to who leads next.
            Role::Away => {}
            Role::Leading(_) | Role::Alone(_) => self.serve_own(now, &call),
            Role::Following => self.say_call(&call),
        }
        Ok(call.id)
    }

    fn say_call(&mut self, call: &Call) {
        let open = self.calls.open_from();
        self.post(Says::Call {
            id: call.id,
            open,
            kind: Cow::Borrowed(call.deed.text()),
            body: &call.body,
        });
    }

    fn serve_own(&mut self, now: Now, call: &Call) {
        let me = self.tabs.me();
        if self.calls.take(me, call.id, self.calls.open_from()) == Taken::Do {
            self.serve(now, me, call.id, call.deed, &call.body);
        }
    }

    fn on_call(&mut self, now: Now, from: TabId, id: CallId, open: CallId, kind: &str, body: &str) {
        let Some(deed) = Deed::parse(kind) else {
            self.fault(FaultCode::BadTabMessage, "a call that nobody knows");
            return;
        };
        match self.calls.take(from, id, open) {
            Taken::Do => self.serve(now, from, id, deed, body),
            Taken::Ignore => {}
            Taken::Answer(answer) => self.post_answer(from, id, &answer),
        }
    }

    /// The one place that knows which part does a deed.
    fn serve(&mut self, now: Now, from: TabId, id: CallId, deed: Deed, _body: &str) {
        match deed {
            Deed::Reconnect => {
                self.link.reconnect(now);
                self.answer_call(now, from, id, "null");
            }
        }
    }

    /// A part did what a tab asked for.
    pub(super) fn answer_call(&mut self, now: Now, to: TabId, id: CallId, answer: &str) {
        if let Some(answer) = self.calls.done(to, id, answer) {
            if to == self.tabs.me() {
                self.on_answer(now, id, &answer);
            } else {
                self.post_answer(to, id, &answer);
            }
        }
    }

    fn post_answer(&mut self, to: TabId, id: CallId, body: &str) {
        if let Some(term) = self.lead_term() {
            self.post(Says::Answer { term, to, id, body });
        }
    }

    /// The one place that knows which part waits for an answer.
    fn on_answer(&mut self, _now: Now, id: CallId, _answer: &str) {
        if let Some(call) = self.calls.answered(id) {
            match call.deed {
                Deed::Reconnect => {}
            }
        }
    }

    // What is said.

    /// This tab's term, if it leads.
    pub(super) fn lead_term(&self) -> Option<Term> {
        match self.tabs.role() {
            Role::Leading(term) => Some(term),
            Role::Away | Role::Following | Role::Alone(_) => None,
        }
    }

    pub(super) fn say_hello(&mut self) {
        let visible = self.tabs.visible();
        self.post(Says::Hello { visible });
    }

    fn say_here(&mut self) {
        self.freshness.tell_again();
        let visible = self.tabs.visible();
        let wants = match self.tabs.role() {
            Role::Following => self.channels.wants(),
            // The leader knows its own.
            Role::Away | Role::Leading(_) | Role::Alone(_) => Vec::new(),
        };
        self.post(Says::Here { visible, wants });
    }

    /// Tells the leader what this page watches, if that changed and somebody leads.
    pub(super) fn say_wants(&mut self) {
        if std::mem::take(&mut self.wants_changed) && self.tabs.leader_status().is_some() {
            self.say_here();
        }
    }

    /// Tells the other tabs how the link stands, if that changed or somebody asked.
    pub(super) fn say_lead(&mut self, now: Now) {
        let Some(term) = self.lead_term() else {
            return;
        };
        self.flush_relay();
        let status = self.link_status();
        if self.told_tabs.as_ref() != Some(&status) {
            self.told_tabs = Some(status.clone());
            let tabs = self.tabs.count();
            let positions = self.channels.positions();
            let hold = self.link.hold(now.mono).map(|at| now.until(at));
            self.post(Says::Lead {
                term,
                status,
                hold,
                tabs,
                positions,
            });
        }
    }

    /// Hands on the events that came, before anything else is said of the channels.
    pub(super) fn flush_relay(&mut self) {
        let events = std::mem::take(&mut self.relay);
        if let (Some(term), false) = (self.lead_term(), events.is_empty()) {
            let events = events.iter().map(|text| Cow::Borrowed(&**text)).list();
            self.post_now(&Says::Events { term, events });
        }
    }

    pub(super) fn post(&mut self, says: Says<'_>) {
        if says.term().is_some() {
            self.flush_relay();
        }
        self.post_now(&says);
    }

    fn post_now(&mut self, says: &Says<'_>) {
        match self.tabs.role() {
            Role::Alone(_) | Role::Away => {}
            Role::Following | Role::Leading(_) => {
                let text = message::write(self.tabs.me(), self.scope, says);
                self.out.push_back(Output::PostToTabs(text));
            }
        }
    }

    /// The name of this tab's own lock.
    pub(super) fn own_lock(&self) -> Rc<str> {
        principal::tab_lock(self.scope, self.tabs.me())
    }
}

/// Why a channel cannot be had, as a word between tabs: there is no room for it.
pub(super) const FULL: &str = "full";
