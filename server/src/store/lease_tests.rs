#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use super::super::database::Database;
use super::super::sqlite;
use super::*;

const LIMITS: StoreLimits = StoreLimits {
    history_max: 10,
    age_ms_max: 1000,
    tasks_max: 10,
    channels_max: 10,
    users_max: 10,
    leases_max: 4,
    leases_of_one_max: 2,
    answers_max: 10,
    answers_age_ms_max: 1000,
    versions_max: 3,
    versions_age_ms_max: 1000,
};

fn database() -> Database {
    sqlite::open(None, LIMITS, Millis(5_000)).unwrap()
}

fn owner(client: &str, user: Option<&str>) -> Owner {
    Owner {
        client: ClientId::parse(client).unwrap(),
        user: user.map(|user| UserName::parse(user).unwrap()),
    }
}

fn ask(owner: Owner, session: u64, field: &str, fence: Option<u64>) -> LockAsk {
    LockAsk {
        channel: ChannelName::parse("c").unwrap(),
        field: FieldName::parse(field).unwrap(),
        fence,
        ttl_ms: 100,
        shown: Holder {
            client: Some(owner.client.clone()),
            user: owner.user.clone(),
        },
        owner,
        session: SessionKey(session),
    }
}

fn lock(database: &mut Database, ask: &LockAsk, now: u64) -> Locked {
    database.leases().lock(ask, Millis(now)).unwrap()
}

fn fence(locked: Locked) -> u64 {
    match locked {
        Locked::Granted { fence } => fence,
        other => panic!("a lease was expected, not {other:?}"),
    }
}

fn claim(field: &str, fence: u64) -> Claim {
    Claim {
        channel: ChannelName::parse("c").unwrap(),
        field: FieldName::parse(field).unwrap(),
        fence,
    }
}

#[test]
fn one_at_a_time_has_a_field_and_every_lease_has_a_larger_fence() {
    let mut database = database();
    let (jane, bob) = (owner("a", Some("jane")), owner("b", Some("bob")));
    let first = fence(lock(&mut database, &ask(jane.clone(), 1, "f", None), 0));
    match lock(&mut database, &ask(bob.clone(), 2, "f", None), 99) {
        Locked::Taken(lease) => assert_eq!(
            (lease.fence, lease.ttl_ms, lease.holder.user),
            (first, 1, jane.user.clone())
        ),
        other => panic!("{other:?}"),
    }
    let second = fence(lock(&mut database, &ask(bob, 2, "f", None), 100));
    assert!(second > first);
    assert_eq!(
        lock(&mut database, &ask(jane, 1, "f", Some(first)), 100),
        Locked::Stale
    );
}

#[test]
fn a_lease_goes_on_under_its_fence_from_whatever_tab_of_the_person() {
    let mut database = database();
    let jane = |client| owner(client, Some("jane"));
    let first = fence(lock(&mut database, &ask(jane("a"), 1, "f", None), 0));
    for (client, session, now) in [("a", 1, 50), ("b", 2, 120)] {
        let goes_on = ask(jane(client), session, "f", Some(first));
        assert_eq!(fence(lock(&mut database, &goes_on, now)), first);
    }
    // The first connection ends later than the second one took over.
    database.leases().lose(SessionKey(1), Millis(125)).unwrap();
    let (freed, next) = (
        database.leases().expire(Millis(200)).unwrap(),
        database.leases().next_end(),
    );
    assert_eq!((freed, next.unwrap()), (Vec::new(), Some(Millis(220))));
    let bob = ask(owner("c", Some("bob")), 3, "f", Some(first));
    assert!(matches!(lock(&mut database, &bob, 210), Locked::Taken(_)));
    // Over, but nobody had it since.
    assert_eq!(database.leases().expire(Millis(220)).unwrap().len(), 1);
    assert_eq!(lock(&mut database, &bob, 230), Locked::Stale);
    let back = ask(jane("b"), 2, "f", Some(first));
    assert_eq!(fence(lock(&mut database, &back, 230)), first);
}

#[test]
fn who_has_no_name_goes_on_when_the_first_connection_is_lost() {
    let mut database = database();
    let first = fence(lock(&mut database, &ask(owner("a", None), 1, "f", None), 0));
    let other = ask(owner("b", None), 2, "f", Some(first));
    assert!(matches!(lock(&mut database, &other, 10), Locked::Taken(_)));
    database.leases().lose(SessionKey(1), Millis(50)).unwrap();
    assert_eq!(fence(lock(&mut database, &other, 20)), first);
    // A person with a name is somebody else.
    let jane = ask(owner("a", Some("jane")), 3, "f", Some(first));
    assert!(matches!(lock(&mut database, &jane, 30), Locked::Taken(_)));
}

