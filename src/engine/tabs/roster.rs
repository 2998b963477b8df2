//! Which other tabs there are.
//!
//! A tab says when it comes, goes, and that it is still there. One that crashed says nothing; but
//! its own lock is free then, which only the leader looks up. Where that is not known yet, silence
//! tells, judged by a clock that was not asleep itself.

use crate::engine::ids::TabId;
use crate::engine::limits::{RETURNS_WITHIN, ROSTER_EXPIRE, TABS_MAX};
use crate::engine::map::Map;
use crate::engine::time::{Millis, Mono};

/// The other tabs.
#[derive(Debug, Default)]
pub(super) struct Roster {
    peers: Map<TabId, Peer>,
    /// When any of them was heard last.
    heard: Option<Mono>,
}

#[derive(Debug)]
struct Peer {
    heard: Mono,
    /// Since when it can be seen, if it can.
    visible: Option<Mono>,
    lock: Lock,
}

/// What was seen of a tab's own lock.
#[derive(Debug)]
enum Lock {
    /// Nobody looked yet.
    Unseen,
    /// It was free: the tab has just come, or it was gone before anybody looked.
    Free(Mono),
    Held,
}

impl Roster {
    /// A tab said something; perhaps whether it can be seen. True if that is news.
    pub(super) fn heard(&mut self, now: Mono, tab: TabId, visible: Option<bool>) -> bool {
        self.heard = Some(now);
        let new = !self.peers.contains(&tab);
        if new && self.peers.len() >= TABS_MAX {
            return true;
        }
        let peer = self.peers.entry(tab, || Peer {
            heard: now,
            visible: None,
            lock: Lock::Unseen,
        });
        peer.heard = now;
        let turned = visible.is_some_and(|visible| visible != peer.visible.is_some());
        if turned {
            peer.visible = match peer.visible {
                Some(_) => None,
                None => Some(now),
            };
        }
        new || turned
    }

    /// A tab said goodbye, perhaps into the back/forward cache. True if it was known.
    pub(super) fn left(&mut self, now: Mono, tab: TabId) -> bool {
        self.heard = Some(now);
        self.peers.remove(&tab).is_some()
    }

    /// A tab that is not in the roster may be somewhere.
    pub(super) fn misses(&mut self, now: Mono) {
        self.heard = Some(now);
    }

    /// Is it known?
    pub(super) fn has(&self, tab: TabId) -> bool {
        self.peers.contains(&tab)
    }

    /// May one of those come back that were there, from wherever the browser put it?
    pub(super) fn may_return(&self, now: Mono) -> bool {
        self.heard
            .is_some_and(|heard| now.since(heard) < RETURNS_WITHIN)
    }

    /// How many other tabs there are.
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    /// The tab that came into view last: what the person looks at.
    pub(super) fn visible(&self) -> Option<TabId> {
        let mut found: Option<(Mono, TabId)> = None;
        for (tab, peer) in self.peers.iter() {
            if let Some(since) = peer.visible
                && found.is_none_or(|(last, _)| last <= since)
            {
                found = Some((since, *tab));
            }
        }
        found.map(|(_, tab)| tab)
    }

    /// These tabs hold their own lock. Gives those that are gone: they held it once and do not any
    /// more, or were without it and without a word since the last look.
    pub(super) fn locks(&mut self, now: Mono, held: &[TabId]) -> Vec<TabId> {
        self.remove_if(&mut |tab, peer| {
            if held.contains(&tab) {
                peer.lock = Lock::Held;
                peer.heard = now;
                return false;
            }
            match peer.lock {
                Lock::Held => true,
                Lock::Free(looked) if peer.heard <= looked => true,
                Lock::Unseen | Lock::Free(_) => {
                    peer.lock = Lock::Free(now);
                    false
                }
            }
        })
    }

    /// Gives the tabs that have been silent for too long.
    pub(super) fn expire(&mut self, now: Mono) -> Vec<TabId> {
        self.remove_if(&mut |_, peer| now.since(peer.heard) >= ROSTER_EXPIRE)
    }

