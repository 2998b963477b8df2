//! The leader's desk: what the tabs of this browser want, said to the server with one voice.
//!
//! The server knows one client a browser. What the tabs show of themselves is put together into
//! one picture a channel; of two tabs that want the same field, the second is told that it is
//! taken, and the server is not asked. It knows no link: what it wants said comes out as text of
//! nobody's protocol, and is void when the link is lost.

use std::rc::Rc;

use super::leases::{Ask, Fence, Field};
use super::talk::{Wish, Word};
use crate::engine::ids::{RequestId, TabId};
use crate::engine::limits::{
    CHANNELS_MAX, LEASE_TTL, LEASES_MAX, PRESENCE_DATA_BYTES_MAX, PRESENCE_THROTTLE, TABS_MAX,
};
use crate::engine::map::Map;
use crate::engine::time::{Millis, Mono};
use crate::wire::json::Writer;

/// What the tabs want.
#[derive(Debug, Default)]
pub struct Desk {
    channels: Map<Rc<str>, Board>,
    fields: Map<Field, Owner>,
    /// Questions to the server that are not answered.
    asked: Map<RequestId, (TabId, Field, Ask)>,
    linked: bool,
    out: Vec<Step>,
}

/// The tabs on a channel.
#[derive(Debug, Default)]
struct Board {
    tabs: Map<TabId, Shown>,
    said: Option<Mono>,
    changed: bool,
    /// Somebody here does not know yet who is there.
    asks: bool,
}

#[derive(Debug)]
struct Shown {
    meta: Option<Rc<str>>,
    anonymous: bool,
}

/// The tab that has a field, or asked for it first.
#[derive(Debug)]
struct Owner {
    tab: TabId,
    fence: Option<Fence>,
    until: Mono,
}

/// What the desk wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Show this on a channel; nothing to look without being seen.
    Show {
        /// The channel.
        channel: Rc<str>,
        /// The tabs, as a JSON object.
        data: Option<String>,
        /// Nobody may see who it is.
        anonymous: bool,
        /// Tell us everybody who is there.
        everybody: bool,
    },
    /// Nobody here is on the channel any more.
    Leave {
        /// The channel.
        channel: Rc<str>,
    },
    /// Ask for a field.
    Lock {
        /// The tab that asks.
        tab: TabId,
        /// The field.
        field: Field,
        /// The tab's question.
        ask: Ask,
        /// The fence of the lease that the tab has.
        fence: Option<Fence>,
    },
    /// Give a field back.
    Unlock {
        /// The field.
        field: Field,
        /// The lease's fence.
        fence: Fence,
    },
    /// Tell a tab.
    Tell(TabId, Word),
}

impl Desk {
    /// A tab wants something.
    pub fn hear(&mut self, now: Mono, tab: TabId, wish: Wish) {
        match wish {
            Wish::Presence {
                channel,
                meta,
                anonymous,
            } => {
                if !self.channels.contains(&channel) && self.channels.len() >= CHANNELS_MAX {
                    return;
                }
                let board = self.channels.entry(channel, Board::default);
                let new = !board.tabs.contains(&tab);
                if board.tabs.len() < TABS_MAX || !new {
                    board.tabs.insert(tab, Shown { meta, anonymous });
                    board.asks |= new;
                    board.changed = true;
                }
            }
            Wish::Absent { channel } => self.leave(tab, &channel),
            Wish::Lock { field, ask, fence } => self.lock(now, tab, field, ask, fence),
            Wish::Unlock { field, fence } => {
                let owns = self
                    .fields
                    .get(&field)
                    .is_some_and(|owner| owner.tab == tab);
                if owns {
                    self.fields.remove(&field);
                }
                self.out.push(Step::Unlock { field, fence });
            }
        }
    }

    fn lock(&mut self, now: Mono, tab: TabId, field: Field, ask: Ask, fence: Option<Fence>) {
        let taken = match self.fields.get(&field) {
            Some(owner) => owner.tab != tab && owner.until > now,
            None => self.fields.len() >= LEASES_MAX,
        };
        if taken || !self.linked {
            // Without a link nobody answers; the tab asks again when there is one.
            if taken {
                let locked = true;
                self.out
                    .push(Step::Tell(tab, Word::Denied { field, ask, locked }));
            }
            return;
        }
        let until = now + LEASE_TTL;
        let have = self.fields.get(&field).and_then(|owner| owner.fence);
        self.fields.insert(
            field.clone(),
            Owner {
                tab,
                fence: fence.or(have),
                until,
            },
        );
        self.out.push(Step::Lock {
            tab,
            field,
            ask,
            fence,
        });
    }

    fn leave(&mut self, tab: TabId, channel: &str) {
        let Some(board) = self.channels.get_mut(channel) else {
            return;
        };
        if board.tabs.remove(&tab).is_none() {
            return;
        }
        board.changed = true;
        if board.tabs.is_empty() {
            self.channels.remove(channel);
            let channel = channel.into();
            self.out.push(Step::Leave { channel });
        }
    }

