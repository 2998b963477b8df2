//! The app as the author of mutations: it makes them, and its functions carry them to the server.

use std::collections::BTreeMap;

use everfresh::engine::command::Command;
use everfresh::engine::limits::UNREAD_HOLD;
use everfresh::engine::queue::{Class, MutationId, Outcome, Run};
use everfresh::wire::json::{self, Raw};

use crate::agenda::{MS, S, Time};
use crate::promises::{Broken, Promise};
use crate::queue::people::Question;
use crate::queue::plan::{KINDS, NAMES, Spec};
use crate::queue::server::{Request, Says, Verdict};
use crate::queue::{self, Due, Sent};
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::{Arrival, Life};
use crate::world::{Happening, World};

/// What the app of one tab knows of mutations.
#[derive(Debug, Default)]
pub(crate) struct Author {
    /// Runs of its functions that have not ended.
    pub(crate) running: Vec<Running>,
    /// Questions about the queue that are not answered.
    pub(crate) questions: BTreeMap<u64, Question>,
    /// The last list that was asked for: the ids in it.
    pub(crate) listed: Vec<MutationId>,
    /// The page got a link to the server.
    pub(crate) link: Option<Link>,
    /// While it led, the server asked it to send nothing before then.
    pub(crate) calm_until: Time,
}

/// When a page got a link to the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) at: Time,
    /// How many mutations had been made by then in this world.
    pub(crate) made: usize,
}

/// A run that has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) id: MutationId,
    pub(crate) attempt: u32,
    pub(crate) serial: usize,
    pub(crate) began: Time,
    /// The server did it under this run, and the page has not heard.
    pub(crate) committed: bool,
}

impl World {
    /// The app of a tab makes mutations, so many more, so far apart.
    pub(crate) fn make(&mut self, tab: usize, spec: Spec, left: u64, apart: Time) {
        if !self.runs(tab) {
            return;
        }
        let browser = self.tabs[tab].seat.browser;
        let awake = self.browsers[browser].mono(self.now) - self.tabs[tab].origin;
        let opened = self.now - awake;
        let ledger = &mut self.queue.ledger;
        let serial = ledger.make(self.now, (browser, tab), opened, spec);
        let unread = self.now < self.queue.linked[browser] + UNREAD_HOLD.0 * MS;
        if unread && self.queue.linked[browser] > 0 {
            self.backlog_holds(browser);
            self.queue.held_until[browser] += UNREAD_HOLD.0 * MS;
        }
        tell!(self, "{} makes mutation {serial}: {spec:?}", self.name(tab));
        let text = command(serial, spec);
        let command = Command::parse(&text).expect("the simulator writes good commands");
        self.feed(tab, Arrival::Command(command));
        if left > 1 {
            let next = Due::Make(tab, spec, left - 1, apart);
            self.agenda.add(self.now + apart, Happening::Queue(next));
        }
    }

    /// The app's function is called.
    pub(crate) fn run_mutation(&mut self, tab: usize, run: &Run) {
        let Some((serial, form)) = numbers(&run.vars) else {
            return;
        };
        tell!(
            self,
            "{} runs mutation {serial} form {form} attempt {} under {}",
            self.name(tab),
            run.attempt,
            run.idempotency_key
        );
        self.note_knowledge(tab);
        self.queue.ledger.meet(serial, run.id);
        if let Err(mut broken) = self.queue.ledger.runs(serial) {
            broken.how = format!("{}: {}", self.name(tab), broken.how);
            return self.broken(broken);
        }
        if self.tabs[tab].app.role() == "follower" {
            self.sometimes.reached(Rare::RunByAnotherTab);
        }
        if let Err(broken) = self.server_is_heeded(tab) {
            return self.broken(broken);
        }
        if run.attempt > 1 {
            self.sometimes.reached(Rare::MutationSentAgain);
        }
        let running = Running {
            id: run.id,
            attempt: run.attempt,
            serial,
            began: self.now,
            committed: false,
        };
        self.queue.authors[tab].running.push(running);
        let healed = self.healed.is_some();
        let quirk = if healed {
            9
        } else {
            self.queue.chance.below(60)
        };
        if quirk == 0 {
            let text = r#"{"ok":false,"class":"missing"}"#;
            return self.answer_run(tab, run.id, run.attempt, self.now + MS, text);
        }
        if quirk == 1 {
            let text = r#"{"ok":false,"data":"TypeError"}"#;
            return self.answer_run(tab, run.id, run.attempt, self.now + MS, text);
        }
        let browser = self.tabs[tab].seat.browser;
        if let Some(cut) = self.browsers[browser].network.cut(self.now) {
            let at = if cut.hangs {
                cut.until.min(self.now + 40 * S)
            } else {
                self.now
            };
            let at = at + self.queue.chance.between(MS, 50 * MS);
            let text = r#"{"ok":false,"class":"network"}"#;
            return self.answer_run(tab, run.id, run.attempt, at, text);
        }
        let sent = Sent {
            id: run.id,
            attempt: run.attempt,
            serial,
            form,
            request: Request {
                key: run.idempotency_key.clone(),
                vars: run.vars.to_string(),
                over: run.theirs.is_some(),
            },
            throws: quirk == 2,
        };
        let network = &self.browsers[browser].network;
        let at = network.arrival(self.now, &mut self.queue.chance);
        let due = Due::Request(tab, Box::new(sent));
        self.agenda.add(at, Happening::Queue(due));
    }

