//! Bounds and spans of the room.

use crate::engine::time::Millis;

/// What a tab shows of itself is told at most this often. A cursor that moves ten times a second
/// looks smooth; more would fill the link of everybody who watches.
pub const PRESENCE_THROTTLE: Millis = Millis(100);

/// It is told again this often, because others forget who is silent. By each tab to the one that
/// leads, which may have taken a frozen tab for gone, and by that one to the server.
pub const PRESENCE_RENEW: Millis = Millis::seconds(25);

/// Whoever is silent for this long is gone: two renewals were missed, and some seconds more.
pub const PRESENCE_TTL: Millis = Millis::seconds(60);

/// The same to a server that closes the channel of who shows itself too often. Supabase takes five times in 30 s,
/// counted from the first one: four are said, and one is left for what a join says again.
pub const PRESENCE_SELDOM: Millis = Millis::seconds(8);

/// The app is told of others at most this often, and of a crowd less often.
pub const PRESENCE_TELL: Millis = Millis(100);

/// Bytes of what an app shows of a tab. With its field and whether it is used it stays below what
/// others read.
pub const PRESENCE_SHOWN_BYTES_MAX: usize = 1024;

/// Bytes of what a tab shows of itself: a place, a cursor and some words.
pub const PRESENCE_META_BYTES_MAX: usize = 2048;

/// Bytes of what a browser shows of all its tabs.
pub const PRESENCE_DATA_BYTES_MAX: usize = 16 << 10;

/// Browsers on a channel that are known. Nobody reads a list of more; a server that has more
/// should tell a number.
pub const PRESENCE_CLIENTS_MAX: usize = 1000;

/// Changes that wait until everybody was told. What is beyond it is told again within a renewal.
pub const PRESENCE_EARLY_MAX: usize = 256;

/// Bytes of the name of a user or a client. The protocol allows a client 64.
pub const WHO_BYTES_MAX: usize = 255;

/// Bytes of a signal's name, as of an event's.
pub const SIGNAL_NAME_BYTES_MAX: usize = 64;

/// Signals that wait for their turn: each is of another name or channel, and of one only the last
/// one counts.
pub const SIGNALS_MAX: usize = 32;

/// Wishes to be shown on a channel of which it is remembered that they may be refused still. On a slow way some are
/// said before the first answer is there.
pub const SHOWS_MAX: usize = 8;

/// What was said more often than the server takes is said again after this.
pub const PRESENCE_AGAIN: Millis = Millis::seconds(2);

/// That somebody types is told at most this often.
pub const TYPING_EVERY: Millis = Millis(2500);

/// Who has not typed for this long has stopped.
pub const TYPING_STOP: Millis = Millis::seconds(4);

/// Who types is believed for this long without being told again: two times were missed.
pub const TYPING_TTL: Millis = Millis::seconds(6);

/// How long a lease is asked for. WedSync asks for 30 s: long enough for a slow network to renew
/// it, short enough to wait for when a machine crashes.
pub const LEASE_TTL: Millis = Millis::seconds(30);

/// The longest lease that is believed.
pub const LEASE_TTL_MAX: Millis = Millis::minutes(10);

/// A tab stops this much before the server does: a write that is sent at the last moment has to
/// arrive in time.
pub const LEASE_MARGIN: Millis = Millis::seconds(2);

/// A question for a lease that is not answered is asked again after this span.
pub const LEASE_ASK_TIMEOUT: Millis = Millis::seconds(10);

/// Fields that a tab knows of. A form has some dozens.
pub const LEASES_MAX: usize = 200;

/// Bytes of a field's name.
pub const FIELD_BYTES_MAX: usize = 255;
