//! The channels that are watched, how far each has been followed, and what is missing.
//!
//! A channel is watched by parts of this page and, when this tab leads, by other tabs. Whoever
//! has the link asks the server for it; a follower is told by its leader where it is. Both know
//! by the numbers of the events whether one was seen before or is missing, and ask for what is
//! missing: the one the server, the other the leader. The positions are kept by every tab, so
//! that whoever leads next resumes without a gap (G3), and every bound is kept here (G12).
//!
//! It knows no sockets, no terms and no families of queries: it says what to subscribe, what to
//! deliver and what was missed.

mod channel;
mod event;
mod leader;
#[cfg(feature = "phoenix")]
mod missed;
mod pace;
mod ring;
mod server;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::rc::Rc;

use self::channel::{Channel, Place};
use self::pace::Pace;
use self::ring::Ring;
use super::ids::{Position, RequestId, Seq, TabId};
use super::limits::{CHANNEL_GRACE, CHANNEL_IDLE, CHANNELS_KNOWN_MAX, CHANNELS_MAX};
use super::map::Map;
use super::time::{Millis, Mono};
use crate::engine::list::List;

/// What the app may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Channels that may be subscribed at a time.
    pub cap: usize,
    /// How long a channel that nobody watches any more is kept.
    pub idle: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            cap: CHANNELS_MAX,
            idle: CHANNEL_IDLE,
        }
    }
}

/// All channels of this tab, and of the tabs that it leads.
#[derive(Debug)]
pub struct Channels {
    settings: Settings,
    channels: Map<Rc<str>, Channel>,
    source: Source,
    pace: Pace,
    ring: Ring,
    /// Bytes of all events that are held.
    held_bytes: usize,
    /// A channel may be waiting for its turn to be asked for.
    due: bool,
    /// Channels whose missed events are on their way in the frame that is being read.
    recovering: Vec<(Rc<str>, Seq)>,
    /// Before this moment no deadline of a channel passes.
    wake: Option<Mono>,
    out: VecDeque<Step>,
}

/// Who says what happens on the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Nobody: there is no link, and no leader.
    Nobody,
    /// The server: this tab has the link.
    Server,
    /// The leading tab.
    Leader,
}

/// How a channel stands, as the app sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody was asked for it yet.
    Waiting,
    /// It was asked for, or for what is missing of it.
    Subscribing,
    /// All is there.
    Subscribed,
    /// It cannot be had.
    Refused,
}

/// What has to be done about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the server for it, from the last position on.
    Subscribe {
        /// The request's number.
        request: RequestId,
        /// The channel.
        channel: Rc<str>,
        /// The last position seen.
        position: Option<Position>,
    },
    /// Give it back to the server.
    Unsubscribe {
        /// The channel.
        channel: Rc<str>,
    },
    /// Anything on it may have changed.
    Gap {
        /// The channel.
        channel: Rc<str>,
    },
    /// An event that was held back is the next one.
    Deliver {
        /// The event, as it is written between tabs.
        text: Rc<str>,
        /// Does this page follow the channel?
        mine: bool,
    },
    /// Tell the tabs that follow where the channel goes on.
    Place {
        /// The channel.
        channel: Rc<str>,
        /// The last event that was before.
        position: Option<Position>,
        /// Whether something may have been missed.
        before: Before,
    },
    /// Ask the leader for what came behind this position.
    AskLeader {
        /// The channel.
        channel: Rc<str>,
        /// The last position seen.
        position: Option<Position>,
    },
    /// Tell the leader what this page watches: it changed.
    TellWants,
    /// It cannot be had.
    Refused {
        /// The channel.
        channel: Rc<str>,
        /// Why.
        why: Why,
    },
}

/// What is known of a channel before the place where it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing is missing.
    Whole,
    /// Something may have been missed. Who is further already has missed nothing.
    Gap,
    /// The server began to count anew, without a word of it: whoever is further has to go back.
    Anew,
}

/// Why a channel cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// All places are taken by channels in use. It is subscribed when one becomes free.
    Full,
    /// The server said so, with this word. It is asked again with a new token, or when somebody
    /// watches the channel anew.
    Denied(Rc<str>),
}

/// What an event is, after a look at its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next one: use it.
    Next,
    /// The next one of a channel that only other tabs follow: pass it on.
    Pass,
    /// Seen before: drop it.
    Duplicate,
    /// Some were missed before it, and will be asked for. It is kept, and comes back as
    /// [`Step::Deliver`] if need be.
    Ahead,
    /// One more of that kind.
    Held,
    /// Nobody watches its channel, or nobody knows yet where the channel is: drop it.
    Foreign,
}

