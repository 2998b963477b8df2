//! The one owner of the engine, and the one entry for every web event.
//!
//! Whatever happens lands in the inbox. Whoever finds nobody pumping pumps: takes an input, lets
//! the engine handle it, does what the engine wants done, until the inbox is empty. What is done
//! may make something happen at once; that lands in the inbox too. The app is told last, in a
//! microtask, when nothing of ours is borrowed and no Rust is on the stack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};

use super::handles::Handles;
use super::happening::Happening;
use super::host::Host;
use super::inbox::Inbox;
use super::page::Page;
use super::timer::Timer;
use super::{clock, entropy};
use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::ids::TabId;
use crate::engine::input::{Input, PageEvent};
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::{Boot, Engine};
use crate::wire::json::Writer;

/// One running instance.
pub(crate) struct Shell {
    host: Rc<Host>,
    engine: RefCell<Engine>,
    waiting: RefCell<VecDeque<Happening>>,
    pumping: Cell<bool>,
    hidden: Cell<bool>,
    pub(super) handles: RefCell<Handles>,
    /// Numbers the locks that this tab holds for itself.
    lives: Cell<u32>,
    #[cfg(feature = "faults")]
    faulty: Cell<bool>,
}

impl Shell {
    /// An instance that waits for [`Command::Start`].
    pub(crate) fn new(config: Config, host: Host) -> Rc<Shell> {
        let window = web_sys::window();
        let boot = Boot {
            seed: entropy::bits(),
            tab: TabId(entropy::bits()),
            online: window
                .as_ref()
                .is_none_or(|window| window.navigator().on_line()),
        };
        let shell = Rc::new(Shell {
            host: Rc::new(host),
            engine: RefCell::new(Engine::new(config, boot, clock::now())),
            waiting: RefCell::default(),
            pumping: Cell::new(false),
            hidden: Cell::new(false),
            handles: RefCell::default(),
            lives: Cell::new(0),
            #[cfg(feature = "faults")]
            faulty: Cell::new(false),
        });
        let inbox = shell.inbox();
        let mut handles = shell.handles.borrow_mut();
        handles.timer = Some(Timer::new(&inbox, || Happening::Tick));
        handles.page = window.as_ref().map(|window| Page::watch(window, &inbox));
        drop(handles);
        if window
            .and_then(|window| window.document())
            .is_some_and(|document| document.hidden())
        {
            shell.feed(Happening::Page(PageEvent::Hidden));
        }
        shell
    }

    /// The app wants something.
    pub(crate) fn command(self: &Rc<Self>, command: Command) {
        let closing = command == Command::Close;
        self.feed(Happening::Command(command));
        // Nobody calls while it pumps: an engine that still does has broken.
        if closing && !self.pumping.get() {
            let mut handles = self.handles.borrow_mut();
            handles.close(self);
            handles.leave();
        }
    }

    /// The app said by this text what it wants.
    pub(crate) fn said(self: &Rc<Self>, command: Command, text: String) {
        self.feed(Happening::Said(command, text));
    }

    /// Something went wrong in the engine, which is in no known state: gives back all that it held
    /// of the browser, and does nothing any more.
    pub(crate) fn abandon(&self) {
        self.pumping.set(true);
        // It may have happened while a handle was made. Then that one is lost with the page.
        let Ok(mut handles) = self.handles.try_borrow_mut() else {
            return;
        };
        handles.release(|_| true);
        let given_back = std::mem::take(&mut *handles);
        drop(handles);
        drop(given_back);
    }

    /// Panics in the midst of the next thing that happens.
    #[cfg(feature = "faults")]
    pub(crate) fn panic_next(&self) {
        self.faulty.set(true);
    }

    /// The state of everything, as JSON text.
    pub(crate) fn snapshot(&self) -> String {
        self.engine.borrow().snapshot(clock::now())
    }

    /// Why a query is as it is, as JSON text.
    pub(crate) fn explain(&self, key: &str) -> Option<String> {
        self.engine.borrow().explain(clock::now(), key)
    }

    /// What was decided, as JSON text.
    pub(crate) fn journal(&self) -> String {
        self.engine.borrow().journal()
    }

