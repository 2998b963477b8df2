//! The queries of one page, as a query cache keeps them: shown, fetched when somebody looks and
//! they are stale, retried when a fetch fails.
//!
//! There are two kinds of apps. A plain one does with `invalidate` what it likes: fetches what is
//! mounted, and once more when it was told while a fetch ran. One with an adapter reports each of
//! its keys to the engine and does what `refetch` says.

use everfresh::engine::invalidation::{Phase, Report, RetryAfter, Version};
use everfresh::engine::key::QueryKey;
use everfresh::engine::time::Millis;
use everfresh::wire::json;

use crate::agenda::{MS, S, Time};
use crate::promises::{Broken, Promise};

/// Nothing younger may be taken for a fetch that hangs, and after a freeze nothing is for longer.
pub(crate) const FETCH_LASTS: Time = 5 * S;

/// All queries of a page.
#[derive(Debug)]
pub(crate) struct Queries {
    /// How the app listens.
    style: Style,
    /// Each with its state.
    pub(crate) list: Vec<Query>,
    requests: u32,
    /// Until when the server wants no refetches.
    calm_until: Time,
}

/// How an app listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// To prefixes of stale keys.
    Plain,
    /// With an adapter, which tells the versions of data or not, and whose fetches try so often
    /// again by themselves.
    Adapter {
        /// Whether it tells the versions of data.
        versions: bool,
        /// How often a fetch tries again by itself.
        retries: u32,
    },
}

/// A query.
#[derive(Debug)]
pub(crate) struct Query {
    /// The family it belongs to.
    pub(crate) family: usize,
    /// Its key as JSON text.
    pub(crate) key: String,
    /// Does anybody look at it?
    pub(crate) mounted: bool,
    /// The engine knows it.
    reported: bool,
    /// Without data, or told to be stale and not fetched since.
    stale: bool,
    /// What is shown.
    pub(crate) shown: Option<u64>,
    /// When the fetch began that brought it.
    pub(crate) proven: Option<Time>,
    /// When the server last said that it is the newest.
    pub(crate) vouched: Time,
    /// The same, if nothing can have kept the engine from believing it.
    pub(crate) sure: Time,
    /// The data is of before a reload.
    restored: Option<Restored>,
    fetch: Option<Fetch>,
    /// It became stale while it was being fetched.
    owes: bool,
    /// How often fetches failed in a row.
    pub(crate) failures: u32,
    /// When the fetch under way tries again, if it failed.
    pub(crate) rests_until: Time,
    /// The changes that the page heard of and that are not on the screen yet.
    pub(crate) unserved: Vec<Unserved>,
}

/// A change that the page heard of and that is not on the screen yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unserved {
    /// When it was heard of.
    pub(crate) since: Time,
    /// The version of the data after it, if the event told.
    pub(crate) version: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    request: u32,
    began: Time,
    tries: u32,
}

/// Data that the app kept over a reload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restored {
    /// When it was fetched.
    pub(crate) since: Time,
    /// When the server last said that it is the newest.
    pub(crate) vouched: Time,
    /// When the page was loaded.
    pub(crate) loaded: Time,
    /// The app says so when it is mounted.
    pub(crate) knows: bool,
}

/// What came back from a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Data of this version.
    Data(u64),
    /// None; the server may have said not to ask again for a while.
    Failed(Option<Time>),
}

/// What the app wants done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// Fetch a query.
    Fetch {
        /// Which.
        query: usize,
        /// The number of the request.
        request: u32,
    },
    /// Try a query again later.
    Retry {
        /// Which.
        query: usize,
        /// After how long.
        after: Time,
    },
    /// Tell the engine.
    Report(Report),
}

impl Queries {
    /// Queries of these families with these keys, none of which anybody looks at.
    pub(crate) fn new(style: Style, families: &[(usize, String)]) -> Self {
        let list = families.iter().map(|(family, key)| Query {
            family: *family,
            key: key.clone(),
            mounted: false,
            reported: false,
            stale: true,
            shown: None,
            proven: None,
            vouched: 0,
            sure: 0,
            restored: None,
            fetch: None,
            owes: false,
            failures: 0,
            rests_until: 0,
            unserved: Vec::new(),
        });
        Queries {
            style,
            list: list.collect(),
            requests: 0,
            calm_until: 0,
        }
    }

    /// How the app listens.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Does anybody look at a query of a family?
    pub(crate) fn is_mounted(&self, family: usize) -> bool {
        let mut queries = self.list.iter();
        queries.any(|query| query.mounted && query.family == family)
    }

    /// Until when a server wants this page to ask no more.
    pub(crate) fn calm_until(&self) -> Time {
        self.calm_until
    }

    /// The app kept data over a reload, and may know how old it is.
    pub(crate) fn restore(&mut self, at: usize, version: u64, data: Restored) {
        let query = &mut self.list[at];
        query.shown = Some(version);
        query.proven = Some(data.since);
        query.vouched = data.vouched;
        query.restored = Some(data);
        query.stale = false;
    }

    pub(crate) fn adapter(&self) -> bool {
        self.style != Style::Plain
    }

