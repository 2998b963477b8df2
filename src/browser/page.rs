//! What happens to the page: seen or hidden, online or not, put away and brought back, and what
//! other tabs do to its storage.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Document, EventTarget, PageTransitionEvent, StorageEvent, VisibilityState, Window};

use super::happening::Happening;
use super::inbox::Inbox;
use super::listener::Listener;
use super::{clock, storage};
use crate::engine::input::PageEvent;
use crate::engine::time::Mono;

/// The user is said to do something at most this often.
const TOUCHES_MS: u64 = 1000;

/// Listens to everything that happens to the page, until dropped.
pub(super) struct Page {
    _listeners: Vec<Listener>,
}

impl Page {
    /// Begins to listen.
    pub(super) fn watch(window: &Window, inbox: &Inbox) -> Page {
        let tells = |target: &EventTarget, event: &'static str, what: PageEvent| {
            let into = inbox.clone();
            Listener::new(target, event, inbox, move |_| {
                into.put(Happening::Page(what))
            })
        };
        let mut listeners = vec![
            tells(window, "online", PageEvent::Online),
            tells(window, "offline", PageEvent::Offline),
            tells(window, "pagehide", PageEvent::Suspended),
            tells(window, "focus", PageEvent::Focused),
            tells(window, "blur", PageEvent::Blurred),
            watch_storage(window, inbox),
        ];
        // Typing is not worth waking the engine for each key.
        let touched = Rc::new(Cell::new(0));
        for event in ["pointerdown", "keydown"] {
            let (touched, into) = (Rc::clone(&touched), inbox.clone());
            listeners.push(Listener::new(window, event, inbox, move |_| {
                let Mono(now) = clock::now().mono;
                if touched.replace(now / TOUCHES_MS) != now / TOUCHES_MS {
                    into.put(Happening::Page(PageEvent::Touched));
                }
            }));
        }
        let Some(document) = window.document() else {
            return Page {
                _listeners: listeners,
            };
        };
        let back = {
            let (into, document) = (inbox.clone(), document.clone());
            move || {
                into.put(Happening::Page(PageEvent::Resumed));
                // A change of visibility while the page was away is not always told after it.
                into.put(Happening::Page(visibility(&document)));
            }
        };
        let shown = back.clone();
        listeners.push(Listener::new(window, "pageshow", inbox, move |event| {
            // Every load shows the page; only a restored one was away before.
            if event.unchecked_ref::<PageTransitionEvent>().persisted() {
                shown();
            }
        }));
        listeners.push(tells(&document, "freeze", PageEvent::Suspended));
        listeners.push(Listener::new(&document, "resume", inbox, move |_| back()));
        let (into, of) = (inbox.clone(), document.clone());
        let changed = move |_| into.put(Happening::Page(visibility(&of)));
        listeners.push(Listener::new(&document, "visibilitychange", inbox, changed));
        Page {
            _listeners: listeners,
        }
    }
}

/// Hears what other tabs do to the storage. What is not ours is not looked at.
fn watch_storage(window: &Window, inbox: &Inbox) -> Listener {
    let into = inbox.clone();
    Listener::new(window, "storage", inbox, move |event| {
        let event: &StorageEvent = event.unchecked_ref();
        let key = event.key();
        let ours = |key: &String| key.starts_with(storage::PREFIX);
        // Without a key, everything was cleared.
        if key.as_ref().is_none_or(ours) {
            into.put(Happening::StoreChanged(key, event.new_value()));
        }
    })
}

fn visibility(document: &Document) -> PageEvent {
    match document.visibility_state() {
        VisibilityState::Hidden => PageEvent::Hidden,
        _ => PageEvent::Visible,
    }
}
