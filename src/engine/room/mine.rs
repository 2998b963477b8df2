//! What this tab shows of itself: where it is, whether somebody is at it, and what is typed.
//!
//! Changes are told at most ten times a second (a cursor moves more often), the last one always;
//! all of it is told again now and then, because others forget who is silent. That somebody types
//! is told at most every few seconds and ends by itself. Signals are for the moment: of those of one
//! name that follow each other too fast only the last is told, and without a link none. It knows no
//! link and no other people.

use std::rc::Rc;

use crate::engine::limits::{
    IDLE_AFTER, PRESENCE_RENEW, PRESENCE_THROTTLE, SIGNALS_MAX, TYPING_EVERY, TYPING_STOP,
};
use crate::engine::map::Map;
use crate::engine::time::Mono;
use crate::wire::json::Writer;

use super::talk::Wish;

/// This tab, channel by channel.
#[derive(Debug)]
pub struct Mine {
    channels: Map<Rc<str>, Here>,
    /// When somebody was last at the tab.
    used: Mono,
    visible: bool,
    active: bool,
    /// Numbers what is typed, so that others see that it goes on.
    typed: u64,
    signals: Vec<Signal>,
}

/// What is said for the moment, under one name.
#[derive(Debug)]
struct Signal {
    channel: Rc<str>,
    name: Rc<str>,
    /// What is to be told next.
    data: Option<Rc<str>>,
    told: Option<Mono>,
}

#[derive(Debug)]
struct Here {
    show: Show,
    typing: Option<Typing>,
    told: Option<Mono>,
    changed: bool,
    /// Another one leads than who told of it before.
    anew: bool,
}

/// What others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing: this tab only looks.
    Nothing,
    /// This, and who it is.
    Known(Rc<str>),
    /// This, and not who it is.
    Anonymous(Rc<str>),
}

#[derive(Debug)]
struct Typing {
    field: Rc<str>,
    number: u64,
    numbered: Mono,
    last: Mono,
}

impl Mine {
    /// A tab that shows nothing yet.
    pub fn new(now: Mono) -> Self {
        Mine {
            channels: Map::new(),
            used: now,
            visible: true,
            active: true,
            typed: 0,
            signals: Vec::new(),
        }
    }

    /// Shows something on a channel from now on.
    pub fn show(&mut self, channel: Rc<str>, show: Show) {
        let here = self.channels.entry(channel, || Here {
            show: Show::Nothing,
            typing: None,
            told: None,
            changed: true,
            anew: false,
        });
        if here.show != show {
            here.show = show;
            here.changed = true;
        }
    }

    /// Leaves a channel. True if it was there.
    pub fn leave(&mut self, channel: &str) -> bool {
        self.signals.retain(|signal| &*signal.channel != channel);
        self.channels.remove(channel).is_some()
    }

    /// Says something for the moment. False if there is no room for it.
    pub fn signal(&mut self, channel: &str, name: &str, data: Rc<str>) -> bool {
        let mut signals = self.signals.iter_mut();
        let same = signals.find(|have| &*have.channel == channel && &*have.name == name);
        if let Some(same) = same {
            same.data = Some(data);
            return true;
        }
        if self.signals.len() >= SIGNALS_MAX {
            return false;
        }
        self.signals.push(Signal {
            channel: channel.into(),
            name: name.into(),
            data: Some(data),
            told: None,
        });
        true
    }

