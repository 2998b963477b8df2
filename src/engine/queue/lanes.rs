//! What may run next: lanes, and barriers across them.
//!
//! A lane is a row of mutations that go one by one, in order. Lanes do not wait for each other,
//! except at a barrier: all that is before it, in any lane, must be through first, and nothing
//! after it begins. It knows ids and moments only.

use std::collections::VecDeque;
use std::rc::Rc;

use super::mutation::MutationId;
use crate::engine::map::Map;
use crate::engine::time::Mono;

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Map<Rc<str>, Lane>,
    /// The fronts that may go, in order.
    ready: Vec<(MutationId, Rc<str>)>,
    /// When other fronts may go, the soonest first.
    timers: Vec<(Mono, Rc<str>)>,
    barriers: Vec<MutationId>,
}

#[derive(Debug, Default)]
struct Lane {
    row: VecDeque<Place>,
    /// The one that was let go and is not through yet.
    gone: Option<MutationId>,
    /// The one for which the user has to decide before anything goes on.
    stopped: Option<MutationId>,
    front: Front,
    failures: u32,
}

#[derive(Debug)]
struct Place {
    id: MutationId,
    /// When it may go; at once if nothing.
    due: Option<Mono>,
    /// It cannot go until [`Lanes::unpark`].
    parked: bool,
}

/// Where a lane's front is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Front {
    /// Nowhere: the lane is empty, busy, stopped or parked.
    #[default]
    Unlisted,
    Ready(MutationId),
    Timed(Mono),
}

impl Lane {
    fn find(&self, id: MutationId) -> Result<usize, usize> {
        self.row.binary_search_by(|place| place.id.cmp(&id))
    }

    fn place(&mut self, id: MutationId) -> Option<&mut Place> {
        let at = self.find(id).ok()?;
        self.row.get_mut(at)
    }
}

impl Lanes {
    /// Puts a mutation into its lane, in its place.
    pub(super) fn insert(
        &mut self,
        now: Mono,
        lane: &Rc<str>,
        id: MutationId,
        due: Option<Mono>,
        barrier: bool,
    ) {
        let of = self.lanes.entry(Rc::clone(lane), Lane::default);
        if let Err(at) = of.find(id) {
            let parked = false;
            of.row.insert(at, Place { id, due, parked });
        }
        if barrier && let Err(at) = self.barriers.binary_search(&id) {
            self.barriers.insert(at, id);
        }
        self.list(now, lane);
    }

    /// Takes a mutation out: it is through, or given up.
    pub(super) fn remove(&mut self, now: Mono, lane: &Rc<str>, id: MutationId) {
        let Some(of) = self.lanes.get_mut(&**lane) else {
            return;
        };
        if let Ok(at) = of.find(id) {
            of.row.remove(at);
        }
        if of.gone == Some(id) {
            of.gone = None;
        }
        if let Ok(at) = self.barriers.binary_search(&id) {
            self.barriers.remove(at);
        }
        self.list(now, lane);
    }

    /// Lets the next one go, unless a barrier is in its way. `first` is the first of all that are
    /// not through.
    pub(super) fn next(&mut self, now: Mono, first: Option<MutationId>) -> Option<MutationId> {
        self.fire(now);
        let (id, lane) = self.ready.first()?;
        if let Some(barrier) = self.barriers.first()
            && (id > barrier || (id == barrier && first != Some(*id)))
        {
            return None;
        }
        let (id, lane) = (*id, Rc::clone(lane));
        self.take(now, &lane, id).then_some(id)
    }

    /// Marks a mutation as gone although it was not let go here: another tab runs it. False if
    /// another one of its lane is gone already.
    pub(super) fn take(&mut self, now: Mono, lane: &Rc<str>, id: MutationId) -> bool {
        let Some(of) = self.lanes.get_mut(&**lane) else {
            return false;
        };
        if of.gone.is_some_and(|gone| gone != id) {
            return false;
        }
        of.gone = Some(id);
        self.list(now, lane);
        true
    }

    /// Brings one back that was let go: it may go again at a moment.
    pub(super) fn put_back(
        &mut self,
        now: Mono,
        lane: &Rc<str>,
        id: MutationId,
        due: Option<Mono>,
    ) {
        if let Some(of) = self.lanes.get_mut(&**lane) {
            if of.gone == Some(id) {
                of.gone = None;
            }
            if let Some(place) = of.place(id) {
                place.due = due;
            }
        }
        self.list(now, lane);
    }

