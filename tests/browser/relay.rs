//! The relay worker as the page sees it, by a stand-in. The worker itself is tested in
//! `pkg/test/relay.test.js` and, with real sockets, in `tests/e2e`.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{self, Changed, request, socket, sockets, worker};
use crate::tab::{Tab, eventually};

const READY: &str = "[[0,2]]";
const WELCOME: &str = r#"{\"t\":\"welcome\",\"v\":1,\"session\":\"S\",\"ping\":25000}"#;

fn workers() -> String {
    worker(0, "length")
}

/// A tab that leads, whose worker runs.
async fn relayed(name: &str, more: &str) -> Tab {
    let tab = Tab::start_with(name, more);
    eventually("a worker is started", "1", workers).await;
    page::worker_say(0, READY);
    tab
}

/// The number of the socket that the worker was asked for.
async fn dialled(at: i32) -> String {
    let url = || worker(at, "said.0.1");
    eventually("a socket is wanted", "ws://127.0.0.1:1/live", url).await;
    worker(at, "said.0.0")
}

#[wasm_bindgen_test]
async fn a_worker_is_started_for_who_leads_and_ends_with_the_lead() {
    let _page = Changed::page();
    page::fake_workers(false);
    let first = Tab::start("relay");
    eventually("a worker is started", "1", workers).await;
    assert_eq!(first.get("relay"), "", "it has not begun");
    page::worker_say(0, READY);
    assert_eq!(first.get("relay"), "worker");
    first
        .hear(&[r#""type":"status""#, r#""relay":"worker""#])
        .await;
    dialled(0).await;
    let second = Tab::start("relay");
    second.until("role", "follower").await;
    assert_eq!(workers(), "1");
    assert_eq!(second.get("relay"), "");
    first.core.close();
    assert_eq!(worker(0, "ended"), "after last words");
    second.until("role", "leader").await;
    eventually("it has one of its own", "2", workers).await;
    page::happen("window", "pagehide");
    assert_eq!(worker(1, "ended"), "at once");
    page::happen("window", "pageshow");
    second.until("role", "leader").await;
    eventually("and another one when it is back", "3", workers).await;
    second.core.close();
    assert_eq!(worker(2, "ended"), "after last words");
}

#[wasm_bindgen_test]
async fn an_engine_that_broke_leaves_no_worker_behind() {
    let _page = Changed::page();
    page::fake_workers(false);
    let tab = relayed("relay-broke", "").await;
    dialled(0).await;
    tab.core.abandon();
    assert_eq!(worker(0, "ended"), "at once");
}

#[wasm_bindgen_test]
async fn frames_come_in_one_run_of_bytes_and_go_out_by_the_worker() {
    let _page = Changed::page();
    page::fake_workers(false);
    page::fake_sockets(false);
    let tab = relayed("relay-frames", "").await;
    let conn = dialled(0).await;
    assert_eq!(worker(0, "said.0.2"), "fresh.v1");
    page::worker_say(0, &format!("[[1,{conn}]]"));
    assert!(worker(0, "said.1.1").contains(r#""t":"hello""#));
    tab.command(r#"{"do":"listen","event":"task_updated"}"#);
    let subscribed = r#"{\"t\":\"subd\",\"id\":1,\"ch\":\"tasks\",\"pos\":{\"e\":\"E\",\"s\":0},\"recovered\":null,\"missed\":[]}"#;
    let event = |s: u32| {
        format!(
            r#"[2,{conn},"{{\"t\":\"ev\",\"ch\":\"tasks\",\"s\":{s},\"name\":\"task_updated\",\"data\":\"é{s}\"}}"]"#
        )
    };
    page::worker_say(
        0,
        &format!(
            r#"[[2,{conn},"{WELCOME}"],[2,{conn},"{subscribed}"],{},{}]"#,
            event(1),
            event(2)
        ),
    );
    let first = tab.hear(&["é1"]).await;
    let place = |words: &str| {
        let told = tab.told.borrow();
        told.iter().position(|notice| notice.contains(words))
    };
    assert!(place("é2") > place(&first), "in their order");
    assert_eq!(sockets(), 0, "the page has no socket of its own");
    // Another connection's late words are void.
    let frames = tab.get("counters.frames");
    page::worker_say(0, &format!(r#"[[2,99,"{WELCOME}"],[3,99,"",4403]]"#));
    assert_eq!(tab.get("counters.frames"), frames);
    page::worker_say(0, &format!(r#"[[3,{conn},"over",4403]]"#));
    tab.until("status", "failed").await;
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn a_worker_that_cannot_start_leaves_everything_to_the_page() {
    // Refused at once; a moment later; of another release.
    for how in ["throws", "fails", "other"] {
        let _page = Changed::page();
        page::fake_workers(how == "throws");
        page::fake_sockets(false);
        let tab = Tab::start(&format!("relay-{how}"));
        if how != "throws" {
            eventually("it was tried", "1", workers).await;
            // It may well take a while, and the app does not wait with what it wants.
            tab.command(r#"{"do":"reconnect"}"#);
        }
        match how {
            "fails" => page::worker_fail(0),
            "other" => page::worker_say(0, "[[0,99]]"),
            _ => {}
        }
        eventually("the page dials", "1", || sockets().to_string()).await;
        tab.until("relay", "page").await;
        page::socket_open(0);
        assert!(socket(0, "sent.0").contains(r#""t":"hello""#), "{how}");
        // It is not tried again and again.
        page::socket_close(0, 1006, "");
        tab.command(r#"{"do":"reconnect"}"#);
        eventually("the page dials again", "2", || sockets().to_string()).await;
        if how != "throws" {
            assert_eq!(workers(), "1", "{how}");
            assert_eq!(worker(0, "ended"), "at once", "{how}");
        }
        assert_eq!(tab.broke.borrow().len(), 0);
    }
}

#[wasm_bindgen_test]
async fn a_worker_that_breaks_is_a_connection_that_was_lost() {
    let _page = Changed::page();
    page::fake_workers(false);
    page::fake_sockets(false);
    let tab = relayed("relay-breaks", "").await;
    let conn = dialled(0).await;
    page::worker_say(0, &format!(r#"[[1,{conn}],[2,{conn},"{WELCOME}"]]"#));
    tab.until("authenticated", "true").await;
    page::worker_fail(0);
    tab.until("authenticated", "false").await;
    tab.command(r#"{"do":"reconnect"}"#);
    eventually("the page dials", "1", || sockets().to_string()).await;
    tab.until("relay", "page").await;
    assert_eq!(worker(0, "ended"), "at once");
}

/// A contract that is looked after although nobody sees the page, with a query that it is about.
async fn watched_while_hidden(name: &str, poll: u32) -> Tab {
    let contract = format!(
        r#""contracts":{{"c":{{"key":["tasks"],"maxAge":60000,"poll":{poll},
        "hidden":"continue","probe":"http://127.0.0.1:1/probe"}}}}"#
    );
    let tab = relayed(name, &contract).await;
    dialled(0).await;
    for phase in ["observe", "start", "success"] {
        tab.command(&format!(
            r#"{{"do":"fetch","key":["tasks"],"phase":"{phase}"}}"#
        ));
    }
    page::stop_timers();
    page::show(false);
    tab
}

#[wasm_bindgen_test]
async fn fault_42_a_hidden_page_whose_timers_stand_still_is_woken_by_the_worker() {
    let _page = Changed::page();
    page::fake_workers(false);
    page::fake_fetch();
    let tab = watched_while_hidden("relay-hidden", 1000).await;
    let mut asked = -1;
    for _ in 0..3 {
        let mut waited = 0;
        while page::fetch_index("/probe") <= asked {
            assert!(waited < 20_000, "it polls: {}", worker(0, "wakes"));
            page::wait(50).await;
            waited += 50;
        }
        asked = page::fetch_index("/probe");
        assert_eq!(request(asked, "method"), "GET");
        page::fetch_answer(asked, 304, "{}", "");
    }
    tab.core.close();
    assert_eq!(tab.broke.borrow().len(), 0);
}

#[wasm_bindgen_test]
async fn fault_42_a_hidden_page_asks_to_be_woken_when_its_contract_is_due() {
    let _page = Changed::page();
    page::fake_workers(false);
    page::fake_fetch();
    let tab = watched_while_hidden("relay-due", 30_000).await;
    let wakes = worker(0, "wakes");
    let last = wakes.trim_matches(['[', ']']).rsplit(',').next();
    let last = last.and_then(|ms| ms.parse::<u32>().ok());
    assert!(last.is_some_and(|ms| ms <= 30_001), "{wakes}");
    tab.core.close();
}
