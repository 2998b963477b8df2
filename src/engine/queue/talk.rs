//! What tabs say to each other about the queue. It travels inside a tab's message, and whatever
//! comes in is checked like network input: any script of the origin can post it.

use std::rc::Rc;

use super::Totals;
use super::mutation::{Mutation, MutationId};
use super::outcome::Outcome;
use super::settings::Handler;
use super::told::{Answer, End, Run, read_answer, write_answer};
use super::turn::Turn;
use super::word::small;
use crate::engine::ids::{TabId, Term};
use crate::engine::limits::{QUEUE_HANDLERS_MAX, RETRY_AFTER_MAX};
use crate::engine::time::{Millis, Wall};
use crate::wire::json::{Raw, Text, Writer};

/// What a tab can say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Talk {
    /// To the leader, this one as far as it is known: I accepted these.
    Queued { to: Option<Term>, items: Vec<Offer> },
    /// To the leader: my page has these functions.
    Handlers(Vec<(Rc<str>, Handler)>),
    /// To the leader: a run ended.
    Ran {
        id: MutationId,
        turn: Turn,
        outcome: Outcome,
    },
    /// To the leader: a question of the app.
    Ask { ask: u64, text: String },
    /// Of one that leads no more: these runs may still be answered.
    Flying(Vec<(MutationId, Turn)>),
    /// Of the leader.
    Lead(Term, Lead),
}

/// A mutation that is handed to the leader.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    pub(super) mutation: Rc<Mutation>,
    /// It is stored.
    pub(super) durable: bool,
    /// The leader under which it was accepted: no other one can have sent it.
    pub(super) under: Option<Term>,
}

/// What has to come before what is stale is fetched: that would show what a backlog is about to
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// What is stored has to be read, which may hold a backlog.
    Unread,
    /// A backlog has to be worked off.
    Drain,
}

impl Wait {
    fn text(self) -> &'static str {
        match self {
            Wait::Unread => "unread",
            Wait::Drain => "drain",
        }
    }

    fn read(raw: Raw<'_>) -> Option<Wait> {
        let text = raw.string()?.decode();
        let mut all = [Wait::Unread, Wait::Drain].into_iter();
        all.find(|wait| wait.text() == text)
    }
}

/// What the leader can say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lead {
    /// I have these.
    Took(Vec<MutationId>),
    /// These came to an end.
    Ended(Vec<(MutationId, End)>),
    /// This one met another change, and the user decides.
    Conflict(MutationId, super::word::Letter),
    /// The server wants calm: until then, and for no longer than that.
    Calm(Wall, Millis),
    /// This is how the queue stands, and whether what is stale waits, and for what.
    Totals(Totals, Option<Wait>),
    /// Run this, you who have the function.
    Run { to: TabId, run: Run },
    /// Stop that run.
    Cancel { to: TabId, id: MutationId },
    /// The answer to a question.
    Answer { to: TabId, ask: u64, answer: Answer },
}

impl Talk {
    /// As JSON text.
    pub(super) fn write(&self) -> String {
        let mut w = Writer::new();
        w.object(|w| match self {
            Talk::Queued { to, items } => {
                w.key("q").string("queued");
                write_leader(w, *to);
                w.key("items").array(|w| {
                    for offer in items {
                        w.object(|w| {
                            offer.mutation.write_members(w);
                            w.key("durable").bool(offer.durable);
                            write_leader(w, offer.under);
                        });
                    }
                });
            }
            Talk::Handlers(handlers) => {
                w.key("q").string("handlers");
                w.key("names").array(|w| {
                    for (name, handler) in handlers {
                        handler.write(w, name);
                    }
                });
            }
            Talk::Ran { id, turn, outcome } => {
                w.key("q").string("ran");
                w.key("id").string(&id.key(turn.renewed));
                w.key("attempt").number(turn.attempt.into());
                w.key("outcome");
                outcome.write(w);
            }
            Talk::Ask { ask, text } => {
                w.key("q").string("ask");
                w.key("ask").number(*ask);
                w.key("what").raw(text);
            }
            Talk::Flying(runs) => {
                w.key("q").string("flying");
                w.key("runs").object(|w| {
                    for (id, turn) in runs {
                        w.key(&id.key(turn.renewed)).number(turn.attempt.into());
                    }
                });
            }
            Talk::Lead(term, lead) => {
                w.key("term").number(term.number);
                lead.write(w);
            }
        });
        w.finish()
    }