    /// Keeps one from going, and with it all that is behind it in its lane, or lets it go again.
    pub(super) fn park(&mut self, now: Mono, lane: &Rc<str>, id: MutationId, parked: bool) {
        if let Some(of) = self.lanes.get_mut(&**lane) {
            if of.gone == Some(id) {
                of.gone = None;
            }
            if let Some(place) = of.place(id) {
                place.parked = parked;
            }
        }
        self.list(now, lane);
    }

    /// Lets everything in a lane go that only waits for a newer one to replace it.
    pub(super) fn hurry(&mut self, now: Mono, lane: &Rc<str>) {
        if let Some(of) = self.lanes.get_mut(&**lane) {
            if of.failures > 0 {
                // It waits for a server in trouble, not for a newer one.
                return;
            }
            for place in of.row.iter_mut().rev() {
                if place.due.take().is_none() {
                    break;
                }
            }
        }
        self.list(now, lane);
    }

    /// Forgets every wait: the user wants it now, or the network is back.
    pub(super) fn hurry_all(&mut self, now: Mono) {
        let lanes: Vec<Rc<str>> = self
            .timers
            .iter()
            .map(|(_, lane)| Rc::clone(lane))
            .collect();
        for lane in lanes {
            if let Some(of) = self.lanes.get_mut(&*lane) {
                for place in &mut of.row {
                    place.due = None;
                }
            }
            self.list(now, &lane);
        }
    }

    /// Stops a lane for the sake of one mutation that waits for the user.
    pub(super) fn stop(&mut self, now: Mono, lane: &Rc<str>, by: MutationId) {
        let of = self.lanes.entry(Rc::clone(lane), Lane::default);
        // Two can stop it after a restart; it goes on when the last one is decided.
        of.stopped = of.stopped.max(Some(by));
        self.list(now, lane);
    }

    /// Lets a lane go on, if it was stopped for this one.
    pub(super) fn go_on(&mut self, now: Mono, lane: &Rc<str>, by: MutationId) {
        if let Some(of) = self.lanes.get_mut(&**lane)
            && of.stopped == Some(by)
        {
            of.stopped = None;
        }
        self.list(now, lane);
    }

    /// The last mutations of a lane, the newest first.
    pub(super) fn newest(&self, lane: &str) -> impl Iterator<Item = (MutationId, Option<Mono>)> {
        self.lanes
            .get(lane)
            .into_iter()
            .flat_map(|of| of.row.iter().rev().map(|place| (place.id, place.due)))
    }

    /// Is there a barrier between two mutations?
    pub(super) fn barrier_between(&self, old: MutationId, new: MutationId) -> bool {
        self.barriers.iter().any(|id| old <= *id && *id <= new)
    }

    /// One more failure in a row in a lane; how many there were before.
    pub(super) fn failed(&mut self, lane: &str) -> u32 {
        self.lanes.get_mut(lane).map_or(0, |of| {
            of.failures = of.failures.saturating_add(1);
            of.failures - 1
        })
    }

    /// The server did something of a lane.
    pub(super) fn succeeded(&mut self, lane: &str) {
        if let Some(of) = self.lanes.get_mut(lane) {
            of.failures = 0;
        }
    }

    /// When the next front may go.
    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whoever waits for a moment that has come may go.
    pub(super) fn fire(&mut self, now: Mono) {
        while let Some((at, lane)) = self.timers.first()
            && *at <= now
        {
            let lane = Rc::clone(lane);
            self.list(now, &lane);
        }
    }

