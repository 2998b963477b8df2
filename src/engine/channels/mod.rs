//! The channels that are watched, and how far each has been followed.
//!
//! A channel is watched by parts of this page and, when this tab leads, by other tabs. The
//! positions are kept by every tab, so that whoever leads next resumes without a gap. It knows
//! no sockets and no families; it says what to subscribe and what was missed.

use super::ids::{Position, Seq, TabId};
use super::limits::CHANNELS_MAX;
use super::map::Map;
use crate::wire::Recovery;

/// All channels of this tab, and of the tabs that it leads.
#[derive(Debug, Default)]
pub struct Channels {
    channels: Map<String, Channel>,
    /// Whether there is a link to subscribe on.
    linked: bool,
}

#[derive(Debug, Default)]
struct Channel {
    /// How many parts of this page watch it.
    local: u32,
    /// Which other tabs watch it; known to the leader only.
    remote: Vec<TabId>,
    position: Option<Position>,
    state: State,
}

/// How a channel stands with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody asked the server yet.
    #[default]
    Waiting,
    /// The server was asked.
    Subscribing,
    /// The server said yes.
    Subscribed,
}

/// What has to be done about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the server for it, from the last position on.
    Subscribe {
        /// The channel.
        channel: String,
        /// The last position seen.
        position: Option<Position>,
    },
    /// Give it back to the server.
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// Anything on it may have changed.
    Gap {
        /// The channel.
        channel: String,
    },
}

/// What an event is, after a look at its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next one: use it.
    Next,
    /// Seen before: drop it.
    Duplicate,
    /// Some were missed before it: ask again from the last position, drop it.
    Ahead,
    /// Nobody watches its channel: drop it.
    Foreign,
}

/// There are as many channels as there may be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyChannels;

impl Channels {
    /// Part of this page watches a channel.
    pub fn watch(&mut self, name: &str) -> Result<Option<Step>, TooManyChannels> {
        let channel = self.make(name)?;
        channel.local += 1;
        // It is followed for another tab already: what came before was not for this page.
        if channel.local == 1 && channel.state == State::Subscribed {
            return Ok(Some(Step::Gap {
                channel: name.to_owned(),
            }));
        }
        Ok(self.subscribe(name))
    }

    /// A part of this page no longer watches a channel.
    pub fn unwatch(&mut self, name: &str) -> Option<Step> {
        let channel = self.channels.get_mut(name)?;
        channel.local = channel.local.saturating_sub(1);
        self.drop_if_idle(name)
    }

    /// Another tab watches exactly these channels, and has followed them so far.
    pub fn watch_for_tab(
        &mut self,
        tab: TabId,
        wants: &[(String, Option<Position>)],
    ) -> (Vec<Step>, Result<(), TooManyChannels>) {
        let mut steps = self.forget_tab_except(tab, wants);
        let mut result = Ok(());
        for (name, position) in wants {
            match self.make(name) {
                Ok(channel) => {
                    if !channel.remote.contains(&tab) {
                        channel.remote.push(tab);
                    }
                    // A channel that is new here is resumed from where the other tab was.
                    if channel.state == State::Waiting && channel.position.is_none() {
                        channel.position.clone_from(position);
                    }
                    steps.extend(self.subscribe(name));
                }
                Err(full) => result = Err(full),
            }
        }
        (steps, result)
    }

    /// Another tab is gone.
    pub fn forget_tab(&mut self, tab: TabId) -> Vec<Step> {
        self.forget_tab_except(tab, &[])
    }

    fn forget_tab_except(&mut self, tab: TabId, wants: &[(String, Option<Position>)]) -> Vec<Step> {
        let mut left = Vec::new();
        for (name, channel) in self.channels.iter_mut() {
            if channel.remote.contains(&tab) && !wants.iter().any(|(want, _)| want == name) {
                channel.remote.retain(|have| *have != tab);
                left.push(name.clone());
            }
        }
        left.iter()
            .filter_map(|name| self.drop_if_idle(name))
            .collect()
    }

    /// This tab no longer leads: other tabs' channels are another's business.
    pub fn forget_all_tabs(&mut self) {
        for channel in self.channels.values_mut() {
            channel.remote.clear();
        }
        self.channels.retain(|_, channel| channel.local > 0);
    }