    fn report(&self, at: usize, phase: Phase) -> Vec<Wish> {
        let query = &self.list[at];
        if !self.adapter() || !query.reported {
            return Vec::new();
        }
        let key = json::parse(&query.key).ok().and_then(QueryKey::new);
        let report = key.map(|key| Report {
            key,
            phase,
            host: None,
        });
        Vec::from_iter(report.map(Wish::Report))
    }

    /// Somebody looks at a query.
    pub(crate) fn mount(&mut self, now: Time, at: usize) -> Vec<Wish> {
        let query = &mut self.list[at];
        query.mounted = true;
        query.reported = true;
        // Whoever mounts it with the page may leave it to the engine to know what was stored.
        let restored = query
            .restored
            .filter(|data| data.knows || now > data.loaded);
        let age = restored.map(|data| Millis((now - data.since) / MS));
        let mut wishes = self.report(
            at,
            Phase::Observe {
                active: true,
                visible: true,
                age,
            },
        );
        if self.list[at].stale {
            wishes.extend(self.fetch(now, at));
        }
        wishes
    }

    /// Nobody looks at a query any more. Its fetch goes on.
    pub(crate) fn unmount(&mut self, at: usize) -> Vec<Wish> {
        self.list[at].mounted = false;
        self.list[at].unserved.clear();
        self.report(at, Phase::Unobserve)
    }

    /// A query that nobody looks at leaves the cache.
    pub(crate) fn remove(&mut self, at: usize) -> Vec<Wish> {
        if self.list[at].mounted {
            return Vec::new();
        }
        let wishes = self.report(at, Phase::Remove);
        let query = &mut self.list[at];
        query.reported = false;
        query.stale = true;
        query.shown = None;
        query.proven = None;
        query.restored = None;
        query.fetch = None;
        query.owes = false;
        wishes
    }

    /// The app gives up a fetch, most often to show an optimistic value.
    pub(crate) fn cancel(&mut self, at: usize) -> Vec<Wish> {
        let adapter = self.adapter();
        let query = &mut self.list[at];
        // Without an adapter nothing would ask again.
        if !adapter || query.shown.is_none() || query.fetch.take().is_none() {
            return Vec::new();
        }
        query.failures += 1;
        self.report(at, Phase::Cancel)
    }

    fn fetch(&mut self, now: Time, at: usize) -> Vec<Wish> {
        if self.list[at].fetch.is_some() {
            return Vec::new();
        }
        self.requests += 1;
        let request = self.requests;
        let query = &mut self.list[at];
        query.fetch = Some(Fetch {
            request,
            began: now,
            tries: 0,
        });
        query.stale = false;
        query.owes = false;
        let fetch = Some(u64::from(request));
        let mut wishes = self.report(at, Phase::Start { fetch, age: None });
        wishes.push(Wish::Fetch { query: at, request });
        wishes
    }

