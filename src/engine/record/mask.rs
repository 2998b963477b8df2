//! What may stand in a recording, and what is covered.
//!
//! A text is covered in place: what is secret becomes as many bytes of something else, so that every
//! bound and every count is met as before, and a replay takes the same way. Names of channels,
//! events, contracts, lanes, mutations and fields and the elements of query keys stay, as in the
//! journal, and so does of a payload what a route puts into a key. Tokens, sessions and all other
//! payload go. What the engine compares (the two sides of a conflict, say) is numbered: equal stays
//! equal. An id of a user becomes digits of its hash, wherever it stands.
//!
//! Everything is covered that is not known: a member that is new does not get into recordings before
//! it gets its rule here.

use std::rc::Rc;

use super::message::Part;
use super::plain::Known;
use crate::engine::fnv;
use crate::engine::limits::MASKS_MAX;
use crate::engine::map::Map;
use crate::engine::principal::{Cover, User};
use crate::wire::json::{self, Raw, Text};

/// How a value is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// By the names of its members; a scalar stays.
    Known,
    /// The same, and what is a payload in it is compared by the engine.
    Exact,
    /// Its members have names that somebody chose; their values are known.
    Entries,
    /// It stays.
    Open,
    /// Scalars become nothing but their length.
    Covered,
    /// Scalars become numbers, by which equal ones stay equal.
    Numbered,
    /// A payload: what routes name stays, all else is covered.
    Payload,
    /// An address: names before hosts and values behind them are covered.
    Address,
    /// A message of a server without a protocol: what the configuration names in it stays.
    Message,
    /// What it does not name.
    Hidden,
    /// By the names that a message of Phoenix has there.
    Of(Part),
}

/// Members that are known by their names, in all that is recorded.
const KNOWN: &str = " t v vmin id e s n at ch pos name by ping now exp spread recovered missed code \
    retry_after full fence ttl from of k term to visible gap status since attempt nextRetry \
    authenticated transport hold open do ask contract found wait until span host kind co barrier \
    stamp lane ids how why stops renewed rounds totals state count bytes inFlight parked dead conflicts \
    aside oldest drain done total keepalive attempts durable end is who tab backend getToken getChannelToken channelsMax \
    channelIdle ladder maxAttempts queue maxCount maxBytes parallel volatile version conflict timeout \
    maxAge poll fresh aging down hidden refetchOnFocusAfter idleAfter idlePoll enabled manual reloadKey \
    minInterval channel event phase fetch age active coalesce over op mutation limit take request \
    failed parts type cause handled call clear change part window retryAfter ok ref typed typing anon a \
    record key after all client field self people types locked use reason idempotencyKey class next can you guard known leases \
    everfresh scope lead number holds locked \
    query variables operationName vsn param changes schema table filter private replay broadcast presence enabled key self ack layer brings heard ";
const ENTRIES: &str = " channels contracts mutations needs runs join leave tabs ";
const EXACT: &str = " outcome q what items ends run value names entries ";
const OPEN: &str = " keys snapshot as fields stale layers ";
/// What is compared as it is written.
const NUMBERED: &str = " vars base theirs result body meta holder ";
const ADDRESS: &str = " url probe ";

/// Every name that has a rule.
#[cfg(all(test, not(target_arch = "wasm32")))]
pub(super) const KNOWN_NAMES: [&str; 7] = [
    KNOWN,
    ENTRIES,
    EXACT,
    OPEN,
    NUMBERED,
    ADDRESS,
    " data events key body ",
];

/// Covers what may not be told.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Ids of users, and what stands for them.
    users: Vec<Cover>,
    /// Fields of payloads that routes put into keys.
    paths: Vec<Rc<str>>,
    /// Numbers by the hash of what they stand for.
    seen: Map<u64, u64>,
    /// How many there are of a length.
    counts: Map<u64, u64>,
    /// What decides in the messages of a server without a protocol.
    pub(super) plain: Option<Box<Known>>,
}

impl Mask {
    /// A user is known by now: the id is covered from now on.
    pub(super) fn user(&mut self, user: &User) {
        if let Some(cover) = Cover::of(user)
            && !self.users.contains(&cover)
        {
            self.users.push(cover);
        }
    }

