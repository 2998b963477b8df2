//! What an instance holds of the browser. Dropping it gives everything back.

use std::rc::Rc;

use super::fetch::{Fetch, Whose};
use super::happening::Happening;
use super::lock::{LockKey, LockQuery, LockRequest};
use super::page::Page;
use super::relay::{Dial, Relay};
use super::shell::Shell;
use super::socket::Socket;
use super::tab_channel::TabChannel;
use super::timer::Timer;

#[derive(Default)]
pub(super) struct Handles {
    pub(super) page: Option<Page>,
    pub(super) timer: Option<Timer>,
    /// The socket, where the page holds it.
    pub(super) socket: Option<Socket>,
    /// The worker that holds it, where there is one.
    pub(super) relay: Option<Relay>,
    /// A socket that waits for the worker to begin.
    pub(super) dial: Option<Dial>,
    /// It was tried: there is no worker to be had here.
    pub(super) relayless: bool,
    pub(super) fetches: Vec<Fetch>,
    /// The channel between the tabs of this principal.
    pub(super) tabs: Option<TabChannel>,
    /// The channel between the tabs of all principals.
    pub(super) users: Option<TabChannel>,
    pub(super) locks: Vec<LockRequest>,
    pub(super) query: Option<LockQuery>,
    /// The instance itself, while the browser still has calls for it after its end.
    pub(super) leaving: Option<Rc<Shell>>,
}

impl Handles {
    /// Lets go of what is over by what happened.
    pub(super) fn settle(&mut self, happening: &Happening) {
        match happening {
            Happening::Tick => {
                if let Some(timer) = &self.timer {
                    timer.ran();
                }
            }
            Happening::Response(request, _) => self.end_fetch(Whose::Request(*request)),
            Happening::LockOver(key) => self.locks.retain(|lock| lock.key() != *key),
            Happening::TabLocks(_) => self.query = None,
            _ => {}
        }
    }

    /// Gives a request up, or lets go of one that is over.
    pub(super) fn end_fetch(&mut self, whose: Whose) {
        self.fetches.retain(|fetch| fetch.whose() != whose);
    }

    /// Gives back the locks that are asked for or held for this.
    pub(super) fn release(&self, whose: impl Fn(LockKey) -> bool) {
        for lock in self.locks.iter().filter(|lock| whose(lock.key())) {
            lock.release();
        }
    }

    /// The instance is over: lets go of what nobody asks for any more. The browser calls back once
    /// more for every lock that was given back, and whoever owns the instance may drop it now; it
    /// stays until the last of these calls.
    pub(super) fn close(&mut self, shell: &Rc<Shell>) {
        self.page = None;
        self.timer = None;
        self.relay = None;
        self.leaving = Some(Rc::clone(shell));
    }

    /// Lets the instance go if it is over and the browser has no more calls for it. Whoever calls
    /// this holds on to the instance for as long as its own call takes.
    pub(super) fn leave(&mut self) {
        if self.leaving.is_some() && self.locks.is_empty() && self.query.is_none() {
            self.leaving = None;
        }
    }
}