    /// A request reaches the server, whatever became of the page.
    pub(crate) fn mutation_arrives(&mut self, tab: usize, sent: &Sent) {
        let browser = self.tabs[tab].seat.browser;
        if !self.server.up {
            let text = if self.queue.chance.one_in(2) {
                r#"{"ok":false,"status":502}"#
            } else {
                r#"{"ok":false,"class":"network"}"#
            };
            return self.answer_from_server(tab, sent, text);
        }
        let world = &mut self.queue;
        let done = world
            .server
            .asked(self.now, browser, &sent.request, &mut world.chance);
        tell!(
            self,
            "server <- mutation {} form {} under {}: {done:?}",
            sent.serial,
            sent.form,
            sent.request.key
        );
        if let Some(verdict) = done.verdict {
            if !done.news {
                self.sometimes.reached(Rare::KeyKnownToServer);
            }
            self.decided(tab, sent, verdict, done.news);
        }
        match done.says {
            Says::This(text) => {
                self.note_answer(browser, &text);
                let text = if sent.throws {
                    r#"{"ok":false,"data":"SyntaxError"}"#.to_owned()
                } else {
                    text
                };
                self.answer_from_server(tab, sent, &text);
            }
            Says::Break => {
                if done.verdict == Some(Verdict::Applied) {
                    self.sometimes.reached(Rare::AnswerLostAfterEffect);
                }
                self.answer_from_server(tab, sent, r#"{"ok":false,"class":"network"}"#);
            }
            Says::Nothing => self.sometimes.reached(Rare::MutationHung),
        }
    }

    /// How far the tabs of a browser can know of each other.
    fn note_knowledge(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        let slow = self.browsers[browser].bus_slow_until;
        let knowledge = &mut self.queue.ledger.knowledge[browser];
        knowledge.none = self.browsers[browser].locks.is_none();
        // A message between tabs takes three seconds at most.
        knowledge.late_until = knowledge.late_until.max(slow + 3 * S);
    }

    fn decided(&mut self, tab: usize, sent: &Sent, verdict: Verdict, news: bool) {
        self.note_knowledge(tab);
        let retries = verdict != Verdict::Applied && self.retries_open(tab);
        let entry = &mut self.queue.ledger.list[sent.serial];
        entry.verdict = Some(verdict);
        entry.asked |= retries;
        for running in &mut self.queue.authors[tab].running {
            if running.id == sent.id && running.attempt == sent.attempt {
                running.committed = verdict == Verdict::Applied;
            }
        }
        if news
            && verdict == Verdict::Applied
            && let Err(broken) = self.queue.ledger.takes_effect(sent.serial, sent.form)
        {
            self.broken(broken);
        }
    }

    /// What a kind of answer means for the counts, and for the person at the screen.
    fn note_answer(&mut self, browser: usize, text: &str) {
        if text.contains("401") {
            self.sometimes.reached(Rare::MutationWantsLogin);
            // Somebody sees the dialog, sooner or later.
            if self.queue.chance.one_in(2) {
                let at = self.now + self.queue.chance.between(S, 20 * S);
                self.agenda.add(at, Happening::Queue(Due::LogIn(browser)));
            }
        } else if text.contains("retryAfter") || text.contains("429") {
            self.sometimes.reached(Rare::MutationSlowedDown);
            if self.queue.ledger.pending(browser).count() > 2 {
                self.sometimes.reached(Rare::DrainUnderSlowDown);
            }
        }
    }

    fn answer_from_server(&mut self, tab: usize, sent: &Sent, text: &str) {
        let browser = self.tabs[tab].seat.browser;
        let works = self.queue.chance.between(MS, self.queue.shape.works);
        let network = &self.browsers[browser].network;
        let at = network.arrival(self.now + works, &mut self.queue.chance);
        self.answer_run(tab, sent.id, sent.attempt, at, text);
    }

    fn answer_run(&mut self, tab: usize, id: MutationId, attempt: u32, at: Time, text: &str) {
        let outcome = json::parse(text).ok().and_then(Outcome::read);
        let outcome = outcome.expect("the simulator writes good outcomes");
        let arrival = Arrival::Queue(queue::Arrival::Ran(id, attempt, outcome));
        self.agenda.add(at, Happening::Arrives(tab, arrival));
    }

    /// G11: a tab that was asked to wait, and leads since then, sends nothing meanwhile.
    fn server_is_heeded(&self, tab: usize) -> Result<(), Broken> {
        let early = self.queue.authors[tab].calm_until.saturating_sub(self.now);
        if early == 0 || self.leader(self.tabs[tab].seat.browser) != Some(tab) {
            return Ok(());
        }
        Err(Broken {
            promise: Promise::G11,
            how: format!(
                "{} sends a mutation {} ms before the server's Retry-After",
                self.name(tab),
                early / MS
            ),
        })
    }

    /// A run has ended for the page: the shell is about to tell the engine. False if the app has
    /// given it up.
    pub(crate) fn run_ends(
        &mut self,
        tab: usize,
        id: MutationId,
        attempt: u32,
        outcome: &Outcome,
    ) -> bool {
        // The first answer shows whether the server takes anything.
        self.queue.authors[tab].link = None;
        let running = &mut self.queue.authors[tab].running;
        let before = running.len();
        running.retain(|run| (run.id, run.attempt) != (id, attempt));
        let heard = running.len() < before;
        if let Outcome::Failed(failure) = outcome
            && let (Class::SlowDown, Some(span)) = (failure.class, failure.after)
            && heard
            && self.leader(self.tabs[tab].seat.browser) == Some(tab)
        {
            let calm = &mut self.queue.authors[tab].calm_until;
            *calm = (*calm).max(self.now + span.0 * MS);
        }
        // What was aborted rejects at once, or is past stopping.
        heard || self.queue.chance.one_in(2)
    }

    /// The app's function is told to stop. What it sent is on its way all the same.
    pub(crate) fn cancel_run(&mut self, tab: usize, id: MutationId, attempt: u32) {
        self.queue.authors[tab]
            .running
            .retain(|run| (run.id, run.attempt) != (id, attempt));
    }

    /// The functions of a page come and go.
    pub(crate) fn handler(&mut self, tab: usize, name: usize, there: bool) {
        let (name, treats) = NAMES[name];
        let text = if there {
            format!(r#"{{"do":"handle","name":"{name}",{treats},"timeout":5000}}"#)
        } else {
            self.sometimes.reached(Rare::FunctionGone);
            format!(r#"{{"do":"unhandle","name":"{name}"}}"#)
        };
        let command = Command::parse(&text).expect("the simulator writes good commands");
        self.feed(tab, Arrival::Command(command));
    }

    /// A tab is over: what it was doing will not be heard of.
    pub(crate) fn author_ends(&mut self, tab: usize) {
        let author = std::mem::take(&mut self.queue.authors[tab]);
        if author.running.iter().any(|run| run.committed) {
            self.sometimes.reached(Rare::CrashBetweenCommitAndAnswer);
        }
        if !author.running.is_empty() {
            self.sometimes.reached(Rare::CrashWithMutationOnItsWay);
        }
    }

    /// Is there another tab of its browser whose mutations wait too?
    pub(crate) fn note_two_authors(&mut self, serial: usize) {
        let entry = &self.queue.ledger.list[serial];
        let (browser, tab) = (entry.browser, entry.tab);
        let other = self.queue.ledger.pending(browser).any(|at| {
            let other = &self.queue.ledger.list[at];
            other.tab != tab && self.tabs[other.tab].life != Life::Gone
        });
        if other {
            self.sometimes.reached(Rare::TwoTabsQueueAtOnce);
        }
    }
}

/// What the app says to make a mutation.
fn command(serial: usize, spec: Spec) -> String {
    let (name, _) = NAMES[spec.name];
    let kind = KINDS[spec.kind];
    let mut text = format!(
        r#"{{"do":"mutate","id":{serial},"name":"{name}","lane":"lane{}","kind":"{kind}","vars":{},"base":{{"x":0,"y":0}}"#,
        spec.lane,
        vars(serial, 0, spec.padding)
    );
    if spec.coalesces {
        text.push_str(r#","coalesce":"field""#);
    }
    if spec.barrier {
        text.push_str(r#","barrier":true"#);
    }
    text.push('}');
    text
}

/// The variables of a mutation in one of its forms.
pub(crate) fn vars(serial: usize, form: u64, padding: usize) -> String {
    let padding = "p".repeat(padding);
    format!(r#"{{"n":{serial},"form":{form},"x":1,"pad":"{padding}"}}"#)
}

/// Which mutation, and which form of it.
pub(crate) fn numbers(vars: &str) -> Option<(usize, u64)> {
    let raw = json::parse(vars).ok()?;
    let number = |name| raw.member(name).and_then(Raw::integer);
    Some((usize::try_from(number("n")?).ok()?, number("form")?))
}
