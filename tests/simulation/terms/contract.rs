//! The contracts of a world: what they promise about the age of data, and how the engine is told.

use crate::agenda::{MS, S, Time};
use crate::chance::Chance;

/// One contract.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// Its name.
    pub(crate) name: String,
    /// The family that it is about.
    pub(crate) family: usize,
    /// How old data may be.
    pub(crate) window: Option<Time>,
    /// How often it is looked at.
    pub(crate) pace: Pace,
    /// It goes on when nobody sees the page.
    pub(crate) hidden: bool,
    /// It is refetched by who comes back after so long.
    pub(crate) focus: Option<Time>,
    /// It is slower for an idle user: after how long, and how slow.
    pub(crate) idle: Option<(Time, Time)>,
    /// Only the user fetches.
    pub(crate) manual: bool,
    /// It is off while a form is filled in.
    pub(crate) form: bool,
    /// The data and its age survive a reload.
    pub(crate) reload: bool,
    /// There is something to ask whether it changed.
    pub(crate) probe: bool,
}

/// How often a contract is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Never by the clock.
    Never,
    /// As often as the window demands.
    Window,
    /// So often.
    Every(Time),
    /// By the health of the link.
    Auto,
}

impl Term {
    /// A contract as apps have them, for a family.
    pub(super) fn draw(family: usize, chance: &mut Chance) -> Term {
        let plain = Term {
            name: format!("term{family}"),
            family,
            window: Some(60 * S),
            pace: Pace::Window,
            hidden: false,
            focus: None,
            idle: None,
            manual: false,
            form: false,
            reload: chance.one_in(2),
            probe: chance.one_in(2),
        };
        let window = |window: Time| Some(window * S);
        match chance.below(9) {
            // The focus timer.
            0 | 1 => Term {
                window: window(30),
                pace: Pace::Every(30 * S),
                hidden: true,
                ..plain
            },
            // The planner.
            2 => Term {
                window: window(30),
                pace: Pace::Every(30 * S),
                focus: Some(30 * S),
                idle: Some((20 * S, 60 * S)),
                ..plain
            },
            // The plan of the day, which its user fetches.
            3 => Term {
                window: window(300),
                pace: Pace::Never,
                probe: false,
                ..plain
            },
            // Quests, habits, progress.
            4 => Term {
                focus: window(60),
                ..plain
            },
            // Books, which rest while a form is filled in.
            5 => Term {
                window: window(120),
                focus: window(120),
                form: true,
                ..plain
            },
            // The administrator's.
            6 => Term {
                window: None,
                pace: Pace::Never,
                manual: true,
                probe: false,
                ..plain
            },
            // By the health of the link.
            7 => Term {
                pace: Pace::Auto,
                ..plain
            },
            // A short one.
            _ => Term {
                window: window(10),
                hidden: chance.one_in(2),
                form: chance.one_in(2),
                ..plain
            },
        }
    }

    /// As a member of the engine's settings.
    pub(super) fn settings(&self) -> String {
        let mut members = vec![format!("\"key\":{}", crate::app::family_key(self.family))];
        let mut span = |name: &str, span: Option<Time>| {
            if let Some(span) = span {
                members.push(format!("\"{name}\":{}", span / MS));
            }
        };
        span("maxAge", self.window);
        span("refetchOnFocusAfter", self.focus);
        span("idleAfter", self.idle.map(|(after, _)| after));
        span("idlePoll", self.idle.map(|(_, poll)| poll));
        if let Pace::Every(every) = self.pace {
            span("poll", Some(every));
        }
        match self.pace {
            Pace::Never if !self.manual => members.push("\"poll\":false".to_owned()),
            Pace::Auto => members.push("\"poll\":\"auto\"".to_owned()),
            Pace::Never | Pace::Window | Pace::Every(_) => {}
        }
        if self.hidden {
            members.push("\"hidden\":\"continue\"".to_owned());
        }
        if self.manual {
            members.push("\"manual\":true".to_owned());
        }
        let name = &self.name;
        if self.reload {
            members.push(format!("\"reloadKey\":\"{name}\""));
        }
        if self.probe {
            members.push(format!("\"probe\":\"http://world/probe/{name}\""));
        }
        format!("\"{name}\":{{{}}}", members.join(","))
    }

    /// Does anybody but the user look?
    pub(crate) fn polls(&self) -> bool {
        !self.manual && self.pace != Pace::Never
    }
}
