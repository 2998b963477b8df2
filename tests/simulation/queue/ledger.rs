//! The oracle of mutations: what the app asked for, what it was told, and what took effect, kept in
//! the simplest way there is. It knows no engine, no storage and no server. A mutation is known by
//! a serial number that the app puts into its variables, so nothing depends on the ids that the
//! engine gives.

use std::collections::BTreeMap;

use everfresh::engine::queue::{End, How, MutationId, Refusal};

use crate::agenda::{S, Time};
use crate::promises::{Broken, Promise};
use crate::queue::plan::{STRICT, Spec};
use crate::queue::server::Verdict;

/// How long after a mutation was accepted the other tabs know of it.
const TOLD_WITHIN: Time = S;

/// All mutations of a world, by their serial numbers.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) list: Vec<Entry>,
    ids: BTreeMap<MutationId, usize>,
    /// Of each browser, how far its tabs can know of each other.
    pub(crate) knowledge: Vec<Knowledge>,
}

/// How far the tabs of a browser can know of each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Knowledge {
    /// There are no locks: every tab is for itself, and tabs do not speak.
    pub(crate) none: bool,
    /// What was given up before this moment may be seen and heard of so late that it is sent by a
    /// tab that could not know.
    pub(crate) late_until: Time,
    /// Nothing can be noted down or read from the first of these moments to the second.
    pub(crate) mute_from: Time,
    pub(crate) mute_until: Time,
    /// Somebody set the clock: what was made before and after cannot be compared.
    pub(crate) clock_set: Time,
}

/// One mutation.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where it was made.
    pub(crate) browser: usize,
    pub(crate) tab: usize,
    pub(crate) spec: Spec,
    pub(crate) made: Time,
    /// When its page was opened.
    pub(crate) opened: Time,
    pub(crate) fate: Fate,
    pub(crate) id: Option<MutationId>,
    /// How many forms its variables have had: each edit by hand is a new one.
    pub(crate) forms: u64,
    /// The forms that took effect, in order.
    pub(crate) effects: Vec<u64>,
    /// What was decided about it last, by the server.
    pub(crate) verdict: Option<Verdict>,
    /// How it ended, by the word of any tab.
    pub(crate) end: Option<Ended>,
    /// When that was said.
    pub(crate) ended_at: Time,
    /// Its own call was told the end.
    pub(crate) told: bool,
    /// The tabs that were told that it is applied, and when.
    pub(crate) witnesses: Vec<(usize, Time)>,
    /// It was said to be a dead letter or a conflict, and nobody has decided.
    pub(crate) letter: bool,
    /// A person had a hand in it: its place in the order is void.
    pub(crate) asked: bool,
    /// A person wanted to give it up.
    pub(crate) unwanted: bool,
    /// Since when what became of it could not be noted down, because there was no room: whoever
    /// leads next sends it again, and it may be late then.
    pub(crate) unnoted: Option<Time>,
    /// That it was replaced was noted down before it took effect.
    pub(crate) replaced: bool,
    /// Whoever held its letter leads no more, and who leads next found it in no storage, because that took
    /// nothing or could not be read: its lane waits for nobody.
    pub(crate) lost: bool,
    /// Its record was harmed by something that no browser promises not to do.
    pub(crate) harmed: bool,
    /// And with it the last that was known of it: nothing is promised any more, except that it
    /// takes effect once at most.
    pub(crate) excused: bool,
}

/// What the app was told when it made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: it may have died too early.
    Open,
    /// It will be done.
    Accepted { durable: bool, at: Time },
    /// It will not be done.
    Refused,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Applied,
    Resolved(How),
}

impl Entry {
    /// Was it accepted, and has it not ended by all that is known? Letters count.
    pub(crate) fn waits(&self) -> bool {
        let accepted = matches!(self.fate, Fate::Accepted { .. });
        accepted && self.effects.is_empty() && self.end.is_none() && !self.excused
    }
}

fn broken<T>(promise: Promise, how: String) -> Result<T, Broken> {
    Err(Broken { promise, how })
}

impl Ledger {
    /// Of a world in which nothing was made yet.
    pub(crate) fn new(browsers: usize) -> Self {
        Ledger {
            list: Vec::new(),
            ids: BTreeMap::new(),
            knowledge: vec![Knowledge::default(); browsers],
        }
    }

    /// Is it void how and in which order it ends? Then it only takes effect once at most.
    fn is_free(&self, serial: usize) -> bool {
        let entry = &self.list[serial];
        let knowledge = self.knowledge[entry.browser];
        let late = entry.end.is_some() && entry.ended_at < knowledge.late_until;
        entry.excused || entry.asked || knowledge.none || late
    }

