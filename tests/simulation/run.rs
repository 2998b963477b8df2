//! Runs worlds: many at a time, one again, a failing one smaller and smaller.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::promises::{Broken, Promise};
use crate::sometimes::Sometimes;
use crate::world::World;

/// Below this many worlds a rare state may well not be reached.
const ENOUGH_FOR_ALL: u64 = 1000;

/// How many runs a failing world is made smaller with.
const SMALLER_RUNS: usize = 600;

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What became of a world.
struct Outcome {
    steps: u64,
    sometimes: Sometimes,
    unmodelled: BTreeSet<String>,
    broken: Option<Broken>,
    story: String,
    plan: Vec<String>,
}

/// How far a run goes.
#[derive(Clone, Copy)]
enum Until {
    /// So many worlds.
    Worlds(u64),
    /// So long.
    Elapsed(Duration),
}

/// What a run found.
#[derive(Default)]
struct Found {
    steps: u64,
    sometimes: Sometimes,
    unmodelled: BTreeSet<String>,
    /// The seeds that failed, and how.
    failed: Vec<(u64, String)>,
}

/// Runs what the environment asks for: `EVERFRESH_SEED` one world, `EVERFRESH_SEEDS` so many,
/// `EVERFRESH_SECONDS` so long, `EVERFRESH_FIRST` beginning with this seed. With `EVERFRESH_GO_ON`
/// the run does not end with the first failure, and says how many there are of each kind. With
/// `EVERFRESH_BRIEF` a failing world is named and not told, with `EVERFRESH_WHOLE` from its beginning.
pub(crate) fn from_environment(worlds: u64) {
    if let Some(seed) = number("EVERFRESH_SEED") {
        return replay(seed);
    }
    let until = match number("EVERFRESH_SECONDS") {
        Some(seconds) => Until::Elapsed(Duration::from_secs(seconds)),
        None => Until::Worlds(number("EVERFRESH_SEEDS").unwrap_or(worlds)),
    };
    let goes_on = number("EVERFRESH_GO_ON").is_some();
    many(number("EVERFRESH_FIRST").unwrap_or(0), until, goes_on);
}

/// Runs these worlds.
pub(crate) fn seeds(seeds: Vec<u64>) {
    quieten();
    for seed in seeds {
        if world(seed, None, false).broken.is_some() {
            panic!("{}", report(seed));
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[allow(
    clippy::disallowed_methods,
    reason = "how long the run took is for people; no world sees it"
)]
fn started() -> Instant {
    Instant::now()
}

#[allow(clippy::print_stdout, reason = "the figures of the run")]
fn many(first: u64, until: Until, goes_on: bool) {
    quieten();
    let started = started();
    let next = AtomicU64::new(0);
    let found = Mutex::new(Found::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(first, until, goes_on, started, &next, &found));
        }
    });
    let worlds = next.load(Ordering::Relaxed);
    let mut found = found.into_inner().expect("no worker panics");
    found.failed.sort();
    if goes_on {
        for line in kinds_of_failures(&found.failed) {
            println!("{line}");
        }
    }
    if let Some((seed, how)) = found.failed.first() {
        if number("EVERFRESH_BRIEF").is_some() {
            panic!("seed {seed} breaks {how}");
        }
        panic!("{}", report(*seed));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{worlds} worlds held every promise in {seconds:.1} s: {:.0} worlds/s, {} steps, {} a world on average",
        worlds as f64 / seconds,
        found.steps,
        found.steps / worlds.max(1),
    );
    for (rare, count) in found.sometimes.iter() {
        println!("  {count:>9} {rare:?}");
    }
    if !found.unmodelled.is_empty() {
        println!("outputs that nothing answered: {:?}", found.unmodelled);
    }
    if worlds >= ENOUGH_FOR_ALL {
        let never = found.sometimes.never();
        assert!(never.is_empty(), "never reached: {never:?}");
    }
}

/// One line for each kind of failure: how many worlds, some of them, and how the first failed.
fn kinds_of_failures(failed: &[(u64, String)]) -> Vec<String> {
    const SOME: usize = 8;
    let mut kinds: Vec<(String, Vec<u64>, &str)> = Vec::new();
    for (seed, how) in failed {
        let kind = kind(how);
        match kinds.iter_mut().find(|(have, ..)| *have == kind) {
            Some((_, seeds, _)) => seeds.push(*seed),
            None => kinds.push((kind, vec![*seed], how)),
        }
    }
    kinds.sort_by_key(|(_, seeds, _)| std::cmp::Reverse(seeds.len()));
    let line = |(_, seeds, how): &(String, Vec<u64>, &str)| {
        let (count, some) = (seeds.len(), &seeds[..seeds.len().min(SOME)]);
        format!("{count:>6} worlds, of seeds {some:?}: {how}")
    };
    kinds.iter().map(line).collect()
}

