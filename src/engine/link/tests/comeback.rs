//! A server that is there again, or seems to be: when it is dialled.

use super::rig::{Door, Rig, Window};

#[test]
fn a_server_that_was_away_for_long_is_dialled_when_it_says() {
    for seed in 0..40 {
        let mut rig = Rig::connected(seed);
        rig.run(60_000);
        rig.window = Window::Dark;
        rig.doors = [Door::Shut; 3];
        rig.crash(1006);
        rig.run(20_000);
        rig.window = Window::Here(Some(0));
        rig.doors = [Door::Open; 3];
        // Looks are half a second apart then, and growing; what it says comes on top.
        rig.run(3500);
        assert!(rig.up, "seed {seed}");
    }
}

#[test]
fn fault_4_a_server_that_drops_everybody_is_not_dialled_as_often_as_it_invites() {
    let mut rig = Rig::stable(14);
    rig.window = Window::Here(Some(0));
    rig.dials.clear();
    for _ in 0..120 {
        rig.run(500);
        rig.crash(1011);
    }
    // The first at once, then ever more slowly: ten seconds apart at most, five on average.
    assert!((8..=20).contains(&rig.dials.len()), "{:?}", rig.dials);
}
