//! Counts of what happened, for people and for tests.

use crate::wire::json::Writer;

/// Counts since the engine was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Events that were new.
    pub events: u64,
    /// Events that had been seen before.
    pub duplicates: u64,
    /// Times that events were missed while the link was up.
    pub gaps: u64,
    /// Events that told of a change which another layer had told of.
    pub repeats: u64,
    /// Events that told of a change of our own whose result was in the cache.
    pub echoes: u64,
    /// Families of queries that the app was told about.
    pub invalidations: u64,
    /// Query keys that the adapter was told to refetch.
    pub refetches: u64,
    /// Things that should not have happened.
    pub faults: u64,
    /// Sockets that were opened.
    pub dials: u64,
    /// Frames from the server.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
}

impl Metrics {
    /// A frame came.
    pub fn frame(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }

    /// Writes the counts as an object.
    pub fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.key("events").number(self.events);
            w.key("duplicates").number(self.duplicates);
            w.key("gaps").number(self.gaps);
            w.key("repeats").number(self.repeats);
            w.key("echoes").number(self.echoes);
            w.key("invalidations").number(self.invalidations);
            w.key("refetches").number(self.refetches);
            w.key("faults").number(self.faults);
            w.key("dials").number(self.dials);
            w.key("frames").number(self.frames);
            w.key("bytes").number(self.bytes);
        });
    }
}
