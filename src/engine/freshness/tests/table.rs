//! The states of a contract's window, of its looks and of its probe, beside what can happen to them.

use super::ledger::{Age, Blame, Known, Probe};
use super::probe::{Tag, Tagged};
use super::word::{Found, Need};
use super::*;
use crate::engine::tests::states::{self, cases, cell};

const CONTRACT: &str =
    r#"{"a":{"key":["a"],"maxAge":30000,"poll":30000,"refetchOnFocusAfter":9000}}"#;
const PROBED: &str = r#"{"a":{"key":["a"],"maxAge":30000,"poll":30000,"probe":"https://h/a"}}"#;
const KEY: &str = r#"["a"]"#;

/// A page whose data was fetched 10 seconds ago.
fn page(contract: &str) -> Page {
    let mut page = Page::new(contract);
    page.mount(KEY);
    page.run(10_000);
    page.take();
    page.said.clear();
    page
}

fn steps(page: &mut Page) -> Vec<String> {
    page.part.tick(page.at(), &mut page.rng);
    let mut out = Vec::new();
    while let Some(step) = page.part.poll() {
        out.extend(done(&step));
    }
    out
}

fn done(step: &Step) -> Option<String> {
    let words = match step {
        Step::Refetch { .. } => "refetch",
        Step::Probe { call, .. }
            if call
                .headers
                .iter()
                .any(|(name, _)| *name == "if-none-match") =>
        {
            "probe, if it is another one"
        }
        Step::Probe { .. } => "probe",
        Step::AbortProbe(_) => "give the probe up",
        Step::Say(Word::Needs(_)) => "say what is needed",
        Step::Say(Word::Ask(_)) => "ask the leader",
        Step::Say(Word::Found { found, .. }) => match found {
            Found::Due => "say: due",
            Found::Changed => "say: changed",
            Found::Unchanged { .. } => "say: unchanged",
            Found::Calm { .. } => "say: calm",
        },
        Step::Violation(violation) => {
            return Some(format!("tell that it broke: {}", violation.blame.text()));
        }
        Step::Login => "ask for a login",
        // What is stored for a reload follows from the age.
        Step::Save { .. } | Step::Load { .. } | Step::Erase { .. } => return None,
    };
    Some(words.to_owned())
}

fn fact(page: &mut Page, fact: Fact) {
    page.part.report(page.at(), &key(KEY), fact);
}

fn at(page: &mut Page) -> Option<Mono> {
    page.part.next_wakeup()
}

// The window.

cases! {
    enum Window {
        Nobody => "nobody needs it",
        NoData => "no data yet",
        Fresh => "fresh",
        Unknown => "its age is unknown",
        Fetching => "fresh, being fetched",
        Broken => "broken",
    }
}

cases! {
    enum ToWindow {
        Observed => "somebody looks",
        Left => "nobody looks",
        Hidden => "the page is hidden",
        Visible => "the page is seen",
        BackAfterLong => "the page is seen, after 10 seconds",
        Started => "a fetch starts",
        Fetched => "data comes",
        Failed => "the fetch fails",
        Soon => "1 second passes",
        Ends => "the window ends",
        EndsOffline => "the window ends, offline",
        Slept => "the machine sleeps for an hour",
        SetBack => "the clock is set back by an hour",
        Disabled => "the contract is switched off",
        Refresh => "the user wants the newest",
        Event => "an event comes",
        Away => "the page is put away",
    }
}

fn window(page: &Page) -> Window {
    let entry = &page.part.entries[0];
    match (entry.need, entry.age(), entry.broken) {
        (Need::None, _, _) => Window::Nobody,
        (Need::Idle | Need::Full, _, true) => Window::Broken,
        (Need::Idle | Need::Full, Age::Nothing, false) => Window::NoData,
        (Need::Idle | Need::Full, Age::Unknown, false) => Window::Unknown,
        (Need::Idle | Need::Full, Age::Known(_), false) if entry.all_in_flight() => {
            Window::Fetching
        }
        (Need::Idle | Need::Full, Age::Known(_), false) => Window::Fresh,
    }
}

