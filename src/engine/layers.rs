//! Several backends at the same time: which of them bring changes, and which one only seems to.
//!
//! The first is this engine's own link. Each of the others has an engine of its own on the page, which keeps
//! its link, its channels and its place among the tabs as any engine does, and has no queries: what it hears is
//! handed on to this one. A change that two of them tell of is known by its id, in `invalidation`; here it is
//! noticed who does not tell of what another one told of.

use std::collections::VecDeque;

use super::limits::{
    CHANGE_REMEMBERED, LAYER_CHANGES_MAX, LAYER_KINDS_MAX, LAYER_MISSES, LAYER_PATIENCE,
};
use super::status::{Status, Word};
use super::text;
use super::time::{Mono, Now, Wall};
use crate::wire::json::Writer;

/// Whether this module can have more than one backend.
pub const HERE: bool = true;

/// The backends of an instance, the first of which is the engine's own.
#[derive(Debug, Default)]
pub struct Layers {
    /// None unless there are several.
    layers: Vec<Layer>,
    /// Changes with an id, in the order in which the first word of each came.
    changes: VecDeque<Change>,
    revision: u64,
}

#[derive(Debug)]
struct Layer {
    name: Box<str>,
    status: Status,
    /// Since when it can be expected to tell of changes.
    live: Option<Mono>,
    heard: Option<Wall>,
    /// Kinds of changes that it has told of.
    kinds: Vec<Box<str>>,
    /// Changes in a row that it should have told of, and did not.
    lacking: u32,
    silent: Option<Wall>,
}

/// A change that somebody told of. Layers are bits.
#[derive(Debug)]
struct Change {
    id: Box<str>,
    at: Mono,
    told: u32,
    /// Who is to tell of it; nobody any more when that was looked at.
    due: u32,
}

/// What a change is known by.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its id, the same whoever tells of it.
    pub id: &'a str,
    /// What it is called by the layer whose word it is.
    pub kind: &'a str,
    /// Whether that is the name of another layer's event.
    pub of_another: bool,
}

impl Layers {
    /// The backends by their names; the first one is the engine's own.
    pub fn new(names: Vec<String>, now: Wall) -> Self {
        let layers = names.into_iter().map(|name| Layer {
            name: name.into(),
            status: Status::idle(now),
            live: None,
            heard: None,
            kinds: Vec::new(),
            lacking: 0,
            silent: None,
        });
        Layers {
            layers: layers.collect(),
            ..Layers::default()
        }
    }

    /// Is there more than one?
    pub fn any(&self) -> bool {
        !self.layers.is_empty()
    }

    /// Is there one of that number besides the engine's own?
    pub fn has(&self, number: usize) -> bool {
        number > 0 && number < self.layers.len()
    }

    /// A name for what came by a layer.
    pub fn name(&self, number: usize) -> &str {
        self.layers.get(number).map_or("", |layer| &layer.name)
    }

    /// Changes whenever something changes that a person should see at once.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How the link of a layer stands.
    pub fn is(&mut self, now: Now, number: usize, status: Status) {
        let Some(layer) = self.layers.get_mut(number) else {
            return;
        };
        if layer.status == status {
            return;
        }
        let live = matches!(status.word, Word::Connected | Word::Degraded) && status.authenticated;
        if live != layer.live.is_some() {
            layer.live = live.then_some(now.mono);
            // A new connection is a new chance.
            layer.lacking = 0;
            layer.silent = None;
        }
        layer.status = status;
        self.revision += 1;
    }

    /// A layer told of something.
    pub fn heard(&mut self, now: Now, number: usize, known: Option<Known<'_>>) {
        let Some(layer) = self.layers.get_mut(number) else {
            return;
        };
        layer.heard = Some(now.wall);
        let Some(known) = known else {
            return;
        };
        layer.lacking = 0;
        if layer.silent.take().is_some() {
            self.revision += 1;
        }
        if !layer.kinds.iter().any(|kind| **kind == *known.kind) {
            if layer.kinds.len() >= LAYER_KINDS_MAX {
                layer.kinds.remove(0);
            }
            layer.kinds.push(known.kind.into());
        }
        let bit = 1 << number;
        if let Some(change) = self
            .changes
            .iter_mut()
            .rev()
            .find(|change| *change.id == *known.id)
        {
            change.told |= bit;
            return;
        }
        self.forget(now.mono);
        let due = self.expected(now.mono, number, known);
        self.changes.push_back(Change {
            id: known.id.into(),
            at: now.mono,
            told: bit,
            due,
        });
    }

