//! What stands in for [`layers`](super::layers) in a module that has one backend: the same names, and
//! nothing behind them.

use super::status::Status;
use super::time::{Mono, Now, Wall};
use crate::wire::json::Writer;

/// Whether this module can have more than one backend.
pub const HERE: bool = false;

/// No other backend.
#[derive(Debug, Default)]
pub struct Layers;

/// Never needed.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the real one has them")]
pub struct Known<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub of_another: bool,
}

#[expect(missing_docs, reason = "the real ones have them")]
impl Layers {
    pub fn new(_: Vec<String>, _: Wall) -> Self {
        Layers
    }

    pub fn any(&self) -> bool {
        false
    }

    pub fn has(&self, _: usize) -> bool {
        false
    }

    pub fn name(&self, _: usize) -> &str {
        ""
    }

    pub fn revision(&self) -> u64 {
        0
    }

    pub fn is(&mut self, _: Now, _: usize, _: Status) {}

    pub fn heard(&mut self, _: Now, _: usize, _: Option<Known<'_>>) {}

    pub fn was_away(&mut self) {}

    pub fn next_wakeup(&self) -> Option<Mono> {
        None
    }

    pub fn tick(&mut self, _: Now) {}

    pub fn are_well(&self) -> bool {
        false
    }

    pub fn over(&self, own: Status) -> Status {
        own
    }

    pub fn write(&self, w: &mut Writer) {
        w.array(|_| {});
    }
}
