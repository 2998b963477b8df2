//! What the engine wants done, deed by deed. Nothing is decided here.

use std::rc::Rc;

use super::fetch::{self, Fetch, Whose};
use super::happening::Happening;
use super::lock::{How, LockKey, LockQuery, LockRequest};
use super::relay::Dial;
use super::shell::Shell;
use super::tab_channel::TabChannel;
use super::{session, storage};
use crate::engine::http::{Call, Failure};
use crate::engine::ids::LockTicket;
use crate::engine::output::Output;

impl Shell {
    /// Does one deed.
    pub(super) fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::OpenSocket {
                conn,
                url,
                protocol,
            } => self.open_socket(Dial {
                conn,
                url,
                protocol,
            }),
            Output::SendFrame { conn, frame } => self.handles.borrow().send(conn, &frame),
            Output::CloseSocket { conn } => self.handles.borrow_mut().close_socket(conn),
            Output::Request { request, call } => self.fetch(Whose::Request(request), &call),
            Output::AbortRequest { request } => self.end_fetch(Whose::Request(request)),
            Output::OpenStream { conn, call } => self.fetch(Whose::Stream(conn), &call),
            Output::CloseStream { conn } => self.end_fetch(Whose::Stream(conn)),
            Output::QueueForLock { ticket, name } => self.ask_lead(ticket, &name, How::Queue),
            Output::StealLock { ticket, name } => self.ask_lead(ticket, &name, How::Steal),
            Output::ReleaseLock(ticket) => {
                let handles = self.handles.borrow();
                handles.release(|key| key == LockKey::Lead(ticket));
            }
            Output::HoldTabLock(name) => {
                let key = LockKey::Life(self.next_life());
                let request = LockRequest::ask(&self.inbox(), &name, key, How::Queue);
                self.handles.borrow_mut().locks.extend(request);
            }
            Output::ReleaseTabLock => {
                let handles = self.handles.borrow();
                handles.release(|key| matches!(key, LockKey::Life(_)));
            }
            Output::QueryLocks { prefix } => {
                if self.handles.borrow().query.is_none() {
                    let query = LockQuery::ask(&self.inbox(), &prefix);
                    self.handles.borrow_mut().query = query;
                }
            }
            Output::OpenTabChannel(name) => {
                let channel = TabChannel::open(&self.inbox(), &name, Happening::Tab);
                if channel.is_none() {
                    self.later(Happening::NoTabChannel);
                }
                self.handles.borrow_mut().tabs = channel;
            }
            Output::PostToTabs(message) => {
                if let Some(channel) = &self.handles.borrow().tabs {
                    channel.post(&message);
                }
            }
            Output::CloseTabChannel => self.handles.borrow_mut().tabs = None,
            Output::OpenUserChannel(name) => {
                let channel = TabChannel::open(&self.inbox(), &name, Happening::User);
                self.handles.borrow_mut().users = channel;
            }
            Output::PostToUsers(message) => {
                if let Some(channel) = &self.handles.borrow().users {
                    channel.post(&message);
                }
            }
            Output::CloseUserChannel => self.handles.borrow_mut().users = None,
            Output::StoreWrite { op, key, value } => {
                self.later(Happening::Stored(op, storage::write(&key, &value)));
            }
            Output::StoreRemove { key } => storage::remove(&key),
            Output::StoreList { op, prefix } => {
                self.later(Happening::StoreListed(op, storage::list(&prefix)));
            }
            Output::StoreRead { op, keys } => {
                self.later(Happening::StoreRead(op, storage::read(&keys)));
            }
            Output::SessionWrite { key, value } => session::write(&key, &value),
            Output::SessionRemove { key } => session::remove(&key),
            Output::SessionRead { key } => {
                let value = session::read(&key);
                self.later(Happening::Session(key, value));
            }
            // The app is told by the shell, when nothing of ours is borrowed.
            Output::AskToken { .. }
            | Output::Tell(_)
            | Output::RunMutation(_)
            | Output::CancelMutation { .. } => {}
        }
    }

    fn fetch(self: &Rc<Self>, whose: Whose, call: &Call) {
        match Fetch::send(&self.inbox(), whose, call) {
            Some(fetch) => self.handles.borrow_mut().fetches.push(fetch),
            None => self.later(match whose {
                Whose::Request(request) => Happening::Response(request, Err(Failure::Unavailable)),
                Whose::Stream(conn) => {
                    Happening::Stream(conn, fetch::Happened::Failed(Failure::Unavailable))
                }
            }),
        }
    }

    fn end_fetch(&self, whose: Whose) {
        self.handles.borrow_mut().end_fetch(whose);
    }

    fn ask_lead(self: &Rc<Self>, ticket: LockTicket, name: &str, how: How) {
        match LockRequest::ask(&self.inbox(), name, LockKey::Lead(ticket), how) {
            Some(request) => self.handles.borrow_mut().locks.push(request),
            None => self.later(Happening::NoLocks),
        }
    }
}