    /// Is there an id in a text that is hidden by escapes?
    fn hides(&self, text: Text<'_>) -> bool {
        let plain = text.decode();
        self.users.iter().any(|cover| cover.is_in(&plain))
    }

    /// A configuration.
    pub(super) fn config(&mut self, text: &str) -> String {
        if let Ok(raw) = json::parse(text) {
            if let Some(events) = raw.member("events") {
                self.find_paths(events);
            }
            let backend = raw.member("backend");
            self.plain = backend.and_then(|backend| Known::of(backend, &self.paths));
            return self.object(raw);
        }
        String::new()
    }

    /// Remembers the strings of routes that name fields of payloads.
    fn find_paths(&mut self, raw: Raw<'_>) {
        if let Some(text) = raw.string() {
            if let Some(path) = text.decode().strip_prefix('$') {
                self.paths.push(path.into());
            }
            return;
        }
        raw.elements(|element| self.find_paths(element));
        raw.members(|_, value| self.find_paths(value));
    }

    /// A message, or several on a line each.
    pub(super) fn lines(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        if !text.contains('\n') || json::parse(text).is_ok() {
            self.line(text, &mut out);
            return out;
        }
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                out.push('\n');
            }
            self.line(line, &mut out);
        }
        out
    }

    fn line(&mut self, line: &str, out: &mut String) {
        match json::parse(line) {
            Ok(_) if self.of_topic(line, out) => {}
            Ok(raw) if raw.is_object() => {
                // What is around the value are spaces.
                let (before, after) = line.split_once(raw.text()).unwrap_or(("", ""));
                out.push_str(before);
                out.push_str(&self.object(raw));
                out.push_str(after);
            }
            _ if line.trim().is_empty() => out.push_str(line),
            _ if self.packet(line, out) => {}
            _ => cover(line, out),
        }
    }

    fn object(&mut self, raw: Raw<'_>) -> String {
        let mut out = String::with_capacity(raw.text().len());
        self.value(raw, Rule::Known, &mut String::new(), &mut out);
        out
    }

    /// A text that is only compared.
    pub(super) fn numbered(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.number(text, false, &mut out);
        out
    }

    /// A text that stays, but for the ids of users.
    pub(super) fn open(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for cover in &self.users {
            if cover.is_in(&out) {
                out = cover.over(&out);
            }
        }
        out
    }

    /// An address.
    pub(super) fn address(&self, url: &str) -> String {
        let (before, query) = match url.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (url, None),
        };
        let mut out = String::with_capacity(url.len());
        match before
            .split_once("//")
            .map(|(scheme, rest)| (scheme, rest.split_once('@')))
        {
            Some((scheme, Some((name, rest)))) => {
                out.push_str(scheme);
                out.push_str("//");
                cover(name, &mut out);
                out.push('@');
                out.push_str(rest);
            }
            _ => out.push_str(before),
        }
        for (at, part) in query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .enumerate()
        {
            out.push(if at == 0 { '?' } else { '&' });
            match part.split_once('=') {
                Some((name, value)) => {
                    out.push_str(name);
                    out.push('=');
                    cover(value, &mut out);
                }
                None => cover(part, &mut out),
            }
        }
        self.open(&out)
    }

    pub(super) fn value(&mut self, raw: Raw<'_>, rule: Rule, path: &mut String, out: &mut String) {
        let whole = raw.text();
        if raw.is_object() || raw.is_array() {
            // Both walks hand out slices of the text, so what lies between them is known too.
            let mut parts: Vec<(Option<Text<'_>>, Raw<'_>)> = Vec::new();
            raw.elements(|element| parts.push((None, element)));
            raw.members(|name, value| parts.push((Some(name), value)));
            let mut at = 0;
            for (name, value) in parts {
                let start = offset(whole, value.text());
                let between = whole.get(at..start).unwrap_or("");
                let long = path.len();
                let inner = match &name {
                    None if rule == Rule::Entries => Rule::Exact,
                    None => rule,
                    Some(name) => self.rule_of(&name.decode(), value, raw, rule, path),
                };
                let hidden = between.contains('\\') && name.is_some_and(|name| self.hides(name));
                self.name(between, hidden, (rule, inner), out);
                match (rule, inner, value.string()) {
                    // The engine reads it, and writes it in its own way.
                    (Rule::Known | Rule::Exact | Rule::Entries, Rule::Covered, Some(text)) => {
                        self.read_text(text, value.text().len(), out)
                    }
                    _ => self.value(value, inner, path, out),
                }
                path.truncate(long);
                at = start + value.text().len();
            }
            out.push_str(whole.get(at..).unwrap_or(""));
        } else if let (Some(text), Some(inner)) =
            (raw.string(), whole.get(1..whole.len().max(2) - 1))
        {
            out.push('"');
            match rule {
                Rule::Message | Rule::Hidden
                    if (self.plain.as_ref()).is_some_and(|known| known.keeps(&text.decode())) =>
                {
                    out.push_str(inner);
                }
                Rule::Covered | Rule::Payload | Rule::Message | Rule::Hidden | Rule::Of(_) => {
                    cover(inner, out)
                }
                Rule::Numbered => self.number(inner, false, out),
                _ if inner.contains('\\') && self.hides(text) => cover(inner, out),
                Rule::Address => out.push_str(&self.address(inner)),
                Rule::Known | Rule::Exact | Rule::Entries | Rule::Open => {
                    out.push_str(&self.open(inner));
                }
            }
            out.push('"');
        } else if whole.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            match rule {
                Rule::Covered | Rule::Payload | Rule::Message | Rule::Hidden | Rule::Of(_) => {
                    let digit = |c: char| if c.is_ascii_digit() { '1' } else { c };
                    out.extend(whole.chars().map(digit));
                }
                Rule::Numbered => self.number(whole, true, out),
                Rule::Known | Rule::Exact | Rule::Entries | Rule::Open | Rule::Address => {
                    out.push_str(whole);
                }
            }
        } else {
            // `true`, `false` and `null`.
            out.push_str(whole);
        }
    }

    /// A text that the engine reads, and writes without the escapes that it need not have. Spaces
    /// behind it make up for them.
    fn read_text(&mut self, text: Text<'_>, length: usize, out: &mut String) {
        let mut plain = json::Writer::new();
        plain.string(&text.decode());
        let plain = plain.finish();
        out.push('"');
        self.number(plain.get(1..plain.len() - 1).unwrap_or(""), false, out);
        out.push('"');
        out.extend((plain.len()..length).map(|_| ' '));
    }

    /// What stands before a value: a comma, a name, a colon, spaces.
    fn name(&self, between: &str, hidden: bool, rules: (Rule, Rule), out: &mut String) {
        let covers = matches!(
            rules,
            (Rule::Covered, _) | (Rule::Payload | Rule::Of(_), Rule::Covered) | (_, Rule::Hidden)
        );
        match between.find('"').zip(between.rfind('"')) {
            Some((first, last)) if (covers || hidden) && first < last => {
                out.push_str(between.get(..=first).unwrap_or(""));
                cover(between.get(first + 1..last).unwrap_or(""), out);
                out.push_str(between.get(last..).unwrap_or(""));
            }
            _ => out.push_str(&self.open(between)),
        }
    }

    /// How the value of a member is treated.
    fn rule_of(
        &self,
        name: &str,
        value: Raw<'_>,
        of: Raw<'_>,
        outer: Rule,
        path: &mut String,
    ) -> Rule {
        match outer {
            Rule::Known | Rule::Exact => {
                if let Some(rule) = Known::rule_of_option(name, of) {
                    return rule;
                }
            }
            Rule::Hidden => return outer,
            Rule::Message => {
                path.push('.');
                path.push_str(name);
                let known = self.plain.as_ref();
                return known.map_or(Rule::Hidden, |known| known.rule(path, value));
            }
            Rule::Entries => return Rule::Exact,
            Rule::Open | Rule::Covered | Rule::Numbered | Rule::Address => return outer,
            Rule::Of(part) => match part.rule_of(name) {
                // What an app is told.
                Rule::Covered if matches!(part, Part::Row | Part::Client) => {
                    path.push('.');
                    path.push_str(name);
                    return self.rule_of_path(path);
                }
                rule => return rule,
            },
            Rule::Payload => {
                path.push('.');
                path.push_str(name);
                return self.rule_of_path(path);
            }
        }
        let is = |names: &str| {
            names
                .split(' ')
                .any(|have| have == name && !have.is_empty())
        };
        match name {
            // What was exported, what a browser shows of its tabs, what came of a run, or a payload.
            "data" if is_export(value) && of.member("t").is_none() => Rule::Exact,
            "data" if outer == Rule::Exact && of.member("ref").is_some() => Rule::Exact,
            // A signal goes through as it came, and so is covered as where it came in.
            "data" if outer == Rule::Exact && of.member("a").is_some() => Rule::Payload,
            "data" if outer == Rule::Exact => Rule::Numbered,
            "data" => Rule::Payload,
            // Of a configuration routes, of a tab events.
            "events" if value.is_object() => Rule::Open,
            "events" => Rule::Known,
            // How many they are, or what they are.
            "aside" if value.is_array() => Rule::Numbered,
            // What tabs say of the room is words of ours, else somebody's.
            "body" if kind(of).is_some_and(|kind| kind.is("room") || kind.is("wish")) => {
                Rule::Exact
            }
            // What a tab shows of itself is ours, and only a part of it the app's.
            "meta" if outer == Rule::Exact && of.member("a").is_some() => Rule::Exact,
            // Of a backend the names that a token has, else a token.
            "token" if value.is_object() => outer,
            // Of a contract a query key, else a name.
            "key" if value.is_array() => Rule::Open,
            _ if is(EXACT) => Rule::Exact,
            _ if is(KNOWN) => outer,
            _ if is(ENTRIES) => Rule::Entries,
            _ if is(OPEN) => Rule::Open,
            _ if is(NUMBERED) => Rule::Numbered,
            _ if is(ADDRESS) => Rule::Address,
            _ => Rule::Covered,
        }
    }

    fn rule_of_path(&self, path: &str) -> Rule {
        let mut rule = Rule::Covered;
        for have in &self.paths {
            match have.strip_prefix(path) {
                Some("") => return Rule::Open,
                Some(rest) if rest.starts_with('.') => rule = Rule::Payload,
                Some(_) | None => {}
            }
        }
        rule
    }

    /// As many bytes as the text has, from a number that equal texts have in common.
    fn number(&mut self, text: &str, digits: bool, out: &mut String) {
        let kind = [u8::from(digits)];
        let hash = fnv::number(text.bytes().chain(kind));
        let number = match self.seen.get(&hash) {
            Some(number) => *number,
            // Beyond the bound nobody can tell them apart.
            None if self.seen.len() >= MASKS_MAX => 0,
            None => {
                // Each length is counted for itself: ten short numbers need ten digits.
                let length = (text.len() as u64) << 1 | u64::from(digits);
                let next = self.counts.get(&length).copied().unwrap_or(0);
                self.counts.insert(length, next + 1);
                self.seen.insert(hash, next);
                next
            }
        };
        numeral(number, text.len(), digits, out);
    }
}

/// A number in so many characters: decimal digits that do not begin with a zero, or letters.
fn numeral(mut number: u64, length: usize, digits: bool, out: &mut String) {
    let letters: &[u8] = match digits {
        true => b"0123456789",
        false => b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    };
    let base = letters.len() as u64;
    let mut reversed = Vec::with_capacity(length);
    for place in 1..=length {
        let leads = digits && length > 1 && place == length;
        let (first, base) = if leads { (1, base - 1) } else { (0, base) };
        let at = usize::try_from(first + number % base).unwrap_or(0);
        reversed.push(letters.get(at).copied().unwrap_or(b'a'));
        number /= base;
    }
    out.extend(reversed.into_iter().rev().map(char::from));
}

/// Nothing but the length.
pub(super) fn cover(text: &str, out: &mut String) {
    out.extend(text.bytes().map(|_| 'x'));
}

/// Is it what an app exported of the queue?
fn is_export(value: Raw<'_>) -> bool {
    let what = value.member("everfresh").and_then(Raw::string);
    what.is_some_and(|what| what.is("queue"))
}

/// What a message between tabs is about.
fn kind(message: Raw<'_>) -> Option<Text<'_>> {
    message.member("k")?.string()
}

pub(super) fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}