/// What the leader answers a tab that misses something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// These events, up to this position.
    Events(Vec<Rc<str>>, Option<Position>),
    /// It is not remembered: the channel goes on behind this position.
    Gap(Option<Position>),
}

/// There are more channels than anybody may ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyChannels;

/// A channel of another tab, and how far that tab has followed it.
pub type Want = (String, Option<Position>);

impl Default for Channels {
    fn default() -> Self {
        Channels::new(Settings::default())
    }
}

impl Channels {
    /// No channels.
    pub fn new(settings: Settings) -> Self {
        Channels {
            settings,
            channels: Map::new(),
            source: Source::Nobody,
            pace: Pace::default(),
            ring: Ring::default(),
            held_bytes: 0,
            due: false,
            recovering: Vec::new(),
            wake: None,
            out: VecDeque::new(),
        }
    }

    // Who watches what.

    /// Part of this page watches a channel.
    pub fn watch(&mut self, now: Mono, name: &str) -> Result<(), TooManyChannels> {
        let channel = self.make(now, name)?;
        channel.local = channel.local.saturating_add(1);
        let first = channel.local == 1;
        if channel.place == Place::Denied {
            channel.place = Place::Waiting;
        }
        // What other tabs follow has moved on without this page.
        let joins = !channel.mine && (channel.is_served() || channel.position.is_some());
        channel.mine = true;
        if joins {
            let channel = Rc::clone(&channel.name);
            self.out.push_back(Step::Gap { channel });
        }
        self.due = true;
        if first && self.source == Source::Leader {
            self.out.push_back(Step::TellWants);
        }
        Ok(())
    }

    /// A part of this page no longer watches a channel.
    pub fn unwatch(&mut self, now: Mono, name: &str) {
        let idle = self.settings.idle.max(CHANNEL_GRACE);
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        if channel.local == 0 {
            return;
        }
        channel.local -= 1;
        if channel.local == 0 {
            if self.source == Source::Leader {
                self.out.push_back(Step::TellWants);
            }
            self.left(now, name, idle);
        }
    }

    /// Another tab watches exactly these channels, and has followed them so far. True if that is
    /// news.
    pub fn watch_for_tab(
        &mut self,
        now: Mono,
        tab: TabId,
        wants: &[Want],
    ) -> Result<bool, TooManyChannels> {
        let mut news = self.forget_tab_except(now, tab, wants, CHANNEL_GRACE);
        let mut all = true;
        for (name, position) in wants {
            let Ok(channel) = self.make(now, name) else {
                all = false;
                continue;
            };
            if !channel.remote.contains(&tab) {
                channel.remote.push(tab);
                news = true;
                if channel.place == Place::Denied {
                    channel.place = Place::Waiting;
                }
            }
            self.due = true;
            self.resume_for(name, position.as_ref());
        }
        if all { Ok(news) } else { Err(TooManyChannels) }
    }

    /// What this page itself does not follow is resumed for the tab that is furthest behind: the
    /// others recognise what they have seen. Also when it is heard of after the server was asked,
    /// which it may be where tabs hear each other late: what came in between can be had from the
    /// server, and is not remembered here.
    fn resume_for(&mut self, name: &str, theirs: Option<&Position>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        if channel.mine || !behind(theirs, &channel.position) {
            return;
        }
        let again = match channel.place {
            Place::Waiting | Place::Full | Place::Denied | Place::Later { .. } => channel.place,
            Place::Asked { again: false, .. } => Place::Waiting,
            Place::Asked { again: true, .. } | Place::Live { .. } | Place::Torn => {
                let (Some(theirs), Some(ours)) = (theirs, &channel.position) else {
                    return;
                };
                if self.ring.between(name, theirs.seq, ours.seq).is_some() {
                    return;
                }
                Place::Torn
            }
            Place::Missing { .. } => return,
        };
        channel.position = theirs.cloned();
        channel.place = again;
    }

    /// Another tab is gone. It may be back soon: a reload looks like this.
    pub fn forget_tab(&mut self, now: Mono, tab: TabId) {
        let idle = self.settings.idle.max(CHANNEL_GRACE);
        self.forget_tab_except(now, tab, &[], idle);
    }

    /// True if it watched another one.
    fn forget_tab_except(&mut self, now: Mono, tab: TabId, wants: &[Want], keep: Millis) -> bool {
        let mut left = Vec::new();
        for (name, channel) in self.channels.iter_mut() {
            if channel.remote.contains(&tab) && !wants.iter().any(|(want, _)| **want == **name) {
                channel.remote.retain(|have| *have != tab);
                left.push(Rc::clone(name));
            }
        }
        for name in &left {
            self.left(now, name, keep);
        }
        !left.is_empty()
    }

