//! The age of data across a reload of the tab (PO6).
//!
//! What is stored is a time of the wall clock, which may have been set since: a time that is still
//! to come is a lie, and what nobody knows the age of is stale.

use super::ledger::{Age, Known, Source, Why};
use super::{Freshness, Step};
use crate::engine::ids::number_text;
use crate::engine::limits::SAVE_STEP;
use crate::engine::text;
use crate::engine::time::{Millis, Now, Wall};

impl Freshness {
    fn name_of(&self, at: usize) -> Option<String> {
        let key = self.entries.get(at)?.contract.reload_key.as_deref()?;
        let mut name = String::from(&*self.scope);
        name.push_str(":fresh:");
        name.push_str(key);
        Some(name)
    }

    /// Asks for all that was stored.
    pub(super) fn load(&mut self) {
        for at in 0..self.entries.len() {
            if let Some(key) = self.name_of(at) {
                self.steps.push_back(Step::Load { key });
            }
        }
    }

    /// Takes out all that was stored.
    pub(super) fn erase(&mut self) {
        for at in 0..self.entries.len() {
            if let Some(key) = self.name_of(at) {
                self.steps.push_back(Step::Erase { key });
            }
        }
    }

    /// What was stored before the page was loaded, if anything was.
    pub fn loaded(&mut self, now: Now, key: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        for at in 0..self.entries.len() {
            if self.name_of(at).as_deref() != Some(key) {
                continue;
            }
            let Some(entry) = self.entries.get_mut(at) else {
                continue;
            };
            // What was fetched since is known better, unless there is more that was not.
            if entry.age() != Age::Nothing && !entry.any_restored() {
                continue;
            }
            self.touched = true;
            let fetched = read(value).filter(|fetched| *fetched <= now.wall);
            let age = fetched.map(|fetched| Millis(now.wall.0 - fetched.0));
            let window = entry.contract.max_age.or(entry.contract.focus_after);
            let stale = match (age, window) {
                (Some(age), Some(window)) => age > window,
                (Some(_), None) => false,
                (None, _) => true,
            };
            if stale && !entry.contract.manual {
                entry.urgent.get_or_insert(Why::Reload);
            }
            entry.stored = match age {
                Some(age) => Age::Known(Known { at: now.mono, age }),
                None => Age::Unknown,
            };
            if age.is_some() {
                entry.source = Some(Source::Reload);
                entry.saved = fetched;
            }
        }
    }

    pub(super) fn save(&mut self, now: Now, at: usize) {
        self.save_if_older(now, at, SAVE_STEP);
    }

    /// Stores everything that is not stored to the millisecond.
    pub(super) fn save_all(&mut self, now: Now) {
        for at in 0..self.entries.len() {
            self.save_if_older(now, at, Millis(1));
        }
    }

    fn save_if_older(&mut self, now: Now, at: usize, step: Millis) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        let Age::Known(known) = entry.age() else {
            return;
        };
        if entry.contract.reload_key.is_none() {
            return;
        }
        // Of something that is shown the age is only stored, and was not read yet: it is older.
        if entry.stored == Age::Nothing && entry.any_restored() {
            return;
        }
        let fetched = Wall(now.wall.0.saturating_sub(known.age(now.mono).0));
        if entry
            .saved
            .is_some_and(|saved| saved.0.abs_diff(fetched.0) < step.0)
        {
            return;
        }
        entry.saved = Some(fetched);
        if let Some(key) = self.name_of(at) {
            let value = number_text(fetched.0);
            self.steps.push_back(Step::Save { key, value });
        }
    }
}

/// Reads a stored time. Whatever else is there is no time.
fn read(value: &str) -> Option<Wall> {
    let short = value.len() <= 16;
    text::number(value).filter(|_| short).map(Wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_milliseconds_are_a_time() {
        assert_eq!(read("1795248000000"), Some(Wall(1_795_248_000_000)));
        for text in [
            "",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "NaN",
            "99999999999999999",
            " 1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_comes_back(time in 0u64..10_000_000_000_000_000) {
            prop_assert_eq!(read(&number_text(time)), Some(Wall(time)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}") {
            let _ = read(&text);
        }
    }
}