    /// An answer came.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        at: usize,
        request: u32,
        answer: Answer,
    ) -> Vec<Wish> {
        let query = &mut self.list[at];
        let Some(fetch) = query.fetch.filter(|fetch| fetch.request == request) else {
            return Vec::new();
        };
        match answer {
            Answer::Data(version) => self.succeeded(now, at, fetch, version),
            Answer::Failed(retry_after) => self.failed(now, at, fetch, retry_after),
        }
    }

    fn succeeded(&mut self, now: Time, at: usize, fetch: Fetch, version: u64) -> Vec<Wish> {
        let query = &mut self.list[at];
        query.fetch = None;
        query.failures = 0;
        query.shown = Some(version);
        query.proven = Some(fetch.began);
        query.vouched = 0;
        query.sure = 0;
        query.restored = None;
        // A version tells what is shown, whenever it was asked for.
        query.unserved.retain(|change| {
            let shows = change.version.is_some_and(|wanted| version >= wanted);
            change.since > fetch.began && !shows
        });
        let tells = matches!(self.style, Style::Adapter { versions: true, .. });
        let text = version.to_string();
        let version = json::parse(&text).ok().and_then(Version::read);
        let mut wishes = self.report(
            at,
            Phase::Success {
                fetch: Some(u64::from(fetch.request)),
                version: version.filter(|_| tells),
            },
        );
        if self.list[at].owes && self.list[at].mounted {
            wishes.extend(self.fetch(now, at));
        } else {
            self.list[at].stale |= self.list[at].owes;
        }
        wishes
    }

    fn failed(
        &mut self,
        now: Time,
        at: usize,
        fetch: Fetch,
        retry_after: Option<Time>,
    ) -> Vec<Wish> {
        let query = &mut self.list[at];
        query.failures += 1;
        let after = (S << query.failures.min(4)).min(10 * S);
        if let Style::Adapter { retries, .. } = self.style
            && fetch.tries < retries
            && retry_after.is_none()
        {
            // To the outside it is one fetch that takes long.
            query.fetch = Some(Fetch {
                tries: fetch.tries + 1,
                ..fetch
            });
            query.rests_until = now + after;
            return vec![Wish::Retry { query: at, after }];
        }
        query.fetch = None;
        let mut wishes = Vec::new();
        // With an adapter the engine asks again for what is owed; what was never loaded is the
        // app's own business, and without an adapter everything is.
        if !self.adapter() || self.list[at].shown.is_none() {
            self.list[at].stale = true;
            if self.list[at].mounted {
                wishes.push(Wish::Retry { query: at, after });
            }
        }
        if let Some(span) = retry_after {
            self.calm_until = self.calm_until.max(now + span);
        }
        let millis = retry_after.map(|span| RetryAfter::In(Millis(span / MS)));
        wishes.extend(self.report(
            at,
            Phase::Failure {
                fetch: Some(u64::from(fetch.request)),
                retry_after: millis,
            },
        ));
        wishes
    }

    /// It is time to try again.
    pub(crate) fn retry(&mut self, now: Time, at: usize) -> Vec<Wish> {
        let query = &self.list[at];
        match query.fetch {
            Some(fetch) if fetch.tries > 0 => vec![Wish::Fetch {
                query: at,
                request: fetch.request,
            }],
            Some(_) => Vec::new(),
            None if query.mounted && query.stale => self.fetch(now, at),
            None => Vec::new(),
        }
    }

    /// Prefixes of stale keys were told. `handled`: what was reported is seen to. Gives what the
    /// app wants done, and whether a fetch is owed that was not before.
    pub(crate) fn invalidated(
        &mut self,
        now: Time,
        prefixes: &[QueryKey],
        handled: bool,
    ) -> (Vec<Wish>, bool) {
        let (mut wishes, mut owes) = (Vec::new(), false);
        for at in 0..self.list.len() {
            let query = &mut self.list[at];
            let concerned = prefixes
                .iter()
                .any(|prefix| in_family(&query.key, prefix.text()));
            if !concerned || (handled && query.reported && self.style != Style::Plain) {
                continue;
            }
            if query.fetch.is_some() {
                owes |= !query.owes;
                query.owes = true;
            } else if query.mounted {
                wishes.extend(self.fetch(now, at));
            } else {
                query.stale = true;
            }
        }
        (wishes, owes)
    }

    /// The engine wants exactly these keys to be refetched.
    pub(crate) fn refetch(&mut self, now: Time, keys: &[QueryKey]) -> Result<Vec<Wish>, Broken> {
        let mut wishes = Vec::new();
        for key in keys {
            let broken = |promise, what: &str| {
                let how = format!("told to refetch {}, {what}", key.text());
                Err(Broken { promise, how })
            };
            let at = self.list.iter().position(|query| {
                query.key == key.text() && query.reported && self.style != Style::Plain
            });
            let Some(at) = at else {
                return broken(Promise::G12, "which was never reported");
            };
            match self.list[at].fetch {
                None => {}
                // It began when the engine had spoken and the app had not heard it yet.
                Some(fetch) if fetch.began == now => continue,
                Some(_) => return broken(Promise::G2, "which is being fetched"),
            }
            if !self.list[at].mounted {
                return broken(Promise::G11, "at which nobody looks");
            }
            // A millisecond: the engine's clock is that coarse.
            if now + MS < self.calm_until {
                return broken(Promise::G11, "although the server wants to be left alone");
            }
            wishes.extend(self.fetch(now, at));
        }
        Ok(wishes)
    }
}

impl Queries {
    /// The engine takes fetches of these keys for lost.
    pub(crate) fn lost(&mut self, now: Time, keys: &[QueryKey]) -> Result<Vec<Wish>, Broken> {
        let mut wishes = Vec::new();
        for key in keys {
            let at = self.list.iter().position(|query| query.key == key.text());
            // It may have ended when the engine had spoken and the app had not heard it yet.
            let Some((at, fetch)) = at.and_then(|at| Some((at, self.list[at].fetch?))) else {
                continue;
            };
            // A millisecond: the engine's clock is that coarse.
            if now + MS < fetch.began + FETCH_LASTS {
                let age = (now - fetch.began) / MS;
                let how = format!("a fetch of {} is given up after {age} ms", key.text());
                let promise = Promise::G2;
                return Err(Broken { promise, how });
            }
            self.list[at].fetch = None;
            self.list[at].stale = true;
            wishes.extend(self.report(at, Phase::Cancel));
            if self.list[at].mounted {
                wishes.extend(self.fetch(now, at));
            }
        }
        Ok(wishes)
    }
}

impl Query {
    /// Was nothing fetched since the page was loaded?
    pub(crate) fn is_unfetched(&self) -> bool {
        self.shown.is_none() || self.restored.is_some()
    }

    /// When the fetch of it began that runs, if one does.
    pub(crate) fn fetching_since(&self) -> Option<Time> {
        self.fetch.map(|fetch| fetch.began)
    }
}

/// Does a query key begin with a prefix? Both as JSON text without spaces.
pub(crate) fn in_family(key: &str, prefix: &str) -> bool {
    let Some(open) = prefix.strip_suffix(']') else {
        return false;
    };
    key.strip_prefix(open)
        .is_some_and(|rest| open == "[" || rest.starts_with([',', ']']))
}
