//! Virtual time: what will happen, in the order in which it will.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A moment of a world, in microseconds since it began. The engines see milliseconds; the finer
/// grain lets a hundred frames arrive one after the other within one of them.
pub(crate) type Time = u64;

/// A millisecond.
pub(crate) const MS: Time = 1000;
/// A second.
pub(crate) const S: Time = 1000 * MS;
/// A minute.
pub(crate) const MIN: Time = 60 * S;

/// What will happen, earliest first; at one moment in the order in which it was planned.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Time,
    order: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> Agenda<T> {
    /// Nothing will happen.
    pub(crate) fn new() -> Self {
        Agenda {
            heap: BinaryHeap::new(),
            planned: 0,
        }
    }

    /// Something will happen.
    pub(crate) fn add(&mut self, at: Time, what: T) {
        self.planned += 1;
        let order = self.planned;
        self.heap.push(Reverse(Entry { at, order, what }));
    }

    /// What happens next, and when.
    pub(crate) fn next(&mut self) -> Option<(Time, T)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}
