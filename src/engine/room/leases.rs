//! Which fields this tab may edit: one small table of states a field.
//!
//! A lease is taken when a field gets the focus, renewed at a quarter of its time while the user
//! edits, and given back on save or blur. Every grant has a fence that grows for ever: the server
//! refuses a write with an older one, so a tab that slept over the end of its lease does no harm.
//! What this tab holds ends by its own monotonic clock, counted from when it asked and a margin
//! earlier: it stops before the server gives the field to somebody else. A grant that comes too
//! late is given back. It knows no link and no tabs.

mod why;

use std::rc::Rc;

pub use self::why::Why;
use super::guard::guard;
use crate::engine::limits::{LEASE_ASK_TIMEOUT, LEASE_MARGIN, LEASES_MAX};
use crate::engine::map::Map;
use crate::engine::time::{Millis, Mono};
use crate::wire::json::Writer;

/// The number of a question for a lease. What answers an older one is recognised by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask(pub u64);

/// The number of a grant. Of two, the larger one was given later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// A field in a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The channel.
    pub channel: Rc<str>,
    /// The field's name.
    pub name: Rc<str>,
}

/// How a field stands for this tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has it, as far as is known.
    Free,
    /// This tab asked for it.
    Asking {
        /// The question.
        ask: Ask,
        /// When it was asked.
        since: Mono,
    },
    /// This tab has it.
    Held(Held),
    /// This tab had it, or wanted it, and may not edit any more.
    Lost(Why),
    /// Somebody else has it.
    Other {
        /// Who, as JSON text, if the server says so.
        holder: Option<Rc<str>>,
        /// Until when, at the latest.
        until: Mono,
    },
}

impl State {
    /// As a word.
    pub fn text(&self) -> &'static str {
        match self {
            State::Free => "free",
            State::Asking { .. } => "asking",
            State::Held(_) => "held",
            State::Lost(_) => "lost",
            State::Other { .. } => "other",
        }
    }

    /// As the app reads it, of this field.
    pub fn write_members(&self, field: &Field, w: &mut Writer) {
        w.key("channel").string(&field.channel);
        w.key("field").string(&field.name);
        w.key("state").string(self.text());
        match self {
            State::Free | State::Asking { .. } => {}
            State::Held(held) => {
                w.key("fence").number(held.fence.0);
                w.key("guard").string(&guard(field, held.fence));
            }
            State::Lost(why) => w.key("why").string(why.text()),
            State::Other { holder, .. } => {
                w.key("holder").raw(holder.as_deref().unwrap_or("null"));
            }
        }
    }
}

/// A lease that this tab has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// To be sent with every write.
    pub fence: Fence,
    /// When this tab stops, unless it is renewed.
    pub until: Mono,
    /// When it is to be renewed, if the user edits.
    renew: Mono,
    /// Whether the user edited since it was granted or renewed.
    edited: bool,
    /// The renewal under way, and when it was asked for.
    asked: Option<(Ask, Mono)>,
}

/// What can happen to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The user wants to edit.
    Take,
    /// The user edits.
    Edit,
    /// The user is done.
    Release,
    /// The server gives a lease.
    Granted {
        /// The question that this answers.
        ask: Ask,
        /// The lease's fence.
        fence: Fence,
        /// How long it lasts.
        ttl: Millis,
    },
    /// The server, or the leader, gives none.
    Denied {
        /// The question that this answers.
        ask: Ask,
        /// Somebody else has it.
        locked: bool,
    },
    /// Somebody got a lease.
    Taken {
        /// Its fence.
        fence: Fence,
        /// Who, as JSON text.
        holder: Rc<str>,
        /// How long it lasts.
        ttl: Millis,
    },
    /// A lease ended.
    Freed {
        /// Its fence.
        fence: Fence,
    },
    /// There is a link: whoever leads knows nothing of this tab yet.
    LinkUp,
    /// There is none.
    LinkDown,
    /// The moment of the state came.
    Due,
}

/// What is to be said to the server about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Give me the lease, or let me keep the one of this fence.
    Ask {
        /// The question's number.
        ask: Ask,
        /// The fence of the lease that this tab has.
        fence: Option<Fence>,
    },
    /// I do not need it.
    GiveBack {
        /// Its fence.
        fence: Fence,
    },
}

/// What a step may look at.
#[derive(Clone, Copy, Debug)]
struct Facts {
    now: Mono,
    linked: bool,
    /// The number of the next question.
    ask: Ask,
}

