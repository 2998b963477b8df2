//! The leader's desk: what the tabs of this browser want, said to the server with one voice.
//!
//! The server knows one client a browser. What the tabs show of themselves is put together into
//! one picture a channel; of two tabs that want the same field, the second is told that it is
//! taken, and the server is not asked. It knows no link: what it wants said comes out as text of
//! nobody's protocol, and is void when the link is lost.

mod kept;

use std::rc::Rc;

use super::leases::{Ask, Fence, Field};
use super::talk::{Part, Wish, Word};
use crate::engine::ids::{RequestId, TabId};
use crate::engine::limits::{
    CHANNELS_MAX, LEASE_TTL, LEASES_MAX, PRESENCE_AGAIN, PRESENCE_DATA_BYTES_MAX, PRESENCE_RENEW,
    PRESENCE_THROTTLE, SHOWS_MAX, TABS_MAX,
};
use crate::engine::map::Map;
use crate::engine::time::{Millis, Mono};
use crate::wire::json::{self, Writer};
use crate::wire::{Presence, RoomCan};

/// What the tabs want.
#[derive(Debug, Default)]
pub struct Desk {
    channels: Map<Rc<str>, Board>,
    fields: Map<Field, Owner>,
    /// Questions to the server that are not answered.
    asked: Map<RequestId, Asked>,
    /// What the server can do; nothing without a link.
    can: Option<RoomCan>,
    out: Vec<Step>,
}

/// A question to the server.
#[derive(Debug)]
enum Asked {
    /// For a field.
    Lock(TabId, Field, Ask),
    /// To be shown on a channel.
    Show(Rc<str>),
}

impl Asked {
    fn shows(&self, channel: &str) -> bool {
        matches!(self, Asked::Show(have) if **have == *channel)
    }
}

/// The tabs on a channel.
#[derive(Debug, Default)]
struct Board {
    tabs: Map<TabId, Shown>,
    said: Option<Mono>,
    changed: bool,
    /// Somebody here does not know yet who is there.
    asks: bool,
    /// The server does not let this person there.
    barred: bool,
    kept: kept::Kept,
}

#[derive(Debug, PartialEq, Eq)]
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
    /// Somebody here looks who is on a channel, of a server that keeps who is there.
    Look {
        /// The channel.
        channel: Rc<str>,
        /// Tell us everybody who is there, and not only that they still are.
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
    /// Say something for the moment.
    Signal {
        /// The channel.
        channel: Rc<str>,
        /// What it is.
        name: Rc<str>,
        /// With what, as JSON text.
        data: Rc<str>,
    },
    /// Tell a tab.
    Tell(TabId, Word),
}

