//! The oracle: what is true in a world, kept in the simplest way there is, by the side that
//! cannot be wrong about it (the database). It knows no engine, no socket and no tab.

use crate::agenda::Time;

/// What is true.
#[derive(Debug)]
pub(crate) struct Reference {
    /// What can happen to the data.
    pub(crate) kinds: Vec<Kind>,
    /// How often each family of queries changed.
    pub(crate) versions: Vec<u64>,
    /// How many changes there were.
    changes: u64,
    /// What was published on each channel, in order. An event carries its place in here.
    pub(crate) published: Vec<Vec<Published>>,
}

/// One kind of change, and the event that tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// The event's name.
    pub(crate) event: String,
    /// The channel it is published on.
    pub(crate) channel: usize,
    /// The families of queries that it changes.
    pub(crate) families: Vec<usize>,
    /// A second layer tells of the same change by this kind's event.
    pub(crate) twin: Option<usize>,
}

/// An event that was published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// What changed.
    pub(crate) kind: usize,
    /// When.
    pub(crate) at: Time,
}

impl Reference {
    /// A world in which nothing happened yet.
    pub(crate) fn new(families: usize, channels: usize, kinds: Vec<Kind>) -> Self {
        Reference {
            kinds,
            versions: vec![1; families],
            changes: 0,
            published: vec![Vec::new(); channels],
        }
    }

    /// The data changes. Gives the number of the change.
    pub(crate) fn change(&mut self, kind: usize) -> u64 {
        for &family in &self.kinds[kind].families {
            self.versions[family] += 1;
        }
        self.changes += 1;
        self.changes
    }

    /// An event tells of a change. Gives its place on its channel, counted from 1.
    pub(crate) fn publish(&mut self, now: Time, kind: usize) -> u64 {
        let log = &mut self.published[self.kinds[kind].channel];
        log.push(Published { kind, at: now });
        log.len() as u64
    }

    /// The events of a channel strictly between two places.
    pub(crate) fn between(&self, channel: usize, after: u64, before: u64) -> &[Published] {
        let log = &self.published[channel];
        &log[(after as usize).min(log.len())..(before as usize - 1).min(log.len())]
    }

    /// Was an event published since a moment that tells of a family?
    pub(crate) fn is_told_since(&self, family: usize, moment: Time) -> bool {
        let events = self.published.iter().flatten().rev();
        let mut recent = events.filter(|event| event.at >= moment);
        recent.any(|event| self.kinds[event.kind].families.contains(&family))
    }

    /// Do several layers tell of the same change?
    pub(crate) fn has_layers(&self) -> bool {
        self.kinds.iter().any(|kind| kind.twin.is_some())
    }

    /// The channels whose events change a family.
    pub(crate) fn channels_of(&self, family: usize) -> impl Iterator<Item = usize> {
        self.kinds
            .iter()
            .filter(move |kind| kind.families.contains(&family))
            .map(|kind| kind.channel)
    }
}