fn window_page(state: Window) -> Page {
    let mut page = match state {
        Window::NoData => Page::new(CONTRACT),
        Window::Nobody | Window::Fresh | Window::Unknown | Window::Fetching | Window::Broken => {
            page(CONTRACT)
        }
    };
    match state {
        Window::Fresh => {}
        Window::Nobody => fact(&mut page, Fact::Observed(false)),
        Window::NoData => fact(&mut page, Fact::Observed(true)),
        Window::Unknown => {
            let entry = &mut page.part.entries[0];
            entry.keys[0].known = None;
            // It came back and looked just now.
            let now = Some(Mono(page.now));
            (entry.obliged, entry.asked, entry.covered) = (now, now, now);
        }
        Window::Fetching => fact(&mut page, Fact::Started),
        Window::Broken => {
            page.takes = None;
            page.run(40_000);
        }
    }
    page.part.touched = true;
    steps(&mut page);
    page.take();
    assert_eq!(window(&page), state);
    page
}

fn to_window(input: ToWindow, page: &mut Page) {
    let now = page.at();
    match input {
        ToWindow::Observed => fact(page, Fact::Observed(true)),
        ToWindow::Left => fact(page, Fact::Observed(false)),
        ToWindow::Hidden => page.part.visible(now, false),
        ToWindow::Visible => page.part.visible(now, true),
        ToWindow::BackAfterLong => {
            page.part.visible(now, false);
            page.now += 10_000;
            page.part.visible(page.at(), true);
        }
        ToWindow::Started => fact(page, Fact::Started),
        ToWindow::Fetched => fact(page, Fact::Fetched),
        ToWindow::Failed => fact(page, Fact::Failed { answered: true }),
        ToWindow::Soon => page.now += 1000,
        ToWindow::Ends => page.now += 31_000,
        ToWindow::EndsOffline => {
            page.part.online(now, false);
            page.now += 31_000;
        }
        ToWindow::Slept => page.wall += 3_600_000,
        ToWindow::SetBack => page.wall -= 3_600_000,
        ToWindow::Disabled => assert!(page.part.enable("a", false)),
        ToWindow::Refresh => assert!(page.part.refresh(now, "a")),
        ToWindow::Event => page.part.event(now, "moved"),
        ToWindow::Away => page.part.stop(now),
    }
}

fn window_cell(state: Window, input: ToWindow) -> String {
    let mut page = window_page(state);
    page.part.route("moved", &key(KEY));
    let before = (state, at(&mut page));
    to_window(input, &mut page);
    let words = steps(&mut page);
    cell(before, (window(&page), at(&mut page)), words)
}

// The looks.

cases! {
    enum Looks {
        Away => "away",
        Follows => "follows",
        Asking => "follows, asked the leader",
        Leads => "leads",
        LeadsForOthers => "leads, only others need it",
    }
}

cases! {
    enum ToLooks {
        Due => "it is time to look",
        Patience => "1.5 seconds pass",
        FoundDue => "the leader: due",
        FoundChanged => "the leader: changed",
        FoundUnchanged => "the leader: unchanged since it was fetched",
        FoundUnchangedLater => "the leader: unchanged, but only since later",
        FoundCalm => "the leader: calm",
        FoundOld => "the leader: unchanged, a minute ago",
        Asked => "a tab asks for a look",
        OthersNeed => "another tab needs it",
        OthersNeedNot => "another tab needs it no more",
        Lead => "this tab leads",
        Follow => "another tab leads",
        Starts => "the page is back",
    }
}

fn looks(page: &Page) -> Looks {
    let entry = &page.part.entries[0];
    match (page.part.place, entry.rescue, entry.need) {
        (Place::Away, _, _) => Looks::Away,
        (Place::Follows, None, _) => Looks::Follows,
        (Place::Follows, Some(_), _) => Looks::Asking,
        (Place::Leads, _, Need::None) => Looks::LeadsForOthers,
        (Place::Leads, _, Need::Idle | Need::Full) => Looks::Leads,
    }
}

fn look_due(page: &mut Page) {
    let entry = &mut page.part.entries[0];
    entry.asked = None;
    entry.urgent = Some(Why::Poll);
    page.part.touched = true;
}

fn looks_page(state: Looks) -> Page {
    let mut page = page(CONTRACT);
    let now = page.at();
    match state {
        Looks::Leads => {}
        Looks::Away => page.part.stop(now),
        Looks::Follows => page.part.set_place(Place::Follows),
        Looks::Asking => {
            page.part.set_place(Place::Follows);
            look_due(&mut page);
        }
        Looks::LeadsForOthers => {
            fact(&mut page, Fact::Observed(false));
            let needs = [("a".to_owned(), Need::Full)];
            page.part.others_need(TabId(9), &needs);
        }
    }
    steps(&mut page);
    assert_eq!(looks(&page), state);
    page
}