    /// The moment of what was said is over: there is no link.
    pub fn drop_signals(&mut self) {
        self.signals.clear();
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &Rc<str>> {
        self.channels.keys()
    }

    /// Is this tab on that channel?
    pub fn is_on(&self, channel: &str) -> bool {
        self.channels.contains(channel)
    }

    /// Somebody is at the tab.
    pub fn used(&mut self, now: Mono) {
        self.used = now;
        self.judge(now);
    }

    /// The tab can be seen, or cannot.
    pub fn visible(&mut self, now: Mono, visible: bool) {
        self.visible = visible;
        if visible {
            self.used = now;
        }
        self.judge(now);
    }

    fn judge(&mut self, now: Mono) {
        let active = self.visible && now.since(self.used) < IDLE_AFTER;
        if active != self.active {
            self.active = active;
            for here in self.channels.values_mut() {
                here.changed |= here.show != Show::Nothing;
            }
        }
    }

    /// Somebody types in a field; nowhere if nothing.
    pub fn typing(&mut self, now: Mono, channel: &str, field: Option<&str>) {
        self.used(now);
        let here = self.channels.get_mut(channel);
        // Who is not seen is not seen typing.
        let Some(here) = here.filter(|here| here.show != Show::Nothing) else {
            return;
        };
        let Some(field) = field else {
            here.changed |= here.typing.take().is_some();
            return;
        };
        match &mut here.typing {
            Some(typing) if typing.field.as_ref() == field => {
                typing.last = now;
                if now.since(typing.numbered) >= TYPING_EVERY {
                    self.typed += 1;
                    typing.number = self.typed;
                    typing.numbered = now;
                    here.changed = true;
                }
            }
            _ => {
                self.typed += 1;
                here.typing = Some(Typing {
                    field: field.into(),
                    number: self.typed,
                    numbered: now,
                    last: now,
                });
                here.changed = true;
            }
        }
    }

    /// Nobody can be told that somebody types.
    pub fn type_unseen(&mut self) {
        for here in self.channels.values_mut() {
            here.changed |= here.typing.take().is_some();
        }
    }

    /// Whoever leads now knows nothing of this tab: all is to be told.
    pub fn tell_all(&mut self) {
        for here in self.channels.values_mut() {
            here.changed = true;
            here.told = None;
        }
    }

    /// Another one leads now. What it told of before this tab took its word was lost, and it may have heard
    /// of this tab then: who is there is to be told once more.
    pub fn begin_anew(&mut self) {
        for here in self.channels.values_mut() {
            here.anew = true;
        }
    }

    /// What is to be told now.
    pub fn due(&mut self, now: Mono) -> Vec<Wish> {
        self.judge(now);
        let active = self.active;
        let mut out = Vec::new();
        for signal in &mut self.signals {
            let waits = signal
                .told
                .is_some_and(|told| told + PRESENCE_THROTTLE > now);
            if !waits && let Some(data) = signal.data.take() {
                signal.told = Some(now);
                out.push(Wish::Signal {
                    channel: Rc::clone(&signal.channel),
                    name: Rc::clone(&signal.name),
                    data,
                });
            }
        }
        // What could be told at once anyhow need not be remembered.
        let recent = |told: Mono| told + PRESENCE_THROTTLE > now;
        self.signals
            .retain(|signal| signal.told.is_some_and(recent));
        for (channel, here) in self.channels.iter_mut() {
            if let Some(typing) = &here.typing
                && now.since(typing.last) >= TYPING_STOP
            {
                here.typing = None;
                here.changed = true;
            }
            if here.moment().is_some_and(|at| at <= now) {
                here.told = Some(now);
                here.changed = false;
                out.push(here.wish(channel, active));
                here.anew = false;
            }
        }
        out
    }

    /// When something is to be done, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let idle = self.active && !self.channels.is_empty();
        let idle = idle.then_some(self.used + IDLE_AFTER);
        let channels = self.channels.values();
        let moments = channels.flat_map(|here| {
            let stop = here.typing.as_ref().map(|typing| typing.last + TYPING_STOP);
            [here.moment(), stop]
        });
        let signals = self.signals.iter().filter(|signal| signal.data.is_some());
        let signals = signals.map(|signal| {
            let at = signal.told.map_or(Mono(0), |told| told + PRESENCE_THROTTLE);
            Some(at)
        });
        moments.chain(signals).chain([idle]).flatten().min()
    }
}

impl Here {
    fn moment(&self) -> Option<Mono> {
        match (self.told, self.changed, &self.show) {
            (None, true, _) => Some(Mono(0)),
            (Some(told), true, _) => Some(told + PRESENCE_THROTTLE),
            // Who shows nothing cannot be forgotten.
            (_, false, Show::Nothing) | (None, false, _) => None,
            (Some(told), false, Show::Known(_) | Show::Anonymous(_)) => Some(told + PRESENCE_RENEW),
        }
    }