    /// Lists a lane's front where it belongs.
    fn list(&mut self, now: Mono, name: &Rc<str>) {
        let Some(lane) = self.lanes.get_mut(&**name) else {
            return;
        };
        match lane.front {
            Front::Unlisted => {}
            Front::Ready(id) => {
                if let Ok(at) = self.ready.binary_search_by(|(have, _)| have.cmp(&id)) {
                    self.ready.remove(at);
                }
            }
            Front::Timed(_) => self.timers.retain(|(_, have)| have != name),
        }
        lane.front = Front::Unlisted;
        if lane.gone.is_some() || lane.stopped.is_some() {
            return;
        }
        let Some(place) = lane.row.front() else {
            self.lanes.remove(&**name);
            return;
        };
        match place.due {
            _ if place.parked => {}
            Some(at) if at > now => {
                lane.front = Front::Timed(at);
                let to = self.timers.partition_point(|(have, _)| *have <= at);
                self.timers.insert(to, (at, Rc::clone(name)));
            }
            Some(_) | None => {
                let id = place.id;
                lane.front = Front::Ready(id);
                let to = self.ready.partition_point(|(have, _)| *have < id);
                self.ready.insert(to, (id, Rc::clone(name)));
            }
        }
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ids::TabId;
    use proptest::prelude::*;

    fn id(order: u64) -> MutationId {
        MutationId {
            order,
            tab: TabId(1),
        }
    }

    fn lane(name: &str) -> Rc<str> {
        name.into()
    }

    const NOW: Mono = Mono(100);

    /// What may go next when everything before the first of `left` is through.
    fn next(lanes: &mut Lanes, left: &[u64]) -> Option<u64> {
        lanes
            .next(NOW, left.first().map(|order| id(*order)))
            .map(|id| id.order)
    }

    #[test]
    fn a_lane_goes_one_by_one_and_lanes_do_not_wait_for_each_other() {
        let mut lanes = Lanes::default();
        for (order, name) in [(1, "a"), (2, "a"), (3, "b")] {
            lanes.insert(NOW, &lane(name), id(order), None, false);
        }
        assert_eq!(next(&mut lanes, &[1, 2, 3]), Some(1));
        assert_eq!(next(&mut lanes, &[1, 2, 3]), Some(3));
        assert_eq!(next(&mut lanes, &[1, 2, 3]), None);
        lanes.remove(NOW, &lane("a"), id(1));
        assert_eq!(next(&mut lanes, &[2, 3]), Some(2));
    }

    #[test]
    fn a_barrier_waits_for_all_before_it_and_holds_up_all_behind_it() {
        let mut lanes = Lanes::default();
        lanes.insert(NOW, &lane("a"), id(1), None, false);
        lanes.insert(NOW, &lane("b"), id(2), None, true);
        lanes.insert(NOW, &lane("c"), id(3), None, false);
        assert_eq!(next(&mut lanes, &[1, 2, 3]), Some(1));
        assert_eq!(next(&mut lanes, &[1, 2, 3]), None);
        lanes.remove(NOW, &lane("a"), id(1));
        assert_eq!(next(&mut lanes, &[2, 3]), Some(2));
        assert_eq!(next(&mut lanes, &[2, 3]), None);
        lanes.remove(NOW, &lane("b"), id(2));
        assert_eq!(next(&mut lanes, &[3]), Some(3));
    }

    #[test]
    fn one_that_waits_holds_up_its_lane_only_until_it_is_due_or_hurried() {
        let mut lanes = Lanes::default();
        lanes.insert(NOW, &lane("a"), id(1), Some(Mono(150)), false);
        lanes.insert(NOW, &lane("a"), id(2), None, false);
        assert_eq!(next(&mut lanes, &[1, 2]), None);
        assert_eq!(lanes.next_wakeup(), Some(Mono(150)));
        lanes.remove(NOW, &lane("a"), id(2));
        lanes.hurry(NOW, &lane("a"));
        assert_eq!(lanes.next_wakeup(), None);
        assert_eq!(next(&mut lanes, &[1]), Some(1));
    }

    #[test]
    fn a_lane_that_backs_off_is_not_hurried_by_what_comes_after() {
        let mut lanes = Lanes::default();
        lanes.insert(NOW, &lane("a"), id(1), None, false);
        assert_eq!(next(&mut lanes, &[1]), Some(1));
        assert_eq!((lanes.failed("a"), lanes.failed("a")), (0, 1));
        lanes.put_back(NOW, &lane("a"), id(1), Some(Mono(500)));
        lanes.hurry(NOW, &lane("a"));
        assert_eq!(lanes.next_wakeup(), Some(Mono(500)));
        lanes.hurry_all(NOW);
        assert_eq!(next(&mut lanes, &[1]), Some(1));
    }

    #[test]
    fn a_stopped_lane_waits_for_the_one_that_stopped_it() {
        let mut lanes = Lanes::default();
        lanes.stop(NOW, &lane("a"), id(1));
        lanes.insert(NOW, &lane("a"), id(2), None, false);
        assert_eq!(next(&mut lanes, &[2]), None);
        lanes.go_on(NOW, &lane("a"), id(9));
        assert_eq!(next(&mut lanes, &[2]), None);
        lanes.go_on(NOW, &lane("a"), id(1));
        assert_eq!(next(&mut lanes, &[2]), Some(2));
    }

    #[test]
    fn a_parked_one_holds_up_its_lane_and_lets_an_older_one_pass() {
        let mut lanes = Lanes::default();
        lanes.insert(NOW, &lane("a"), id(5), None, false);
        assert_eq!(next(&mut lanes, &[5]), Some(5));
        lanes.park(NOW, &lane("a"), id(5), true);
        assert_eq!(next(&mut lanes, &[5]), None);
        lanes.insert(NOW, &lane("a"), id(4), None, false);
        assert_eq!(next(&mut lanes, &[4, 5]), Some(4));
        lanes.remove(NOW, &lane("a"), id(4));
        lanes.park(NOW, &lane("a"), id(5), false);
        assert_eq!(next(&mut lanes, &[5]), Some(5));
    }

    #[derive(Clone, Debug)]
    struct Simple {
        id: MutationId,
        lane: u8,
        barrier: bool,
        due: Option<Mono>,
        gone: bool,
    }

    /// The rules, written down as plainly as possible: which one is the first that may go?
    fn simple_next(all: &[Simple], now: Mono) -> Option<MutationId> {
        let may_go = |one: &&Simple| {
            let front = all
                .iter()
                .filter(|o| o.lane == one.lane)
                .min_by_key(|o| o.id);
            let lane_free = !all.iter().any(|o| o.lane == one.lane && o.gone);
            let behind_barrier = all.iter().any(|o| o.barrier && o.id < one.id);
            let barrier_waits = one.barrier && all.iter().any(|o| o.id < one.id);
            front.is_some_and(|front| front.id == one.id)
                && lane_free
                && one.due.is_none_or(|due| due <= now)
                && !behind_barrier
                && !barrier_waits
        };
        all.iter().filter(may_go).map(|one| one.id).min()
    }

    proptest! {
        #[test]
        fn what_goes_next_is_what_the_rules_say(
            steps in prop::collection::vec((0u8..5, 0u8..3, any::<bool>(), 0u64..40, any::<prop::sample::Index>()), 1..80),
        ) {
            let names: Vec<Rc<str>> = ["a", "b", "c"].map(Into::into).to_vec();
            let name = |of: u8| &names[usize::from(of)];
            let mut lanes = Lanes::default();
            let mut all: Vec<Simple> = Vec::new();
            let mut now = Mono(0);
            for (order, (what, of, barrier, wait, which)) in (1u64..).zip(steps) {
                now = Mono(now.0 + wait / 4);
                let due = (wait > 20).then_some(Mono(now.0 + wait));
                let gone: Vec<Simple> = all.iter().filter(|one| one.gone).cloned().collect();
                match what {
                    0 | 1 => {
                        let barrier = barrier && wait < 8;
                        let one = Simple { id: id(order), lane: of, barrier, due, gone: false };
                        lanes.insert(now, name(of), one.id, due, barrier);
                        all.push(one);
                    }
                    2 if !gone.is_empty() => {
                        let one = &gone[which.index(gone.len())];
                        lanes.remove(now, name(one.lane), one.id);
                        all.retain(|have| have.id != one.id);
                    }
                    3 if !gone.is_empty() => {
                        let one = &gone[which.index(gone.len())];
                        lanes.put_back(now, name(one.lane), one.id, due);
                        for have in &mut all {
                            if have.id == one.id {
                                (have.gone, have.due) = (false, due);
                            }
                        }
                    }
                    _ => {
                        let first = all.iter().map(|one| one.id).min();
                        let expected = simple_next(&all, now);
                        prop_assert_eq!(lanes.next(now, first), expected);
                        for have in &mut all {
                            have.gone |= Some(have.id) == expected;
                        }
                    }
                }
            }
        }
    }
}
