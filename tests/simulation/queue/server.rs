//! The server's part in mutations: it does each once, whatever it is sent how often, because it
//! keeps the answer that it gave to a key. It is written from `docs/guarantees.md` (what is assumed
//! of a server), not from the engine.

use std::collections::BTreeMap;

use crate::agenda::Time;
use crate::chance::Chance;
use crate::queue::plan::Mood;

/// The server, as far as mutations go.
#[derive(Debug)]
pub(crate) struct Server {
    /// What was answered to each key for good, and to what.
    kept: BTreeMap<String, (String, Verdict)>,
    /// Browsers whose session is over.
    logged_out: Vec<bool>,
    mood: Option<(Mood, Time)>,
    /// How often something goes wrong without a mood: once in so many; never if 0.
    trouble: u64,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The key by which it is known again.
    pub(crate) key: String,
    /// What is to be done, as JSON text.
    pub(crate) vars: String,
    /// It is to be done over what the other side has.
    pub(crate) over: bool,
}

/// What was decided about a key for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done.
    Applied,
    /// It will never be done.
    Rejected,
    /// Somebody else changed other fields meanwhile.
    Conflict,
    /// Somebody else changed the same fields.
    Clash,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// What is said.
    pub(crate) says: Says,
    /// What was decided, now or earlier under the same key.
    pub(crate) verdict: Option<Verdict>,
    /// It was decided just now.
    pub(crate) news: bool,
}

/// What goes back to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// How the run ended, as JSON text.
    This(String),
    /// The connection breaks.
    Break,
    /// Nothing, ever.
    Nothing,
}

impl Server {
    /// A server that nobody asked for anything yet.
    pub(crate) fn new(browsers: usize, trouble: u64) -> Self {
        Server {
            kept: BTreeMap::new(),
            logged_out: vec![false; browsers],
            mood: None,
            trouble,
        }
    }

    /// For a while it answers in this way more often than in others.
    pub(crate) fn mood(&mut self, mood: Mood, until: Time) {
        self.mood = Some((mood, until));
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.mood = None;
        self.trouble = 0;
    }

    /// The session of a browser begins or ends.
    pub(crate) fn log_in(&mut self, browser: usize, here: bool) {
        self.logged_out[browser] = !here;
    }

    /// Does it want a login?
    pub(crate) fn wants_login(&self, browser: usize) -> bool {
        self.logged_out[browser]
    }

    fn mood_now(&self, now: Time, chance: &mut Chance) -> Option<Mood> {
        match self.mood {
            Some((mood, until)) if now < until && chance.below(3) > 0 => return Some(mood),
            _ => {}
        }
        let trouble = self.trouble > 0 && chance.one_in(self.trouble);
        trouble.then(|| {
            chance.pick(&[
                Mood::Busy,
                Mood::SlowsDown,
                Mood::Rejects,
                Mood::Conflicts,
                Mood::LosesAnswers,
                Mood::Hangs,
            ])
        })
    }

    /// A request came.
    pub(crate) fn asked(
        &mut self,
        now: Time,
        browser: usize,
        request: &Request,
        chance: &mut Chance,
    ) -> Done {
        let only = |says| Done {
            says,
            verdict: None,
            news: false,
        };
        if self.logged_out[browser] {
            return only(Says::This(r#"{"ok":false,"status":401}"#.to_owned()));
        }
        let mood = self.mood_now(now, chance);
        match mood {
            Some(Mood::Busy) => {
                let status = chance.pick(&[500, 502, 504, 408]);
                return only(Says::This(format!(r#"{{"ok":false,"status":{status}}}"#)));
            }
            Some(Mood::SlowsDown) => {
                let wait = match chance.below(4) {
                    0 => String::new(),
                    1 => format!(r#","retryAfter":{}"#, chance.between(10_000, 40_000)),
                    _ => format!(r#","retryAfter":{}"#, chance.between(100, 5000)),
                };
                let status = if wait.is_empty() {
                    429
                } else {
                    chance.pick(&[429, 503])
                };
                return only(Says::This(format!(
                    r#"{{"ok":false,"status":{status}{wait}}}"#
                )));
            }
            Some(Mood::Hangs) if chance.one_in(2) => return only(Says::Nothing),
            Some(Mood::LosesAnswers) if chance.one_in(4) => return only(Says::Break),
            _ => {}
        }
        let (verdict, news) = match self.kept.get(&request.key) {
            // Somebody used a key twice: nothing is done, and the key keeps its answer.
            Some((vars, _)) if *vars != request.vars => {
                let says = r#"{"ok":false,"status":422,"data":"another body under an old key"}"#;
                return only(Says::This(says.to_owned()));
            }
            Some((_, verdict)) => (*verdict, false),
            None => (decide(mood, request, chance), true),
        };
        if news {
            let kept = (request.vars.clone(), verdict);
            self.kept.insert(request.key.clone(), kept);
        }
        let says = match mood {
            Some(Mood::LosesAnswers) => Says::Break,
            Some(Mood::Hangs) => Says::Nothing,
            _ => Says::This(answer(verdict).to_owned()),
        };
        Done {
            says,
            verdict: Some(verdict),
            news,
        }
    }
}

fn decide(mood: Option<Mood>, request: &Request, chance: &mut Chance) -> Verdict {
    match mood {
        Some(Mood::Rejects) => Verdict::Rejected,
        Some(Mood::Conflicts) if request.over && chance.one_in(2) => Verdict::Applied,
        Some(Mood::Conflicts) if chance.one_in(2) => Verdict::Conflict,
        Some(Mood::Conflicts) => Verdict::Clash,
        _ => Verdict::Applied,
    }
}

/// The answer, which is the same each time.
fn answer(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => r#"{"ok":true,"data":{"saved":true}}"#,
        Verdict::Rejected => r#"{"ok":false,"status":422,"data":"no"}"#,
        // The app sent `x` over a base of `{"x":0,"y":0}`.
        Verdict::Conflict => r#"{"ok":false,"status":409,"data":{"x":0,"y":9}}"#,
        Verdict::Clash => r#"{"ok":false,"status":412,"data":{"x":5,"y":0}}"#,
    }
}
