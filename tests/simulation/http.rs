//! Plain HTTP in a world: the link's looks and the contracts' probes, over the same network as the
//! sockets, to a server that answers in every way that servers do.

mod answers;

use everfresh::engine::http::{Call, Failure};
use everfresh::engine::ids::HttpId;
use everfresh::engine::output::Output;

use crate::agenda::{MS, S, Time};
use crate::browser::Browser;
use crate::chance::Chance;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::tab::Arrival;
use crate::world::{Happening, World};

pub(crate) use answers::{Answered, Form, HttpFault};
use answers::{Calm, Tags, date_after, http_date};

/// Where the server is.
const SERVER: &str = "http://world/";

/// Everything that was asked.
#[derive(Debug)]
pub(crate) struct Http {
    exchanges: Vec<Exchange>,
    /// What the server does with probes, until then.
    fault: (HttpFault, Time),
    /// How the server recognises what it answers.
    tags: Tags,
    /// One answer in so many is slow; none if 0.
    slow: u64,
    chance: Chance,
}

/// One question and its answer.
#[derive(Debug)]
struct Exchange {
    /// Who asks.
    tab: usize,
    request: HttpId,
    /// Which contract is probed; nothing if the link looks.
    term: Option<usize>,
    condition: Option<String>,
    /// The tab does not wait for it any more.
    aborted: bool,
    /// It is over: it was answered, or will not be.
    over: bool,
    /// What the server said of the data, and when it said so: the version that it is of.
    vouched: Option<(u64, Time)>,
    /// For how long the server wants calm.
    calm: Option<Calm>,
    /// It compared with nothing.
    pointless: bool,
    /// What stands before the server waited for so long before it answered in its place.
    waited: Time,
}

impl Http {
    /// A server that answers, as drawn.
    pub(crate) fn new(mut chance: Chance) -> Self {
        Http {
            exchanges: Vec::new(),
            fault: (HttpFault::None, 0),
            tags: chance.weighted(&[(3, Tags::Strong), (2, Tags::Flipped), (1, Tags::None)]),
            slow: chance.pick(&[0, 0, 12, 4]),
            chance,
        }
    }

    /// What the server does with probes at a moment.
    fn fault(&self, now: Time) -> HttpFault {
        match self.fault {
            (fault, until) if now < until => fault,
            _ => HttpFault::None,
        }
    }

    /// The server misbehaves for a while.
    pub(crate) fn misbehave(&mut self, fault: HttpFault, until: Time) {
        self.fault = (fault, until);
    }

    /// The server behaves from now on.
    pub(crate) fn heal(&mut self) {
        self.fault = (HttpFault::None, 0);
        self.slow = 0;
    }
}

impl World {
    /// Does one deed of that kind. Gives back what is none.
    pub(crate) fn perform_http(&mut self, tab: usize, output: Output) -> Option<Output> {
        match output {
            Output::Request { request, call } => self.ask_server(tab, request, &call),
            Output::AbortRequest { request } => self.abort(tab, request),
            other => return Some(other),
        }
        None
    }

    fn ask_server(&mut self, tab: usize, request: HttpId, call: &Call) {
        let path = call.url.strip_prefix(SERVER).unwrap_or_default();
        let term = path.strip_prefix("probe/").and_then(|name| self.term(name));
        let header = |name: &str| {
            let mut headers = call.headers.iter();
            headers
                .find(|(have, _)| *have == name)
                .map(|(_, value)| value.clone())
        };
        let at = self.http.exchanges.len();
        self.http.exchanges.push(Exchange {
            tab,
            request,
            term,
            condition: header("if-none-match"),
            aborted: false,
            over: false,
            vouched: None,
            calm: None,
            pointless: false,
            waited: 0,
        });
        if let Some(term) = term {
            self.probe_sent(tab, term);
        }
        let browser = self.tabs[tab].seat.browser;
        match self.browsers[browser].network.cut(self.now) {
            Some(cut) if cut.hangs => {
                let until = cut.until + self.http.chance.between(MS, 2 * S);
                self.agenda
                    .add(until, Happening::Answers(at, Err(Failure::Unreachable)));
            }
            Some(_) => {
                let soon = self.now + self.http.chance.between(MS, 50 * MS);
                self.agenda
                    .add(soon, Happening::Answers(at, Err(Failure::Unreachable)));
            }
            None => {
                let arrives = self.browsers[browser]
                    .network
                    .arrival(self.now, &mut self.http.chance);
                self.agenda.add(arrives, Happening::Asked(at));
            }
        }
    }

