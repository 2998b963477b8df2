//! What JavaScript sees: one class, three doors. Parses and forwards, performs nothing.

mod error;

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

pub use crate::browser::host::Host;
use crate::browser::shell::Shell;
use crate::engine::command::Command;
use crate::engine::config::Config;

/// A running instance. The npm package wraps it; apps never see it.
#[wasm_bindgen]
pub struct Core {
    shell: Rc<Shell>,
}

#[wasm_bindgen]
impl Core {
    /// Makes an instance from its settings (JSON text) and what the package gives it.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, host: Host) -> Result<Core, JsValue> {
        let config = Config::parse(config).map_err(|bad| error::bad_option(&bad))?;
        Ok(Core {
            shell: Shell::new(config, host),
        })
    }

    /// Begins.
    pub fn start(&self) {
        self.shell.command(Command::Start);
    }

    /// Does what a command (JSON text) says.
    pub fn command(&self, text: &str) -> Result<(), JsValue> {
        let command = Command::parse(text).map_err(|bad| error::bad_option(&bad))?;
        self.shell.said(command, text.to_owned());
        Ok(())
    }

    /// The state of everything, as JSON text.
    pub fn snapshot(&self) -> String {
        self.shell.snapshot()
    }

    /// Why a query, or a family (a query key as JSON text), is as it is: JSON text, or nothing if
    /// that is no query key.
    pub fn explain(&self, key: &str) -> Option<String> {
        self.shell.explain(key)
    }

    /// What was decided, the oldest first, as JSON text.
    pub fn journal(&self) -> String {
        self.shell.journal()
    }

    /// What happened to the engine, for a replay, if the settings ask for it.
    pub fn recording(&self) -> Option<String> {
        self.shell.recording()
    }

    /// Figures of the last hours, a row a minute, as JSON text.
    pub fn history(&self) -> String {
        self.shell.history()
    }

    /// Gives back all that an instance holds of the browser whose engine broke: a method threw what
    /// has no `code`, or a guarded function threw at all. It does nothing any more, and is
    /// not to be used again.
    pub fn abandon(&self) {
        self.shell.abandon();
    }

    /// Panics in the midst of the next thing that happens.
    #[cfg(feature = "faults")]
    pub fn panic_next(&self) {
        self.shell.panic_next();
    }

    /// Ends for good. Again and again does no harm.
    pub fn close(&self) {
        self.shell.command(Command::Close);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // Whoever frees an instance without closing it would leave its socket and lock behind.
        self.close();
    }
}