fn to_looks(input: ToLooks, page: &mut Page) {
    let now = page.at();
    let found = |page: &mut Page, found: Found, ago: u64| {
        let begun = Wall(now.wall.0 - ago);
        page.part
            .leader_found(now, "a", found, begun, &mut page.rng);
    };
    let fetched = Wall(now.wall.0 - 10_000);
    match input {
        ToLooks::Due => look_due(page),
        ToLooks::Patience => page.now += 1500,
        ToLooks::FoundDue => found(page, Found::Due, 0),
        ToLooks::FoundChanged => found(page, Found::Changed, 0),
        ToLooks::FoundUnchanged => found(page, Found::Unchanged { since: fetched }, 0),
        ToLooks::FoundUnchangedLater => found(page, Found::Unchanged { since: now.wall }, 0),
        ToLooks::FoundCalm => {
            let wait = Millis::seconds(60);
            found(page, Found::Calm { wait }, 0);
        }
        ToLooks::FoundOld => found(page, Found::Unchanged { since: fetched }, 60_000),
        ToLooks::Asked => page.part.asked(now, "a", &mut page.rng),
        ToLooks::OthersNeed => {
            let needs = [("a".to_owned(), Need::Full)];
            page.part.others_need(TabId(8), &needs);
        }
        ToLooks::OthersNeedNot => page.part.forget_tab(TabId(9)),
        ToLooks::Lead => page.part.set_place(Place::Leads),
        ToLooks::Follow => page.part.set_place(Place::Follows),
        ToLooks::Starts => page.part.start(now),
    }
}

fn looks_cell(state: Looks, input: ToLooks) -> String {
    let mut page = looks_page(state);
    let before = (state, at(&mut page));
    to_looks(input, &mut page);
    let words = steps(&mut page);
    cell(before, (looks(&page), at(&mut page)), words)
}

// The probe.

cases! {
    enum Probing {
        None => "none",
        Ready => "ready",
        Tagged => "ready, with a tag",
        Asking => "asking",
        AskingTagged => "asking, with a tag",
        AskingPlain => "asking again, plainly",
        Login => "needs a login",
        Refused => "refused",
        Gone => "gone",
    }
}

cases! {
    enum ToProbe {
        Due => "it is time to look",
        Same => "200 with the tag",
        Other => "200 with another tag",
        Untagged => "200 without a tag",
        Page => "200 with a page",
        NotModified => "304",
        Unauthorized => "401",
        Forbidden => "403",
        NotFound => "404",
        Gone => "410",
        Busy => "429",
        Calm => "429, not before a minute is over",
        Fails => "500",
        Odd => "418",
        Unreachable => "no answer",
        TooLarge => "an answer that is too long",
        Old => "an answer to an older question",
        Event => "an event comes, and then 200 with another tag",
        Token => "there is a new token",
        Enabled => "the contract is switched off and on",
        Refresh => "the user wants the newest",
        Follow => "another tab leads",
    }
}

fn probing(page: &Page) -> Probing {
    match &page.part.entries[0].probe {
        Probe::None => Probing::None,
        Probe::Ready(None) => Probing::Ready,
        Probe::Ready(Some(_)) => Probing::Tagged,
        Probe::Asking { plain: true, .. } => Probing::AskingPlain,
        Probe::Asking { tag: None, .. } => Probing::Asking,
        Probe::Asking { tag: Some(_), .. } => Probing::AskingTagged,
        Probe::Login => Probing::Login,
        Probe::Refused => Probing::Refused,
        Probe::Gone => Probing::Gone,
    }
}

const ASKED: u32 = 70;

fn probing_page(state: Probing) -> Page {
    let mut page = page(PROBED);
    let since = Mono(0);
    let tag = || {
        Some(Tagged {
            tag: Tag::Etag("\"1\"".into()),
            since,
        })
    };
    let asking = |tag, plain| Probe::Asking {
        number: ASKED,
        started: Mono(10_000),
        tag,
        plain,
    };
    page.part.number = ASKED;
    page.part.entries[0].probe = match state {
        Probing::None => Probe::None,
        Probing::Ready => Probe::Ready(None),
        Probing::Tagged => Probe::Ready(tag()),
        Probing::Asking => asking(None, false),
        Probing::AskingTagged => asking(tag(), false),
        Probing::AskingPlain => asking(None, true),
        Probing::Login => Probe::Login,
        Probing::Refused => Probe::Refused,
        Probing::Gone => Probe::Gone,
    };
    steps(&mut page);
    assert_eq!(probing(&page), state);
    page
}

