//! What a tab asks of its leader: every call is answered once.
//!
//! The caller keeps a call until it is answered, and sends it again to each new leader. A leader
//! knows a call that it does or did already by the tab and the call's number. So a call can be
//! done twice, by two leaders, when the first one ended before it answered; whatever must not be
//! done twice carries a key of its own for the server. It knows no leaders and no terms.

use std::rc::Rc;

use crate::engine::ids::{CallId, TabId};
use crate::engine::limits::{CALL_ANSWER_BYTES_MAX, CALL_BYTES_MAX, CALLS_MAX};
use crate::engine::map::Map;

/// What a tab can ask of its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Dial now: the app of that tab wants it.
    Reconnect,
}

/// Deed and text, both ways.
const DEEDS: [(Deed, &str); 1] = [(Deed::Reconnect, "reconnect")];

impl Deed {
    /// As it is written between tabs.
    pub fn text(self) -> &'static str {
        let found = DEEDS.iter().find(|(deed, _)| *deed == self);
        found.map_or("", |(_, text)| text)
    }

    /// Reads what [`Deed::text`] wrote.
    pub fn parse(text: &str) -> Option<Deed> {
        let found = DEEDS.iter().find(|(_, have)| *have == text);
        found.map(|(deed, _)| *deed)
    }
}

/// A call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// What is to be done.
    pub deed: Deed,
    /// With what, as JSON text.
    pub body: Rc<str>,
}

/// The calls of this tab, and those of other tabs to this one.
#[derive(Debug, Default)]
pub struct Calls {
    last: CallId,
    open: Vec<Call>,
    callers: Map<TabId, Caller>,
}

#[derive(Debug, Default)]
struct Caller {
    /// Calls of smaller numbers were answered, and their caller knows.
    open: CallId,
    calls: Map<CallId, Progress>,
}

#[derive(Debug)]
enum Progress {
    Doing,
    Done(Rc<str>),
}

/// What the leader does about a call that it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is new: do it.
    Do,
    /// It is being done, or over, or one too many.
    Ignore,
    /// It was done: say the answer again.
    Answer(Rc<str>),
}

/// There are as many calls as there may be, or this one is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRefused;

impl Calls {
    /// This tab asks for something. It is open until [`Calls::answered`].
    pub fn call(&mut self, deed: Deed, body: &str) -> Result<Call, CallRefused> {
        if self.open.len() >= CALLS_MAX || body.len() > CALL_BYTES_MAX {
            return Err(CallRefused);
        }
        self.last = CallId(self.last.0.saturating_add(1));
        let call = Call {
            id: self.last,
            deed,
            body: body.into(),
        };
        self.open.push(call.clone());
        Ok(call)
    }

    /// The calls that wait for an answer, in their order.
    pub fn open(&self) -> &[Call] {
        &self.open
    }

    /// The number below which all calls were answered.
    pub fn open_from(&self) -> CallId {
        let next = CallId(self.last.0.saturating_add(1));
        self.open.first().map_or(next, |call| call.id)
    }

    /// An answer came. Gives the call if it was open; an answer that comes again is nothing.
    pub fn answered(&mut self, id: CallId) -> Option<Call> {
        let at = self.open.iter().position(|call| call.id == id)?;
        Some(self.open.remove(at))
    }

    /// The leader's: a tab asks for something.
    pub fn take(&mut self, from: TabId, id: CallId, open: CallId) -> Taken {
        let caller = self.callers.entry(from, Caller::default);
        if open > caller.open {
            caller.open = open;
            caller.calls.retain(|id, _| *id >= open);
        }
        if id < caller.open {
            return Taken::Ignore;
        }
        match caller.calls.get(&id) {
            Some(Progress::Doing) => Taken::Ignore,
            Some(Progress::Done(answer)) => Taken::Answer(Rc::clone(answer)),
            None if caller.calls.len() >= CALLS_MAX => Taken::Ignore,
            None => {
                caller.calls.insert(id, Progress::Doing);
                Taken::Do
            }
        }
    }

    /// The leader's: a call was done. Gives the answer to be said, unless nobody waits for it.
    pub fn done(&mut self, from: TabId, id: CallId, answer: &str) -> Option<Rc<str>> {
        let calls = &mut self.callers.get_mut(&from)?.calls;
        let progress = calls.get_mut(&id)?;
        let answer: Rc<str> = answer.into();
        if answer.len() <= CALL_ANSWER_BYTES_MAX {
            *progress = Progress::Done(Rc::clone(&answer));
        } else {
            // Too much to remember for somebody who most likely hears it the first time.
            calls.remove(&id);
        }
        Some(answer)
    }

    /// A tab is gone.
    pub fn forget_tab(&mut self, tab: TabId) {
        self.callers.remove(&tab);
    }

    /// This tab does not lead any more: whoever waits will ask the next leader.
    pub fn give_up_lead(&mut self) {
        self.callers.clear();
    }