impl State {
    fn asking(facts: Facts) -> (State, Option<Say>) {
        let Facts { now, ask, linked } = facts;
        let say = linked.then_some(Say::Ask { ask, fence: None });
        (State::Asking { ask, since: now }, say)
    }

    /// The state that follows, and what is to be said. Every pair has a row; a missing one does
    /// not compile.
    fn step(self, input: Input, facts: Facts) -> (State, Option<Say>) {
        use Input::{Denied, Due, Edit, Freed, Granted, LinkDown, LinkUp, Release, Take, Taken};
        use State::{Asking, Free, Held, Lost, Other};
        let back = |fence| Some(Say::GiveBack { fence });
        match (self, input) {
            (Free | Lost(_) | Other { .. }, Take | Edit) => State::asking(facts),
            (state @ Other { .. }, Release) => (state, None),
            (Free | Lost(_), Release) => (Free, None),
            // Nobody waits for it any more.
            (state @ (Free | Lost(_) | Other { .. }), Granted { fence, .. }) => {
                (state, back(fence))
            }
            (state @ (Free | Lost(_) | Other { .. }), Denied { .. }) => (state, None),
            (Free | Other { .. }, Taken { holder, ttl, .. }) => {
                let until = facts.now + ttl;
                let holder = Some(holder);
                (Other { holder, until }, None)
            }
            (lost @ Lost(_), Taken { .. } | Freed { .. }) => (lost, None),
            (Free | Other { .. }, Freed { .. }) => (Free, None),
            (state @ (Free | Lost(_) | Other { .. }), LinkUp | LinkDown) => (state, None),
            (state @ (Free | Lost(_)), Due) => (state, None),
            (Other { holder, until }, Due) => {
                if until <= facts.now {
                    (Free, None)
                } else {
                    (Other { holder, until }, None)
                }
            }

            (asking @ Asking { .. }, Take | Edit) => (asking, None),
            // If it is granted all the same, it is given back then.
            (Asking { .. }, Release) => (Free, None),
            (
                Asking { ask, since },
                Granted {
                    ask: of,
                    fence,
                    ttl,
                },
            ) => {
                if ask == of {
                    (Held(self::Held::granted(fence, since, ttl)), None)
                } else {
                    (Asking { ask, since }, back(fence))
                }
            }
            (Asking { ask, since }, Denied { ask: of, locked }) => {
                if ask != of {
                    (Asking { ask, since }, None)
                } else if locked {
                    // Until its holder or its end is heard of.
                    let until = facts.now + LEASE_ASK_TIMEOUT;
                    let holder = None;
                    (Other { holder, until }, None)
                } else {
                    (Lost(Why::Refused), None)
                }
            }
            // It may be our own; the answer to the question says so.
            (asking @ Asking { .. }, Taken { .. } | Freed { .. } | LinkDown) => (asking, None),
            (Asking { .. }, LinkUp) => State::asking(facts),
            (Asking { ask, since }, Due) => {
                if facts.linked && since + LEASE_ASK_TIMEOUT <= facts.now {
                    State::asking(facts)
                } else {
                    (Asking { ask, since }, None)
                }
            }

            (Held(mut held), Take | Edit) => {
                held.edited = true;
                held.look(facts)
            }
            (Held(held), Release) => (Free, back(held.fence)),
            (Held(held), Granted { ask, fence, ttl }) => match held.asked {
                Some((asked, since)) if asked == ask && fence == held.fence => {
                    (Held(self::Held::granted(fence, since, ttl)), None)
                }
                // Another fence: somebody may have written in between.
                Some((asked, _)) if asked == ask => (Lost(Why::Taken), back(fence)),
                _ if fence == held.fence => (Held(held), None),
                _ => (Held(held), back(fence)),
            },
            (Held(held), Denied { ask, .. }) => match held.asked {
                Some((asked, _)) if asked == ask => (Lost(Why::Taken), None),
                _ => (Held(held), None),
            },
            (Held(held), Taken { fence, .. }) => {
                if fence > held.fence {
                    (Lost(Why::Taken), None)
                } else {
                    (Held(held), None)
                }
            }
            (Held(held), Freed { fence }) => {
                if fence >= held.fence {
                    (Lost(Why::Taken), None)
                } else {
                    (Held(held), None)
                }
            }
            (Held(held), LinkUp) => held.ask(facts),
            (Held(mut held), LinkDown) => {
                held.asked = None;
                (Held(held), None)
            }
            (Held(held), Due) => held.look(facts),
        }
    }