    fn make(&mut self, name: &str) -> Result<&mut Channel, TooManyChannels> {
        if !self.channels.contains(name) && self.channels.len() >= CHANNELS_MAX {
            return Err(TooManyChannels);
        }
        Ok(self.channels.entry(name.to_owned(), Channel::default))
    }

    fn drop_if_idle(&mut self, name: &str) -> Option<Step> {
        let channel = self.channels.get(name)?;
        if channel.local > 0 || !channel.remote.is_empty() {
            return None;
        }
        let asked = channel.state != State::Waiting;
        self.channels.remove(name);
        asked.then(|| Step::Unsubscribe {
            channel: name.to_owned(),
        })
    }

    fn subscribe(&mut self, name: &str) -> Option<Step> {
        let linked = self.linked;
        let channel = self.channels.get_mut(name)?;
        if !linked || channel.state != State::Waiting {
            return None;
        }
        channel.state = State::Subscribing;
        Some(Step::Subscribe {
            channel: name.to_owned(),
            position: channel.position.clone(),
        })
    }

    /// The link is up: everything is asked for, from its last position on.
    pub fn link_up(&mut self) -> Vec<Step> {
        self.linked = true;
        let names: Vec<String> = self.channels.keys().cloned().collect();
        names
            .iter()
            .filter_map(|name| self.subscribe(name))
            .collect()
    }

    /// The link is down: nothing is subscribed any more; the positions stay.
    pub fn link_down(&mut self) {
        self.linked = false;
        for channel in self.channels.values_mut() {
            channel.state = State::Waiting;
        }
    }

    /// The server (or the leader) said how a channel stands.
    ///
    /// Without a position of ours to recover from, a change can have happened between the page's
    /// fetch and this moment: that is a gap too.
    pub fn subscribed(
        &mut self,
        name: &str,
        position: Option<Position>,
        recovery: Recovery,
    ) -> Option<Step> {
        let channel = self.channels.get_mut(name)?;
        channel.state = State::Subscribed;
        if recovery == Recovery::Complete {
            // What was missed follows as events and moves the position by itself.
            return None;
        }
        channel.position = position;
        Some(Step::Gap {
            channel: name.to_owned(),
        })
    }

    /// The leader says where a channel is. What lies between is lost to this tab, unless it is
    /// just there.
    pub fn leader_is_at(&mut self, name: &str, position: Option<Position>) -> Option<Step> {
        let channel = self.channels.get_mut(name)?;
        channel.state = State::Subscribed;
        if channel.position == position {
            return None;
        }
        channel.position = position;
        Some(Step::Gap {
            channel: name.to_owned(),
        })
    }

    /// An event came: what is it?
    pub fn event(&mut self, name: &str, seq: Option<Seq>) -> Verdict {
        let Some(channel) = self.channels.get_mut(name) else {
            return Verdict::Foreign;
        };
        let (Some(seq), Some(position)) = (seq, channel.position.as_mut()) else {
            // A wire without numbers cannot be checked.
            return Verdict::Next;
        };
        if seq <= position.seq {
            Verdict::Duplicate
        } else if seq == position.seq.next() {
            position.seq = seq;
            Verdict::Next
        } else {
            Verdict::Ahead
        }
    }

    /// Events were missed although the link is up: ask again from the last position.
    pub fn repair(&mut self, name: &str) -> Option<Step> {
        let channel = self.channels.get_mut(name)?;
        if channel.state != State::Subscribed {
            return None;
        }
        channel.state = State::Waiting;
        self.subscribe(name)
    }

