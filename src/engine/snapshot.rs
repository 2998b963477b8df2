//! What the app can read at any time, as JSON text.

use super::channels::State;
use super::input::Relay;
use super::tabs::Role;
use super::time::Now;
use super::{Engine, Life};
use crate::wire::json::Writer;

impl Engine {
    /// The state of everything, as the npm package reads it.
    pub fn snapshot(&self, now: Now) -> String {
        let mut writer = Writer::new();
        writer.object(|w| {
            self.status().write_members(w);
            w.key("role").string(self.role());
            w.key("tab").string(&self.tabs.me().text());
            w.key("tabs").number(self.tabs.count());
            if let Role::Alone(why) = self.tabs.role() {
                w.key("alone").string(why.text());
            }
            let relay = w.key("relay");
            match self.carrier.filter(|_| self.has_link()) {
                Some(Relay::Worker) => relay.string("worker"),
                Some(Relay::Page) => relay.string("page"),
                None => relay.null(),
            }
            w.key("channels").array(|w| {
                for (name, state, position) in self.channels.iter() {
                    w.object(|w| {
                        w.key("channel").string(name);
                        w.key("state").string(match state {
                            State::Waiting => "waiting",
                            State::Subscribing => "subscribing",
                            State::Subscribed => "subscribed",
                            State::Refused => "refused",
                        });
                        if let Some(position) = position {
                            w.key("epoch").string(position.epoch.as_str());
                            w.key("seq").number(position.seq.0);
                        }
                    });
                }
            });
            w.key("queue");
            self.queue.totals().write(w);
            w.key("freshness");
            self.freshness.write(w, now);
            w.key("layers");
            self.layers.write(w);
            w.key("counters");
            self.metrics.write(w);
            w.key("metrics").raw(self.metrics.shown());
        });
        writer.finish()
    }

    pub(super) fn role(&self) -> &'static str {
        match (self.life, self.tabs.role()) {
            (Life::Closed, _) | (_, Role::Away) => "starting",
            (_, Role::Following) => "follower",
            (_, Role::Leading(_)) => "leader",
            (_, Role::Alone(_)) => "alone",
        }
    }
}