    fn wish(&self, channel: &Rc<str>, active: bool) -> Wish {
        let (meta, anonymous) = match &self.show {
            Show::Nothing => (None, false),
            Show::Known(meta) => (Some(meta), false),
            Show::Anonymous(meta) => (Some(meta), true),
        };
        let meta = meta.map(|meta| {
            let mut w = Writer::new();
            w.object(|w| {
                w.key("active").bool(active);
                if let Some(typing) = &self.typing {
                    w.key("typing").string(&typing.field);
                    w.key("typed").number(typing.number);
                }
                w.key("meta").raw(meta);
            });
            w.finish().into()
        });
        Wish::Presence {
            channel: Rc::clone(channel),
            meta,
            anonymous,
            anew: self.anew,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine() -> Mine {
        let mut mine = Mine::new(Mono(0));
        mine.show("c".into(), Show::Known("{}".into()));
        mine
    }

    fn metas(mine: &mut Mine, now: u64) -> Vec<String> {
        let wishes = mine.due(Mono(now)).into_iter();
        wishes
            .map(|wish| match wish {
                Wish::Presence { meta, .. } => meta.as_deref().unwrap_or("-").to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_cursor_is_told_ten_times_a_second_and_the_last_place_always() {
        let mut mine = mine();
        assert_eq!(metas(&mut mine, 1000).len(), 1);
        let mut told = Vec::new();
        for at in 1001..2000 {
            let meta = format!(r#"{{"x":{at}}}"#);
            mine.show("c".into(), Show::Known(meta.as_str().into()));
            told.extend(metas(&mut mine, at));
        }
        assert_eq!(told.len(), 9);
        let at = mine.next_wakeup().map_or(0, |at| at.0);
        assert_eq!(at, 2000);
        assert_eq!(
            metas(&mut mine, at),
            [r#"{"active":true,"meta":{"x":1999}}"#]
        );
        mine.show("c".into(), Show::Known(r#"{"x":1999}"#.into()));
        assert_eq!(metas(&mut mine, at + 1000), [""; 0], "nothing changed");
    }

    #[test]
    fn who_is_silent_tells_of_itself_now_and_then_and_who_only_looks_does_not() {
        let mut mine = mine();
        metas(&mut mine, 0);
        assert_eq!(metas(&mut mine, PRESENCE_RENEW.0 - 1), [""; 0]);
        assert_eq!(metas(&mut mine, PRESENCE_RENEW.0).len(), 1);
        mine.show("c".into(), Show::Nothing);
        assert_eq!(metas(&mut mine, PRESENCE_RENEW.0 + 100), ["-"]);
        assert_eq!(metas(&mut mine, PRESENCE_RENEW.0 * 9), [""; 0]);
    }

    #[test]
    fn of_signals_that_follow_too_fast_the_last_is_told() {
        let mut mine = mine();
        mine.due(Mono(0));
        let mut told = Vec::new();
        for at in 1000..1250 {
            let data = crate::engine::ids::number_text(at);
            assert!(mine.signal("c", "cursor", data.as_str().into()));
            for wish in mine.due(Mono(at)) {
                match wish {
                    Wish::Signal { data, .. } => told.push(data.as_ref().to_owned()),
                    other => told.push(format!("{other:?}")),
                }
            }
        }
        assert_eq!(told, ["1000", "1100", "1200"]);
        assert_eq!(mine.next_wakeup(), Some(Mono(1300)));
        mine.drop_signals();
        assert_eq!(mine.due(Mono(1300)), []);
        for n in 0..SIGNALS_MAX {
            let name = crate::engine::ids::number_text(n as u64);
            assert!(mine.signal("c", &name, "1".into()));
        }
        assert!(!mine.signal("c", "more", "1".into()));
        assert_eq!(mine.due(Mono(2000)).len(), SIGNALS_MAX);
        mine.due(Mono(2100));
        assert!(mine.signal("c", "more", "1".into()), "they are forgotten");
    }

    #[test]
    fn a_tab_that_nobody_is_at_is_idle_and_a_hidden_one_at_once() {
        let mut mine = mine();
        metas(&mut mine, 0);
        metas(&mut mine, PRESENCE_RENEW.0);
        mine.used(Mono(PRESENCE_RENEW.0));
        let idle = PRESENCE_RENEW.0 + IDLE_AFTER.0;
        let mut last = String::new();
        while let Some(at) = mine.next_wakeup().filter(|at| at.0 <= idle) {
            last = metas(&mut mine, at.0).pop().unwrap_or(last);
        }
        assert!(last.contains(r#""active":false"#), "{last}");
        mine.used(Mono(idle + 500));
        assert!(metas(&mut mine, idle + 500)[0].contains(r#""active":true"#));
        mine.visible(Mono(idle + 700), false);
        assert!(metas(&mut mine, idle + 700)[0].contains(r#""active":false"#));
    }

    #[test]
    fn typing_is_told_seldom_and_ends_by_itself() {
        let mut mine = mine();
        metas(&mut mine, 0);
        let mut told = Vec::new();
        for at in (1000..7000).step_by(50) {
            mine.typing(Mono(at), "c", Some("title"));
            told.extend(metas(&mut mine, at));
        }
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[2].contains(r#""typing":"title","typed":3"#),
            "{told:?}"
        );
        let stop = mine.next_wakeup().map_or(0, |at| at.0);
        assert_eq!(stop, 6950 + TYPING_STOP.0);
        assert_eq!(metas(&mut mine, stop), [r#"{"active":true,"meta":{}}"#]);
        mine.typing(Mono(20_000), "c", Some("title"));
        assert!(metas(&mut mine, 20_000)[0].contains("typing"));
        mine.typing(Mono(20_200), "c", None);
        assert!(
            !metas(&mut mine, 20_200)[0].contains("typing"),
            "blur ends it"
        );
    }
}