    /// When something is to be done, if nothing else happens.
    fn moment(&self, linked: bool) -> Option<Mono> {
        match self {
            State::Free | State::Lost(_) => None,
            State::Asking { since, .. } => linked.then_some(*since + LEASE_ASK_TIMEOUT),
            State::Other { until, .. } => Some(*until),
            State::Held(held) => Some(match held.asked {
                Some((_, since)) if linked => held.until.min(since + LEASE_ASK_TIMEOUT),
                None if linked && held.edited => held.until.min(held.renew),
                _ => held.until,
            }),
        }
    }
}

impl Held {
    fn granted(fence: Fence, since: Mono, ttl: Millis) -> Held {
        Held {
            fence,
            until: since + Millis(ttl.0.saturating_sub(LEASE_MARGIN.0)),
            // The server keeps it for 10 s when the connection that had it is lost, and the last words of a tab
            // that crashed may come there after what the next one said, and give it to the lost one again.
            renew: since + Millis(ttl.0 / 4),
            edited: false,
            asked: None,
        }
    }

    fn ask(mut self, facts: Facts) -> (State, Option<Say>) {
        if self.until <= facts.now {
            return self.look(facts);
        }
        self.asked = Some((facts.ask, facts.now));
        let say = Say::Ask {
            ask: facts.ask,
            fence: Some(self.fence),
        };
        (State::Held(self), Some(say))
    }

    /// Ends or renews the lease if it is time.
    fn look(self, facts: Facts) -> (State, Option<Say>) {
        let now = facts.now;
        if self.until <= now {
            let fence = self.fence;
            return (State::Lost(Why::Expired), Some(Say::GiveBack { fence }));
        }
        let due = match self.asked {
            Some((_, since)) => since + LEASE_ASK_TIMEOUT <= now,
            None => self.edited && self.renew <= now,
        };
        if due && facts.linked {
            self.ask(facts)
        } else {
            (State::Held(self), None)
        }
    }
}

/// All fields that this tab knows of.
#[derive(Debug, Default)]
pub struct Leases {
    fields: Map<Field, Lease>,
    last: Ask,
    linked: bool,
    out: Vec<Step>,
}

#[derive(Debug)]
struct Lease {
    /// The largest fence that was heard of: what is said about smaller ones is old.
    seen: Fence,
    /// The largest fence whose lease is known to be over.
    over: Fence,
    /// Who has it, and until when, as it was said last.
    known: Option<(Rc<str>, Mono)>,
    state: State,
}

/// What is to be done about a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say something to the server.
    Say(Field, Say),
    /// The app is to know how the field stands now.
    Tell(Field, State),
}

/// There are as many fields as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyLeases;

impl Leases {
    /// Something happened to a field.
    pub fn on(&mut self, now: Mono, field: Field, input: Input) -> Result<(), TooManyLeases> {
        if !self.fields.contains(&field) {
            match input {
                Input::Take | Input::Edit => self.make_room()?,
                // Who has a field that nobody here looks at is nice to know, not more.
                Input::Taken { .. } if self.make_room().is_ok() => {}
                Input::Granted { fence, .. } => {
                    let say = Say::GiveBack { fence };
                    self.out.push(Step::Say(field, say));
                    return Ok(());
                }
                Input::Taken { .. }
                | Input::Release
                | Input::Denied { .. }
                | Input::Freed { .. }
                | Input::LinkUp
                | Input::LinkDown
                | Input::Due => return Ok(()),
            }
        }
        self.step(now, &field, input);
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), TooManyLeases> {
        if self.fields.len() < LEASES_MAX {
            return Ok(());
        }
        self.fields.retain(|_, lease| lease.state != State::Free);
        if self.fields.len() < LEASES_MAX {
            return Ok(());
        }
        let other = self
            .fields
            .iter()
            .find(|(_, lease)| matches!(lease.state, State::Other { .. }));
        let field = other.map(|(field, _)| field.clone()).ok_or(TooManyLeases)?;
        self.fields.remove(&field);
        Ok(())
    }