    /// What happened to the engine, for a replay; nothing if it does not record.
    pub(crate) fn recording(&self) -> Option<String> {
        self.engine.borrow().recording()
    }

    /// Figures of the last hours, as JSON text.
    pub(crate) fn history(&self) -> String {
        self.engine.borrow().history()
    }

    /// The way in, for what the browser calls.
    pub(super) fn inbox(self: &Rc<Self>) -> Inbox {
        Inbox::new(Rc::downgrade(self), Rc::clone(&self.host))
    }

    /// What happened while something was done is handled when that is done.
    pub(super) fn later(&self, happening: Happening) {
        self.waiting.borrow_mut().push_back(happening);
    }

    pub(super) fn next_life(&self) -> u32 {
        self.lives.replace(self.lives.get().wrapping_add(1))
    }

    /// Something happened: handles it, and all that follows from it.
    pub(super) fn feed(self: &Rc<Self>, happening: Happening) {
        self.later(happening);
        if self.pumping.replace(true) {
            return;
        }
        let mut notices = Vec::new();
        loop {
            let Some(mut happening) = self.waiting.borrow_mut().pop_front() else {
                break;
            };
            self.handles.borrow_mut().settle(&happening);
            match &mut happening {
                Happening::Relayed(batch) => {
                    self.relayed(batch, |input| self.handle(input, &mut notices));
                }
                happening => {
                    if let Some(input) = happening.input() {
                        self.handle(input, &mut notices);
                    }
                }
            }
            let has_link = self.engine.borrow().has_link();
            self.mind_relay(has_link, &happening);
        }
        self.arm();
        self.handles.borrow_mut().leave();
        self.pumping.set(false);
        if !notices.is_empty() {
            self.tell(&notices);
        }
    }

    /// Lets the engine handle something, and does what it wants done.
    fn handle(self: &Rc<Self>, input: Input<'_>, notices: &mut Vec<Notice>) {
        match input {
            Input::Page(PageEvent::Hidden) => self.hidden.set(true),
            Input::Page(PageEvent::Visible) => self.hidden.set(false),
            _ => {}
        }
        let now = clock::now();
        let mut engine = self.engine.borrow_mut();
        engine.handle(now, input);
        #[cfg(feature = "faults")]
        assert!(!self.faulty.get(), "a test wants this");
        drop(engine);
        self.follow(notices);
    }

    /// Sees to it that the engine is woken in time.
    fn arm(&self) {
        let wakeup = self.engine.borrow().next_wakeup();
        let mut handles = self.handles.borrow_mut();
        if let Some(timer) = &handles.timer {
            timer.set(wakeup);
        }
        // The timers of a hidden page are late by up to a minute.
        if self.hidden.get() {
            handles.wake(wakeup);
        }
    }

    /// Does what the engine wants done.
    fn follow(self: &Rc<Self>, notices: &mut Vec<Notice>) {
        loop {
            let Some(output) = self.engine.borrow_mut().poll_output() else {
                return;
            };
            let notice = match output {
                Output::Tell(notice) => {
                    // What is still to be told is about the person who was there before.
                    if let Notice::User(change) = &notice
                        && change.clears()
                    {
                        notices.retain(|notice| !notice.is_personal());
                    }
                    notice
                }
                // The app's functions are called by the package, which is told like this.
                Output::RunMutation(run) => Notice::Run(run),
                Output::CancelMutation { id, attempt } => Notice::CancelRun { id, attempt },
                Output::AskToken {
                    request,
                    reason,
                    channel,
                } => Notice::Token {
                    request,
                    reason,
                    channel,
                },
                output => {
                    self.perform(output);
                    continue;
                }
            };
            notices.push(notice);
        }
    }

    fn tell(&self, notices: &[Notice]) {
        let mut batch = Writer::new();
        batch.array(|w| notices.iter().for_each(|notice| notice.write(w)));
        let batch = JsValue::from_str(&batch.finish());
        let call = self.host.deliver().bind1(&self.host, &batch);
        match web_sys::window() {
            Some(window) => window.queue_microtask(call.unchecked_ref()),
            None => {
                let _ = call.call0(&JsValue::UNDEFINED);
            }
        }
    }
}