    /// The app is about to make one. Gives its serial number.
    pub(crate) fn make(
        &mut self,
        now: Time,
        (browser, tab): (usize, usize),
        opened: Time,
        spec: Spec,
    ) -> usize {
        self.list.push(Entry {
            browser,
            tab,
            spec,
            made: now,
            opened,
            fate: Fate::Open,
            id: None,
            forms: 1,
            effects: Vec::new(),
            verdict: None,
            end: None,
            ended_at: 0,
            told: false,
            witnesses: Vec::new(),
            letter: false,
            asked: false,
            unwanted: false,
            unnoted: None,
            replaced: false,
            lost: false,
            harmed: false,
            excused: false,
        });
        self.list.len() - 1
    }

    /// The id of one is seen, on a list or in a run.
    pub(crate) fn meet(&mut self, serial: usize, id: MutationId) {
        if let Some(entry) = self.list.get_mut(serial) {
            entry.id = Some(id);
            self.ids.insert(id, serial);
        }
    }

    /// The serial number of an id, if it was ever seen.
    pub(crate) fn serial(&self, id: MutationId) -> Option<usize> {
        self.ids.get(&id).copied()
    }

    /// The app is told that it is accepted.
    pub(crate) fn accepted(
        &mut self,
        now: Time,
        serial: usize,
        id: MutationId,
        durable: bool,
    ) -> Result<(), Broken> {
        let entry = &mut self.list[serial];
        if entry.fate != Fate::Open {
            return broken(
                Promise::G6,
                format!(
                    "mutation {serial} is accepted after it was {:?}",
                    entry.fate
                ),
            );
        }
        entry.fate = Fate::Accepted { durable, at: now };
        entry.id = Some(id);
        self.ids.insert(id, serial);
        Ok(())
    }

    /// The app is told that it is not.
    pub(crate) fn refused(&mut self, serial: usize, why: Refusal) -> Result<(), Broken> {
        let entry = &mut self.list[serial];
        if entry.fate != Fate::Open {
            return broken(
                Promise::G6,
                format!(
                    "mutation {serial} is refused ({why:?}) after it was {:?}",
                    entry.fate
                ),
            );
        }
        if !entry.effects.is_empty() {
            return broken(
                Promise::G6,
                format!("mutation {serial} is refused ({why:?}) and took effect"),
            );
        }
        entry.fate = Fate::Refused;
        Ok(())
    }

    /// A run of it begins.
    pub(crate) fn runs(&self, serial: usize) -> Result<(), Broken> {
        let entry = &self.list[serial];
        if entry.fate == Fate::Refused {
            return broken(
                Promise::G6,
                format!("mutation {serial} was refused and is sent all the same"),
            );
        }
        let gone = matches!(entry.end, Some(Ended::Resolved(_)));
        if gone && !self.is_free(serial) {
            return broken(
                Promise::G7,
                format!("mutation {serial} is sent after it was {:?}", entry.end),
            );
        }
        Ok(())
    }

    /// It takes effect, in one of its forms.
    pub(crate) fn takes_effect(&mut self, serial: usize, form: u64) -> Result<(), Broken> {
        let entry = &self.list[serial];
        if entry.fate == Fate::Refused {
            return broken(
                Promise::G6,
                format!("mutation {serial} was refused and takes effect"),
            );
        }
        if entry.effects.contains(&form) {
            return broken(
                Promise::G7,
                format!("mutation {serial} takes effect for the second time"),
            );
        }
        let free = self.is_free(serial);
        if !free && let Some(Ended::Resolved(how)) = entry.end {
            return broken(
                Promise::G7,
                format!("mutation {serial} takes effect after it was {how:?}"),
            );
        }
        // Of a record that nobody can read nobody knows the lane.
        // A request that was given up may arrive when its lane has gone on.
        let given_up = entry.letter && entry.spec.name != STRICT;
        let placed = !free && !entry.harmed && entry.unnoted.is_none() && !given_up;
        if placed && let Some(later) = self.overtaken_by(serial) {
            return broken(
                Promise::G7,
                format!("mutation {serial} takes effect after {later}, which was made after it"),
            );
        }
        if let Some(before) = self.stopped_by(serial) {
            return broken(
                Promise::G7,
                format!("mutation {serial} takes effect while its lane waits for {before}"),
            );
        }
        self.list[serial].effects.push(form);
        Ok(())
    }

    /// Was one made after another, as far as tabs can know? In one tab that is certain. Of two tabs
    /// the later one knows if it was some time later, and nothing made them hear late. What is in
    /// memory only the other tabs hear of by their channel, and what is stored may overtake it.
    fn is_after(&self, later: &Entry, entry: &Entry) -> bool {
        let in_memory = |entry: &Entry| matches!(entry.fate, Fate::Accepted { durable: false, .. });
        if later.tab == entry.tab {
            return in_memory(later) || !in_memory(entry);
        }
        let knowledge = self.knowledge[entry.browser];
        let Fate::Accepted { durable: true, at } = entry.fate else {
            return false;
        };
        later.browser == entry.browser
            && later.made >= at.max(later.opened) + TOLD_WITHIN
            && knowledge.late_until < at
            && knowledge.clock_set < at
    }

