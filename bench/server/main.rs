//! What many connections cost, and how fast one event reaches a thousand of them: this server and socket.io on the same
//! machine, in one run, under the same load. See README.md.
//!
//! `cargo bench --package everfresh-server --bench server` prints a table and writes `bench/results/server.json`; with
//! `-- --check` it fails where a promise is not kept. Linux: what a process uses is read from `/proc`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a bench may fail loudly"
)]

mod crowd;
mod figures;
mod sides;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crowd::Crowd;
use figures::{Figures, Promise, quantile};
use sides::{Load, Running, Side};
use tokio::time::{Instant, sleep, sleep_until};

const IDLE: usize = 5_000;
const SUBSCRIBERS: usize = 1_000;
const ROUNDS: usize = 3;
/// How long each load is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// What happens in the first second is a server that gets warm.
const WARM: Duration = Duration::from_secs(2);
/// Events of the scene that asks for all that a server can do.
const MOST: u64 = 1_500;
/// Connections that publish: a backend has several.
const AT_A_TIME: usize = 8;
/// A server that cannot keep up gets through in the end, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(400);

const PROMISES: [Promise; 10] = [
    Promise::below("idle.rss_mb", 150.0),
    Promise::below("stream200.p99_ms", 50.0),
    Promise::no_more_than_theirs("idle.rss_mb"),
    Promise::no_more_than_theirs("stream50.p50_ms"),
    Promise::no_more_than_theirs("stream50.p99_ms"),
    Promise::no_more_than_theirs("stream50.cpu_ms_per_event"),
    Promise::no_more_than_theirs("stream200.p99_ms"),
    Promise::no_more_than_theirs("stream200.cpu_ms_per_event"),
    Promise::no_more_than_theirs("stream200.rss_mb"),
    Promise::no_less_than_theirs("most.messages_per_s"),
];

fn main() -> ExitCode {
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    let (check, quick) = (asked("--check"), asked("--quick"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let figures = runtime.block_on(run(if quick { 1 } else { ROUNDS }));
    runtime.shutdown_background();
    figures.print();
    if !check && !quick {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        figures.write(&root.join("bench/results/server.json"), sides::about());
    }
    let broken = figures.broken(&PROMISES);
    for line in &broken {
        println!("not kept: {line}");
    }
    if check && !broken.is_empty() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(rounds: usize) -> Figures {
    let mut figures = Figures::default();
    sides::install_rival();
    // In turns, so that what else the machine does hits both.
    for round in 1..=rounds {
        for side in Side::ALL {
            eprintln!("round {round} of {rounds}: {}", side.name());
            idle(side, &mut figures).await;
            stream(side, 50, "stream50", &mut figures).await;
            stream(side, 200, "stream200", &mut figures).await;
            most(side, &mut figures).await;
        }
    }
    figures
}

/// Connections that said hello, subscribed and hear nothing.
async fn idle(side: Side, figures: &mut Figures) {
    let server = Running::start(side);
    let empty = server.load();
    let crowd = Crowd::gather(side, server.addr, IDLE).await;
    sleep(WARM).await;
    let full = server.load();
    drop(crowd);
    figures.note(side, "idle.rss_mb", full.rss_mb);
    figures.note(side, "idle.empty_rss_mb", empty.rss_mb);
    let kib = (full.rss_mb - empty.rss_mb) * 1024.0 / IDLE as f64;
    figures.note(side, "idle.kib_per_connection", kib);
    figures.note(
        side,
        "idle.cpu_ms_per_connection",
        full.cpu_ms / IDLE as f64,
    );
}

/// So many events a second, each to all subscribers. It is sent when its time has come, whatever became of those before.
async fn stream(side: Side, rate: u64, scene: &'static str, figures: &mut Figures) {
    let server = Running::start(side);
    let crowd = Crowd::gather(side, server.addr, SUBSCRIBERS).await;
    let mut publishers = Vec::new();
    for _ in 0..AT_A_TIME {
        publishers.push(sides::publisher(side, server.addr).await);
    }
    let mut turns = publishers.iter().cycle();
    let warm = rate * WARM.as_secs();
    let events = warm + rate * LOOK.as_secs();
    let step = Duration::from_micros(1_000_000 / rate);
    let begin = Instant::now();
    let mut before: Option<(Load, Load)> = None;
    for number in 0..events {
        let due = begin + step * u32::try_from(number).unwrap();
        sleep_until(due).await;
        if number == warm {
            before = Some((server.load(), Load::of_self()));
        }
        let publisher = turns.next().unwrap();
        publisher.later(crowd.body(number, due));
    }
    let heard = crowd.all(events, DEADLINE).await;
    let (server_before, self_before) = before.unwrap();
    let (after, own) = (server.load(), Load::of_self());
    let looked = (begin + step * u32::try_from(warm).unwrap()).elapsed();
    let note = |figures: &mut Figures, name: &str, value: f64| {
        figures.note(side, &format!("{scene}.{name}"), value);
    };
    let late = heard.latencies_from(warm);
    note(figures, "p50_ms", quantile(&late, 0.5));
    note(figures, "p99_ms", quantile(&late, 0.99));
    note(figures, "max_ms", quantile(&late, 1.0));
    let messages = (rate * LOOK.as_secs() * SUBSCRIBERS as u64) as f64;
    note(figures, "messages_per_s", messages / looked.as_secs_f64());
    let cpu = after.cpu_ms - server_before.cpu_ms;
    note(
        figures,
        "cpu_ms_per_event",
        cpu / (rate * LOOK.as_secs()) as f64,
    );
    note(figures, "rss_mb", after.peak_mb);
    note(
        figures,
        "cores_of_the_load",
        (own.cpu_ms - self_before.cpu_ms) / looked.as_secs_f64() / 1000.0,
    );
    heard.judge(SUBSCRIBERS, events);
}

/// As many events as it takes, one after the other.
async fn most(side: Side, figures: &mut Figures) {
    let server = Running::start(side);
    let crowd = Crowd::gather(side, server.addr, SUBSCRIBERS).await;
    let before = server.load();
    let begin = Instant::now();
    let publishers = (0..AT_A_TIME as u64).map(async |first| {
        let publisher = sides::publisher(side, server.addr).await;
        for _number in (first..MOST).step_by(AT_A_TIME) {
            publisher.now(crowd.next_body()).await;
        }
    });
    futures_util::future::join_all(publishers).await;
    let heard = crowd.all(MOST, DEADLINE).await;
    let took = begin.elapsed().as_secs_f64();
    let after = server.load();
    let messages = (MOST * SUBSCRIBERS as u64) as f64;
    figures.note(side, "most.messages_per_s", messages / took);
    let cpu_us = (after.cpu_ms - before.cpu_ms) * 1000.0;
    figures.note(side, "most.cpu_us_per_message", cpu_us / messages);
    figures.note(side, "most.rss_mb", after.peak_mb);
    heard.judge(SUBSCRIBERS, MOST);
}