    fn remove_if(&mut self, gone: &mut dyn FnMut(TabId, &mut Peer) -> bool) -> Vec<TabId> {
        let mut out = Vec::new();
        self.peers.retain(|tab, peer| {
            let goes = gone(*tab, peer);
            if goes {
                out.push(*tab);
            }
            !goes
        });
        out
    }

    /// This tab was asleep for so long until now: nobody is to blame for that time.
    pub(super) fn slept(&mut self, now: Mono, span: Millis) {
        for peer in self.peers.values_mut() {
            peer.heard = now.min(peer.heard + span);
        }
        self.heard = self.heard.map(|heard| now.min(heard + span));
    }

    /// When the next tab will have been silent for too long.
    pub(super) fn next_expiry(&self) -> Option<Mono> {
        let first = self.peers.values().map(|peer| peer.heard).min()?;
        Some(first + ROSTER_EXPIRE)
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.peers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_whose_lock_is_free_is_gone_but_only_if_it_was_held_before() {
        let mut roster = Roster::default();
        for tab in [1, 2, 3] {
            roster.heard(Mono(0), TabId(tab), None);
        }
        assert_eq!(roster.locks(Mono(1), &[TabId(1), TabId(2)]), []);
        roster.heard(Mono(2), TabId(3), None);
        assert_eq!(roster.locks(Mono(3), &[TabId(2)]), [TabId(1)]);
        assert!(roster.has(TabId(3)), "its lock may not be granted yet");
        assert_eq!(roster.expire(Mono(2) + ROSTER_EXPIRE), [TabId(3)]);
        assert!(
            roster.has(TabId(2)),
            "its lock was seen, and that counts as a word"
        );
    }

    #[test]
    fn a_tab_that_had_no_lock_twice_and_said_nothing_between_is_gone() {
        let mut roster = Roster::default();
        roster.heard(Mono(0), TabId(1), None);
        roster.heard(Mono(0), TabId(2), None);
        assert_eq!(roster.locks(Mono(1), &[]), []);
        roster.heard(Mono(2), TabId(2), None);
        assert_eq!(roster.locks(Mono(3), &[]), [TabId(1)]);
        assert_eq!(roster.locks(Mono(4), &[]), [TabId(2)]);
    }

    #[test]
    fn the_tab_that_came_into_view_last_is_the_one_that_is_looked_at() {
        let mut roster = Roster::default();
        assert_eq!(roster.visible(), None);
        roster.heard(Mono(1), TabId(1), Some(true));
        roster.heard(Mono(2), TabId(2), Some(true));
        roster.heard(Mono(3), TabId(1), Some(true));
        assert_eq!(roster.visible(), Some(TabId(2)));
        roster.heard(Mono(4), TabId(2), Some(false));
        assert_eq!(roster.visible(), Some(TabId(1)));
    }

    #[test]
    fn the_time_that_we_slept_through_is_nobodys_silence() {
        let mut roster = Roster::default();
        roster.heard(Mono(0), TabId(1), None);
        roster.slept(Mono(1_000_000), Millis(1_000_000));
        assert_eq!(roster.expire(Mono(1_000_000)), []);
        assert_eq!(roster.next_expiry(), Some(Mono(1_000_000) + ROSTER_EXPIRE));
    }

    #[test]
    fn a_tab_that_left_may_return_for_a_while() {
        let mut roster = Roster::default();
        assert!(!roster.may_return(Mono(0)));
        roster.heard(Mono(3), TabId(1), None);
        roster.left(Mono(5), TabId(1));
        assert!(roster.may_return(Mono(4) + RETURNS_WITHIN));
        assert!(!roster.may_return(Mono(5) + RETURNS_WITHIN));
        roster.slept(Mono(1_000_000), Millis(999_000));
        assert!(roster.may_return(Mono(1_000_000)), "they slept as well");
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut roster = Roster::default();
        for tab in 0..TABS_MAX as u64 + 9 {
            roster.heard(Mono(tab), TabId(tab), None);
        }
        assert_eq!(roster.len(), TABS_MAX);
    }
}