    /// Somebody no longer watches a channel; perhaps it was the last one.
    fn left(&mut self, now: Mono, name: &str, keep: Millis) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        channel.used = now;
        if channel.local == 0 {
            channel.keep_until = channel.keep_until.max(now + keep);
        }
        if channel.in_use() {
            self.note(now + keep);
            return;
        }
        match channel.place {
            // There is nothing to keep.
            Place::Full | Place::Denied => self.remove(name),
            Place::Waiting
            | Place::Asked { .. }
            | Place::Live { .. }
            | Place::Torn
            | Place::Missing { .. }
            | Place::Later { .. } => self.note(now + keep),
        }
    }

    fn make(&mut self, now: Mono, name: &str) -> Result<&mut Channel, TooManyChannels> {
        if !self.channels.contains(name) {
            if self.channels.len() >= CHANNELS_KNOWN_MAX && !self.evict() {
                return Err(TooManyChannels);
            }
            let name: Rc<str> = name.into();
            let place = if self.has_room() || self.evict() {
                Place::Waiting
            } else {
                let channel = Rc::clone(&name);
                self.out.push_back(Step::Refused {
                    channel,
                    why: Why::Full,
                });
                Place::Full
            };
            self.channels.insert(
                Rc::clone(&name),
                Channel {
                    name,
                    mine: false,
                    local: 0,
                    remote: Vec::new(),
                    used: now,
                    keep_until: now,
                    place,
                    position: None,
                    held: Vec::new(),
                    failures: 0,
                    #[cfg(feature = "phoenix")]
                    missed: missed::Missed::default(),
                },
            );
        }
        match self.channels.get_mut(name) {
            Some(channel) => {
                channel.used = now;
                Ok(channel)
            }
            None => Err(TooManyChannels),
        }
    }

    fn has_room(&self) -> bool {
        let placed = self.channels.values().filter(|c| c.place != Place::Full);
        placed.count() < self.settings.cap
    }

    /// Lets the channel go that has not been used for the longest time. False if all are in use.
    fn evict(&mut self) -> bool {
        let mut oldest: Option<(Mono, Rc<str>)> = None;
        for (name, channel) in self.channels.iter() {
            if !channel.in_use() && oldest.as_ref().is_none_or(|(used, _)| channel.used < *used) {
                oldest = Some((channel.used, Rc::clone(name)));
            }
        }
        match oldest {
            Some((_, name)) => {
                self.remove(&name);
                true
            }
            None => false,
        }
    }

    fn remove(&mut self, name: &str) {
        let Some(mut channel) = self.channels.remove(name) else {
            return;
        };
        channel.drop_held(&mut self.held_bytes);
        self.ring.forget(name);
        let asked = match channel.place {
            Place::Asked { .. } | Place::Live { .. } | Place::Torn => self.source == Source::Server,
            Place::Full
            | Place::Waiting
            | Place::Missing { .. }
            | Place::Denied
            | Place::Later { .. } => false,
        };
        if asked {
            let channel = name.into();
            self.out.push_back(Step::Unsubscribe { channel });
        }
    }

    /// Gives places that became free to the channels that wait for one, the first come first.
    fn fill(&mut self) {
        while self.has_room() {
            let mut first: Option<(Mono, &mut Channel)> = None;
            for channel in self.channels.values_mut() {
                let sooner = first.as_ref().is_none_or(|(used, _)| channel.used < *used);
                if channel.place == Place::Full && sooner {
                    first = Some((channel.used, channel));
                }
            }
            let Some((_, channel)) = first else {
                return;
            };
            channel.place = Place::Waiting;
            if self.source == Source::Leader {
                self.out.push_back(Step::TellWants);
            }
        }
    }

    /// Another principal: nothing that was seen counts any more. What the page watches stays.
    pub fn forget_all(&mut self) {
        self.source = Source::Nobody;
        self.channels.retain(|_, channel| channel.local > 0);
        for channel in self.channels.values_mut() {
            channel.remote.clear();
            channel.position = None;
            channel.held = Vec::new();
            channel.failures = 0;
            #[cfg(feature = "phoenix")]
            {
                channel.missed = missed::Missed::default();
            }
            channel.place = Place::Waiting;
        }
        self.held_bytes = 0;
        self.ring.clear();
        self.recovering.clear();
        self.out.clear();
        self.due = true;
        self.refill();
    }

    /// Puts everyone back in the queue for a place.
    fn refill(&mut self) {
        let mut places = self.settings.cap;
        for channel in self.channels.values_mut() {
            if places == 0 {
                channel.place = Place::Full;
            }
            places = places.saturating_sub(1);
        }
    }

    fn unplace(&mut self, now: Mono) {
        for channel in self.channels.values_mut() {
            channel.drop_held(&mut self.held_bytes);
            channel.forgive(now);
            // A question goes with the connection on which it was asked.
            #[cfg(feature = "phoenix")]
            {
                channel.missed.asked = None;
            }
            match channel.place {
                Place::Asked { .. } | Place::Live { .. } | Place::Torn | Place::Missing { .. } => {
                    channel.place = Place::Waiting;
                }
                Place::Full | Place::Waiting | Place::Denied | Place::Later { .. } => {}
            }
        }
        self.recovering.clear();
        self.due = true;
    }

    /// A channel begins anew at a position; whatever was before may have been missed.
    fn start_at(&mut self, now: Mono, name: &str, position: Option<Position>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        channel.place = Place::Live { since: now };
        let before = match (&channel.position, &position) {
            // This tab is new to the channel. Who has followed it asks for what is missing there.
            (None, Some(_)) => Before::Whole,
            (ours, at) if has_seen(ours, at) && ours != at => Before::Anew,
            (None | Some(_), None | Some(_)) => Before::Gap,
        };
        channel.position.clone_from(&position);
        channel.drop_held(&mut self.held_bytes);
        self.ring.forget(name);
        if self.source == Source::Server {
            self.out.push_back(Step::Place {
                channel: Rc::clone(&channel.name),
                position,
                before,
            });
        }
        if channel.mine {
            let channel = Rc::clone(&channel.name);
            self.out.push_back(Step::Gap { channel });
        }
    }

    // Time.

    /// Time passed.
    pub fn tick(&mut self, now: Mono) {
        if self.wake.is_none_or(|at| at > now) {
            return;
        }
        self.wake = None;
        let mut over = Vec::new();
        let mut asked = Vec::new();
        for channel in self.channels.values_mut() {
            if channel.local == 0 {
                if channel.keep_until > now {
                    note(&mut self.wake, channel.keep_until);
                } else if channel.remote.is_empty() {
                    over.push(Rc::clone(&channel.name));
                } else {
                    channel.mine = false;
                }
            }
            match channel.place {
                Place::Asked { until, again, .. } if until <= now => {
                    channel.place = if again { Place::Torn } else { Place::Waiting };
                    self.due = true;
                }
                Place::Later { at } if at <= now => {
                    channel.place = Place::Waiting;
                    self.due = true;
                }
                Place::Missing { until, .. } if until <= now => {
                    asked.push(Rc::clone(&channel.name));
                }
                Place::Asked { until: at, .. }
                | Place::Later { at }
                | Place::Missing { until: at, .. } => note(&mut self.wake, at),
                Place::Full | Place::Waiting | Place::Live { .. } | Place::Torn | Place::Denied => {
                }
            }
        }
        for name in over {
            self.remove(&name);
            self.due = true;
        }
        for name in asked {
            self.ask_leader(now, &name);
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.wake
    }

    fn note(&mut self, at: Mono) {
        note(&mut self.wake, at);
    }

    // What others have to know.

    /// What a new leader has to know: what this page watches, and how far it has followed.
    pub fn wants(&self) -> Vec<Want> {
        let watched = self.channels.values().filter(|channel| channel.local > 0);
        watched.map(Channel::want).list()
    }

    /// What a follower has to know: where each subscribed channel is.
    pub fn positions(&self) -> Vec<Want> {
        let served = self.channels.values().filter(|channel| channel.is_served());
        served.map(Channel::want).list()
    }

    /// Has the server answered everything that it was asked for since the link is up? A channel that
    /// it refused is answered too.
    pub fn is_synced(&self) -> bool {
        self.source == Source::Server && self.channels.values().all(Channel::is_answered)
    }

    /// Name, state and position of every channel.
    pub fn iter(&self) -> impl Iterator<Item = (&str, State, Option<&Position>)> {
        self.channels
            .values()
            .map(|channel| (&*channel.name, channel.state(), channel.position.as_ref()))
    }
}

fn note(wake: &mut Option<Mono>, at: Mono) {
    *wake = Some(wake.map_or(at, |have| have.min(at)));
}

/// Have we seen all up to a place?
fn has_seen(ours: &Option<Position>, at: &Option<Position>) -> bool {
    match (ours, at) {
        (Some(ours), Some(at)) => ours.epoch == at.epoch && ours.seq >= at.seq,
        (None, _) | (_, None) => false,
    }
}

/// Is a tab further behind than what is known of a channel that nobody else follows here?
fn behind(theirs: Option<&Position>, ours: &Option<Position>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs.epoch == ours.epoch && theirs.seq < ours.seq,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
