//! What stands in for [`room`](super::room), and for what carries it, in a module without rooms: the
//! same names, and nothing behind them.

use std::rc::Rc;

use super::Engine;
use super::config::BadInput;
use super::ids::{RequestId, TabId};
use super::time::{Millis, Mono, Now};
use crate::wire::json::{Raw, Writer};
use crate::wire::native_room::Said;

/// Whether this module has rooms.
pub const HERE: bool = false;

/// Never exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {}

/// Never exists.
pub type Signal = State;

/// Never exists.
pub type Call = State;

/// Never exists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the real one has them")]
pub struct Told {
    pub channel: Rc<str>,
    pub people: String,
    pub typing: Option<String>,
    never: State,
}

/// A field that one person at a time may edit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the real one has them")]
pub struct Field {
    pub channel: Rc<str>,
    pub name: Rc<str>,
}

/// What others are to see of this tab.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the real one has them")]
pub enum Show {
    Nothing,
    Known(Rc<str>),
    Anonymous(Rc<str>),
}

/// What the user does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the real one has them")]
pub enum Use {
    Take,
    Edit,
    Release,
}

/// Refuses it.
pub fn meta(_: Raw<'_>) -> Option<Rc<str>> {
    None
}

/// Refuses it.
pub fn call(_: String, _: Raw<'_>) -> Result<Call, BadInput> {
    Err(BadInput::at("", "nothing"))
}

impl State {
    /// Never called.
    pub fn write_members<Of: ?Sized>(&self, _: &Of, _: &mut Writer) {
        match *self {}
    }
}

/// The room of a tab that is in none.
#[derive(Debug)]
pub struct Room;

#[expect(missing_docs, reason = "the real one has them")]
impl Room {
    pub fn new(_: Mono) -> Self {
        Room
    }
    pub fn used(&mut self, _: Mono) {}
    pub fn visible(&mut self, _: Mono, _: bool) {}
    pub fn slept(&mut self, _: Millis) {}
    pub fn typing(&mut self, _: Mono, _: &str, _: Option<&str>) {}
    pub fn next_wakeup(&self, _: bool) -> Option<Mono> {
        None
    }
}

/// The desk of a leader whom nobody has wishes for.
#[derive(Debug, Default)]
pub struct Desk {}

#[expect(missing_docs, reason = "the real one has them")]
impl Desk {
    pub fn forget_tab(&mut self, _: TabId) {}
    pub fn clear(&mut self) {}
    pub fn token_changed(&mut self) {}
    pub fn refused(&mut self, _: Mono, _: RequestId, _: &str) -> bool {
        false
    }
    pub fn next_wakeup(&self) -> Option<Mono> {
        None
    }
}

impl Engine {
    pub(super) fn on_join(&mut self, _: Now, _: &str, _: Show) {}
    pub(super) fn on_leave(&mut self, _: Now, _: &str) {}
    pub(super) fn on_signal(&mut self, call: Call) {
        match call {}
    }
    pub(super) fn stop_room(&mut self, _: Now) {}
    pub(super) fn on_lease(&mut self, _: Now, _: Field, _: Use) {}
    pub(super) fn desk_link(&mut self, _: Now, _: bool) {}
    pub(super) fn room_follows(&mut self, _: Now, _: bool) {}
    pub(super) fn room_link(&mut self, _: Now, _: bool) {}
    pub(super) fn on_room(&mut self, _: Now, _: Said<'_>) {}
    pub(super) fn on_wish(&mut self, _: Now, _: TabId, _: &str) {}
    pub(super) fn on_word_of_room(&mut self, _: Now, _: &str) {}
    pub(super) fn tick_room(&mut self, _: Now) {}
    pub(super) fn forget_room(&mut self, _: Now) {}
}