#[test]
fn an_answer_that_got_lost_locks_nobody_out_of_their_own_field() {
    let mut database = database();
    let jane = ask(owner("a", Some("jane")), 1, "f", None);
    let lost = fence(lock(&mut database, &jane, 0));
    assert!(fence(lock(&mut database, &jane, 10)) > lost);
    // But another tab of hers does not take it from under her hands.
    let tab = ask(owner("b", Some("jane")), 2, "f", None);
    assert!(matches!(lock(&mut database, &tab, 10), Locked::Taken(_)));
}

#[test]
fn only_the_holder_gives_a_lease_back() {
    let mut database = database();
    let (jane, bob) = (owner("a", Some("jane")), owner("b", Some("bob")));
    let first = fence(lock(&mut database, &ask(jane.clone(), 1, "f", None), 0));
    let mut unlock = |fence, owner| {
        let claim = claim("f", fence);
        database.leases().unlock(&claim, owner, Millis(10)).unwrap()
    };
    assert!(!unlock(first, &bob));
    assert!(!unlock(first + 1, &jane));
    assert!(unlock(first, &jane));
    assert!(!unlock(first, &jane));
    let second = fence(lock(&mut database, &ask(bob, 2, "f", None), 11));
    assert!(second > first);
}

#[test]
fn a_write_is_good_under_the_last_fence_of_its_field_only() {
    let mut database = database();
    let jane = ask(owner("a", Some("jane")), 1, "f", None);
    let bob = ask(owner("b", Some("bob")), 2, "f", None);
    let holds = |database: &mut Database, fence| holds(database.sql(), &claim("f", fence)).unwrap();
    assert!(!holds(&mut database, 1), "nobody ever had it");
    let first = fence(lock(&mut database, &jane, 0));
    assert!(holds(&mut database, first));
    database.leases().expire(Millis(100)).unwrap();
    assert!(holds(&mut database, first), "over, and nobody had it since");
    let second = fence(lock(&mut database, &bob, 100));
    assert!(!holds(&mut database, first));
    assert!(holds(&mut database, second));
}

#[test]
fn a_file_remembers_fences_and_forgets_connections() {
    let path = std::env::temp_dir().join(format!("everfresh-leases-{}", std::process::id()));
    let open = |now| sqlite::open(Some(&path), LIMITS, Millis(now)).unwrap();
    let _old = std::fs::remove_file(&path);
    let mut database = open(0);
    let first = fence(lock(&mut database, &ask(owner("a", None), 1, "f", None), 0));
    let other = fence(lock(&mut database, &ask(owner("a", None), 1, "g", None), 0));
    drop(database);
    let mut database = open(10);
    // Connection 1 of this run is another one.
    database.leases().lose(SessionKey(1), Millis(0)).unwrap();
    let goes_on = ask(owner("b", None), 1, "f", Some(first));
    assert_eq!(fence(lock(&mut database, &goes_on, 10)), first);
    let new = fence(lock(
        &mut database,
        &ask(owner("b", None), 1, "h", None),
        10,
    ));
    assert!(new > other);
    drop(database);
    let _old = std::fs::remove_file(&path);
    // A file that is lost begins anew beyond what the last one can have given out.
    let mut database = open(2_000);
    assert!(fence(lock(&mut database, &ask(owner("a", None), 1, "f", None), 0)) > new);
    drop(database);
    for end in ["", "-wal", "-shm"] {
        let _done = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
fn leases_have_a_number_and_the_oldest_free_field_is_forgotten() {
    let mut database = database();
    let jane = |field| ask(owner("a", Some("jane")), 1, field, None);
    let bob = |field| ask(owner("b", Some("bob")), 2, field, None);
    let first = fence(lock(&mut database, &jane("f"), 0));
    lock(&mut database, &jane("g"), 0);
    assert_eq!(lock(&mut database, &jane("h"), 0), Locked::TooMany);
    lock(&mut database, &bob("h"), 0);
    lock(&mut database, &bob("i"), 0);
    let ada = ask(owner("c", Some("ada")), 3, "j", None);
    assert_eq!(lock(&mut database, &ada, 10), Locked::TooMany);
    assert!(
        database
            .leases()
            .unlock(&claim("f", first), &jane("f").owner, Millis(10))
            .unwrap()
    );
    fence(lock(&mut database, &ada, 10));
    assert_eq!(
        lock(
            &mut database,
            &ask(owner("a", Some("jane")), 1, "f", Some(first)),
            10
        ),
        Locked::Stale
    );
    let fields: Vec<String> = database
        .leases()
        .on(&ada.channel, Millis(10))
        .unwrap()
        .iter()
        .map(|lease| lease.field.as_str().to_owned())
        .collect();
    assert_eq!(fields, ["g", "h", "i", "j"]);
}
