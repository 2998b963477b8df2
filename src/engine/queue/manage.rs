//! What the app asks about the queue, and what it does by hand: list, retry, edit, discard,
//! resolve, export, import. The tab that leads answers, whichever tab asked.

use std::rc::Rc;

use super::desk::{Accepted, Desk};
use super::intake::{Aside, slot_id};
use super::mutation::MutationId;
use super::record::Damage;
use super::sender::{Asker, Item, Sender, Stage, id_json};
use super::told::{Answer, How, Refusal};
use super::word::{Entry, Letter, Why};
use crate::engine::ids::number_text;
use crate::engine::limits::{EXPORT_BYTES_MAX, LIST_LIMIT};
use crate::engine::time::Now;
use crate::wire::json::{self, Raw, Text, Writer};

/// Which of them are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Those that are not through.
    Queue,
    /// Those that failed for good.
    Dead,
    /// Those that met another change.
    Conflicts,
    /// Records that cannot be used.
    Aside,
}

impl Sender {
    /// Does what a question says, and answers it, now or when the storage has answered.
    pub(super) fn manage(&mut self, desk: &mut Desk, now: Now, text: &str, asker: Asker) {
        let answer = match json::parse(text) {
            Ok(raw) => self.managed(desk, now, raw, asker),
            Err(_) => Some(Err(Refusal::Bad)),
        };
        if let Some(answer) = answer {
            self.answer(desk, Some(asker), answer);
        }
    }

    /// The answer, unless it comes later.
    fn managed(&mut self, desk: &mut Desk, now: Now, raw: Raw<'_>, asker: Asker) -> Option<Answer> {
        let id = raw.member("mutation").and_then(MutationId::read);
        let op = raw.member("op").and_then(Raw::string).map(Text::decode)?;
        match (op.as_ref(), id) {
            ("list", _) => Some(self.list(desk, raw)),
            ("retry", Some(id)) => {
                self.retry(desk, now, id, None, false, Some(asker));
                None
            }
            ("retry", None) => {
                let ids = self.letter_ids(false);
                for id in &ids {
                    self.retry(desk, now, *id, None, false, None);
                }
                Some(Ok(number_text(ids.len() as u64)))
            }
            ("edit", Some(id)) => match raw.member("vars") {
                Some(vars) => {
                    let vars = Some(vars.text().into());
                    self.retry(desk, now, id, vars, false, Some(asker));
                    None
                }
                None => Some(Err(Refusal::Bad)),
            },
            ("discard", Some(id)) => self.discard(desk, now, id, asker),
            ("resolve", Some(id)) => self.resolve(desk, now, id, raw, asker),
            ("export", _) => Some(self.export(desk)),
            ("import", _) => self.import(desk, raw, asker),
            ("flush", _) => {
                self.gate.hurry();
                self.lanes.hurry_all(now.mono);
                self.drain();
                Some(Ok("true".to_owned()))
            }
            _ => Some(Err(Refusal::Bad)),
        }
    }

    /// The letters that are about a conflict, or the others.
    fn letter_ids(&self, conflicts: bool) -> Vec<MutationId> {
        let about = |letter: &Letter| (letter.why == Why::Conflict) == conflicts;
        let wanted = self.letters.iter().filter(|(_, (_, l))| about(l));
        wanted.map(|(id, _)| *id).collect()
    }

    fn discard(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        asker: Asker,
    ) -> Option<Answer> {
        let at = self.aside.iter().position(|aside| aside_id(aside) == id);
        if let (Some(at), None) = (at, self.entry(id)) {
            let aside = self.aside.remove(at);
            desk.remove(aside.slot);
            return Some(Ok(id_json(id)));
        }
        match self.items.get(&id).map(|item| item.stage) {
            // Nobody can call back what is on its way.
            Some(Stage::Running { .. } | Stage::Noting) => Some(Err(Refusal::NotThere)),
            Some(Stage::Waiting | Stage::Parked) => {
                self.give_up(desk, now, id, How::Discarded, Some(asker));
                None
            }
            None if self.letters.contains(&id) => {
                self.give_up(desk, now, id, How::Discarded, Some(asker));
                None
            }
            None => Some(Err(Refusal::NotThere)),
        }
    }

    fn resolve(
        &mut self,
        desk: &mut Desk,
        now: Now,
        id: MutationId,
        raw: Raw<'_>,
        asker: Asker,
    ) -> Option<Answer> {
        let conflict = self.letters.get(&id).map(|(_, letter)| letter.why) == Some(Why::Conflict);
        if !conflict {
            return Some(Err(Refusal::NotThere));
        }
        let take = raw.member("take").and_then(Raw::string).map(Text::decode);
        match (take.as_deref(), raw.member("vars")) {
            (Some("server"), _) => self.give_up(desk, now, id, How::Server, Some(asker)),
            (Some("client"), _) => self.retry(desk, now, id, None, true, Some(asker)),
            (Some("merged"), Some(vars)) => {
                let vars = Some(vars.text().into());
                self.retry(desk, now, id, vars, true, Some(asker));
            }
            (Some(_) | None, _) => return Some(Err(Refusal::Bad)),
        }
        None
    }

