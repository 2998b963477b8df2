//! The last events of all channels, for a tab that is a few behind.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::ids::Seq;
use crate::engine::limits::{RING_BYTES_MAX, RING_EVENTS_MAX};

/// A bounded memory of events. The oldest leave first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    channel: Rc<str>,
    seq: Seq,
    text: Rc<str>,
}

impl Ring {
    /// Remembers an event of a channel, in the order of its numbers.
    pub(super) fn push(&mut self, channel: Rc<str>, seq: Seq, text: Rc<str>) {
        self.bytes += text.len();
        self.events.push_back(Kept { channel, seq, text });
        while self.events.len() > RING_EVENTS_MAX || self.bytes > RING_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
        }
    }

    /// All events of a channel behind one number up to another; nothing if one of them is not
    /// remembered.
    pub(super) fn between(&self, channel: &str, after: Seq, to: Seq) -> Option<Vec<Rc<str>>> {
        let mut out = Vec::new();
        let mut next = after.next();
        for kept in &self.events {
            if kept.seq == next && *kept.channel == *channel && next <= to {
                out.push(Rc::clone(&kept.text));
                next = next.next();
            }
        }
        (next > to).then_some(out)
    }

    /// Forgets a channel: its numbers begin anew, or nobody follows it any more.
    pub(super) fn forget(&mut self, channel: &str) {
        let bytes = &mut self.bytes;
        self.events.retain(|kept| {
            let other = *kept.channel != *channel;
            if !other {
                *bytes -= kept.text.len();
            }
            other
        });
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(ring: &Ring, channel: &str, after: u64, to: u64) -> Option<Vec<String>> {
        let found = ring.between(channel, Seq(after), Seq(to))?;
        Some(found.iter().map(|text| text.to_string()).collect())
    }

    #[test]
    fn a_range_is_given_whole_or_not_at_all() {
        let mut ring = Ring::default();
        for (channel, seq, text) in [
            ("a", 4, "a4"),
            ("b", 5, "b5"),
            ("a", 5, "a5"),
            ("a", 6, "a6"),
        ] {
            ring.push(channel.into(), Seq(seq), text.into());
        }
        let some = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(texts(&ring, "a", 4, 6), some(&["a5", "a6"]));
        assert_eq!(texts(&ring, "a", 4, 5), some(&["a5"]));
        assert_eq!(texts(&ring, "a", 6, 6), some(&[]));
        assert_eq!(texts(&ring, "a", 2, 6), None);
        assert_eq!(texts(&ring, "a", 4, 7), None);
        assert_eq!(texts(&ring, "c", 1, 2), None);
        ring.forget("a");
        assert_eq!(texts(&ring, "a", 4, 5), None);
        assert_eq!(texts(&ring, "b", 4, 5), some(&["b5"]));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(sizes in prop::collection::vec(0usize..RING_BYTES_MAX * 2, 0..40)) {
            let mut ring = Ring::default();
            for (seq, size) in sizes.iter().enumerate() {
                ring.push("a".into(), Seq(seq as u64), "x".repeat(*size).into());
                prop_assert!(ring.bytes <= RING_BYTES_MAX && ring.events.len() <= RING_EVENTS_MAX);
                let bytes: usize = ring.events.iter().map(|kept| kept.text.len()).sum();
                prop_assert_eq!(bytes, ring.bytes);
            }
            ring.forget("a");
            prop_assert_eq!(ring.bytes, 0);
        }
    }
}