    /// One that was made later, had to wait for this one, and did not.
    fn overtaken_by(&self, serial: usize) -> Option<usize> {
        let entry = &self.list[serial];
        self.list
            .iter()
            .enumerate()
            .skip(serial + 1)
            .find(|(_, later)| {
                let waits =
                    later.spec.lane == entry.spec.lane || later.spec.barrier || entry.spec.barrier;
                waits && !later.effects.is_empty() && self.is_after(later, entry)
            })
            .map(|(at, _)| at)
    }

    /// One that was made earlier in the same tab and that its lane has to wait for, because a
    /// person has to decide.
    fn stopped_by(&self, serial: usize) -> Option<usize> {
        let entry = &self.list[serial];
        if self.is_free(serial) {
            return None;
        }
        self.list[..serial].iter().position(|before| {
            before.spec.name == STRICT
                && before.spec.lane == entry.spec.lane
                && before.tab == entry.tab
                && !before.asked
                && !before.excused
                && !before.lost
                && before.fate != Fate::Refused
                && matches!(
                    before.verdict,
                    Some(Verdict::Rejected | Verdict::Conflict | Verdict::Clash)
                )
        })
    }

    /// An end is told. `mine` says that it is told to the call that made it.
    pub(crate) fn ended(
        &mut self,
        now: Time,
        serial: usize,
        end: &End,
        mine: bool,
    ) -> Result<(), Broken> {
        let free = self.is_free(serial);
        let mute_until = self.knowledge[self.list[serial].browser].mute_until;
        let entry = &mut self.list[serial];
        let end = match end {
            End::Dead { .. } => {
                entry.letter = true;
                // That settles the call. What becomes of the letter is told to everybody.
                if mine && std::mem::replace(&mut entry.told, true) {
                    return broken(
                        Promise::G8,
                        format!("the call that made mutation {serial} is told its end twice"),
                    );
                }
                return Ok(());
            }
            End::Applied { .. } => Ended::Applied,
            End::Resolved { how } => Ended::Resolved(*how),
        };
        if mine && std::mem::replace(&mut entry.told, true) {
            return broken(
                Promise::G8,
                format!("the call that made mutation {serial} is told its end twice"),
            );
        }
        entry.letter = false;
        if end == Ended::Applied && entry.effects.is_empty() {
            return broken(
                Promise::G6,
                format!("mutation {serial} is said to be applied and is not"),
            );
        }
        // Who led noted that down and crashed, who led next could not see it yet and sent it, and the answer was
        // lost: no tab can know better.
        let unknowable =
            entry.replaced && entry.witnesses.is_empty() && end == Ended::Resolved(How::Superseded);
        if let (Ended::Resolved(how), false) = (end, free || unknowable)
            && !entry.effects.is_empty()
        {
            return broken(
                Promise::G7,
                format!("mutation {serial} took effect and is said to be {how:?}"),
            );
        }
        if let (Some(before), false) = (entry.end, free)
            && before != end
        {
            return broken(
                Promise::G8,
                format!("mutation {serial} is said to be {end:?} after it was {before:?}"),
            );
        }
        if entry.end.is_none() {
            entry.ended_at = now;
        }
        // What is not noted down is done again by who comes next.
        entry.excused |= now < mute_until;
        entry.end = Some(end);
        Ok(())
    }

    /// It waits for a person.
    pub(crate) fn conflicts(&mut self, serial: usize) {
        self.list[serial].letter = true;
    }

    /// Those of a browser that were accepted and have not ended, by all that is known.
    pub(crate) fn pending(&self, browser: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.list.len()).filter(move |at| {
            let entry = &self.list[*at];
            entry.browser == browser && entry.waits() && !entry.letter
        })
    }

    /// Is there one in a browser of whose end nobody heard?
    pub(crate) fn unheard(&self, browser: usize) -> bool {
        let unheard = |entry: &Entry| {
            entry.browser == browser && entry.fate != Fate::Refused && entry.end.is_none()
        };
        self.list.iter().any(unheard)
    }

    /// Was one accepted in a browser?
    pub(crate) fn made_any(&self, browser: usize) -> bool {
        let accepted = |entry: &Entry| entry.browser == browser && entry.fate != Fate::Refused;
        self.list.iter().any(accepted)
    }

    /// Did a newer one replace it, as far as can be known from outside?
    pub(crate) fn was_replaced(&self, serial: usize) -> bool {
        let entry = &self.list[serial];
        entry.spec.coalesces
            && self.list.iter().skip(serial + 1).any(|later| {
                later.browser == entry.browser
                    && later.spec.lane == entry.spec.lane
                    && later.spec.coalesces
                    && later.fate != Fate::Refused
            })
    }
}
