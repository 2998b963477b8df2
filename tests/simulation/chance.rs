//! Chance: everything that is random in a world follows from its seed.
//!
//! Each part of the simulator has a stream of its own, so that a fault that is left out does not
//! change what the others draw, and a failing world can be made smaller.

use everfresh::engine::rng::Rng;

/// Who draws.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// What the world looks like.
    Shape = 1,
    /// What happens in it, and when.
    Plan = 2,
    /// Delays and fates on the way to the server and back.
    Network = 3,
    /// Delays inside a browser, and the seeds of its engines.
    Browser = 4,
    /// What the apps do.
    App = 5,
    /// What the server does.
    Server = 6,
    /// What happens to mutations and to the storage, and when.
    QueuePlan = 16,
    /// What the authors of mutations, the storage and the server's part in it do.
    Queue = 17,
    /// What happens in the room, and when.
    RoomPlan = 24,
    /// What the persons in the room and the server's part in it do.
    Room = 25,
    /// Which contracts there are.
    Terms = 7,
    /// What happens to them, and when.
    TermsPlan = 8,
    /// How plain HTTP goes.
    Http = 9,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Rng);

impl Chance {
    /// The stream of one part of a world.
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mixed = Rng::new(seed).bits();
        Chance(Rng::new(mixed ^ ((stream as u64) << 48)))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// An index below a length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.0.below(length as u64) as usize
    }

    /// A number from one bound to the other, both possible.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.below(most - least + 1)
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.0.below(times) == 0
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// One of several, each as likely as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        let total: u64 = choices.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(total);
        for &(weight, choice) in choices {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        choices[0].1
    }
}
