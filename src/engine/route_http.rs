//! Carries HTTP requests to the browser, and their answers to the part that asked.

use super::Engine;
use super::http::{Call, Failure, Owner, Reply};
use super::ids::HttpId;
use super::output::Output;
use super::time::{Millis, Now};

impl Engine {
    /// Sends a request for a part.
    pub(super) fn send_request(&mut self, now: Now, owner: Owner, timeout: Millis, call: Call) {
        let request = self.requests.start(now, owner, timeout);
        self.out.push_back(Output::Request { request, call });
    }

    /// Gives up what a part asked. Nothing happens if the answer came already.
    pub(super) fn abort_request(&mut self, owner: Owner) {
        if let Some(request) = self.requests.abort(owner) {
            self.out.push_back(Output::AbortRequest { request });
        }
    }

    /// Gives up everything that was asked.
    pub(super) fn abort_requests(&mut self) {
        while let Some(request) = self.requests.abort_any() {
            self.out.push_back(Output::AbortRequest { request });
        }
    }

    /// An answer came, or will not come.
    pub(super) fn on_response(
        &mut self,
        now: Now,
        request: HttpId,
        result: Result<Reply<'_>, Failure>,
    ) {
        if let Some(owner) = self.requests.finish(request) {
            self.answer(now, owner, result);
        }
    }

    /// Tells those who have waited too long.
    pub(super) fn expire_requests(&mut self, now: Now) {
        while let Some((request, owner)) = self.requests.expired(now) {
            self.out.push_back(Output::AbortRequest { request });
            self.answer(now, owner, Err(Failure::Timeout));
        }
    }

    /// The one place that knows which part is behind an owner.
    fn answer(&mut self, now: Now, owner: Owner, result: Result<Reply<'_>, Failure>) {
        match owner {
            Owner::Probe(id) => self.on_probe(now, id, result),
            Owner::LinkProbe => self.on_look(now, result),
            Owner::LinkPoll(conn) => self.on_poll(now, conn, result),
            Owner::LinkSend(conn) => self.on_post(now, conn, result),
            Owner::LinkEnd => {}
        }
    }
}
