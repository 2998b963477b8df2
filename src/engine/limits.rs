//! Every bound and every default span of time, with its reason.

use super::time::Millis;

/// Channels that a tab may watch. Supabase stops at 100, the native server at 50; a page that
/// shows more than 50 live things at a time has a list and should watch the list.
pub const CHANNELS_MAX: usize = 50;

/// Bytes of a channel's name: what every server we know accepts.
pub const CHANNEL_NAME_BYTES_MAX: usize = 255;

/// Event names that a configuration may route.
pub const ROUTES_MAX: usize = 1000;

/// Families of query keys that may be known at a time.
pub const FAMILIES_MAX: usize = 10_000;

/// Bytes of a query key as JSON text. TanStack hashes keys of any size; one of 4 KiB is a mistake.
pub const KEY_BYTES_MAX: usize = 4096;

/// Tabs that a leader keeps a record of. A browser with more has other troubles first; the ones
/// beyond are served by broadcast all the same, only their own channels are not subscribed.
pub const TABS_MAX: usize = 256;

/// Bytes of a message between tabs.
pub const TAB_MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Events of one family within this span are one invalidation. Long enough to merge a burst,
/// short enough that nobody sees it (a person notices 100 ms, PulsePlan allows 50 ms of 500).
pub const WINDOW: Millis = Millis(100);

/// How long a socket may take to open and to be welcomed. Mobile networks need seconds for TLS;
/// a firewall that drops packets never answers.
pub const CONNECT_TIMEOUT: Millis = Millis::seconds(10);

/// What is added to the server's ping interval before silence means a dead link. The network may
/// delay a ping by that much; Centrifugo found 10 s right.
pub const SILENCE_GRACE: Millis = Millis::seconds(10);

/// How long the answer to our own ping may take after waking up.
pub const PROBE_TIMEOUT: Millis = Millis::seconds(5);

/// The first dial after a loss happens within this span.
pub const BACKOFF_FIRST: Millis = Millis(500);

/// The longest wait between two dials. A server that is down for an hour is found again within
/// half a minute, at a cost of two dials a minute.
pub const BACKOFF_MAX: Millis = Millis::seconds(30);

/// A connection that lived this long after it was synced was good: the next loss starts with a
/// short wait again. One that dies sooner is part of the same trouble.
pub const STABLE_AFTER: Millis = Millis::seconds(10);

/// A server may ask for a longer wait than ours, but not for ever.
pub const RETRY_AFTER_MAX: Millis = Millis::minutes(15);

/// A follower tells the leader that it is still there this often. Hidden tabs are throttled to a
/// timer a minute, so a shorter span would not be kept.
pub const ROSTER_RENEW: Millis = Millis::seconds(60);

/// A tab that was silent this long is taken off the roster.
pub const ROSTER_EXPIRE: Millis = Millis::seconds(180);

// Hybrid logical clock.

/// How far ahead of ours the clock of another device may be to be followed. Devices that ask a
/// time server agree within a second; a minute leaves room for those that do so once a day.
pub const HLC_DRIFT_MAX: Millis = Millis::minutes(1);