    /// Reads what another tab said; nothing if it is not one of these.
    pub(super) fn read(from: TabId, raw: Raw<'_>) -> Option<Talk> {
        let term = Term {
            number: raw.member("term").and_then(Raw::integer).unwrap_or(0),
            tab: from,
        };
        let lead = |lead| Some(Talk::Lead(term, lead));
        match raw.member("q")?.string()?.decode().as_ref() {
            "queued" => {
                let mut items = Vec::new();
                raw.member("items")?.elements(|item| {
                    let durable = item.member("durable").and_then(Raw::bool);
                    // Nobody hands over what another tab accepted.
                    let mutation = Mutation::read(item).filter(|item| item.id.tab == from);
                    if let (Some(mutation), Some(durable)) = (mutation, durable) {
                        let mutation = Rc::new(mutation);
                        items.push(Offer {
                            mutation,
                            durable,
                            under: leader(item),
                        });
                    }
                });
                let to = leader(raw);
                Some(Talk::Queued { to, items })
            }
            "handlers" => {
                let mut handlers = Vec::new();
                raw.member("names")?.elements(|name| {
                    if handlers.len() < QUEUE_HANDLERS_MAX {
                        handlers.extend(Handler::read_named(name));
                    }
                });
                Some(Talk::Handlers(handlers))
            }
            "ran" => {
                let key = raw.member("id")?.string()?.decode();
                let (id, renewed) = MutationId::parse_key(&key)?;
                let attempt = u32::try_from(raw.member("attempt")?.integer()?).ok()?;
                Some(Talk::Ran {
                    id,
                    turn: Turn { attempt, renewed },
                    outcome: Outcome::read(raw.member("outcome")?)?,
                })
            }
            "ask" => Some(Talk::Ask {
                ask: raw.member("ask")?.integer()?,
                text: raw.member("what")?.text().to_owned(),
            }),
            "flying" => {
                let mut runs = Vec::new();
                raw.member("runs")?.members(|key, attempt| {
                    let key = MutationId::parse_key(&key.decode());
                    if let (Some((id, renewed)), Some(attempt)) = (key, small(Some(attempt))) {
                        runs.push((id, Turn { attempt, renewed }));
                    }
                });
                Some(Talk::Flying(runs))
            }
            word => lead(Lead::read(word, raw)?),
        }
    }
}

impl Lead {
    fn write(&self, w: &mut Writer) {
        match self {
            Lead::Took(ids) => {
                w.key("q").string("took");
                w.key("ids")
                    .array(|w| ids.iter().for_each(|id| w.string(&id.text())));
            }
            Lead::Ended(ends) => {
                w.key("q").string("ended");
                w.key("ends").array(|w| {
                    for (id, end) in ends {
                        w.object(|w| {
                            w.key("id").string(&id.text());
                            end.write_members(w);
                        });
                    }
                });
            }
            Lead::Conflict(id, letter) => {
                w.key("q").string("conflict");
                w.key("id").string(&id.text());
                letter.write_members(w);
            }
            Lead::Calm(until, span) => {
                w.key("q").string("calm");
                w.key("until").number(until.0);
                w.key("span").number(span.0);
            }
            Lead::Totals(totals, wait) => {
                w.key("q").string("totals");
                w.key("totals");
                totals.write(w);
                if let Some(wait) = wait {
                    w.key("holds").string(wait.text());
                }
            }
            Lead::Run { to, run } => {
                w.key("q").string("run");
                w.key("to").string(&to.text());
                w.key("run").object(|w| run.write_members(w));
            }
            Lead::Cancel { to, id } => {
                w.key("q").string("cancel");
                w.key("to").string(&to.text());
                w.key("id").string(&id.text());
            }
            Lead::Answer { to, ask, answer } => {
                w.key("q").string("answer");
                w.key("to").string(&to.text());
                w.key("ask").number(*ask);
                write_answer(w, answer);
            }
        }
    }

    fn read(word: &str, raw: Raw<'_>) -> Option<Lead> {
        let id = || MutationId::read(raw.member("id")?);
        let to = || TabId::parse(&raw.member("to")?.string().map(Text::decode)?);
        Some(match word {
            "took" => {
                let mut ids = Vec::new();
                raw.member("ids")?
                    .elements(|id| ids.extend(MutationId::read(id)));
                Lead::Took(ids)
            }
            "ended" => {
                let mut ends = Vec::new();
                raw.member("ends")?.elements(|end| {
                    let id = end.member("id").and_then(MutationId::read);
                    if let (Some(id), Some(end)) = (id, End::read(end)) {
                        ends.push((id, end));
                    }
                });
                Lead::Ended(ends)
            }
            "conflict" => Lead::Conflict(id()?, super::word::Letter::read(raw)?),
            "calm" => Lead::Calm(
                Wall(raw.member("until")?.integer()?),
                Millis(raw.member("span")?.integer()?.min(RETRY_AFTER_MAX.0)),
            ),
            "totals" => {
                let wait = raw.member("holds").and_then(Wait::read);
                Lead::Totals(Totals::read(raw.member("totals")?)?, wait)
            }
            "run" => Lead::Run {
                to: to()?,
                run: Run::read(raw.member("run")?)?,
            },
            "cancel" => Lead::Cancel {
                to: to()?,
                id: id()?,
            },
            "answer" => Lead::Answer {
                to: to()?,
                ask: raw.member("ask")?.integer()?,
                answer: read_answer(raw)?,
            },
            _ => return None,
        })
    }
}

