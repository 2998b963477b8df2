//! An instance as the tests use it, and what they do to the page.

use std::cell::RefCell;
use std::rc::Rc;

use everfresh::api::Core;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, JSON, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use crate::page;

/// How long a condition may take before a test is given up. Not a measure of speed: browsers on a
/// busy machine take seconds for what takes milliseconds.
const PATIENCE_MS: u32 = 20_000;

/// A function that takes text.
type Hears = Closure<dyn FnMut(String)>;

thread_local! {
    /// Kept to the end: an instance that was freed has last words.
    static LISTENERS: RefCell<Vec<Hears>> = const { RefCell::new(Vec::new()) };
}

/// A function that takes text, and lasts as long as the page.
pub(crate) fn hears(hear: impl FnMut(String) + 'static) -> Function {
    let closure = Hears::new(hear);
    let function = closure.as_ref().unchecked_ref::<Function>().clone();
    LISTENERS.with_borrow_mut(|listeners| listeners.push(closure));
    function
}

/// An instance with everything that it told.
pub(crate) struct Tab {
    pub(crate) core: Core,
    /// Every notice, as JSON text.
    pub(crate) told: Rc<RefCell<Vec<String>>>,
    /// What came out of functions that the instance gave to the browser.
    pub(crate) broke: Rc<RefCell<Vec<String>>>,
}

impl Tab {
    /// An instance that has not started.
    pub(crate) fn make(config: &str) -> Tab {
        let told = Rc::new(RefCell::new(Vec::new()));
        let broke = Rc::new(RefCell::new(Vec::new()));
        let (into, because) = (Rc::clone(&told), Rc::clone(&broke));
        let deliver = hears(move |batch| {
            let batch = JSON::parse(&batch).expect("a batch is JSON");
            for notice in Array::from(&batch).iter() {
                let text = JSON::stringify(&notice).expect("it was JSON");
                into.borrow_mut().push(text.into());
            }
        });
        let broken = hears(move |error| because.borrow_mut().push(error));
        let core = Core::new(config, page::make_host(&deliver, &broken));
        let core = core.unwrap_or_else(|error| panic!("{error:?}: {config}"));
        Tab { core, told, broke }
    }

    /// A started instance.
    pub(crate) fn start(name: &str) -> Tab {
        Tab::start_with(name, "")
    }

    /// A started instance with more in its configuration.
    pub(crate) fn start_with(name: &str, more: &str) -> Tab {
        let tab = Tab::make(&config(name, more));
        tab.core.start();
        tab
    }

    /// A member of the snapshot.
    pub(crate) fn get(&self, member: &str) -> String {
        let mut value = JSON::parse(&self.core.snapshot()).expect("the snapshot is JSON");
        for name in member.split('.') {
            value = Reflect::get(&value, &JsValue::from_str(name)).expect("an object");
        }
        value
            .as_string()
            .or_else(|| value.as_f64().map(|n| n.to_string()))
            .or_else(|| value.as_bool().map(|b| b.to_string()))
            .unwrap_or_default()
    }

    /// Waits until a member of the snapshot has a value.
    pub(crate) async fn until(&self, member: &str, value: &str) {
        eventually(member, value, || self.get(member)).await;
    }

    /// Waits for a notice that holds all these words, and gives it.
    pub(crate) async fn hear(&self, words: &[&str]) -> String {
        let find = || {
            let told = self.told.borrow();
            let holds = |notice: &&String| words.iter().all(|word| notice.contains(word));
            told.iter().find(holds).cloned()
        };
        let mut waited = 0;
        while find().is_none() {
            let told = self.told.borrow().join("\n");
            assert!(waited < PATIENCE_MS, "{words:?} was not told, but\n{told}");
            pause(20).await;
            waited += 20;
        }
        find().unwrap_or_default()
    }

    /// Was something told that holds all these words?
    pub(crate) fn heard(&self, words: &[&str]) -> bool {
        let told = self.told.borrow();
        told.iter()
            .any(|notice| words.iter().all(|word| notice.contains(word)))
    }

    pub(crate) fn command(&self, command: &str) {
        self.core.command(command).expect("a good command");
    }
}

/// A configuration. Nobody listens at port 1, and browsers refuse to try.
pub(crate) fn config(name: &str, more: &str) -> String {
    let backend = match more.contains("\"backend\"") {
        true => "",
        false => r#""backend":{"kind":"everfresh","url":"ws://127.0.0.1:1/live"},"#,
    };
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{"name":"{name}",{backend}"channels":["tasks"],
            "events":{{"task_updated":[["tasks"]]}}{comma}{more}}}"#
    )
}

/// Waits until something reads as expected.
pub(crate) async fn eventually(what: &str, expected: &str, mut read: impl FnMut() -> String) {
    let mut waited = 0;
    while read() != expected {
        assert!(
            waited < PATIENCE_MS,
            "{what} is {:?}, not {expected:?}",
            read()
        );
        pause(20).await;
        waited += 20;
    }
}

/// Lets the browser do something else.
pub(crate) async fn pause(ms: u32) {
    TimeoutFuture::new(ms).await;
}

/// The names of all locks, held and waited for, a line each.
pub(crate) async fn all_locks() -> String {
    let names = wasm_bindgen_futures::JsFuture::from(page::locks()).await;
    names
        .ok()
        .and_then(|names| names.as_string())
        .unwrap_or_default()
}