impl Desk {
    /// A tab wants something.
    pub fn hear(&mut self, now: Mono, tab: TabId, wish: Wish) {
        if self.can.is_some_and(|can| !wish.part().is_in(can)) {
            let word = Word::Unable(wish.part());
            self.out.push(Step::Tell(tab, word));
            if let Wish::Lock { field, ask, .. } = wish {
                let locked = false;
                let word = Word::Denied { field, ask, locked };
                self.out.push(Step::Tell(tab, word));
            }
            return;
        }
        match wish {
            Wish::Presence {
                channel,
                meta,
                anonymous,
                anew,
            } => {
                if !self.channels.contains(&channel) && self.channels.len() >= CHANNELS_MAX {
                    return;
                }
                let meta = match self.can.and_then(|can| too_much(can, meta.as_deref())) {
                    None => meta,
                    Some(part) => {
                        self.out.push(Step::Tell(tab, Word::Unable(part)));
                        match part {
                            // It shows itself without.
                            Part::Typing => return,
                            _ => None,
                        }
                    }
                };
                let board = self.channels.entry(Rc::clone(&channel), Board::default);
                let new = !board.tabs.contains(&tab);
                if board.tabs.len() < TABS_MAX || !new {
                    let shown = Shown { meta, anonymous };
                    // Said again, it is a sign of life of the tab and no news.
                    let same = board.tabs.get(&tab) == Some(&shown);
                    board.tabs.insert(tab, shown);
                    board.asks |= new || anew;
                    board.changed |= !same || anew;
                }
                if new && board.barred {
                    let code = "forbidden".into();
                    let word = Word::Barred { channel, code };
                    self.out.push(Step::Tell(tab, word));
                }
            }
            Wish::Absent { channel } => self.leave(tab, &channel),
            Wish::Signal {
                channel,
                name,
                data,
            } => {
                // Without a link it would come too late to be of this moment.
                if self.can.is_some() {
                    self.out.push(Step::Signal {
                        channel,
                        name,
                        data,
                    });
                }
            }
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
        if taken || self.can.is_none() {
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
        let kept = self.keeps();
        let Some(board) = self.channels.get_mut(channel) else {
            return;
        };
        if board.tabs.remove(&tab).is_none() {
            return;
        }
        board.changed = true;
        if board.tabs.is_empty() && !kept {
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

    /// There is a link to a server that can do so much, or there is none.
    pub fn link(&mut self, can: Option<RoomCan>) {
        self.can = can;
        self.asked.clear();
        // What was wished for before it was known that this server cannot do it.
        if can.is_some_and(|can| can.presence == Presence::None) {
            for board in std::mem::take(&mut self.channels).values() {
                let unable = |tab: &TabId| Step::Tell(*tab, Word::Unable(Part::Presence));
                self.out.extend(board.tabs.keys().map(unable));
            }
        }
        for board in self.channels.values_mut() {
            board.changed = true;
            board.asks = true;
            board.barred = false;
            board.said = None;
            board.kept = kept::Kept::default();
        }
    }

    /// What was forbidden may be allowed to the new token.
    pub fn token_changed(&mut self) {
        // What is refused from now on was asked under the old one.
        self.asked
            .retain(|_, asked| !matches!(asked, Asked::Show(_)));
        for board in self.channels.values_mut() {
            board.changed |= board.barred;
            board.asks |= board.barred;
            board.barred = false;
        }
    }

    /// A question for a field was said to the server under this number.
    pub fn asked(&mut self, request: RequestId, tab: TabId, field: Field, ask: Ask) {
        self.remember(request, Asked::Lock(tab, field, ask));
    }

    /// The wish to be shown on a channel was said to the server under this number.
    pub fn shown(&mut self, request: RequestId, channel: Rc<str>) {
        // Only a refusal is answered, and where that takes long it is shown again meanwhile.
        let before = self.asked.iter().filter(|(_, asked)| asked.shows(&channel));
        let before: Vec<RequestId> = before.map(|(request, _)| *request).collect();
        if let (Some(oldest), true) = (before.first(), before.len() >= SHOWS_MAX) {
            self.asked.remove(oldest);
        }
        self.remember(request, Asked::Show(channel));
    }

    /// The server told everybody who is on a channel. Until then it is asked with all that is shown:
    /// the first time it may have been refused.
    pub fn everybody_told(&mut self, channel: &str) {
        if let Some(board) = self.channels.get_mut(channel) {
            board.asks = false;
        }
    }

    fn remember(&mut self, request: RequestId, asked: Asked) {
        // The oldest one was not answered for so long that its tab has asked again.
        if self.asked.len() >= LEASES_MAX + CHANNELS_MAX * SHOWS_MAX {
            let oldest = self.asked.keys().next().copied();
            oldest.and_then(|oldest| self.asked.remove(&oldest));
        }
        self.asked.insert(request, asked);
    }

    /// The server gives a lease.
    pub fn granted(&mut self, now: Mono, request: RequestId, fence: Fence, ttl: Millis) {
        let Some(Asked::Lock(tab, field, ask)) = self.asked.remove(&request) else {
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

    /// The server refused something. True if it was about the room.
    pub fn refused(&mut self, now: Mono, request: RequestId, code: &str) -> bool {
        match self.asked.remove(&request) {
            None => false,
            Some(Asked::Lock(tab, field, ask)) => {
                let owner = self.fields.get(&field);
                if owner.is_some_and(|owner| owner.tab == tab) {
                    self.fields.remove(&field);
                }
                let locked = code == "locked";
                let word = Word::Denied { field, ask, locked };
                self.out.push(Step::Tell(tab, word));
                true
            }
            Some(Asked::Show(channel)) => {
                self.show_refused(now, &channel, code);
                true
            }
        }
    }

    fn show_refused(&mut self, now: Mono, channel: &Rc<str>, code: &str) {
        let Some(board) = self.channels.get_mut(channel) else {
            return;
        };
        if code == "rate_limited" {
            board.changed = true;
            board.asks = true;
            board.said = Some(now + PRESENCE_AGAIN);
            return;
        }
        board.kept.is_nothing();
        if std::mem::replace(&mut board.barred, true) {
            return;
        }
        for tab in board.tabs.keys() {
            let (channel, code) = (Rc::clone(channel), code.into());
            let word = Word::Barred { channel, code };
            self.out.push(Step::Tell(*tab, word));
        }
    }

    /// What is to be said now.
    pub fn tick(&mut self, now: Mono) {
        if self.keeps() {
            self.tick_kept(now);
        }
        if self.can.is_none() || self.keeps() {
            return;
        }
        for (channel, board) in self.channels.iter_mut() {
            if board.moment().is_some_and(|at| at <= now) {
                board.changed = false;
                board.said = Some(now);
                self.out.push(Step::Show {
                    channel: Rc::clone(channel),
                    data: board.write(),
                    anonymous: board.is_anonymous(),
                    everybody: board.asks,
                });
            }
        }
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.can?;
        let moment = match self.keeps() {
            true => Board::moment_kept,
            false => Board::moment,
        };
        self.channels.values().filter_map(moment).min()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Step> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }
}

impl Board {
    fn moment(&self) -> Option<Mono> {
        match (self.changed, self.said) {
            _ if self.barred => None,
            (true, None) => Some(Mono(0)),
            (true, Some(said)) => Some(said + PRESENCE_THROTTLE),
            // The tabs of a browser can be hidden, and their timers late. The one that leads is
            // woken by the server.
            (false, Some(said)) if self.is_seen() => Some(said + PRESENCE_RENEW),
            (false, _) => None,
        }
    }

    fn is_seen(&self) -> bool {
        self.tabs.values().any(|shown| shown.meta.is_some())
    }

    /// One of them wants it, and they are one client.
    fn is_anonymous(&self) -> bool {
        self.tabs.values().any(|shown| shown.anonymous)
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

/// What a tab shows of itself and this server has no way to tell.
fn too_much(can: RoomCan, meta: Option<&str>) -> Option<Part> {
    let types = || json::parse(meta?).ok()?.member("typing");
    let part = match meta {
        None => return None,
        Some(_) if !Part::Shows.is_in(can) => Part::Shows,
        Some(_) => Part::Typing,
    };
    (!part.is_in(can) && (part == Part::Shows || types().is_some())).then_some(part)
}

#[cfg(test)]
mod tests;