    /// A tab is gone: nobody sees it any more, and what it held is free.
    pub fn forget_tab(&mut self, tab: TabId) {
        let channels: Vec<Rc<str>> = self.channels.keys().cloned().collect();
        for channel in channels {
            self.leave(tab, &channel);
        }
        let out = &mut self.out;
        self.fields.retain(|field, owner| {
            if owner.tab != tab {
                return true;
            }
            if let Some(fence) = owner.fence {
                let field = field.clone();
                out.push(Step::Unlock { field, fence });
            }
            false
        });
    }

    /// This tab does not lead any more: the next leader is told everything anew.
    pub fn clear(&mut self) {
        *self = Desk::default();
    }

    /// There is a link, or there is none.
    pub fn link(&mut self, up: bool) {
        self.linked = up;
        self.asked.clear();
        for board in self.channels.values_mut() {
            board.changed = true;
            board.asks = true;
            board.said = None;
        }
    }

    /// A question was said to the server under this number.
    pub fn asked(&mut self, request: RequestId, tab: TabId, field: Field, ask: Ask) {
        // The oldest one was not answered for so long that its tab has asked again.
        if self.asked.len() >= LEASES_MAX {
            let oldest = self.asked.keys().next().copied();
            oldest.and_then(|oldest| self.asked.remove(&oldest));
        }
        self.asked.insert(request, (tab, field, ask));
    }

    /// The server gives a lease.
    pub fn granted(&mut self, now: Mono, request: RequestId, fence: Fence, ttl: Millis) {
        let Some((tab, field, ask)) = self.asked.remove(&request) else {
            return;
        };
        match self.fields.get_mut(&field) {
            Some(owner) if owner.tab == tab => {
                owner.fence = Some(fence);
                owner.until = now + ttl;
            }
            // The tab is gone, or gave it back before it had it.
            Some(_) | None => {
                self.out.push(Step::Unlock { field, fence });
                return;
            }
        }
        let word = Word::Granted {
            field,
            ask,
            fence,
            ttl,
        };
        self.out.push(Step::Tell(tab, word));
    }

    /// The server refused something. True if it was a lease.
    pub fn refused(&mut self, request: RequestId, locked: bool) -> bool {
        let Some((tab, field, ask)) = self.asked.remove(&request) else {
            return false;
        };
        if self
            .fields
            .get(&field)
            .is_some_and(|owner| owner.tab == tab)
        {
            self.fields.remove(&field);
        }
        self.out
            .push(Step::Tell(tab, Word::Denied { field, ask, locked }));
        true
    }

    /// What is to be said now.
    pub fn tick(&mut self, now: Mono) {
        if !self.linked {
            return;
        }
        for (channel, board) in self.channels.iter_mut() {
            if board.moment().is_some_and(|at| at <= now) {
                board.changed = false;
                board.said = Some(now);
                self.out.push(Step::Show {
                    channel: Rc::clone(channel),
                    data: board.write(),
                    // One of them wants it, and they are one client.
                    anonymous: board.tabs.values().any(|shown| shown.anonymous),
                    everybody: std::mem::take(&mut board.asks),
                });
            }
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        if !self.linked {
            return None;
        }
        self.channels.values().filter_map(Board::moment).min()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }
}

impl Board {
    fn moment(&self) -> Option<Mono> {
        match (self.changed, self.said) {
            (false, _) => None,
            (true, None) => Some(Mono(0)),
            (true, Some(said)) => Some(said + PRESENCE_THROTTLE),
        }
    }

