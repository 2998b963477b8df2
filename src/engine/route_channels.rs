//! What the channels part and the other parts say to each other.

use std::borrow::Cow;
use std::rc::Rc;

use super::Engine;
use super::channels::{Step, TooManyChannels, Verdict, Why};
use super::ids::{Position, RequestId};
use super::journal::{Seen, What};
use super::notice::FaultCode;
use super::route_tabs::FULL;
use super::tabs::message::{self, Says};
use super::tell::Touched;
use super::time::Now;
use super::token::Token;
use crate::wire::{Event, Recovery, Refusal};

impl Engine {
    /// The server says that something happened on a channel.
    pub(super) fn on_event(&mut self, now: Now, event: &Event<'_>) {
        let verdict = self
            .channels
            .event(now.mono, &event.channel, event.seq, &mut || {
                message::event_text(event)
            });
        self.take_event(now, event, verdict, None);
    }

    /// The leader says it.
    pub(super) fn on_tab_event(&mut self, now: Now, text: &str) {
        let Some(event) = message::read_event(text) else {
            self.fault(FaultCode::BadTabMessage, "an event of another tab is none");
            return;
        };
        let verdict = self
            .channels
            .event(now.mono, &event.channel, event.seq, &mut || text.into());
        self.take_event(now, &event, verdict, Some(text));
    }

    fn take_event(&mut self, now: Now, event: &Event<'_>, verdict: Verdict, text: Option<&str>) {
        #[cfg(feature = "phoenix")]
        let verdict = self.channels.once(event, verdict);
        match verdict {
            Verdict::Next => {
                self.deliver(now, event);
                self.heard_of(now, 0, event);
                self.hand_on(now, event, text);
            }
            Verdict::Pass => self.hand_on(now, event, text),
            Verdict::Duplicate => {
                self.metrics.duplicates += 1;
                self.journal
                    .event(Seen::Duplicate, &event.name, &event.channel);
            }
            Verdict::Ahead => {
                self.metrics.gaps += 1;
                self.journal.event(Seen::Ahead, &event.name, &event.channel);
            }
            Verdict::Held | Verdict::Foreign => {}
        }
        self.channel_steps(now);
    }

    /// Keeps an event for the tabs that follow, and for those that may come back.
    fn hand_on(&mut self, now: Now, event: &Event<'_>, text: Option<&str>) {
        if !self.tabs.has_others() && !self.tabs.may_return(now) {
            return;
        }
        let text: Rc<str> = match text {
            Some(text) => text.into(),
            None => message::event_text(event),
        };
        self.channels.remember(&event.channel, event.seq, &text);
        if self.lead_term().is_some() && self.tabs.has_others() {
            self.relay.push(text);
        }
    }

    /// The server says how a channel stands.
    pub(super) fn on_subscribed(
        &mut self,
        now: Now,
        request: Option<RequestId>,
        channel: &str,
        position: Option<Position>,
        recovery: Recovery,
    ) {
        self.touch(Touched::Channels);
        #[cfg(feature = "centrifugo")]
        self.admissions.subscribed(channel);
        self.channels
            .subscribed(now.mono, request, channel, position, recovery);
        #[cfg(feature = "phoenix")]
        self.channels.answered(channel);
        self.channel_steps(now);
    }

    /// The server says that a channel is no longer subscribed.
    pub(super) fn on_unsubscribed(&mut self, now: Now, request: Option<RequestId>, channel: &str) {
        // What answers a request of ours is no news.
        if request.is_none() {
            self.channels.dropped(now.mono, channel, &mut self.rng);
            self.channel_steps(now);
        }
    }

    /// The server refused something.
    pub(super) fn on_refused(&mut self, now: Now, refusal: Refusal) {
        if self.channels.refused(now.mono, &refusal, &mut self.rng) {
            self.channel_steps(now);
            return;
        }
        self.tell_refusal(refusal);
    }

    /// Tells the app what the server said no to.
    pub(super) fn tell_refusal(&mut self, refusal: Refusal) {
        let mut message = refusal.code;
        message.push_str(": ");
        message.push_str(&refusal.message);
        if let Some(channel) = refusal.channel {
            push_channel(&mut message, &channel);
        }
        self.fault(FaultCode::Refused, message);
    }

    /// Part of the page watches a channel.
    pub(super) fn watch(&mut self, now: Now, channel: &str) {
        if let Err(TooManyChannels) = self.channels.watch(now.mono, channel) {
            self.fault(FaultCode::Limit, "more channels than may be known");
        }
        self.channel_steps(now);
    }

    /// Does what the channels part wants done.
    pub(super) fn channel_steps(&mut self, now: Now) {
        while let Some(step) = self.channels.poll(now.mono, &mut self.request) {
            self.touch(Touched::Channels);
            match step {
                Step::Subscribe {
                    request,
                    channel,
                    position,
                } => {
                    #[cfg(feature = "centrifugo")]
                    if self.admit(now, &channel, request, &position) {
                        continue;
                    }
                    #[cfg(feature = "phoenix")]
                    let since = self.channels.missed_since(now, &channel);
                    #[cfg(not(feature = "phoenix"))]
                    let since = None;
                    let token = self.link.token().map(Token::text);
                    let ask = (self.wires.link).subscribe(
                        request,
                        &channel,
                        position.as_ref(),
                        since,
                        token,
                    );
                    self.ask(now, ask);
                }
                Step::Unsubscribe { channel } => {
                    #[cfg(feature = "centrifugo")]
                    self.admissions.forget(&channel);
                    let request = self.next_request();
                    if let Some(frame) = self.wires.link.unsubscribe(request, &channel) {
                        self.send(now, frame);
                    }
                }
                Step::Gap { channel } => {
                    let name = self.journal.name(&channel);
                    self.journal.note(What::Gap { channel: name });
                    self.invalidation.gap(now.mono, &channel, &mut self.rng);
                }
                Step::Deliver { text, mine } => {
                    if let Some(event) = message::read_event(&text) {
                        if mine {
                            self.deliver(now, &event);
                            self.heard_of(now, 0, &event);
                        }
                        self.hand_on(now, &event, Some(&text));
                    }
                }
                Step::Place {
                    channel,
                    position,
                    before,
                } => {
                    if let Some(term) = self.lead_term() {
                        self.post(Says::Place {
                            term,
                            to: None,
                            channel: Cow::Borrowed(&channel),
                            position,
                            before,
                        });
                    }
                }
                Step::AskLeader { channel, position } => self.post(Says::Missing {
                    channel: Cow::Borrowed(&channel),
                    position,
                }),
                Step::TellWants => self.wants_changed = true,
                Step::Refused { channel, why } => self.channel_refused(&channel, &why),
            }
        }
    }

    fn channel_refused(&mut self, channel: &str, why: &Why) {
        let (code, word) = match why {
            Why::Full => (FaultCode::Limit, FULL),
            Why::Denied(word) => (FaultCode::Refused, &**word),
        };
        if let Some(term) = self.lead_term() {
            self.post(Says::Refused {
                term,
                channel: Cow::Borrowed(channel),
                code: Cow::Borrowed(word),
            });
        }
        let mut message = word.to_owned();
        push_channel(&mut message, channel);
        self.fault(code, message);
    }
}

fn push_channel(message: &mut String, channel: &str) {
    message.push_str(" (channel ");
    message.push_str(channel);
    message.push(')');
}
