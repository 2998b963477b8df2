//! What the principal part and the other parts say to each other: what happens to all of them when
//! another person is there.

use std::rc::Rc;

use super::notice::{FaultCode, Notice, UserChange};
use super::output::Output;
use super::principal::{self, NotAClaim, Says, Step, User};
use super::store::{StoreFault, StoreOp};
use super::time::Now;
use super::{Engine, Life};

/// Questions to the storage about the mark. The queue counts its own from 1 on.
const MARK: StoreOp = StoreOp(u64::MAX);

impl Engine {
    /// The app says who is there.
    pub(super) fn set_user(&mut self, now: Now, user: Option<User>) {
        if !self.principal.set(now, user.as_ref().map(User::who)) {
            return;
        }
        let was = self.life;
        if was == Life::Running {
            self.stop_person(now, "another user");
        }
        if self.config.user.is_some() {
            self.forget_recording();
        }
        self.config.user = user;
        self.scope = principal::scope(&self.config);
        self.forget_principal(now);
        if was != Life::New {
            self.tell(Notice::User(UserChange::Switched));
        }
        self.user_steps(now);
        match was {
            Life::Running | Life::Fenced => self.run(now),
            Life::New | Life::Suspended | Life::Closed => {}
        }
    }

    /// A tab, of whatever principal, said something about who is there.
    pub(super) fn on_user_message(&mut self, now: Now, bytes: &[u8]) {
        let heard = Says::read(bytes).and_then(|says| self.principal.heard(now, says));
        self.heard_of_user(now, heard);
    }

    /// The storage read values: the mark, or what the queue asked for.
    pub(super) fn on_read(
        &mut self,
        now: Now,
        op: StoreOp,
        result: Result<&[Option<String>], StoreFault>,
    ) {
        if op != MARK {
            self.queue.read(now, op, result);
            return;
        }
        // Without a storage there is no mark.
        let mark = result.ok().and_then(|values| values.first()?.as_deref());
        self.on_mark(now, mark);
    }

    /// Another tab changed the storage; everything if no key is named.
    pub(super) fn on_store_changed(&mut self, now: Now, key: Option<&str>, value: Option<&str>) {
        self.queue.changed(now, key, value);
        let name = principal::common_name(&self.config);
        match self.life {
            Life::Running | Life::Fenced if key.is_none_or(|key| *key == *name) => {
                self.on_mark(now, value);
            }
            Life::New | Life::Running | Life::Fenced | Life::Suspended | Life::Closed => {}
        }
    }

    /// The mark was read, or another tab wrote it.
    fn on_mark(&mut self, now: Now, mark: Option<&str>) {
        let claim = match mark.map(|text| Says::read(text.as_bytes())) {
            None => Ok(None),
            Some(Ok(Says::Claim(claim))) => Ok(Some(claim)),
            Some(Ok(Says::Ask) | Err(NotAClaim)) => Err(NotAClaim),
        };
        // A mark that is damaged is as good as none.
        let heard = self.principal.mark(now, claim.unwrap_or(None));
        self.heard_of_user(now, claim.and(heard));
    }

    fn heard_of_user(&mut self, now: Now, heard: Result<(), NotAClaim>) {
        if heard.is_err() {
            self.fault(
                FaultCode::BadTabMessage,
                "a word on the user is not from us",
            );
        }
        self.user_steps(now);
    }

    pub(super) fn user_steps(&mut self, now: Now) {
        while let Some(step) = self.principal.poll() {
            match step {
                Step::Post(says) => self.out.push_back(Output::PostToUsers(says.write())),
                Step::WriteMark(claim) => {
                    // A storage that refuses is no matter: the tabs tell each other.
                    self.out.push_back(Output::StoreWrite {
                        op: MARK,
                        key: principal::common_name(&self.config).as_ref().to_owned(),
                        value: Says::Claim(claim).write(),
                    });
                }
                Step::Shut => self.shut(now),
                Step::Reopen => {
                    // What was fetched meanwhile is whoever's was there.
                    self.forget_principal(now);
                    self.tell(Notice::User(UserChange::Back));
                    if self.life == Life::Fenced {
                        self.run(now);
                    }
                }
                Step::Elsewhere => self.tell(Notice::User(UserChange::Elsewhere)),
            }
        }
    }

    /// Somebody else is there, or nobody: nothing of this tab's person is used from now on.
    fn shut(&mut self, now: Now) {
        if self.life == Life::Running {
            self.stop_person(now, "another user is there");
            self.life = Life::Fenced;
        }
        self.closed_at = now.wall;
        self.forget_recording();
        self.forget_principal(now);
        self.tell(Notice::User(UserChange::Fenced));
    }

    /// Stops without the last words of a page that goes: what is sent from now on goes out in the
    /// name of whoever is there now.
    fn stop_person(&mut self, now: Now, reason: &'static str) {
        self.queue.away(now, false);
        self.stop(now, reason);
    }

    /// What was recorded of a person is not for the next one.
    fn forget_recording(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.erase();
        }
    }

    /// Drops everything that is about a person. What the page watches and listens to stays: that
    /// is about the page. The queue of the person stays in the storage, under the person's scope.
    fn forget_principal(&mut self, now: Now) {
        // What was about to be told is that person's as well.
        self.out
            .retain(|output| !matches!(output, Output::Tell(notice) if notice.is_personal()));
        self.channels.forget_all();
        self.invalidation.forget_user();
        let scope = principal::scope_name(self.scope);
        self.queue.fence(Rc::clone(&scope));
        self.freshness.change_user(scope);
        self.freshness_steps(now);
        self.calls.forget_all();
        self.forget_room(now);
        self.link.forget_user();
        self.wires.forget_user();
        #[cfg(feature = "centrifugo")]
        self.admissions.forget_user();
        self.metrics.forget_user();
        self.journal.forget_user();
        self.heir_of = None;
        self.relay.clear();
        self.wants_changed = false;
    }

    /// Listens to the tabs of all principals, and asks whether anything happened meanwhile.
    pub(super) fn meet_users(&mut self, now: Now) {
        let name = principal::common_name(&self.config);
        self.out.push_back(Output::StoreRead {
            op: MARK,
            keys: vec![name.as_ref().to_owned()],
        });
        self.out.push_back(Output::OpenUserChannel(name));
        self.principal.arrive(now);
        self.user_steps(now);
    }
}
