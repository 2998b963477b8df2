//! The storage of one browser: one truth, which every tab sees in its own time.
//!
//! It is what was measured of real ones and not what one would wish. A tab sees at once what it
//! wrote itself, and what other tabs wrote when the browser gets round to it: so it may read what
//! is not true any more, even under a lock. Events of a change may come late, several as one, and
//! never to a page that cannot run. Any access may throw, a write may find no room, anybody may
//! clear it all, a record may be damaged, and after a power loss the last seconds never were.

use std::collections::BTreeMap;
use std::rc::Rc;

use everfresh::engine::store::StoreFault;

use crate::agenda::Time;

type Values = BTreeMap<Rc<str>, Rc<str>>;

/// The storage.
#[derive(Debug)]
pub(crate) struct Storage {
    /// What the browser will have written in the end.
    truth: Values,
    /// Everything that was ever changed, in order.
    log: Vec<Change>,
    /// What the tabs see, by their numbers.
    views: BTreeMap<usize, View>,
    /// How many characters it takes, keys and values together.
    room: usize,
    used: usize,
    /// What other code of the origin has stored, in characters.
    others: usize,
    /// Every access throws until then.
    throws_until: Time,
}

/// One change of the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Where; everything if nothing.
    pub(crate) key: Option<Rc<str>>,
    /// What is there now.
    pub(crate) value: Option<Rc<str>>,
    /// The tab that did it; none if no page of the app did.
    by: Option<usize>,
    at: Time,
}

/// What a tab sees.
#[derive(Debug)]
struct View {
    values: Values,
    /// How many of the changes it has seen.
    seen: usize,
    /// Its own last change of each key: what others did before that does not show any more.
    own: BTreeMap<Rc<str>, usize>,
    /// It will be brought up to date at a moment that is planned.
    planned: bool,
    /// Keys of which it sees its own value for good, as was measured once.
    stuck: bool,
}

impl Storage {
    /// An empty one that holds so many characters.
    pub(crate) fn new(room: usize) -> Self {
        Storage {
            truth: Values::new(),
            log: Vec::new(),
            views: BTreeMap::new(),
            room,
            used: 0,
            others: 0,
            throws_until: 0,
        }
    }

    // What pages do.

    /// A page opens: it sees what is true now.
    pub(crate) fn open(&mut self, tab: usize, stuck: bool) {
        let view = View {
            values: self.truth.clone(),
            seen: self.log.len(),
            own: BTreeMap::new(),
            planned: false,
            stuck,
        };
        self.views.insert(tab, view);
    }

    /// A page is over.
    pub(crate) fn close(&mut self, tab: usize) {
        self.views.remove(&tab);
    }

    /// A page stores a value.
    pub(crate) fn write(
        &mut self,
        now: Time,
        tab: usize,
        key: &str,
        value: &str,
    ) -> Result<(), StoreFault> {
        self.usable(now)?;
        let old = self.truth.get(key).map_or(0, |old| units(key) + units(old));
        if self.used - old + units(key) + units(value) + self.others > self.room {
            return Err(StoreFault::Quota);
        }
        self.change(now, Some(tab), key, Some(value.into()));
        Ok(())
    }

    /// A page removes a value. Whether it worked it does not learn.
    pub(crate) fn remove(&mut self, now: Time, tab: usize, key: &str) {
        if self.usable(now).is_ok() {
            self.change(now, Some(tab), key, None);
        }
    }

    /// The keys that begin with a prefix, as a page sees them.
    pub(crate) fn list(
        &self,
        now: Time,
        tab: usize,
        prefix: &str,
    ) -> Result<Vec<String>, StoreFault> {
        self.usable(now)?;
        let keys = self.seen_by(tab).keys();
        Ok(keys
            .filter(|key| key.starts_with(prefix))
            .map(|key| key.to_string())
            .collect())
    }

