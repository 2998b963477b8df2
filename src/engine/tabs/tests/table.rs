//! Every state, and everything that can happen in it.

use super::*;

type Input = fn(&mut Tabs);

/// Everything that can happen, in every state: what is done, and what the tab is then.
#[test]
fn every_cell_of_the_state_table() {
    const INPUTS: [(&str, Input); 16] = [
        ("start", |t| t.start(at(9))),
        ("stop", |t| t.stop()),
        ("granted", |t| t.granted(at(9), TICKET)),
        ("granted old", |t| t.granted(at(9), LockTicket(77))),
        ("lost", |t| t.lost(at(9), TICKET)),
        ("lost old", |t| t.lost(at(9), LockTicket(77))),
        ("unavailable", |t| t.unavailable(Why::NoChannel)),
        ("visible", |t| t.turned(at(9), true)),
        ("hidden", |t| t.turned(at(9), false)),
        ("newer leader", |t| {
            t.hears(at(9), term(90_000, 3));
        }),
        ("older leader", |t| {
            t.hears(at(9), term(600, 3));
        }),
        ("leader left", |t| t.left(at(9), OTHER)),
        ("stranger left", |t| t.left(at(9), TabId(33))),
        ("offered", |t| t.offered(at(9))),
        ("locks", |t| t.locks(at(9), &[])),
        ("tick", |t| t.tick(at(9), &mut Rng::new(1))),
    ];
    type State = (&'static str, fn() -> Tabs, [&'static str; 16]);
    let table: [State; 6] = [
        (
            "away",
            away,
            [
                "queue2|following",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
                "|away",
            ],
        ),
        (
            "alone",
            alone,
            [
                "|alone", "|away", "|alone", "|alone", "|alone", "|alone", "|alone", "|alone",
                "|alone", "|alone", "|alone", "|alone", "|alone", "|alone", "|alone", "|alone",
            ],
        ),
        (
            "following",
            following,
            [
                "|following",
                "release1|away",
                "take|leading",
                "|following",
                "|following",
                "|following",
                "release1 alone take|alone",
                "|following",
                "here|following",
                "|following",
                "|following",
                "|following",
                "|following",
                "release1 steal2|following",
                "|following",
                "|following",
            ],
        ),
        (
            "led",
            led,
            [
                "|following",
                "release1|away",
                "take|leading",
                "|following",
                "|following",
                "|following",
                "release1 alone take|alone",
                "|following",
                "here|following",
                "|following",
                "ask|following",
                "gone lost|following",
                "|following",
                "release1 steal2|following",
                "|following",
                "|following",
            ],
        ),
        (
            "passing",
            passing,
            [
                "|following",
                "release1|away",
                "|following",
                "|following",
                "queue2|following",
                "|following",
                "release1 alone take|alone",
                "take here|leading",
                "|following",
                "release1 queue2|following",
                "release1 queue2|following",
                "gone take|leading",
                "|following",
                "|following",
                "|following",
                "|following",
            ],
        ),
        (
            "leading",
            leading,
            [
                "|leading",
                "release1|away",
                "|leading",
                "|leading",
                "giveup queue2|following",
                "|leading",
                "release1 giveup alone take|alone",
                "|leading",
                "here|leading",
                "giveup release1 queue2|following",
                "lead|leading",
                "|leading",
                "|leading",
                "|leading",
                "|leading",
                "|leading",
            ],
        ),
    ];
    let words = |step: Step| match step {
        Step::Queue(ticket) => format!("queue{}", ticket.0),
        Step::Steal(ticket) => format!("steal{}", ticket.0),
        Step::Release(ticket) => format!("release{}", ticket.0),
        Step::TakeLead => "take".to_owned(),
        Step::GiveUpLead => "giveup".to_owned(),
        Step::NewLeader => "new".to_owned(),
        Step::LeaderLost => "lost".to_owned(),
        Step::SayHere => "here".to_owned(),
        Step::SayLead => "lead".to_owned(),
        Step::Ask => "ask".to_owned(),
        Step::Offer(_) => "offer".to_owned(),
        Step::QueryLocks => "query".to_owned(),
        Step::Gone(_) => "gone".to_owned(),
        Step::Alone(_) => "alone".to_owned(),
    };
    for (state, make, cells) in table {
        for ((input, happens), expected) in INPUTS.iter().zip(cells) {
            let mut tabs = make();
            happens(&mut tabs);
            let done: Vec<String> = steps(&mut tabs).into_iter().map(words).collect();
            let role = match tabs.role() {
                Role::Away => "away",
                Role::Following => "following",
                Role::Leading(_) => "leading",
                Role::Alone(_) => "alone",
            };
            // A tab that was never started has asked for no lock: its first ticket is 1.
            let expected = if state == "away" {
                expected.replace("queue2", "queue1")
            } else {
                expected.to_owned()
            };
            assert_eq!(
                format!("{}|{role}", done.join(" ")),
                expected,
                "{state}: {input}"
            );
        }
    }
}