    /// Another principal: nobody waits for anything.
    pub fn forget_all(&mut self) {
        self.open.clear();
        self.callers.clear();
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TAB: TabId = TabId(7);

    #[test]
    fn a_call_stays_open_until_it_is_answered_once() {
        let mut calls = Calls::default();
        assert_eq!(calls.open_from(), CallId(1));
        let first = calls.call(Deed::Reconnect, "1").unwrap();
        let second = calls.call(Deed::Reconnect, "2").unwrap();
        assert_eq!(calls.open(), [first.clone(), second.clone()]);
        assert_eq!(calls.answered(second.id), Some(second.clone()));
        assert_eq!(calls.answered(second.id), None);
        assert_eq!(calls.open_from(), first.id);
        assert_eq!(calls.answered(first.id), Some(first));
        assert_eq!(calls.open_from(), CallId(3));
    }

    #[test]
    fn a_leader_does_a_call_once_and_repeats_its_answer() {
        let mut calls = Calls::default();
        assert_eq!(calls.take(TAB, CallId(1), CallId(1)), Taken::Do);
        assert_eq!(calls.take(TAB, CallId(1), CallId(1)), Taken::Ignore);
        assert_eq!(calls.done(TAB, CallId(1), "\"x\""), Some("\"x\"".into()));
        let again = Taken::Answer("\"x\"".into());
        assert_eq!(calls.take(TAB, CallId(1), CallId(1)), again);
        assert_eq!(calls.take(TabId(8), CallId(1), CallId(1)), Taken::Do);
        assert_eq!(calls.take(TAB, CallId(2), CallId(2)), Taken::Do);
        assert_eq!(calls.take(TAB, CallId(1), CallId(1)), Taken::Ignore);
        assert_eq!(calls.done(TAB, CallId(1), "1"), None);
    }

    #[test]
    fn a_new_leader_does_it_again() {
        let mut calls = Calls::default();
        calls.take(TAB, CallId(1), CallId(1));
        calls.done(TAB, CallId(1), "1");
        calls.give_up_lead();
        assert_eq!(calls.done(TAB, CallId(1), "1"), None);
        assert_eq!(calls.take(TAB, CallId(1), CallId(1)), Taken::Do);
        calls.forget_tab(TAB);
        assert_eq!(calls.done(TAB, CallId(1), "1"), None);
    }

    #[test]
    fn there_is_room_for_so_many_and_so_large() {
        let mut calls = Calls::default();
        let large = "x".repeat(CALL_BYTES_MAX + 1);
        assert_eq!(calls.call(Deed::Reconnect, &large), Err(CallRefused));
        for _ in 0..CALLS_MAX {
            calls.call(Deed::Reconnect, "").unwrap();
        }
        assert_eq!(calls.call(Deed::Reconnect, ""), Err(CallRefused));
        for id in 0..CALLS_MAX as u64 {
            assert_eq!(calls.take(TAB, CallId(id), CallId(0)), Taken::Do);
        }
        assert_eq!(calls.take(TAB, CallId(9999), CallId(0)), Taken::Ignore);
        let large = "x".repeat(CALL_ANSWER_BYTES_MAX + 1);
        assert_eq!(calls.done(TAB, CallId(0), &large), Some(large.into()));
        assert_eq!(calls.take(TAB, CallId(0), CallId(0)), Taken::Do);
    }

    #[test]
    fn deeds_are_words() {
        for (deed, text) in DEEDS {
            assert_eq!((deed.text(), Deed::parse(text)), (text, Some(deed)));
        }
        assert_eq!(Deed::parse("sing"), None);
    }

    proptest! {
        /// Two leaders in turn, messages that are lost or come twice: a call is answered once, and
        /// no leader does it twice.
        #[test]
        fn every_call_is_answered_once(steps in prop::collection::vec((0u8..5, 0usize..4), 0..80)) {
            let mut caller = Calls::default();
            let mut leaders = [Calls::default(), Calls::default()];
            let mut done = [const { Vec::new() }; 2];
            let mut answers: Vec<(CallId, Rc<str>)> = Vec::new();
            let mut answered = Vec::new();
            let mut leader = 0;
            for (step, which) in steps {
                match step {
                    0 => {
                        let _ = caller.call(Deed::Reconnect, "1");
                    }
                    1 => {
                        // The caller sends what is open, again and again.
                        if let Some(call) = caller.open().get(which) {
                            let id = call.id;
                            match leaders[leader].take(TAB, id, caller.open_from()) {
                                Taken::Do => done[leader].push(id),
                                Taken::Ignore => {}
                                Taken::Answer(answer) => answers.push((id, answer)),
                            }
                        }
                    }
                    2 => {
                        if let Some(id) = done[leader].get(which).copied() {
                            answers.extend(leaders[leader].done(TAB, id, "2").map(|a| (id, a)));
                        }
                    }
                    3 => {
                        if let Some((id, _)) = answers.get(which) {
                            answered.extend(caller.answered(*id).map(|call| call.id));
                        }
                    }
                    _ => {
                        for id in &done[leader] {
                            prop_assert_eq!(done[leader].iter().filter(|have| *have == id).count(), 1);
                        }
                        done[leader].clear();
                        leaders[leader].give_up_lead();
                        leader = 1 - leader;
                    }
                }
            }
            let all = answered.len();
            answered.sort_unstable();
            answered.dedup();
            prop_assert_eq!(all, answered.len());
            for call in caller.open() {
                prop_assert!(!answered.contains(&call.id));
            }
            prop_assert_eq!(answered.len() as u64 + caller.open().len() as u64, caller.last.0);
        }
    }
}
