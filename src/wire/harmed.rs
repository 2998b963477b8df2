//! Sessions with a server as the targets of the fuzzer read them (`fuzz/seeds`), and what may become of them on the
//! way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

/// What stands between the deeds of a session.
const BETWEEN: u8 = 0x1E;

#[derive(Clone, Debug)]
enum Harm {
    Drop(usize),
    Twice(usize),
    Swap(usize, usize),
    Cut(usize, usize),
    Byte(usize, usize, u8),
    Begin(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = || 0usize..64;
    prop_oneof![
        at().prop_map(Harm::Drop),
        at().prop_map(Harm::Twice),
        (at(), at()).prop_map(|(a, b)| Harm::Swap(a, b)),
        (at(), 0usize..400).prop_map(|(a, b)| Harm::Cut(a, b)),
        (at(), 0usize..400, any::<u8>()).prop_map(|(a, b, c)| Harm::Byte(a, b, c)),
        at().prop_map(Harm::Begin),
    ]
}

/// One of the sessions, of which there is one a line, harmed.
pub fn session(seeds: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let harms = prop::collection::vec(harm(), 0..12);
    let seeds: Vec<&str> = seeds.lines().collect();
    (prop::sample::select(seeds), harms).prop_map(|(seed, harms)| {
        let seed = bytes(seed);
        let at = seed.iter().position(|byte| *byte == b'\n').unwrap();
        let (config, deeds) = seed.split_at(at + 1);
        let deeds = deeds.split(|byte| *byte == BETWEEN);
        let mut deeds: Vec<Vec<u8>> = deeds.map(<[u8]>::to_vec).collect();
        for harm in harms {
            does(&mut deeds, &harm);
        }
        [config, &deeds.join(&BETWEEN)].concat()
    })
}

fn does(deeds: &mut Vec<Vec<u8>>, harm: &Harm) {
    let count = deeds.len();
    match *harm {
        Harm::Drop(at) if count > 1 => {
            deeds.remove(at % count);
        }
        Harm::Drop(_) => {}
        Harm::Twice(at) => {
            let deed = deeds[at % count].clone();
            deeds.insert(at % count, deed);
        }
        Harm::Swap(a, b) => deeds.swap(a % count, b % count),
        Harm::Cut(at, length) => deeds[at % count].truncate(length),
        Harm::Byte(at, place, byte) => {
            if let Some(there) = deeds[at % count].get_mut(place) {
                *there = byte;
            }
        }
        Harm::Begin(at) => deeds.insert(at % count, b"n".to_vec()),
    }
}

/// The bytes of a line, which is written like the inside of a byte string.
fn bytes(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.extend(&rest.as_bytes()[..at]);
        let (escape, length) = match rest.as_bytes()[at + 1] {
            b'n' => (b'\n', 2),
            b'x' => (u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap(), 4),
            other => (other, 2),
        };
        out.push(escape);
        rest = &rest[at + length..];
    }
    out.extend(rest.as_bytes());
    out
}
