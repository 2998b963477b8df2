//! What stands in for [`record`](super::record) in a module that cannot record: the same names, and
//! nothing behind them.

use super::Boot;
use super::config::{BadInput, Config};
use super::input::Input;
use super::output::Output;
use super::time::Now;
use crate::wire::json::Raw;

/// Never exists.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {}

/// Never exists.
#[derive(Debug)]
pub enum Recorder {}

impl Wish {
    /// Accepts that nothing is asked for.
    pub fn read(config: Raw<'_>) -> Result<Option<Wish>, BadInput> {
        match config.member("record") {
            Some(wish) if wish.bool() != Some(false) => Err(BadInput::at(
                "record",
                "nothing: this module was built without recording",
            )),
            _ => Ok(None),
        }
    }
}

impl Recorder {
    /// Never called.
    pub fn new(wish: &Wish, _: &Config, _: Boot, _: Now) -> Recorder {
        match *wish {}
    }

    /// Never called.
    pub fn input(&mut self, _: Now, _: &Input<'_>) {}

    /// Never called.
    pub fn output(&mut self, _: &Output) {}

    /// Never called.
    pub fn erase(&mut self) {}

    /// Never called.
    pub fn text(&self) -> String {
        match *self {}
    }
}
