//! The person at the screen: what is done by hand about the queue.

use everfresh::engine::command::Command;
use everfresh::engine::queue::{Answer, MutationId};
use everfresh::wire::json::{self, Raw};

use crate::queue::author::{numbers, vars};
use crate::queue::plan::Wish;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Arrival;
use crate::world::World;

/// Questions are numbered from here on; below are mutations.
const FIRST_QUESTION: u64 = 1 << 32;

/// A question about the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Which ones are there?
    List,
    /// All of it as text.
    Export,
    /// What is counted when the answer is yes.
    Done(Rare),
}

impl World {
    /// Somebody asks something about the queue, or decides something.
    pub(crate) fn ask(&mut self, tab: usize, what: Wish, which: u64) {
        let browser = self.tabs[tab].seat.browser;
        let letter = self.pick(browser, which, |entry| entry.letter);
        match what {
            Wish::Retry => self.ask_about(tab, letter, "retry", "", Rare::LetterRetried),
            Wish::RetryAll => {
                let ledger = &mut self.queue.ledger;
                for entry in ledger.list.iter_mut().filter(|e| e.browser == browser) {
                    entry.asked |= entry.verdict.is_some() || entry.letter;
                }
                self.question(tab, r#""op":"retry""#, Question::Done(Rare::LetterRetried));
            }
            Wish::Edit => {
                if let Some(serial) = letter {
                    let vars = self.new_form(serial);
                    let rest = format!(r#","vars":{vars}"#);
                    self.ask_about(tab, letter, "edit", &rest, Rare::LetterEdited);
                }
            }
            Wish::Discard => {
                self.give_up(tab, letter);
            }
            Wish::DiscardWaiting => {
                let pending: Vec<usize> = self.queue.ledger.pending(browser).collect();
                if !pending.is_empty() {
                    let one = pending[(which % pending.len() as u64) as usize];
                    self.give_up(tab, Some(one));
                }
            }
            Wish::TakeServer => {
                if let Some(serial) = letter {
                    self.queue.ledger.list[serial].unwanted = true;
                    let take = r#","take":"server""#;
                    self.ask_about(tab, letter, "resolve", take, Rare::ConflictResolved);
                }
            }
            Wish::TakeClient => {
                let take = r#","take":"client""#;
                self.ask_about(tab, letter, "resolve", take, Rare::ConflictResolved);
            }
            Wish::TakeMerged => {
                if let Some(serial) = letter {
                    let vars = self.new_form(serial);
                    let rest = format!(r#","take":"merged","vars":{vars}"#);
                    self.ask_about(tab, letter, "resolve", &rest, Rare::ConflictResolved);
                }
            }
            Wish::Export => self.question(tab, r#""op":"export""#, Question::Export),
            Wish::Import => {
                if let Some(file) = self.queue.files[browser].clone() {
                    // Whatever was given up since comes back by a person's own hand.
                    let ledger = &mut self.queue.ledger;
                    for entry in ledger.list.iter_mut().filter(|e| e.browser == browser) {
                        let saved = entry.id.is_some_and(|id| file.contains(&id.text()));
                        entry.asked |= saved;
                    }
                    let text = format!(r#""op":"import","data":{file}"#);
                    self.question(tab, &text, Question::Done(Rare::QueueImported));
                }
            }
            Wish::Flush => {
                // Whoever wants it now is not kept waiting, whatever the server asked for.
                for author in 0..self.queue.authors.len() {
                    if self.tabs[author].seat.browser == browser {
                        self.queue.authors[author].calm_until = 0;
                    }
                }
                self.question(tab, r#""op":"flush""#, Question::Done(Rare::QueueFlushed));
            }
        }
    }

    fn give_up(&mut self, tab: usize, serial: Option<usize>) {
        if let Some(serial) = serial {
            self.queue.ledger.list[serial].unwanted = true;
            self.ask_about(tab, Some(serial), "discard", "", Rare::DiscardAnswered);
        }
    }

    fn new_form(&mut self, serial: usize) -> String {
        let entry = &mut self.queue.ledger.list[serial];
        let form = entry.forms;
        entry.forms += 1;
        vars(serial, form, 0)
    }

    /// One of a browser's mutations that are so.
    fn pick(
        &self,
        browser: usize,
        which: u64,
        is: impl Fn(&crate::queue::ledger::Entry) -> bool,
    ) -> Option<usize> {
        let list = &self.queue.ledger.list;
        let found: Vec<usize> = (0..list.len())
            .filter(|at| list[*at].browser == browser && list[*at].id.is_some() && is(&list[*at]))
            .collect();
        (!found.is_empty()).then(|| found[(which % found.len() as u64) as usize])
    }

    fn ask_about(&mut self, tab: usize, serial: Option<usize>, op: &str, rest: &str, rare: Rare) {
        let Some(serial) = serial else { return };
        let entry = &mut self.queue.ledger.list[serial];
        let Some(id) = entry.id else { return };
        entry.asked = true;
        let text = format!(r#""op":"{op}","mutation":"{}"{rest}"#, id.text());
        self.question(tab, &text, Question::Done(rare));
    }

    /// Asks the engine of a tab something about the queue.
    pub(crate) fn question(&mut self, tab: usize, text: &str, question: Question) {
        self.queue.questions += 1;
        let call = FIRST_QUESTION + self.queue.questions;
        self.queue.authors[tab].questions.insert(call, question);
        tell!(self, "{} asks: {text}", self.name(tab));
        let text = format!(r#"{{"do":"queue","id":{call},{text}}}"#);
        let command = Command::parse(&text).expect("the simulator writes good commands");
        self.feed(tab, Arrival::Command(command));
    }

    /// Has somebody in the browser of a tab asked to try letters again, and no answer come? It is
    /// about the letters that there are when whoever leads hears of it.
    pub(crate) fn retries_open(&self, tab: usize) -> bool {
        let browser = self.tabs[tab].seat.browser;
        let retry = Question::Done(Rare::LetterRetried);
        (self.queue.authors.iter().zip(&self.tabs))
            .filter(|(_, tab)| tab.seat.browser == browser)
            .any(|(author, _)| author.questions.values().any(|asked| *asked == retry))
    }

    /// A question is answered.
    pub(crate) fn answered(&mut self, tab: usize, call: u64, answer: &Answer) {
        let Some(question) = self.queue.authors[tab].questions.remove(&call) else {
            return;
        };
        let browser = self.tabs[tab].seat.browser;
        match (question, answer) {
            (Question::List, Ok(text)) => {
                let raw = json::parse(text).unwrap_or(Raw::NULL);
                let mut ids = Vec::new();
                if let Some(items) = raw.member("items") {
                    items.elements(|item| {
                        let Some(id) = item.member("id").and_then(MutationId::read) else {
                            return;
                        };
                        ids.push(id);
                        let vars = item.member("vars").map_or("null", Raw::text);
                        if let Some((serial, _)) = numbers(vars) {
                            self.queue.ledger.meet(serial, id);
                        }
                    });
                }
                self.queue.authors[tab].listed.extend(ids);
            }
            (Question::Export, Ok(text)) => {
                self.sometimes.reached(Rare::QueueExported);
                self.queue.files[browser] = Some(text.clone());
            }
            (Question::Done(rare), Ok(_)) => self.sometimes.reached(rare),
            (_, Err(_)) => {}
        }
    }

    /// Somebody logs in, in a tab of a browser.
    pub(crate) fn log_in(&mut self, tab: usize) {
        let browser = self.tabs[tab].seat.browser;
        self.queue.server.log_in(browser, true);
        tell!(self, "{}: somebody logs in", self.name(tab));
        // Whoever leads in the browser dials again, if it was told not to.
        let shared = self.browsers[browser].locks.is_some();
        for (at, other) in self.tabs.iter_mut().enumerate() {
            if at == tab || shared && other.seat.browser == browser {
                other.neighbour.excused(self.now);
                other.neighbour.absolved();
            }
        }
        let command = Command::LoggedIn { token: None };
        self.feed(tab, Arrival::Command(command));
    }
}
