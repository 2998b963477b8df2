//! What persons do in the room of a world.

use everfresh::engine::command::Command;

use crate::agenda::{MIN, Time};
use crate::app::channel_name;
use crate::room::plan::{Deed, Shows};
use crate::room::{Due, Showing, field_name};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, Life};
use crate::transition::Who;
use crate::world::{Happening, World};

impl World {
    /// A deed of the plan is done.
    pub(crate) fn do_in_room(&mut self, deed: Deed) {
        match deed {
            Deed::Join {
                who,
                channel,
                shows,
            } => self.with_person(who, |world, tab| world.join(tab, channel, shows)),
            Deed::Leave { who, channel } => {
                self.with_person(who, |world, tab| world.leave_room(tab, channel));
            }
            Deed::Type {
                who,
                channel,
                field,
                times,
                apart,
            } => self.with_person(who, |world, tab| {
                world.type_on(tab, channel, field, times, apart);
            }),
            Deed::Take {
                who,
                field,
                times,
                apart,
                gives_back,
            } => self.with_person(who, |world, tab| {
                world.use_field(tab, field, "take");
                world.edit_on(tab, field, times, apart);
                if gives_back {
                    let at = world.now + (times + 1) * apart;
                    let due = Happening::Room(Due::Release(tab, field));
                    world.agenda.add(at, due);
                }
            }),
            Deed::Release { who, field } => {
                self.with_person(who, |world, tab| world.use_field(tab, field, "release"));
            }
            Deed::Write { who, field, takes } => {
                self.with_person(who, |world, tab| world.write_under_lease(tab, field, takes));
            }
            Deed::Signal { who, channel } => {
                self.with_person(who, |world, tab| world.wave(tab, channel));
            }
            Deed::Overload { span } => self.room.server.overloaded_until = self.now + span,
        }
    }

    fn with_person(&mut self, who: Who, what: impl FnOnce(&mut World, usize)) {
        let tab = match who {
            Who::On(seat) => self.tab_at(seat),
            Who::LeaderOf(browser) => self.leader(browser),
        };
        if let Some(tab) = tab.filter(|tab| self.runs(*tab)) {
            what(self, tab);
        }
    }

    /// Says a command to the engine of a tab.
    fn say(&mut self, tab: usize, text: &str) {
        if self.tabs[tab].life != Life::Gone && self.runs(tab) {
            let command = Command::parse(text).expect("the simulator writes good commands");
            self.feed(tab, Arrival::Command(command));
        }
    }

    /// A person says something to the others who are there.
    pub(crate) fn wave(&mut self, tab: usize, channel: usize) {
        let channel = channel_name(channel);
        let data = format!(r#"{{"of":{tab}}}"#);
        let text =
            format!(r#"{{"do":"signal","channel":"{channel}","name":"wave","data":{data}}}"#);
        self.say(tab, &text);
    }

    /// A person is on a channel from now on.
    pub(crate) fn join(&mut self, tab: usize, channel: usize, shows: Shows) {
        let showing = (shows != Shows::Nothing).then_some(self.room.shown.len());
        let show = match showing {
            None => r#""meta":null"#.to_owned(),
            Some(number) => {
                let anonymous = shows == Shows::Somebody;
                self.room.shown.push(Showing {
                    tab,
                    channel,
                    anonymous,
                });
                if anonymous {
                    self.sometimes.reached(Rare::SomebodyShown);
                }
                format!(r#""meta":{{"n":{number}}},"anonymous":{anonymous}"#)
            }
        };
        self.room.persons[tab].on.insert(channel, showing);
        let channel = channel_name(channel);
        self.say(
            tab,
            &format!(r#"{{"do":"join","channel":"{channel}",{show}}}"#),
        );
    }

    /// A person is not on a channel any more.
    pub(crate) fn leave_room(&mut self, tab: usize, channel: usize) {
        let person = &mut self.room.persons[tab];
        person.on.remove(&channel);
        person.people.remove(&channel);
        person.typing.remove(&channel);
        let channel = channel_name(channel);
        self.say(tab, &format!(r#"{{"do":"leave","channel":"{channel}"}}"#));
    }

    /// A person types, and goes on with it.
    pub(crate) fn type_on(
        &mut self,
        tab: usize,
        channel: usize,
        field: usize,
        left: u64,
        apart: Time,
    ) {
        let (name, key) = (channel_name(channel), field_name(field));
        let text = format!(r#"{{"do":"typing","channel":"{name}","field":"{key}"}}"#);
        self.say(tab, &text);
        if left > 1 {
            let due = Due::Type(tab, channel, field, left - 1, apart);
            self.agenda.add(self.now + apart, Happening::Room(due));
        }
    }

    /// A person edits a field that the tab has or wants, and goes on with it.
    pub(crate) fn edit_on(&mut self, tab: usize, field: usize, left: u64, apart: Time) {
        if left > 0 {
            let due = Due::Edit(tab, field, left - 1, apart);
            self.agenda.add(self.now + apart, Happening::Room(due));
        }
    }

    /// A person takes a field, edits it or gives it back.
    pub(crate) fn use_field(&mut self, tab: usize, field: usize, what: &str) {
        let channel = channel_name(self.room.shape.channel_of(field));
        let key = field_name(field);
        let text =
            format!(r#"{{"do":"lease","channel":"{channel}","field":"{key}","use":"{what}"}}"#);
        self.say(tab, &text);
        if what == "edit" && self.runs(tab) {
            self.check_in_time(tab, field);
        }
    }

    /// A person writes to a field, if the tab has it. The write takes its way, and its fence.
    fn write_under_lease(&mut self, tab: usize, field: usize, takes: Time) {
        // The app asks when it writes whether it still may.
        self.use_field(tab, field, "edit");
        if let Some(fence) = self.room.persons[tab].holds(field) {
            tell!(
                self,
                "{} writes field {field} under {fence}",
                self.name(tab)
            );
            let due = Happening::Room(Due::Write(field, fence));
            self.agenda.add(self.now + takes, due);
        }
    }

    /// A write reaches the server.
    fn write_arrives(&mut self, field: usize, fence: u64) {
        if !self.server.up {
            return;
        }
        if !self.room.server.takes_write(field, fence) {
            self.sometimes.reached(Rare::StaleWriteRefused);
            return;
        }
        self.sometimes.reached(Rare::WrittenUnderLease);
        self.check_written(field, fence);
    }

    /// Something of ours is due.
    pub(crate) fn room_happens(&mut self, due: Due) {
        match due {
            Due::Server => {
                self.room.due = Time::MAX;
                if self.server.up {
                    let does = self.room.server.tick(self.now);
                    self.server_does(does);
                }
            }
            Due::Type(tab, channel, field, left, apart) => {
                self.type_on(tab, channel, field, left, apart);
            }
            Due::Edit(tab, field, left, apart) => {
                // What the plan began is over when the last fault is; what is done in calm is later.
                let over = self.healed.is_some_and(|at| self.now < at + MIN);
                if self.tabs[tab].life == Life::Running && !over {
                    self.use_field(tab, field, "edit");
                    self.edit_on(tab, field, left, apart);
                }
            }
            Due::Release(tab, field) => {
                if self.healed.is_none() {
                    self.use_field(tab, field, "release");
                }
            }
            Due::Write(field, fence) => self.write_arrives(field, fence),
            Due::Calm(step) => self.calm_room(step),
        }
    }
}