    /// A page of one of the lists, and where the next page begins.
    fn list(&self, desk: &Desk, raw: Raw<'_>) -> Answer {
        let of = raw.member("of").and_then(Raw::string).map(Text::decode);
        let of = match of.as_deref() {
            None | Some("queue") => Of::Queue,
            Some("dead") => Of::Dead,
            Some("conflicts") => Of::Conflicts,
            Some("aside") => Of::Aside,
            Some(_) => return Err(Refusal::Bad),
        };
        let after = raw.member("after").and_then(MutationId::read);
        let limit = raw.member("limit").and_then(Raw::integer);
        let limit = limit.map_or(LIST_LIMIT, |limit| limit.min(LIST_LIMIT as u64) as usize);
        let mut ids: Vec<MutationId> = match of {
            Of::Queue => self.items.keys().copied().collect(),
            Of::Dead => self.letter_ids(false),
            Of::Conflicts => self.letter_ids(true),
            Of::Aside => {
                let mut ids: Vec<MutationId> = self.aside.iter().map(aside_id).collect();
                ids.sort_unstable();
                ids
            }
        };
        ids.retain(|id| after.is_none_or(|after| *id > after));
        let more = ids.len() > limit;
        ids.truncate(limit);
        let mut w = Writer::new();
        w.object(|w| {
            w.key("items").array(|w| {
                for id in &ids {
                    w.object(|w| self.write_listed(desk, w, *id, of));
                }
            });
            match ids.last().filter(|_| more) {
                Some(last) => w.key("next").string(&last.text()),
                None => w.key("next").null(),
            }
        });
        Ok(w.finish())
    }

    fn write_listed(&self, desk: &Desk, w: &mut Writer, id: MutationId, of: Of) {
        if let (Of::Aside, Some(aside)) = (of, self.aside.iter().find(|a| aside_id(a) == id)) {
            w.key("id").string(&id.text());
            w.key("state").string(match aside.damage {
                Damage::Newer => "newer",
                Damage::Damaged => "damaged",
            });
            w.key("record").string(&aside.text);
        } else if let Some(item) = self.items.get(&id) {
            item.mutation.write_members(w);
            w.key("state").string(self.state(desk, item));
            w.key("attempts").number(item.attempts.into());
        } else if let Some((mutation, letter)) = self.letters.get(&id) {
            mutation.write_members(w);
            w.key("state").string(match letter.why {
                Why::Conflict => "conflict",
                Why::Rejected | Why::Exhausted => "dead",
            });
            letter.write_members(w);
        }
    }

    fn state(&self, desk: &Desk, item: &Item) -> &'static str {
        match item.stage {
            Stage::Waiting | Stage::Noting => "waiting",
            Stage::Running { .. } => "running",
            Stage::Parked if self.has_name(desk, &item.mutation.name) => "parked-newer",
            Stage::Parked => "parked-unknown",
        }
    }

    /// Everything that is not through, as one JSON text that can be imported again.
    fn export(&self, desk: &Desk) -> Answer {
        let mut w = Writer::new();
        w.object(|w| {
            w.key("everfresh").string("queue");
            w.key("scope").string(&desk.scope);
            w.key("entries").array(|w| {
                for item in self.items.values() {
                    item.entry().write(w);
                }
                for (mutation, letter) in self.letters.values() {
                    Entry::Letter(Rc::clone(mutation), letter.clone()).write(w);
                }
            });
            // For people: nobody can import what nobody can read.
            w.key("aside")
                .array(|w| self.aside.iter().for_each(|aside| w.string(&aside.text)));
        });
        let text = w.finish();
        if text.len() > EXPORT_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        Ok(text)
    }

    /// Takes what was exported, unless it is known. What had failed for good is tried again. The
    /// answer comes when the storage has answered.
    fn import(&mut self, desk: &mut Desk, raw: Raw<'_>, asker: Asker) -> Option<Answer> {
        match self.importable(desk, raw) {
            Ok(mutations) if mutations.is_empty() => Some(Ok("0".to_owned())),
            Ok(mutations) => {
                desk.import(mutations, asker);
                None
            }
            Err(why) => Some(Err(why)),
        }
    }

    /// What of an export is not known yet, if there is room for it.
    fn importable(&self, desk: &Desk, raw: Raw<'_>) -> Result<Vec<Accepted>, Refusal> {
        let data = raw.member("data").ok_or(Refusal::Bad)?;
        let scope = data.member("scope").and_then(Raw::string).map(Text::decode);
        match scope {
            Some(scope) if *scope == *desk.scope => {}
            // What one user did must not be done by another.
            Some(_) => return Err(Refusal::User),
            None => return Err(Refusal::Bad),
        }
        let mut mutations: Vec<Accepted> = Vec::new();
        let mut bad = false;
        let entries = data.member("entries").ok_or(Refusal::Bad)?;
        entries.elements(|entry| match Entry::read(entry) {
            Some(Entry::Accepted(mutation)) => mutations.push((mutation, None)),
            Some(Entry::Again(mutation, again)) => mutations.push((mutation, Some(again))),
            Some(Entry::Letter(mutation, letter)) => {
                mutations.push((mutation, Some(letter.again())));
            }
            Some(Entry::Gone(..)) | None => bad = true,
        });
        if bad {
            return Err(Refusal::Bad);
        }
        mutations.retain(|(mutation, _)| {
            let id = mutation.id;
            !self.items.contains(&id) && !self.letters.contains(&id) && !desk.mine.contains(&id)
        });
        let bytes: usize = mutations.iter().map(|(mutation, _)| mutation.bytes()).sum();
        if self.size.count + mutations.len() > desk.settings.count
            || self.size.bytes + bytes > desk.settings.bytes
        {
            return Err(Refusal::Full);
        }
        Ok(mutations)
    }
}

fn aside_id(aside: &Aside) -> MutationId {
    slot_id(aside.slot)
}