    /// The values of keys, as a page sees them.
    pub(crate) fn read(
        &self,
        now: Time,
        tab: usize,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, StoreFault> {
        self.usable(now)?;
        let values = self.seen_by(tab);
        Ok(keys
            .iter()
            .map(|key| values.get(key.as_str()).map(|value| value.to_string()))
            .collect())
    }

    fn usable(&self, now: Time) -> Result<(), StoreFault> {
        if now < self.throws_until {
            Err(StoreFault::Blocked)
        } else {
            Ok(())
        }
    }

    fn seen_by(&self, tab: usize) -> &Values {
        self.views
            .get(&tab)
            .map_or(&self.truth, |view| &view.values)
    }

    fn change(&mut self, now: Time, by: Option<usize>, key: &str, value: Option<Rc<str>>) {
        let key: Rc<str> = key.into();
        if let Some(view) = by.and_then(|tab| self.views.get_mut(&tab)) {
            view.own.insert(Rc::clone(&key), self.log.len());
            put(&mut view.values, &key, value.as_ref());
        }
        self.used = apply(&mut self.truth, self.used, Some(&key), value.as_ref());
        self.log.push(Change {
            key: Some(key),
            value,
            by,
            at: now,
        });
    }

    // What the browser does.

    /// Has a page not seen everything, and is nothing planned for it? Then something is from now.
    pub(crate) fn plan(&mut self, tab: usize) -> bool {
        let behind = self.log.len();
        let view = self.views.get_mut(&tab);
        view.is_some_and(|view| view.seen < behind && !std::mem::replace(&mut view.planned, true))
    }

    /// A page sees what is true, and the changes that it hears of: of one key only the last.
    pub(crate) fn bring_up(&mut self, tab: usize) -> Vec<Change> {
        let Some(view) = self.views.get_mut(&tab) else {
            return Vec::new();
        };
        view.planned = false;
        let mut heard: Vec<Change> = Vec::new();
        for (at, change) in self.log.iter().enumerate().skip(view.seen) {
            if change.by == Some(tab) {
                continue;
            }
            match &change.key {
                None => {
                    let own = &view.own;
                    let mine = |key: &Rc<str>| own.get(key).is_some_and(|last| *last > at);
                    view.values.retain(|key, _| mine(key));
                    // And with it goes what hid what others write there.
                    view.own.retain(|_, last| *last > at);
                    heard.clear();
                }
                Some(key) => {
                    let last = view.own.get(key).copied();
                    if last.is_none_or(|last| last < at && !view.stuck) {
                        put(&mut view.values, key, change.value.as_ref());
                    }
                    heard.retain(|have| have.key.as_ref() != Some(key));
                }
            }
            heard.push(change.clone());
        }
        view.seen = self.log.len();
        heard
    }

    /// Does a page see what is not true any more?
    pub(crate) fn is_behind(&self, tab: usize) -> bool {
        self.views
            .get(&tab)
            .is_some_and(|view| view.values != self.truth)
    }

    // Faults.

    /// Every access throws until a moment.
    pub(crate) fn throw_until(&mut self, until: Time) {
        self.throws_until = until;
    }

    /// Other code leaves no more room than this, or gives it back.
    pub(crate) fn fill(&mut self, leaves: Option<usize>) {
        self.others = leaves.map_or(0, |leaves| self.room.saturating_sub(self.used + leaves));
    }

    /// Other code of the origin, in one of the pages, clears it all.
    pub(crate) fn clear(&mut self, now: Time, by: usize) {
        if let Some(view) = self.views.get_mut(&by) {
            view.values.clear();
            view.own.clear();
            view.seen = self.log.len();
        }
        self.truth.clear();
        self.used = 0;
        self.log.push(Change {
            key: None,
            value: None,
            by: Some(by),
            at: now,
        });
    }

    /// A value is not any more what was written, and nobody did it.
    pub(crate) fn damage(&mut self, now: Time, key: &str, value: &str) {
        self.change(now, None, key, Some(value.into()));
    }

    /// The power is lost, and with it every page: all that was done after a moment never was.
    pub(crate) fn roll_back(&mut self, to: Time) {
        self.views.clear();
        let kept = self.log.partition_point(|change| change.at <= to);
        self.log.truncate(kept);
        self.truth.clear();
        self.used = 0;
        for change in &self.log {
            let (key, value) = (change.key.as_ref(), change.value.as_ref());
            self.used = apply(&mut self.truth, self.used, key, value);
        }
    }

    // What is true.

    /// What really stands there.
    pub(crate) fn truth(&self, key: &str) -> Option<&str> {
        self.truth.get(key).map(|value| &**value)
    }

    /// All keys that really are there.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.truth.keys().map(|key| &**key)
    }
}

/// Length as the browser counts it.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn put(values: &mut Values, key: &Rc<str>, value: Option<&Rc<str>>) {
    match value {
        Some(value) => values.insert(Rc::clone(key), Rc::clone(value)),
        None => values.remove(key),
    };
}

/// Does a change; how much is used then.
fn apply(
    values: &mut Values,
    used: usize,
    key: Option<&Rc<str>>,
    value: Option<&Rc<str>>,
) -> usize {
    let Some(key) = key else {
        values.clear();
        return 0;
    };
    let old = values.get(key).map_or(0, |old| units(key) + units(old));
    let new = value.map_or(0, |value| units(key) + units(value));
    put(values, key, value);
    used - old + new
}
