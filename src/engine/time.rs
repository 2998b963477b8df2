//! Two clocks, two types.
//!
//! Decisions use the monotonic clock, which belongs to one tab and never goes back. The wall
//! clock is for what is stored, shown or said to another tab, and may jump.

use std::ops::Add;

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

/// A moment on this tab's monotonic clock, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// A moment on the wall clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(pub u64);

/// A moment to come, as one tab tells it another: whichever of the two is sooner counts. The word
/// may be heard late, by a page that was frozen; and the wall clock may be set meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// When it is.
    pub at: Wall,
    /// How long that was when it was said.
    pub span: Millis,
}

/// What both clocks say at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For decisions.
    pub mono: Mono,
    /// For everything that leaves this tab.
    pub wall: Wall,
}

impl Millis {
    /// A span in seconds.
    pub const fn seconds(seconds: u64) -> Millis {
        Millis(seconds * 1000)
    }

    /// A span in minutes.
    pub const fn minutes(minutes: u64) -> Millis {
        Millis::seconds(minutes * 60)
    }
}

impl Mono {
    /// How long ago `earlier` was; nothing if it is still to come.
    pub fn since(self, earlier: Mono) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Millis {
    type Output = Millis;
    fn add(self, span: Millis) -> Millis {
        Millis(self.0.saturating_add(span.0))
    }
}

impl Add<Millis> for Mono {
    type Output = Mono;
    fn add(self, span: Millis) -> Mono {
        Mono(self.0.saturating_add(span.0))
    }
}

impl Add<Millis> for Wall {
    type Output = Wall;
    fn add(self, span: Millis) -> Wall {
        Wall(self.0.saturating_add(span.0))
    }
}

impl Now {
    /// A moment of this tab's clock, to be told to another tab.
    pub fn until(self, moment: Mono) -> Until {
        Until {
            at: self.wall_at(moment),
            span: moment.since(self.mono),
        }
    }

    /// The moment on this tab's clock that another tab told.
    pub fn heard(self, until: Until) -> Mono {
        let left = Millis(until.at.0.saturating_sub(self.wall.0));
        self.mono + left.min(until.span)
    }

    /// What the wall clock will say at a moment of the monotonic clock, if it does not jump.
    pub fn wall_at(self, moment: Mono) -> Wall {
        self.wall + moment.since(self.mono)
    }

    /// An earlier moment, as both clocks have it if the wall clock did not jump.
    pub fn at(self, moment: Mono) -> Now {
        Now {
            mono: moment,
            wall: self.wall_before(moment),
        }
    }

    /// What the wall clock said at an earlier moment, if it did not jump.
    pub fn wall_before(self, moment: Mono) -> Wall {
        Wall(self.wall.0.saturating_sub(self.mono.since(moment).0))
    }
}

/// Days since 1970 of a day of the Gregorian calendar.
pub fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}
