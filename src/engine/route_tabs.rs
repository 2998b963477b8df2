//! What the tabs part and the other parts say to each other, and what tabs say to each other.

use std::rc::Rc;

use super::ids::{LockTicket, Position, TabId, Term};
use super::input::LockEvent;
use super::notice::FaultCode;
use super::output::Output;
use super::tabs::message::{self, Message, Says};
use super::tabs::{self, Role};
use super::tell::Touched;
use super::time::Now;
use super::{Engine, Life};
use crate::wire::{Event, Recovery};

impl Engine {
    pub(super) fn queue_for_lock(&mut self, ticket: LockTicket) {
        let name = Rc::clone(&self.scope);
        self.out.push_back(Output::QueueForLock { ticket, name });
    }

    pub(super) fn on_lock(&mut self, now: Now, event: LockEvent) {
        if self.life != Life::Running {
            return;
        }
        let step = match event {
            LockEvent::Granted(ticket) => self.tabs.granted(now, ticket),
            LockEvent::Lost(ticket) => self.tabs.lost(now, ticket),
            LockEvent::Unavailable => self.tabs.alone(),
        };
        self.tabs_step(now, step);
    }

    pub(super) fn tabs_step(&mut self, now: Now, step: tabs::Step) {
        match step {
            tabs::Step::Stay => {}
            tabs::Step::TakeLead => {
                // Subscribed was what the last leader had; this tab has asked for nothing yet.
                self.channels.link_down();
                self.want_link(now);
                self.queue_leads(now);
            }
            tabs::Step::GiveUpLead => {
                self.link.unwant(now, "another tab leads");
                self.link_steps(now);
                self.channels.link_down();
                self.channels.forget_all_tabs();
                self.told_tabs = None;
                // We may hold the lock still, when we only heard of a newer leader.
                let old = self.tabs.stop();
                self.out.push_back(Output::ReleaseLock(old));
                let ticket = self.tabs.start(now);
                self.queue_for_lock(ticket);
                self.queue.follow();
            }
        }
    }

    pub(super) fn on_tab_message(&mut self, now: Now, bytes: &[u8]) {
        if self.life != Life::Running || self.tabs.role() == Role::Alone {
            return;
        }
        let Some(Message { from, says }) = message::read(bytes) else {
            self.fault(
                FaultCode::BadTabMessage,
                "a message of another tab is not ours",
            );
            return;
        };
        if !matches!(says, Says::Events { .. }) {
            self.touch(Touched::Channels);
        }
        match says {
            Says::Hello => self.on_tab_here(now, from, &[]),
            Says::Here { wants } => self.on_tab_here(now, from, &wants),
            Says::Bye => self.on_tab_gone(now, from),
            Says::Contracts(word) => self.on_word(now, from, word),
            Says::Calm { host, until } => self.on_calm(now, &host, until),
            Says::Reconnect if self.tabs.has_link() => self.link.reconnect(now),
            Says::Reconnect => {}
            Says::LoggedIn if self.tabs.has_link() => self.link.logged_in(now, None),
            Says::LoggedIn => self.heard_of_login(),
            Says::Lead {
                term,
                status,
                tabs,
                positions,
            } => {
                if self.hears(now, term) {
                    self.remember_link(&status);
                    if self.tabs.follow(term, status, tabs) {
                        self.post_wants();
                        self.queue.follow_leader(now, term);
                    }
                    for (channel, position) in positions {
                        let step = self.channels.leader_is_at(&channel, position);
                        self.channel_steps(now, step);
                    }
                }
            }
            Says::Queue(text) => self.on_queue_talk(now, from, &text),
            Says::Events { term, events } => {
                if self.hears(now, term) && self.tabs.follows(term) {
                    for event in &events {
                        self.on_event(now, event);
                    }
                }
            }
            Says::Gap {
                term,
                channel,
                position,
            } => {
                if self.hears(now, term) {
                    let step = self
                        .channels
                        .subscribed(&channel, position, Recovery::Impossible);
                    self.channel_steps(now, step);
                }
            }
        }
    }

    /// May what this leader says be used? A newer leader than us ends our lead first.
    pub(super) fn hears(&mut self, now: Now, term: Term) -> bool {
        let (may, step) = self.tabs.hear_leader(now, term);
        self.tabs_step(now, step);
        may
    }

    pub(super) fn on_tab_here(
        &mut self,
        now: Now,
        tab: TabId,
        wants: &[(String, Option<Position>)],
    ) {
        if !matches!(self.tabs.role(), Role::Leading(_)) {
            return;
        }
        self.tabs.seen(now, tab);
        let (steps, result) = self.channels.watch_for_tab(tab, wants);
        self.channel_steps(now, steps);
        if result.is_err() {
            self.fault(
                FaultCode::Limit,
                "more channels than may be watched at a time",
            );
        }
        // Whoever speaks up wants to hear how things stand.
        self.told_tabs = None;
    }

    pub(super) fn on_tab_gone(&mut self, now: Now, tab: TabId) {
        self.freshness.forget_tab(tab);
        if self.tabs.left(tab) {
            self.queue.tab_gone(now, tab);
            let steps = self.channels.forget_tab(tab);
            self.channel_steps(now, steps);
            self.told_tabs = None;
        }
    }

    /// Tells the leader what this page watches, if another tab leads.
    pub(super) fn tell_wants(&mut self) {
        if self.tabs.role() == Role::Following && self.tabs.leader_status().is_some() {
            self.post_wants();
        }
    }

    pub(super) fn post_wants(&mut self) {
        self.freshness.tell_again();
        let wants = self.channels.wants();
        self.post(Says::Here { wants });
    }

    pub(super) fn relay(&mut self, events: Vec<Event<'_>>) {
        if !events.is_empty() && self.tabs.count() > 1 {
            self.lead_says(|term| Says::Events { term, events });
        }
    }

    pub(super) fn lead_says<'a>(&mut self, says: impl FnOnce(Term) -> Says<'a>) {
        if let Role::Leading(term) = self.tabs.role() {
            self.post(says(term));
        }
    }

    pub(super) fn post(&mut self, says: Says<'_>) {
        if self.tabs.role() == Role::Alone {
            return;
        }
        let from = self.tabs.me();
        let message = Message { from, says };
        self.out.push_back(Output::PostToTabs(message.write()));
    }
}