fn reply(page: &mut Page, number: u32, status: u16, etag: Option<&str>) {
    let headers = Headers {
        etag,
        content_type: Some("application/json"),
        ..Headers::default()
    };
    answer(
        page,
        number,
        Ok(Reply {
            status,
            headers,
            body: b"{}",
        }),
    );
}

fn answer(page: &mut Page, number: u32, result: Result<Reply<'_>, Failure>) {
    let id = ProbeId {
        contract: 0,
        number,
    };
    page.part.answered(page.at(), id, result, &mut page.rng);
}

fn to_probe(input: ToProbe, page: &mut Page) {
    let now = page.at();
    let other = Some("\"2\"");
    match input {
        ToProbe::Due => look_due(page),
        ToProbe::Same => reply(page, ASKED, 200, Some("\"1\"")),
        ToProbe::Other => reply(page, ASKED, 200, other),
        ToProbe::Untagged => reply(page, ASKED, 200, None),
        ToProbe::Page => {
            let headers = Headers {
                content_type: Some("text/html"),
                ..Headers::default()
            };
            let body = b"<html>";
            answer(
                page,
                ASKED,
                Ok(Reply {
                    status: 200,
                    headers,
                    body,
                }),
            );
        }
        ToProbe::NotModified => reply(page, ASKED, 304, None),
        ToProbe::Unauthorized => reply(page, ASKED, 401, None),
        ToProbe::Forbidden => reply(page, ASKED, 403, None),
        ToProbe::NotFound => reply(page, ASKED, 404, None),
        ToProbe::Gone => reply(page, ASKED, 410, None),
        ToProbe::Busy => reply(page, ASKED, 429, None),
        ToProbe::Calm => {
            let headers = Headers {
                retry_after: Some("60"),
                ..Headers::default()
            };
            let body = b"";
            answer(
                page,
                ASKED,
                Ok(Reply {
                    status: 429,
                    headers,
                    body,
                }),
            );
        }
        ToProbe::Fails => reply(page, ASKED, 500, None),
        ToProbe::Odd => reply(page, ASKED, 418, None),
        ToProbe::Unreachable => answer(page, ASKED, Err(Failure::Unreachable)),
        ToProbe::TooLarge => answer(page, ASKED, Err(Failure::TooLarge)),
        ToProbe::Old => reply(page, ASKED - 1, 200, other),
        ToProbe::Event => {
            page.part.route("moved", &key(KEY));
            page.part.event(now, "moved");
            reply(page, ASKED, 200, other);
        }
        ToProbe::Token => page.part.token(),
        ToProbe::Enabled => {
            assert!(page.part.enable("a", false) && page.part.enable("a", true));
        }
        ToProbe::Refresh => assert!(page.part.refresh(now, "a")),
        ToProbe::Follow => page.part.set_place(Place::Follows),
    }
}

fn probe_cell(state: Probing, input: ToProbe) -> String {
    let mut page = probing_page(state);
    let before = (state, at(&mut page));
    to_probe(input, &mut page);
    let words = steps(&mut page);
    cell(before, (probing(&page), at(&mut page)), words)
}

#[test]
fn the_states_of_a_contract_are_as_written() {
    // What the table says of its data: it is 10 seconds old, of 30 that it may be.
    let Age::Known(Known { at, .. }) = page(CONTRACT).part.entries[0].age() else {
        unreachable!("it was fetched");
    };
    assert_eq!(at, Mono(0));
    assert_eq!(Blame::Offline.text(), "offline");
    states::Page::new(
        "contract.md",
        "A contract",
        "How old its data is, and what is done about it: \
         [`freshness/`](../../src/engine/freshness/mod.rs). The contract allows 30 seconds and looks every \
         30; its data was fetched 10 seconds ago, and this tab leads where nothing else is said.",
    )
    .table("The window, for the page that shows the data:", window_cell)
    .table("The looks at the server, where the contract has no probe:", looks_cell)
    .table("The probe, of a tab that leads:", probe_cell)
    .check(include_str!("../../../../docs/states/contract.md"));
}