/// How a world failed, without what differs from world to world: names and numbers.
fn kind(how: &str) -> String {
    how.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() > 1)
        .collect()
}

fn work(
    first: u64,
    until: Until,
    goes_on: bool,
    started: Instant,
    next: &AtomicU64,
    found: &Mutex<Found>,
) {
    loop {
        let at = next.load(Ordering::Relaxed);
        let enough = match until {
            Until::Worlds(worlds) => at >= worlds,
            Until::Elapsed(span) => started.elapsed() >= span,
        };
        let failed = !found.lock().expect("no worker panics").failed.is_empty();
        if enough || (failed && !goes_on) {
            return;
        }
        if next
            .compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            continue;
        }
        let outcome = world(first + at, None, false);
        let mut found = found.lock().expect("no worker panics");
        found.steps += outcome.steps;
        found.sometimes.add(&outcome.sometimes);
        found.unmodelled.extend(outcome.unmodelled);
        if let Some(broken) = outcome.broken {
            found.failed.push((first + at, broken.to_string()));
        }
    }
}

#[allow(clippy::print_stdout, reason = "the story of the world")]
fn replay(seed: u64) {
    quieten();
    let outcome = world(seed, None, true);
    if outcome.broken.is_some() {
        panic!("{}", report(seed));
    }
    println!("{}", outcome.story);
    println!("seed {seed} holds every promise in {} steps", outcome.steps);
}

/// A panic inside a world is a finding: it is caught, and its message kept for the report.
fn quieten() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if PANIC.with_borrow(Option::is_some) {
                PANIC.set(Some(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs one world to its end.
fn world(seed: u64, kept: Option<&[bool]>, story: bool) -> Outcome {
    let mut world = World::new(seed, kept, story);
    PANIC.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    let panicked = PANIC.take();
    if result.is_err() {
        let how = panicked.unwrap_or_default();
        world.broken(Broken {
            promise: Promise::G12,
            how: format!("panic: {how}"),
        });
    }
    let plan = if story {
        world
            .plan
            .iter()
            .map(|planned| format!("{planned:?}"))
            .collect()
    } else {
        Vec::new()
    };
    Outcome {
        steps: world.steps,
        sometimes: world.sometimes,
        unmodelled: world.unmodelled,
        broken: world.broken,
        story: world.story.text(),
        plan,
    }
}

/// What to know about a failing world: what is broken, the shortest plan that still breaks it,
/// and the story of its end.
fn report(seed: u64) -> String {
    let kept = smaller(seed);
    let outcome = world(seed, Some(&kept), true);
    let broken = outcome
        .broken
        .map(|broken| broken.to_string())
        .unwrap_or_default();
    format!(
        "\n{}\nseed {seed} breaks a promise\n  {broken}\nwith {} of {} transitions:\n  {}\n\nreplay it with: cargo xtask simulate --seed {seed}\n",
        outcome.story,
        outcome.plan.len(),
        kept.len(),
        outcome.plan.join("\n  "),
    )
}

/// Leaves out what is not needed for the world to fail in the same way: halves first, then single
/// entries, until nothing more can go.
fn smaller(seed: u64) -> Vec<bool> {
    let length = World::new(seed, None, false).plan.len();
    let mut kept = vec![true; length];
    let how = |kept: Option<&[bool]>| {
        let broken = world(seed, kept, false).broken;
        broken.map(|broken| kind(&broken.to_string()))
    };
    let whole = how(None);
    let mut runs = 0;
    let mut size = length.div_ceil(2);
    while size > 0 && runs < SMALLER_RUNS {
        let mut shorter = false;
        let mut from = 0;
        while from < length && runs < SMALLER_RUNS {
            let mut tried = kept.clone();
            let to = (from + size).min(length);
            tried[from..to].fill(false);
            if tried != kept {
                runs += 1;
                if how(Some(&tried)) == whole {
                    kept = tried;
                    shorter = true;
                }
            }
            from += size;
        }
        if size == 1 && !shorter {
            break;
        }
        size = if size == 1 { 1 } else { size / 2 };
    }
    kept
}
