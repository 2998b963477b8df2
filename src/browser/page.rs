//! What happens to the page: seen or hidden, online or not, put away and brought back.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Document, Event, PageTransitionEvent, VisibilityState, Window};

use super::clock;
use super::listener::Listener;
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
    pub(super) fn watch(window: &Window, happened: impl Fn(PageEvent) + Clone + 'static) -> Page {
        let tell = |event: PageEvent| {
            let happened = happened.clone();
            move |_: Event| happened(event)
        };
        let mut listeners = vec![
            Listener::new(window, "online", tell(PageEvent::Online)),
            Listener::new(window, "offline", tell(PageEvent::Offline)),
            Listener::new(window, "pagehide", tell(PageEvent::Suspended)),
            Listener::new(window, "focus", tell(PageEvent::Focused)),
            Listener::new(window, "blur", tell(PageEvent::Blurred)),
        ];
        // Typing is not worth waking the engine for each key.
        let touched = Rc::new(Cell::new(0));
        for event in ["pointerdown", "keydown"] {
            let (touched, happened) = (Rc::clone(&touched), happened.clone());
            listeners.push(Listener::new(window, event, move |_| {
                let Mono(now) = clock::now().mono;
                if touched.replace(now / TOUCHES_MS) != now / TOUCHES_MS {
                    happened(PageEvent::Touched);
                }
            }));
        }
        let back = {
            let happened = happened.clone();
            let document = window.document();
            move || {
                happened(PageEvent::Resumed);
                // A change of visibility while the page was away is not always told after it.
                if let Some(document) = &document {
                    happened(visibility(document));
                }
            }
        };
        let shown = back.clone();
        listeners.push(Listener::new(window, "pageshow", move |event| {
            // Every load shows the page; only a restored one was away before.
            let persisted = event
                .dyn_ref::<PageTransitionEvent>()
                .is_some_and(PageTransitionEvent::persisted);
            if persisted {
                shown();
            }
        }));
        if let Some(document) = window.document() {
            listeners.push(Listener::new(
                &document,
                "freeze",
                tell(PageEvent::Suspended),
            ));
            listeners.push(Listener::new(&document, "resume", move |_| back()));
            let of = document.clone();
            listeners.push(Listener::new(&document, "visibilitychange", move |_| {
                happened(visibility(&of));
            }));
        }
        Page {
            _listeners: listeners,
        }
    }
}

fn visibility(document: &Document) -> PageEvent {
    match document.visibility_state() {
        VisibilityState::Hidden => PageEvent::Hidden,
        _ => PageEvent::Visible,
    }
}