    fn abort(&mut self, tab: usize, request: HttpId) {
        let mut exchanges = self.http.exchanges.iter_mut();
        let found = exchanges.find(|have| have.tab == tab && have.request == request);
        if let Some(exchange) = found {
            exchange.aborted = true;
            let term = exchange.term.filter(|_| !exchange.over);
            if let Some(term) = term {
                self.sometimes.reached(Rare::ProbeGivenUp);
                self.probe_given_up(tab, term);
                self.probe_failed(tab, term);
            }
        }
    }

    /// A question reaches the server.
    pub(crate) fn asked(&mut self, at: usize) {
        let (tab, term) = (self.http.exchanges[at].tab, self.http.exchanges[at].term);
        let result = match term {
            _ if !self.server.up => Err(Failure::Unreachable),
            None => Ok(Answered::plain(200, r#"{"t":"alive","after":0}"#)),
            Some(term) => match self.answer_probe(at, term) {
                Some(answered) => Ok(answered),
                None => return,
            },
        };
        let browser = self.tabs[tab].seat.browser;
        let mut arrives = self.browsers[browser]
            .network
            .arrival(self.now, &mut self.http.chance);
        let slow = self.http.slow > 0 && self.http.chance.one_in(self.http.slow);
        if slow || self.http.fault(self.now) == HttpFault::Slow {
            arrives += self.http.chance.between(2 * S, 9 * S);
        }
        arrives += self.http.exchanges[at].waited;
        self.agenda.add(arrives, Happening::Answers(at, result));
    }

    /// What the server says to a probe; nothing if it never does.
    fn answer_probe(&mut self, at: usize, term: usize) -> Option<Answered> {
        let failed = match self.http.fault(self.now) {
            HttpFault::BodyGone if self.http.exchanges[at].condition.is_none() => {
                self.sometimes.reached(Rare::ProbeBodyGone);
                self.http.exchanges[at].pointless = true;
                return Some(Answered::plain(304, ""));
            }
            HttpFault::None | HttpFault::Slow | HttpFault::BodyGone => {
                return Some(self.tell_version(at, term));
            }
            HttpFault::Hangs => {
                self.sometimes.reached(Rare::ProbeHung);
                return None;
            }
            HttpFault::Fails(status) => Answered::plain(status, ""),
            HttpFault::WantsCalm(status, form) => {
                self.sometimes.reached(Rare::ProbeBusy);
                self.calm(at, status, form)
            }
            HttpFault::Unauthorized => {
                self.sometimes.reached(Rare::ProbeRefused);
                Answered::plain(401, "")
            }
            HttpFault::Forbidden => Answered::plain(403, ""),
            HttpFault::LoginPage => {
                self.sometimes.reached(Rare::ProbeLoginPage);
                Answered {
                    content_type: "text/html",
                    ..Answered::plain(200, "<!doctype html><title>Log in</title>")
                }
            }
        };
        Some(failed)
    }

    fn calm(&mut self, at: usize, status: u16, form: Form) -> Answered {
        // What stands before the server may answer for it, and does not know what it wants.
        if self.http.chance.one_in(3) {
            self.sometimes.reached(Rare::ProbeBusyUnsaid);
            // It may have waited for the server, which told others meanwhile that it wants calm.
            if self.http.chance.one_in(2) {
                self.http.exchanges[at].waited = self.http.chance.between(2 * S, 9 * S);
            }
            return Answered::plain(503, "");
        }
        let server = Browser::true_wall(self.now);
        let (retry_after, date) = match form {
            Form::Seconds(seconds) => (Some(seconds.to_string()), None),
            Form::Date(seconds, told) => {
                let until = http_date(date_after(server, seconds));
                (Some(until), told.then(|| http_date(server / 1000)))
            }
            Form::Nonsense(text) => (Some(text.to_owned()), None),
            Form::Endless => (Some("1000000000".to_owned()), None),
        };
        self.http.exchanges[at].calm = form.asks(server);
        Answered {
            retry_after,
            date,
            ..Answered::plain(status, "")
        }
    }

    fn tell_version(&mut self, at: usize, term: usize) -> Answered {
        let version = self.truth.versions[self.terms.list[term].family];
        let exchange = &mut self.http.exchanges[at];
        exchange.vouched = Some((version, self.now));
        let tag = format!("\"v{version}\"");
        let weak = |tag: &str| tag.trim_start_matches("W/").to_owned();
        let same = exchange.condition.as_deref().map(weak) == Some(tag.clone());
        let body = format!("{{\"version\":{version}}}");
        let etag = match self.http.tags {
            Tags::Strong => Some(tag),
            Tags::Flipped if self.http.chance.one_in(2) => Some(format!("W/{tag}")),
            Tags::Flipped => Some(tag),
            Tags::None => None,
        };
        let whole = Answered {
            etag,
            ..Answered::plain(200, &body)
        };
        match same {
            true => {
                self.sometimes.reached(Rare::ProbeUnchanged);
                Answered {
                    status: 304,
                    body: String::new(),
                    ..whole
                }
            }
            false => whole,
        }
    }

    /// What the page of a tab hears is what the oracle counts from now on.
    pub(crate) fn reply_arrives(&mut self, tab: usize, at: usize) {
        let exchange = &self.http.exchanges[at];
        let (Some(term), false) = (exchange.term, exchange.aborted) else {
            return;
        };
        let (vouched, calm, pointless) = (exchange.vouched, exchange.calm, exchange.pointless);
        let polls = &self.terms.browsers[self.tabs[tab].seat.browser][term];
        let asked = polls.asked.get(&tab).copied().unwrap_or(self.now);
        self.probe_ended(tab, term);
        let browser = &self.browsers[self.tabs[tab].seat.browser];
        let wall = browser.clocks(self.now, self.tabs[tab].origin).wall.0;
        if let Some(span) = calm.and_then(|calm| calm.span(wall)) {
            self.calm_heard(tab, span);
        }
        let polls = &mut self.terms.browsers[self.tabs[tab].seat.browser][term];
        polls.pointless = pointless;
        if pointless {
            // What is asked again at once is asked without a condition: the next answer compares with nothing either.
            polls.known = None;
        }
        match vouched {
            Some((version, since)) => self.vouched(tab, term, version, since, asked.min(since)),
            None => self.probe_failed(tab, term),
        }
    }

    /// An answer reaches the page, or it is certain that none will.
    pub(crate) fn answers(&mut self, at: usize, result: Result<Answered, Failure>) {
        let exchange = &mut self.http.exchanges[at];
        exchange.over = true;
        let (tab, request, aborted) = (exchange.tab, exchange.request, exchange.aborted);
        if aborted {
            // A shell drops the listener. What is in the queue already may come all the same.
            if !(self.shape.late_frames && self.http.chance.one_in(2)) {
                return;
            }
            self.sometimes.reached(Rare::LateReply);
        }
        tell!(
            self,
            "the answer to request {} of {}: {result:?}",
            request.0,
            self.name(tab)
        );
        self.arrive(tab, Arrival::Reply(at, request, result));
    }
}