    fn write(&self) -> Option<String> {
        let mut bytes = 0;
        let mut any = false;
        let mut w = Writer::new();
        w.object(|w| {
            w.key("tabs").object(|w| {
                for (tab, shown) in self.tabs.iter() {
                    let Some(meta) = &shown.meta else { continue };
                    bytes += meta.len();
                    // More than others would read: the tabs beyond it are not seen.
                    if bytes > PRESENCE_DATA_BYTES_MAX / 2 {
                        break;
                    }
                    any = true;
                    w.key(&tab.text()).raw(meta);
                }
            });
        });
        any.then(|| w.finish())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::room::talk::field;

    const A: TabId = TabId(1);
    const B: TabId = TabId(2);

    fn steps(desk: &mut Desk) -> Vec<Step> {
        std::iter::from_fn(|| desk.poll()).collect()
    }

    fn desk() -> Desk {
        let mut desk = Desk::default();
        desk.link(true);
        desk
    }

    fn shows(desk: &mut Desk, tab: TabId, meta: Option<&str>, anonymous: bool) {
        let wish = Wish::Presence {
            channel: "c".into(),
            meta: meta.map(Rc::from),
            anonymous,
        };
        desk.hear(Mono(0), tab, wish);
    }

    fn wants(desk: &mut Desk, now: u64, tab: TabId, fence: Option<u64>) {
        let wish = Wish::Lock {
            field: field("c", "title").unwrap(),
            ask: Ask(7),
            fence: fence.map(Fence),
        };
        desk.hear(Mono(now), tab, wish);
    }

    fn show(data: Option<&str>, anonymous: bool, everybody: bool) -> Step {
        Step::Show {
            channel: "c".into(),
            data: data.map(str::to_owned),
            anonymous,
            everybody,
        }
    }

    #[test]
    fn the_tabs_of_a_browser_are_shown_as_one_and_at_most_ten_times_a_second() {
        let mut desk = desk();
        shows(&mut desk, A, Some(r#"{"x":1}"#), false);
        shows(&mut desk, B, None, false);
        desk.tick(Mono(1000));
        let one = r#"{"tabs":{"0000000000000001":{"x":1}}}"#;
        assert_eq!(steps(&mut desk), [show(Some(one), false, true)]);
        shows(&mut desk, B, Some("{}"), true);
        desk.tick(Mono(1050));
        assert_eq!(steps(&mut desk), []);
        assert_eq!(desk.next_wakeup(), Some(Mono(1000) + PRESENCE_THROTTLE));
        desk.tick(Mono(1100));
        let two = r#"{"tabs":{"0000000000000001":{"x":1},"0000000000000002":{}}}"#;
        assert_eq!(steps(&mut desk), [show(Some(two), true, false)]);
        desk.forget_tab(A);
        desk.forget_tab(B);
        assert_eq!(
            steps(&mut desk),
            [Step::Leave {
                channel: "c".into()
            }]
        );
    }

    #[test]
    fn who_only_looks_is_not_shown() {
        let mut desk = desk();
        shows(&mut desk, A, None, false);
        desk.tick(Mono(0));
        assert_eq!(steps(&mut desk), [show(None, false, true)]);
    }

    #[test]
    fn a_new_link_is_told_everything_and_nothing_is_said_without_one() {
        let mut desk = desk();
        shows(&mut desk, A, None, false);
        desk.tick(Mono(0));
        steps(&mut desk);
        desk.link(false);
        desk.tick(Mono(1));
        assert_eq!((steps(&mut desk), desk.next_wakeup()), (vec![], None));
        desk.link(true);
        desk.tick(Mono(2));
        assert_eq!(steps(&mut desk), [show(None, false, true)]);
    }

    #[test]
    fn two_tabs_of_a_browser_do_not_have_the_same_field() {
        let mut desk = desk();
        let field = field("c", "title").unwrap();
        wants(&mut desk, 0, A, None);
        wants(&mut desk, 0, B, None);
        let denied = Word::Denied {
            field: field.clone(),
            ask: Ask(7),
            locked: true,
        };
        let lock = |tab| Step::Lock {
            tab,
            field: field.clone(),
            ask: Ask(7),
            fence: None,
        };
        assert_eq!(steps(&mut desk), [lock(A), Step::Tell(B, denied)]);
        desk.asked(RequestId(1), A, field.clone(), Ask(7));
        desk.granted(Mono(0), RequestId(1), Fence(5), Millis(30_000));
        assert!(matches!(
            steps(&mut desk)[..],
            [Step::Tell(A, Word::Granted { .. })]
        ));
        // Its time is over, and nobody heard of the tab again.
        wants(&mut desk, 30_000, B, None);
        assert_eq!(steps(&mut desk), [lock(B)]);
    }

    #[test]
    fn a_tab_that_is_gone_holds_nothing_not_even_what_it_gets_too_late() {
        let mut desk = desk();
        let field = field("c", "title").unwrap();
        let unlock = |fence| Step::Unlock {
            field: field.clone(),
            fence: Fence(fence),
        };
        wants(&mut desk, 0, A, None);
        desk.asked(RequestId(1), A, field.clone(), Ask(7));
        steps(&mut desk);
        desk.forget_tab(A);
        desk.granted(Mono(0), RequestId(1), Fence(5), Millis(30_000));
        assert_eq!(steps(&mut desk), [unlock(5)]);
        wants(&mut desk, 0, B, Some(6));
        steps(&mut desk);
        desk.forget_tab(B);
        assert_eq!(steps(&mut desk), [unlock(6)]);
    }

    #[test]
    fn what_the_server_refuses_is_told_to_who_asked_once() {
        let mut desk = desk();
        let field = field("c", "title").unwrap();
        wants(&mut desk, 0, A, None);
        desk.asked(RequestId(1), A, field, Ask(7));
        steps(&mut desk);
        assert!(!desk.refused(RequestId(9), true));
        assert!(desk.refused(RequestId(1), true));
        assert!(!desk.refused(RequestId(1), true));
        assert!(matches!(
            steps(&mut desk)[..],
            [Step::Tell(A, Word::Denied { locked: true, .. })]
        ));
    }
}
