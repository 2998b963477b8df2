//! The ladder: down when a transport does not work, up again when the better one does.

use super::rig::{Door, Rig, Window, settings};
use crate::engine::ids::ConnId;
use crate::engine::limits::{CONNECT_TIMEOUT, STABLE_AFTER, UPGRADE_FIRST, UPGRADE_MAX};
use crate::engine::status::{Transport, Word};

const ALL: [Transport; 3] = [Transport::Socket, Transport::Stream, Transport::Poll];
const HOUR: u64 = 3_600_000;

fn ladder() -> Rig {
    Rig::new(settings(&ALL, false), 31)
}

/// Behind a firewall that lets sockets hang.
fn on_stream() -> Rig {
    let mut rig = ladder();
    rig.doors[0] = Door::Hangs;
    rig.want();
    rig.run(CONNECT_TIMEOUT.0 + 5000);
    assert_eq!(rig.link.status().transport, Some(Transport::Stream));
    assert!(rig.up);
    rig
}

#[test]
fn fault_7_a_socket_that_hangs_leads_to_a_stream_and_that_to_polling() {
    let rig = on_stream();
    assert_eq!(rig.word(), Word::Degraded);

    let mut rig = ladder();
    rig.doors[0] = Door::Hangs;
    rig.doors[1] = Door::Hangs;
    rig.want();
    rig.run(2 * CONNECT_TIMEOUT.0 + 10_000);
    assert_eq!(rig.link.status().transport, Some(Transport::Poll));
    assert_eq!((rig.word(), rig.up), (Word::Degraded, true));
}

#[test]
fn fault_7_a_way_that_is_shut_costs_no_pause_before_the_next_one() {
    let mut longest = 0;
    for seed in 0..50 {
        let mut rig = Rig::new(settings(&ALL, false), seed);
        rig.want();
        rig.run(60_000);
        // A long trouble with connections, of a server that answers: pauses have grown.
        rig.doors = [Door::Shut; 3];
        rig.crash(1006);
        rig.run(5 * 60_000);
        assert!(!rig.up);
        let (began, tried) = (rig.now, rig.dials.len());
        rig.doors = [Door::Hangs, Door::Hangs, Door::Open];
        while !rig.up {
            rig.run(100);
        }
        // From the first that hung on.
        let first = rig.dials[tried..].first().map_or(began, |(at, _)| *at);
        longest = longest.max(rig.now - first);
    }
    assert!(longest <= 2 * CONNECT_TIMEOUT.0 + 5000, "{longest}");
}

#[test]
fn fault_7_the_good_transport_is_remembered() {
    let mut rig = on_stream();
    rig.run(STABLE_AFTER.0 + 1000);
    let before = rig.now;
    rig.crash(1006);
    rig.run(3000);
    assert!(rig.up);
    let dialled: Vec<Transport> = rig
        .dials
        .iter()
        .filter(|(at, _)| *at >= before)
        .map(|(_, transport)| *transport)
        .collect();
    assert_eq!(dialled, [Transport::Stream]);

    // A tab that takes the lead begins with it.
    let mut heir = ladder();
    heir.want_after(&rig);
    assert_eq!(heir.dials[0].1, Transport::Stream);
}

#[test]
fn fault_7_the_better_one_is_tried_again_with_a_growing_pause() {
    let mut rig = on_stream();
    let began = rig.now;
    rig.run(12 * HOUR);
    let tries: Vec<u64> = rig
        .dials
        .iter()
        .filter(|(at, transport)| *at > began && *transport == Transport::Socket)
        .map(|(at, _)| *at - began)
        .collect();
    assert!(tries[0] <= UPGRADE_FIRST.0);
    let gaps: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps.iter()
            .all(|gap| *gap <= UPGRADE_MAX.0 + CONNECT_TIMEOUT.0)
    );
    assert!(gaps[0] < 2 * UPGRADE_FIRST.0 + CONNECT_TIMEOUT.0);
    assert!((20..60).contains(&tries.len()), "{}", tries.len());
    assert_eq!(rig.ups, 1, "the link was never given up for a try");
    assert_eq!(rig.open.len(), 1, "a try that failed is closed");
}

#[test]
fn when_the_better_one_works_it_takes_over_and_the_other_is_closed() {
    let mut rig = on_stream();
    let stream = rig.link.live().unwrap();
    rig.doors[0] = Door::Open;
    rig.run(UPGRADE_FIRST.0 + 1000);
    let status = rig.link.status();
    assert_eq!(
        (status.word, status.transport),
        (Word::Connected, Some(Transport::Socket))
    );
    assert!(!rig.link.owns(stream));
    assert_eq!((rig.open.len(), rig.ups), (1, 2));
    rig.run(HOUR);
    assert_eq!(rig.open.len(), 1);
}