    fn forget(&mut self, now: Mono) {
        while let Some(first) = self.changes.front() {
            let kept = first.at + CHANGE_REMEMBERED > now && self.changes.len() < LAYER_CHANGES_MAX;
            if kept {
                break;
            }
            self.changes.pop_front();
        }
    }

    /// Who else is to tell of such a change: who has told of one like it. Where nobody has, and the app said
    /// that it is a change of another layer's, the first of the others.
    fn expected(&self, now: Mono, teller: usize, known: Known<'_>) -> u32 {
        let mut due = 0;
        let mut first = None;
        for (number, layer) in self.layers.iter().enumerate() {
            if number == teller {
                continue;
            }
            let knows = layer.kinds.iter().any(|kind| **kind == *known.kind);
            let live = layer.live.is_some_and(|since| since < now);
            if knows {
                // Also where it is away now: then nobody else is to answer for it.
                first = Some(0);
            }
            if !live {
                continue;
            }
            if knows {
                due |= 1 << number;
            } else if known.of_another {
                first = first.or(Some(1 << number));
            }
        }
        if due == 0 { first.unwrap_or(0) } else { due }
    }

    /// The page was away: what is late may be on its way.
    pub fn was_away(&mut self) {
        for change in &mut self.changes {
            change.due = 0;
        }
    }

    /// When somebody's time to tell of a change is over.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let next = self.changes.iter().find(|change| change.due != 0)?;
        Some(next.at + LAYER_PATIENCE)
    }

    /// Looks who did not tell of what another layer told of.
    pub fn tick(&mut self, now: Now) {
        for change in &mut self.changes {
            if change.at + LAYER_PATIENCE > now.mono {
                break;
            }
            let lacking = change.due & !change.told;
            change.due = 0;
            if lacking == 0 {
                continue;
            }
            for (number, layer) in self.layers.iter_mut().enumerate() {
                let there = layer.live.is_some_and(|since| since < change.at);
                if lacking & (1 << number) == 0 || !there {
                    continue;
                }
                layer.lacking += 1;
                if layer.lacking >= LAYER_MISSES && layer.silent.is_none() {
                    layer.silent = Some(now.wall);
                    self.revision += 1;
                }
            }
        }
    }

    /// The first one that brings changes.
    fn bringer(&self) -> Option<usize> {
        self.layers
            .iter()
            .position(|layer| layer.live.is_some() && layer.silent.is_none())
    }

    /// Can it be relied on that changes come?
    pub fn are_well(&self) -> bool {
        let well = |layer: &Layer| layer.status.word == Word::Connected && layer.silent.is_none();
        self.layers.iter().any(well)
    }

    /// The state as the app sees it: where another one has taken over from the first, it says so.
    pub fn over(&self, own: Status) -> Status {
        let Some(first) = self.layers.first() else {
            return own;
        };
        // What the app has to do something about stays as it is.
        let lost = matches!(
            own.word,
            Word::Connecting | Word::Reconnecting | Word::Offline | Word::Failed
        );
        let reason = match self.bringer() {
            Some(0) => return own,
            Some(bringer) if lost || first.silent.is_some() => {
                let by = [
                    "changes come by ",
                    self.name(bringer),
                    "; ",
                    &first.name,
                    ": ",
                ];
                text::concat(&by) + first.reason(&own.reason)
            }
            None if first.silent.is_some() => {
                text::concat(&["nothing brings changes but looks; ", &first.name, ": "])
                    + first.reason(&own.reason)
            }
            Some(_) | None => return own,
        };
        Status {
            word: Word::Degraded,
            reason: reason.into(),
            ..own
        }
    }

    /// Writes the list of them.
    pub fn write(&self, w: &mut Writer) {
        w.array(|w| {
            for layer in &self.layers {
                w.object(|w| {
                    w.key("layer").string(&layer.name);
                    w.key("status").string(match layer.silent {
                        Some(_) => "silent",
                        None => layer.status.word.text(),
                    });
                    w.key("reason").string(layer.reason(&layer.status.reason));
                    w.key("since")
                        .number(layer.silent.unwrap_or(layer.status.since).0);
                    w.key("brings")
                        .bool(layer.live.is_some() && layer.silent.is_none());
                    match layer.heard {
                        Some(at) => w.key("heard").number(at.0),
                        None => w.key("heard").null(),
                    }
                });
            }
        });
    }
}

impl Layer {
    fn reason<'a>(&self, own: &'a str) -> &'a str {
        match self.silent {
            Some(_) => "another one told of changes, and this one did not",
            None => own,
        }
    }
}

#[cfg(test)]
mod tests;