/// The leader to which something is said, or under which it was accepted.
fn write_leader(w: &mut Writer, leader: Option<Term>) {
    if let Some(leader) = leader {
        w.key("lead").string(&leader.tab.text());
        w.key("number").number(leader.number);
    }
}

fn leader(raw: Raw<'_>) -> Option<Term> {
    let lead = raw.member("lead")?.string()?.decode();
    Some(Term {
        number: raw.member("number")?.integer()?,
        tab: TabId::parse(&lead)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::queue::outcome::{Class, Failure};
    use crate::engine::queue::tests::{letters, mutations};
    use crate::engine::queue::told::{How, Refusal};
    use crate::wire::json;
    use proptest::prelude::*;

    const ME: TabId = TabId(7);

    fn offer(mutation: Mutation) -> Offer {
        Offer {
            mutation: Rc::new(mutation),
            durable: true,
            under: Some(Term {
                number: 9,
                tab: TabId(3),
            }),
        }
    }

    fn all(mutation: Mutation, letter: super::super::word::Letter) -> Vec<Talk> {
        let mutation = Mutation {
            id: MutationId {
                tab: ME,
                ..mutation.id
            },
            ..mutation
        };
        let id = mutation.id;
        let term = Term { number: 9, tab: ME };
        let lead = |lead| Talk::Lead(term, lead);
        let run = Run {
            id,
            name: Rc::clone(&mutation.name),
            version: mutation.version,
            lane: Rc::clone(&mutation.lane),
            vars: Rc::clone(&mutation.vars),
            idempotency_key: id.key(letter.again.renewed),
            attempt: letter.attempts,
            stamp: mutation.stamp,
            theirs: letter.again.theirs.clone(),
            keepalive: letter.stops,
        };
        let result: Rc<str> = Rc::clone(&mutation.vars);
        let ends = vec![
            (id, End::Applied { result }),
            (id, End::Resolved { how: How::Server }),
            (
                id,
                End::Dead {
                    letter: letter.clone(),
                },
            ),
        ];
        let handler = Handler {
            attempts: Some(3),
            ..Handler::default()
        };
        let totals = Totals {
            count: 3,
            oldest: Some(Wall(4)),
            drain: Some((1, 2)),
            ..Totals::default()
        };
        vec![
            Talk::Handlers(vec![(Rc::clone(&mutation.name), handler)]),
            Talk::Ran {
                id,
                turn: Turn {
                    attempt: 3,
                    renewed: 1,
                },
                outcome: Outcome::Failed(Failure::of(Class::Busy)),
            },
            Talk::Ask {
                ask: 5,
                text: r#"{"op":"list"}"#.to_owned(),
            },
            Talk::Flying(vec![(
                id,
                Turn {
                    attempt: 4,
                    renewed: 0,
                },
            )]),
            Talk::Queued {
                to: Some(Term {
                    number: 9,
                    tab: TabId(3),
                }),
                items: vec![offer(mutation)],
            },
            lead(Lead::Took(vec![id])),
            lead(Lead::Ended(ends)),
            lead(Lead::Conflict(id, letter)),
            lead(Lead::Calm(Wall(90), Millis(7))),
            lead(Lead::Totals(totals, None)),
            lead(Lead::Totals(totals, Some(Wait::Unread))),
            lead(Lead::Totals(totals, Some(Wait::Drain))),
            lead(Lead::Run { to: ME, run }),
            lead(Lead::Cancel { to: ME, id }),
            lead(Lead::Answer {
                to: ME,
                ask: 5,
                answer: Ok("[1]".to_owned()),
            }),
            lead(Lead::Answer {
                to: ME,
                ask: 5,
                answer: Err(Refusal::NotThere),
            }),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_said_arrives_as_it_was(mutation in mutations(), letter in letters()) {
            for talk in all(mutation, letter) {
                let text = talk.write();
                prop_assert_eq!(Talk::read(ME, json::parse(&text).unwrap()), Some(talk));
            }
        }

        #[test]
        fn no_damage_makes_the_reader_panic(
            mutation in mutations(), letter in letters(),
            which in 0usize..16, at: prop::sample::Index, byte in 32u8..127,
        ) {
            let mut bytes = all(mutation, letter).swap_remove(which).write().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Ok(raw) = json::parse(&text) {
                let _ = Talk::read(ME, raw);
            }
        }

        #[test]
        fn nobody_hands_over_what_another_tab_accepted(mutation in mutations()) {
            prop_assume!(mutation.id.tab != ME);
            let queued = |items| Talk::Queued { to: None, items };
            let text = queued(vec![offer(mutation)]).write();
            prop_assert_eq!(Talk::read(ME, json::parse(&text).unwrap()), Some(queued(vec![])));
        }
    }
}