    /// What a new leader has to know: what this page watches, and how far it has followed.
    pub fn wants(&self) -> Vec<(String, Option<Position>)> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.local > 0)
            .map(|(name, channel)| (name.clone(), channel.position.clone()))
            .collect()
    }

    /// What a follower has to know: where each subscribed channel is.
    pub fn positions(&self) -> Vec<(String, Option<Position>)> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.state == State::Subscribed)
            .map(|(name, channel)| (name.clone(), channel.position.clone()))
            .collect()
    }

    /// Name, state and position of every channel.
    pub fn iter(&self) -> impl Iterator<Item = (&str, State, Option<&Position>)> {
        self.channels
            .iter()
            .map(|(name, channel)| (name.as_str(), channel.state, channel.position.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seq: u64) -> Option<Position> {
        Some(Position::new("E", Seq(seq)))
    }

    fn subscribe(position: Option<Position>) -> Step {
        Step::Subscribe {
            channel: "c".to_owned(),
            position,
        }
    }

    fn gap() -> Option<Step> {
        Some(Step::Gap {
            channel: "c".to_owned(),
        })
    }

    /// A channel `c` that is subscribed at 5.
    fn following() -> Channels {
        let mut part = Channels::default();
        assert_eq!(part.watch("c"), Ok(None));
        assert_eq!(part.link_up(), [subscribe(None)]);
        assert_eq!(part.subscribed("c", at(5), Recovery::NotAsked), gap());
        part
    }

    #[test]
    fn events_are_taken_in_order_once() {
        let mut part = following();
        assert_eq!(part.event("c", Some(Seq(6))), Verdict::Next);
        assert_eq!(part.event("c", Some(Seq(6))), Verdict::Duplicate);
        assert_eq!(part.event("c", Some(Seq(8))), Verdict::Ahead);
        assert_eq!(part.repair("c"), Some(subscribe(at(6))));
        assert_eq!(part.repair("c"), None, "it was asked for already");
        assert_eq!(part.subscribed("c", at(8), Recovery::Complete), None);
        assert_eq!(part.event("c", Some(Seq(7))), Verdict::Next);
        assert_eq!(part.event("c", Some(Seq(8))), Verdict::Next);
        assert_eq!(part.event("other", Some(Seq(1))), Verdict::Foreign);
    }

    #[test]
    fn a_lost_link_resumes_from_the_last_position() {
        let mut part = following();
        part.event("c", Some(Seq(6)));
        part.link_down();
        assert_eq!(part.link_up(), [subscribe(at(6))]);
        assert_eq!(part.subscribed("c", at(9), Recovery::Impossible), gap());
        assert_eq!(part.event("c", Some(Seq(10))), Verdict::Next);
    }

    #[test]
    fn the_last_one_to_leave_unsubscribes() {
        let mut part = following();
        assert_eq!(part.watch("c"), Ok(None));
        let tab = TabId(7);
        assert_eq!(part.watch_for_tab(tab, &[("c".to_owned(), at(5))]).0, []);
        assert_eq!(part.unwatch("c"), None);
        assert_eq!(part.unwatch("c"), None);
        let channel = "c".to_owned();
        assert_eq!(part.forget_tab(tab), [Step::Unsubscribe { channel }]);
        assert_eq!(part.forget_tab(tab), []);
    }

    #[test]
    fn a_new_leader_resumes_another_tabs_channel_from_its_position() {
        let mut part = Channels::default();
        part.link_up();
        let (steps, result) = part.watch_for_tab(TabId(7), &[("c".to_owned(), at(41))]);
        assert_eq!((steps, result), (vec![subscribe(at(41))], Ok(())));
    }

    #[test]
    fn a_follower_that_is_behind_its_leader_has_a_gap() {
        let mut part = Channels::default();
        part.watch("c").unwrap();
        assert_eq!(part.leader_is_at("c", at(5)), gap());
        assert_eq!(part.leader_is_at("c", at(5)), None);
        assert_eq!(part.event("c", Some(Seq(6))), Verdict::Next);
    }

    #[test]
    fn a_page_that_joins_what_is_followed_for_another_tab_has_a_gap() {
        let mut part = Channels::default();
        part.link_up();
        let wants = [("c".to_owned(), at(5))];
        assert_eq!(part.watch_for_tab(TabId(7), &wants).0.len(), 1);
        assert_eq!(part.subscribed("c", at(5), Recovery::Complete), None);
        assert_eq!(part.watch("c"), Ok(gap()));
        assert_eq!(part.watch("c"), Ok(None));
    }

    #[test]
    fn channels_have_a_limit() {
        let mut part = Channels::default();
        for n in 0..CHANNELS_MAX {
            part.watch(&format!("c{n}")).unwrap();
        }
        assert_eq!(part.watch("one more"), Err(TooManyChannels));
        assert_eq!(part.watch("c0"), Ok(None));
    }
}