    fn step(&mut self, now: Mono, field: &Field, input: Input) {
        let lease = self.fields.entry(field.clone(), || Lease {
            seen: Fence(0),
            over: Fence(0),
            known: None,
            state: State::Free,
        });
        match &input {
            Input::Taken { fence, .. } | Input::Freed { fence } if *fence < lease.seen => return,
            Input::Taken { fence, .. } if *fence <= lease.over => return,
            // Of the same fence again: it goes on for longer.
            Input::Taken { fence, holder, ttl } => {
                lease.seen = *fence;
                lease.known = Some((Rc::clone(holder), now + *ttl));
            }
            Input::Freed { fence } => {
                lease.seen = *fence;
                lease.over = *fence;
                lease.known = None;
            }
            Input::Granted { fence, .. } => {
                lease.seen = lease.seen.max(*fence);
                lease.known = None;
            }
            Input::Take
            | Input::Edit
            | Input::Release
            | Input::Denied { .. }
            | Input::LinkUp
            | Input::LinkDown
            | Input::Due => {}
        }
        let facts = Facts {
            now,
            linked: self.linked,
            ask: Ask(self.last.0.saturating_add(1)),
        };
        let before = lease.state.clone();
        let (mut after, say) = std::mem::replace(&mut lease.state, State::Free).step(input, facts);
        if let (State::Other { holder: None, .. }, Some((holder, until))) = (&after, &lease.known)
            && *until > now
        {
            let (holder, until) = (Some(Rc::clone(holder)), *until);
            after = State::Other { holder, until };
        }
        lease.state = after.clone();
        if let State::Asking { ask, .. } = after {
            self.last = self.last.max(ask);
        }
        if let Some(say) = say {
            match say {
                Say::Ask { ask, .. } => self.last = self.last.max(ask),
                Say::GiveBack { fence } => lease.over = lease.over.max(fence),
            }
            self.out.push(Step::Say(field.clone(), say));
        }
        if told(&before) != told(&after) {
            self.out.push(Step::Tell(field.clone(), after));
        }
    }

    /// There is a link, or there is none. Another leader is another link.
    pub fn link(&mut self, now: Mono, up: bool) {
        self.linked = up;
        let fields: Vec<Field> = self.fields.keys().cloned().collect();
        for field in fields {
            let input = if up { Input::LinkUp } else { Input::LinkDown };
            self.step(now, &field, input);
        }
    }

    /// The machine slept for so long, and this clock stood still meanwhile.
    pub fn slept(&mut self, span: Millis) {
        let earlier = |at: &mut Mono| *at = Mono(at.0.saturating_sub(span.0));
        for lease in self.fields.values_mut() {
            match &mut lease.state {
                State::Held(held) => {
                    earlier(&mut held.until);
                    earlier(&mut held.renew);
                    if let Some((_, since)) = &mut held.asked {
                        earlier(since);
                    }
                }
                State::Asking { since, .. } => earlier(since),
                State::Other { until, .. } => earlier(until),
                State::Free | State::Lost(_) => {}
            }
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Mono) {
        let linked = self.linked;
        let due = |(field, lease): (&Field, &Lease)| {
            let at = lease.state.moment(linked)?;
            (at <= now).then(|| field.clone())
        };
        let fields: Vec<Field> = self.fields.iter().filter_map(due).collect();
        for field in fields {
            self.step(now, &field, Input::Due);
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let linked = self.linked;
        let moments = self.fields.values();
        moments.filter_map(|lease| lease.state.moment(linked)).min()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    /// Everything is given back: the page is put away, closed, or another principal's.
    pub fn release_all(&mut self, now: Mono) {
        let fields: Vec<Field> = self.fields.keys().cloned().collect();
        for field in &fields {
            self.step(now, field, Input::Release);
        }
        // What somebody else has is not heard of any more: nobody may be left believing it.
        for (field, lease) in self.fields.iter() {
            if lease.state != State::Free {
                self.out.push(Step::Tell(field.clone(), State::Free));
            }
        }
        self.fields.clear();
    }

    /// The fields and how they stand.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &State)> {
        let fields = self
            .fields
            .iter()
            .map(|(field, lease)| (field, &lease.state));
        fields.filter(|(_, state)| **state != State::Free)
    }
}

/// What the app is told of a state. What differs in more is the same to it.
fn told(state: &State) -> (u8, Option<Fence>, Option<&str>) {
    match state {
        State::Free => (0, None, None),
        State::Asking { .. } => (1, None, None),
        State::Held(held) => (2, Some(held.fence), None),
        State::Lost(_) => (3, None, None),
        State::Other { holder, .. } => (4, None, holder.as_deref()),
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