#[test]
fn a_new_network_is_a_reason_to_try_the_better_one_at_once() {
    let mut rig = on_stream();
    rig.run(2 * HOUR);
    rig.doors[0] = Door::Open;
    rig.act(|link, now, _| link.online(now, true));
    rig.run(2000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn who_asks_for_a_new_link_gets_the_better_one_at_once_if_it_works() {
    let mut rig = on_stream();
    // Long enough for a pause of minutes between two tries.
    rig.run(2 * HOUR);
    rig.doors[0] = Door::Open;
    rig.act(|link, now, _| link.reconnect(now));
    rig.run(3000);
    assert_eq!(rig.word(), Word::Connected);
}

#[test]
fn who_asks_in_vain_is_connected_as_before() {
    let mut rig = on_stream();
    rig.run(2 * HOUR);
    let before = rig.now;
    rig.act(|link, now, _| link.reconnect(now));
    rig.run(CONNECT_TIMEOUT.0 + 5000);
    assert_eq!((rig.word(), rig.up), (Word::Degraded, true));
    assert_eq!(
        rig.dials_since(before).len(),
        2,
        "one try of the better one"
    );
    rig.run(HOUR);
    assert_eq!(rig.link.status().transport, Some(Transport::Stream));
}

#[test]
fn the_link_that_is_lost_during_a_try_takes_the_try_with_it() {
    let mut rig = on_stream();
    while rig.open.len() < 2 {
        rig.run(100);
    }
    let live = rig.link.live().unwrap();
    rig.act(|link, now, rng| link.closed(now, live, 1006, "", rng));
    assert_eq!(rig.open.len(), 0);
    rig.run(10_000);
    assert!(rig.up);
}

#[test]
fn a_try_that_is_refused_does_not_harm_the_link() {
    for code in [1006, 4401, 4403, 4429] {
        let mut rig = on_stream();
        let live = rig.link.live();
        rig.doors[0] = Door::Closes(code);
        rig.run(HOUR);
        assert_eq!(rig.link.live(), live, "{code}");
        assert_eq!(rig.word(), Word::Degraded, "{code}");
    }
}

#[test]
fn a_server_that_is_down_is_not_the_transports_fault() {
    let mut rig = ladder();
    rig.want();
    rig.run(20_000);
    rig.down();
    rig.crash(1006);
    rig.run(HOUR);
    rig.back(None);
    rig.run(60_000);
    let status = rig.link.status();
    assert_eq!(
        (status.word, status.transport),
        (Word::Connected, Some(Transport::Socket))
    );
}

#[test]
fn sockets_that_are_refused_while_the_server_answers_lead_down() {
    let mut rig = ladder();
    rig.doors[0] = Door::Shut;
    rig.want();
    rig.run(15_000);
    assert_eq!(rig.link.status().transport, Some(Transport::Stream));
    let sockets = rig.dials.iter().filter(|(_, t)| *t == Transport::Socket);
    assert_eq!(sockets.count(), 3);
}

#[test]
fn a_socket_that_never_holds_leads_down() {
    let mut rig = ladder();
    rig.want();
    let mut cuts = 0;
    loop {
        rig.run(3000);
        if rig.link.status().transport == Some(Transport::Stream) {
            break;
        }
        if rig.up {
            rig.crash(1006);
            cuts += 1;
        }
    }
    assert_eq!(cuts, 3);
}

#[test]
fn a_server_without_streams_is_polled() {
    let mut rig = Rig::new(settings(&[Transport::Stream, Transport::Poll], false), 1);
    rig.doors[1] = Door::Closes(501);
    rig.want();
    rig.run(3000);
    assert_eq!(rig.link.status().transport, Some(Transport::Poll));
    assert!(rig.up);
}

#[test]
fn pages_that_cannot_see_the_server_by_http_do_without() {
    // The server is there, but no look of this page ever finds it.
    let mut rig = Rig::new(settings(&[Transport::Socket], false), 31);
    rig.window = Window::Dark;
    rig.want();
    for _ in 0..4 {
        rig.run(20_000);
        assert!(rig.up);
        rig.crash(1006);
        rig.run(1500);
    }
    rig.run(20_000);
    let looks = rig.looks.len();
    rig.crash(1006);
    rig.run(20_000);
    assert!(rig.up);
    assert_eq!(rig.looks.len(), looks, "looks were found to be of no use");
}

#[test]
fn what_is_said_over_http_goes_by_requests() {
    let mut rig = on_stream();
    rig.act(|link, now, rng| link.say(now, "hello".to_owned(), rng));
    assert_eq!(rig.frames, ["hello"]);
}

#[test]
fn a_stream_that_never_ends_a_line_is_given_up() {
    let mut rig = on_stream();
    let conn = rig.link.live().unwrap();
    let chunk = vec![b'x'; 1 << 16];
    for _ in 0..40 {
        rig.act(|link, now, rng| {
            link.heard(now, conn);
            let _ = link.read(now, conn, &chunk, rng);
        });
    }
    assert!(!rig.link.owns(conn));
    rig.act(|link, now, rng| assert!(link.read(now, ConnId(99), b"x", rng).is_empty()));
    rig.run(5000);
    assert!(rig.up);
}
