//! The faults of connections, by their numbers in the project's list of faults.

use super::rig::{App, Door, PING, Rig, Window, settings};
use crate::engine::http::{Failure, Headers};
use crate::engine::ids::ConnId;
use crate::engine::limits::{
    BACKOFF_MAX, DIAL_GAP, OFFLINE_AFTER, PROBE_TIMEOUT, SILENCE_GRACE, STABLE_AFTER,
};
use crate::engine::link::{Nudge, Step, Welcome};
use crate::engine::rng::Rng;
use crate::engine::status::{Transport, Word};
use crate::engine::time::Millis;
use crate::engine::token::TokenReason;

const HOUR: u64 = 3_600_000;

fn socket(has_tokens: bool) -> Rig {
    Rig::new(settings(&[Transport::Socket], has_tokens), 11)
}

#[test]
fn fault_1_a_port_that_is_closed_at_the_start() {
    let mut rig = socket(false);
    rig.down();
    rig.want();
    assert_eq!(rig.word(), Word::Connecting);
    rig.run(1000);
    assert_eq!(rig.word(), Word::Reconnecting);
    rig.run(OFFLINE_AFTER.0 + 2000);
    assert_eq!(rig.word(), Word::Offline);
    rig.run(HOUR);
    let gaps: Vec<u64> = rig
        .dials
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    assert!(gaps.iter().all(|gap| *gap <= BACKOFF_MAX.0), "{gaps:?}");
    assert!(rig.dials.len() < 500, "{}", rig.dials.len());
    // It is never given up, and found again soon.
    rig.back(None);
    rig.run(BACKOFF_MAX.0 * 2);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_2_a_refused_upgrade_looks_like_a_dead_network_until_a_look_shows_401() {
    let mut rig = socket(true);
    rig.doors[0] = Door::Shut;
    rig.window = Window::Unauthorized;
    rig.want();
    rig.run(60_000);
    assert_eq!(rig.word(), Word::NeedsAuth);
    let rejected = |rig: &Rig| {
        rig.asked
            .iter()
            .filter(|(_, reason)| *reason == TokenReason::Rejected)
            .count()
    };
    assert_eq!(rejected(&rig), 1, "{:?}", rig.asked);
    // Three to be sure, one with the new token.
    assert_eq!(rig.dials.len(), 4, "{:?}", rig.dials);

    // Nothing but a login brings it back.
    let (dials, asked) = (rig.dials.len(), rig.asked.len());
    for _ in 0..10 {
        rig.run(HOUR);
        rig.act(|link, now, _| link.nudge(now, Nudge::Visible));
        rig.act(|link, now, _| link.online(now, false));
        rig.act(|link, now, _| link.online(now, true));
    }
    assert_eq!((rig.dials.len(), rig.asked.len()), (dials, asked));
    rig.doors[0] = Door::Open;
    rig.act(|link, now, _| link.logged_in(now, None));
    rig.run(1000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_2_one_401_does_not_condemn_a_server_that_takes_sockets() {
    let mut rig = Rig::stable(5);
    rig.window = Window::Unauthorized;
    rig.crash(1006);
    rig.run(5000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_3_a_half_open_connection_is_found_out() {
    let mut rig = Rig::stable(5);
    let silent_since = rig.now;
    rig.answers = false;
    let patience = PING + SILENCE_GRACE.0 + PROBE_TIMEOUT.0;
    rig.run(patience + 3000);
    let dials = rig.dials_since(silent_since);
    assert_eq!(dials.len(), 1, "{dials:?}");
    assert!(dials[0] <= silent_since + patience + 1000);
    assert_eq!(rig.ups, 2);
}

#[test]
fn fault_4_a_proxy_that_cuts_every_connection_after_a_minute() {
    let mut rig = Rig::connected(5);
    for cut in 1..=60 {
        rig.run(60_000);
        assert_eq!(rig.word(), Word::Connected);
        let before = rig.link.status().since;
        rig.crash(1006);
        // Not shown as lost, but not shown as known to the server either.
        let status = rig.link.status();
        assert_eq!(
            (status.word, status.authenticated),
            (Word::Connected, false)
        );
        assert_eq!(status.since, before, "the indicator does not flicker");
        rig.run(1900);
        assert_eq!(rig.ups, cut + 1);
        assert_eq!(rig.link.status().attempt, 1);
    }
}

#[test]
fn fault_4_backoff_starts_anew_only_after_a_synced_and_stable_connection() {
    let mut rig = socket(false);
    rig.syncs = false;
    rig.want();
    // Never synced: however long it lasts, it proves nothing.
    for failures in 1..=6 {
        rig.run(60_000);
        assert_eq!(rig.word(), Word::Connected);
        rig.crash(1006);
        assert_eq!(rig.word(), Word::Reconnecting);
        assert_eq!(rig.link.status().attempt, failures);
        rig.run(60_000);
    }
    rig.syncs = true;
    rig.tick();
    rig.run(STABLE_AFTER.0 - 100);
    assert!(rig.link.status().attempt > 0);
    rig.run(200);
    assert_eq!(rig.link.status().attempt, 0);
}

#[test]
fn fault_5_close_codes_lead_to_another_dial_or_to_none() {
    for (code, word, redials) in [
        (1000, Word::Connected, true),
        (1001, Word::Connected, true),
        (1006, Word::Connected, true),
        (1009, Word::Connected, true),
        (1011, Word::Connected, true),
        (1012, Word::Connected, true),
        (1013, Word::Connected, true),
        (4413, Word::Connected, true),
        (4999, Word::Connected, true),
        (1008, Word::Failed, false),
        (4400, Word::Failed, false),
        (4403, Word::Failed, false),
        (4406, Word::Failed, false),
        (4401, Word::NeedsAuth, false),
    ] {
        let mut rig = Rig::stable(7);
        let dials = rig.dials.len();
        rig.crash(code);
        rig.run(HOUR);
        assert_eq!(rig.word(), word, "{code}");
        assert_eq!(rig.dials.len() > dials, redials, "{code}");
    }
}

#[test]
fn fault_8_a_stream_that_is_answered_by_an_error_is_tried_again_with_backoff() {
    let mut rig = Rig::new(settings(&[Transport::Stream], false), 3);
    rig.doors[1] = Door::Closes(500);
    rig.window = Window::Busy(None);
    rig.want();
    rig.run(60_000);
    assert!((4..30).contains(&rig.dials.len()), "{:?}", rig.dials);
    rig.back(None);
    rig.run(60_000);
    assert_eq!(rig.link.status().transport, Some(Transport::Stream));
    assert!(rig.up);
}

/// The largest share of moments within 100 ms.
fn largest_share(mut moments: Vec<u64>) -> f64 {
    moments.sort_unstable();
    let largest = moments
        .iter()
        .enumerate()
        .map(|(at, first)| {
            moments[at..]
                .iter()
                .take_while(|m| **m < first + 100)
                .count()
        })
        .max()
        .unwrap_or(0);
    f64::from(u32::try_from(largest).unwrap()) / moments.len() as f64
}

#[test]
fn fault_9_a_thousand_pages_that_were_told_to_go_come_back_spread() {
    let mut dials = Vec::new();
    for seed in 0..1000 {
        let mut rig = Rig::stable(seed);
        rig.act(|link, now, rng| link.go_away(now, Millis::seconds(30), rng));
        let told = rig.now;
        // The server closes at once; who was told when to come keeps to it.
        rig.crash(4503);
        rig.run(60_000);
        let at = rig.dials_since(told);
        assert_eq!(at.len(), 1);
        dials.push(at[0] - told);
    }
    assert!(dials.iter().max() > Some(&28_000));
    assert!(largest_share(dials) < 0.02);
}

#[test]
fn fault_9_a_thousand_pages_find_a_crashed_server_at_the_pace_that_it_sets() {
    // The server answers looks in the order in which they come, and lets one dial every 5 ms.
    let mut rigs: Vec<Rig> = (0..1000).map(Rig::stable).collect();
    let crashed = rigs[0].now;
    for rig in &mut rigs {
        rig.down();
        rig.crash(1006);
        rig.run(12_000);
    }
    let back = rigs[0].now;
    let mut slot = 0;
    let mut waiting: Vec<usize> = (0..rigs.len()).collect();
    for step in 0..2000 {
        let now = back + step * 10;
        waiting.retain(|at| {
            let rig = &mut rigs[*at];
            let looks = rig.looks.len();
            slot = slot.max(now);
            rig.back(Some(slot - now));
            rig.run(10);
            if rig.looks.len() > looks {
                slot += 5;
                return false;
            }
            true
        });
    }
    let mut dials = Vec::new();
    for rig in &mut rigs {
        rig.run(20_000);
        assert_eq!(rig.word(), Word::Connected);
        let found = rig.dials_since(back);
        assert_eq!(found.len(), 1, "one sign of the server, one dial");
        assert!(rig.dials_since(crashed).len() <= 9);
        dials.push(found[0]);
    }
    let share = largest_share(dials);
    assert!(share <= 0.03, "{share}");
}

#[test]
fn fault_9_without_a_word_of_the_server_the_jitter_spreads_them() {
    let mut dials = Vec::new();
    for seed in 0..1000 {
        let mut rig = Rig::stable(seed);
        rig.down();
        rig.crash(1006);
        rig.run(12_000);
        let back = rig.now;
        rig.back(None);
        rig.run(60_000);
        assert_eq!(rig.word(), Word::Connected);
        dials.push(rig.dials_since(back)[0]);
    }
    let share = largest_share(dials);
    assert!(share <= 0.03, "{share}");
}

#[test]
fn fault_10_a_flapping_network_costs_a_dial_a_second_at_most() {
    for seed in 0..50 {
        let mut rig = Rig::stable(seed);
        let began = rig.now;
        let mut chance = Rng::new(seed);
        for _ in 0..20 {
            rig.down();
            rig.act(|link, now, _| link.online(now, false));
            rig.crash(1006);
            rig.run(chance.below(500));
            rig.back(None);
            rig.act(|link, now, _| link.online(now, true));
            rig.act(|link, now, _| link.nudge(now, Nudge::Visible));
            rig.act(|link, now, _| link.nudge(now, Nudge::Resumed));
            rig.run(chance.below(500));
        }
        rig.run(30_000);
        assert_eq!(
            rig.word(),
            Word::Connected,
            "{seed} {} {:?} {:?} {} {:?} {:?} {:?}",
            rig.now,
            rig.link.state,
            rig.link.scout,
            rig.link.failures,
            rig.link.hold,
            rig.dials.iter().map(|d| d.0).collect::<Vec<_>>(),
            rig.looks
        );
        let dials = rig.dials_since(began);
        assert!(
            dials.windows(2).all(|pair| pair[1] - pair[0] >= DIAL_GAP.0),
            "{dials:?}"
        );
        assert_eq!(rig.open.len(), 1);
    }
}

#[test]
fn fault_11_two_connects_are_one_socket_and_a_close_leaves_none() {
    let mut rig = socket(false);
    rig.want();
    rig.want();
    rig.run(5);
    rig.act(|link, now, _| link.reconnect(now));
    assert_eq!((rig.dials.len(), rig.open.len()), (1, 1));
    rig.act(|link, now, _| link.unwant(now, "closed by the app"));
    assert_eq!(rig.open.len(), 0);
    // What the socket still says is void.
    rig.act(|link, now, rng| {
        link.opened(now, ConnId(1));
        let welcome = Welcome {
            timeout: None,
            ping: Millis(PING),
            session: None,
            now_ms: None,
            ends: None,
        };
        link.welcome(now, ConnId(1), welcome, rng);
        link.closed(now, ConnId(1), 1006, "", rng);
    });
    rig.run(HOUR);
    assert_eq!(
        (rig.word(), rig.dials.len(), rig.up),
        (Word::Idle, 1, false)
    );
    assert_eq!(rig.link.next_wakeup(), None, "nothing is left to be done");
}

#[test]
fn fault_11_a_close_while_the_token_is_asked_for_leaves_none() {
    let mut rig = socket(true);
    rig.want();
    rig.act(|link, now, _| link.unwant(now, "closed by the app"));
    rig.run(HOUR);
    assert_eq!((rig.dials.len(), rig.word()), (0, Word::Idle));
}

#[test]
fn fault_12_what_an_old_connection_says_is_dropped() {
    let mut rig = Rig::stable(5);
    let old = rig.link.live().unwrap();
    rig.crash(1006);
    rig.run(2000);
    let new = rig.link.live().unwrap();
    assert_ne!(old, new);
    assert!(!rig.link.owns(old));
    rig.act(|link, now, rng| {
        link.closed(now, old, 4403, "", rng);
        link.unanswered(now, old, Failure::Unreachable, rng);
        link.refused(now, old, 401, &Headers::default(), rng);
        link.ping(now, old, 1);
        assert_eq!(link.poll(), None, "no answer on a connection that is gone");
    });
    assert_eq!(rig.link.live(), Some(new));
}

#[test]
fn fault_13_a_machine_that_slept_for_two_hours_dials_at_once() {
    let two_hours = 2 * HOUR;
    // On some systems the monotonic clock stands still in sleep, on others it goes on.
    for mono in [0, two_hours] {
        let mut rig = Rig::new(settings(&[Transport::Socket], true), 5);
        rig.token_life = Some(HOUR);
        rig.want();
        rig.run(20_000);
        assert_eq!(rig.asked.len(), 1);
        let old = rig.link.live().unwrap();
        rig.answers = false;
        rig.sleep(mono, two_hours);
        let woke = rig.now;
        assert!(!rig.link.owns(old), "judged dead without waiting");
        rig.answers = true;
        rig.run(1200);
        assert_eq!(rig.word(), Word::Connected);
        // The token has ended meanwhile: a new one first, then one dial.
        assert_eq!(rig.asked.len(), 2);
        assert!(rig.asked[1].0 >= woke && rig.asked[1].1 == TokenReason::Reconnect);
        let dials = rig.dials_since(woke);
        assert_eq!(dials.len(), 1);
        assert!(dials[0] > rig.asked[1].0);
    }
}

#[test]
fn fault_13_a_short_absence_is_a_question() {
    let mut rig = Rig::stable(5);
    let conn = rig.link.live();
    rig.sleep(0, 30_000);
    rig.run(10_000);
    assert_eq!(rig.link.live(), conn);
    rig.answers = false;
    rig.sleep(0, 30_000);
    rig.run(PROBE_TIMEOUT.0);
    assert_ne!(rig.link.live(), conn);
}

#[test]
fn fault_14_a_wall_clock_that_is_set_changes_nothing_but_asks() {
    let mut rig = Rig::stable(5);
    let conn = rig.link.live();
    rig.run(5000);
    rig.wall -= HOUR.min(rig.wall);
    rig.sleep(10, 10);
    rig.run(PING * 4);
    assert_eq!(rig.link.live(), conn);
    let status = rig.link.status();
    assert_eq!((status.word, status.attempt), (Word::Connected, 0));

    // A day forward cannot be told from a sleep: it costs one connection, and no more.
    let dials = rig.dials.len();
    rig.sleep(10, 24 * HOUR);
    rig.run(60_000);
    assert_eq!(rig.word(), Word::Connected);
    assert!(rig.dials.len() <= dials + 1);
}

#[test]
fn fault_19_a_hidden_page_is_not_taken_for_a_dead_server() {
    // Timers run once a minute; what the server says comes at once all the same.
    let mut rig = Rig::stable(5);
    let conn = rig.link.live().unwrap();
    for _ in 0..120 {
        for _ in 0..2 {
            rig.now += PING;
            rig.act(|link, now, rng| {
                link.heard(now, conn);
                link.ping(now, conn, 1);
                let _ = rng;
            });
        }
        rig.sleep(10_000, 10_000);
    }
    assert_eq!(rig.link.live(), Some(conn));
}

#[test]
fn fault_39_no_dial_before_the_server_wants_one() {
    for asked in [2000, 120_000] {
        let mut rig = Rig::stable(5);
        let reason = format!("retry_after={asked}");
        let conn = rig.link.live().unwrap();
        rig.open.clear();
        rig.act(|link, now, rng| link.closed(now, conn, 4429, &reason, rng));
        let told = rig.now;
        // Nothing makes it hurry.
        rig.act(|link, now, _| link.nudge(now, Nudge::Online));
        rig.act(|link, now, _| link.reconnect(now));
        rig.run(asked + 60_000);
        let dials = rig.dials_since(told);
        assert_eq!(dials.len(), 1);
        assert!(dials[0] >= told + asked);
        assert_eq!(rig.word(), Word::Connected);
    }
}

#[test]
fn fault_39_a_busy_server_that_is_looked_at_is_obeyed_too() {
    let mut rig = Rig::stable(5);
    rig.doors[0] = Door::Shut;
    rig.window = Window::Busy(Some(120_000));
    rig.crash(1006);
    rig.run(1000);
    let told = rig.now;
    rig.back(None);
    rig.run(118_000);
    assert_eq!(rig.dials_since(told), []);
    rig.run(120_000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_39_a_tab_that_takes_the_lead_keeps_to_what_the_server_asked() {
    let mut rig = Rig::stable(5);
    let conn = rig.link.live().unwrap();
    rig.act(|link, now, rng| link.closed(now, conn, 4429, "retry_after=60000", rng));
    let mut heir = socket(false);
    heir.now = rig.now;
    heir.want_after(&rig);
    let began = heir.now;
    heir.run(120_000);
    assert!(heir.dials[0].0 >= began + 60_000);
}

#[test]
fn fault_39_no_server_keeps_us_away_for_ever() {
    let mut rig = Rig::stable(5);
    let conn = rig.link.live().unwrap();
    let reason = "retry_after=1000000000000";
    rig.act(|link, now, rng| link.closed(now, conn, 4429, reason, rng));
    rig.run(16 * 60_000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_63_a_token_is_renewed_without_a_new_connection() {
    let mut rig = socket(true);
    rig.token_life = Some(HOUR);
    rig.want();
    rig.run(10 * HOUR);
    assert_eq!((rig.dials.len(), rig.ups), (1, 1));
    assert!((9..=13).contains(&rig.authorized), "{}", rig.authorized);
    let renewals = rig.asked.iter().skip(1);
    assert!(renewals.clone().count() > 0);
    assert!(
        renewals
            .clone()
            .all(|(_, why)| *why == TokenReason::Expiring)
    );
}

#[test]
fn fault_63_a_renewal_that_fails_backs_off_until_the_server_closes() {
    let mut rig = socket(true);
    rig.token_life = Some(HOUR);
    rig.want();
    rig.run(1000);
    rig.app = App::Fails;
    rig.run(HOUR - 2000);
    assert!(rig.up, "the session goes on");
    let calls = rig.asked.len();
    assert!((3..20).contains(&calls), "{calls}");
    // The token has ended now, and the server says so.
    rig.run(2000);
    rig.crash(4401);
    assert_eq!(rig.word(), Word::NeedsAuth);
    let dials = rig.dials.len();
    rig.run(HOUR);
    assert_eq!(rig.dials.len(), dials, "nothing is dialled without a token");
    let calls = rig.asked.len() - calls;
    assert!(
        (10..120).contains(&calls),
        "the function may work again: {calls}"
    );
    rig.app = App::Gives;
    rig.run(5 * 60_000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn fault_63_a_connection_lost_while_the_renewal_fails_uses_the_token_that_still_lives() {
    let mut rig = socket(true);
    rig.token_life = Some(HOUR);
    rig.want();
    rig.run(1000);
    rig.app = App::Fails;
    rig.run(HOUR - 4 * 60_000);
    assert!(rig.asked.len() > 1, "a renewal was tried");
    rig.crash(1006);
    rig.run(10_000);
    assert!(rig.up);
}

#[test]
fn nothing_is_opened_that_is_not_closed_in_the_end() {
    let mut rig = Rig::stable(5);
    rig.act(|link, now, _| link.unwant(now, "the page is put away"));
    assert_eq!(rig.open, []);
    assert!(!rig.up);
    let step: Option<Step> = rig.link.poll();
    assert_eq!(step, None);
}
