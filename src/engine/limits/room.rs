//! Bounds and spans of the room.

use crate::engine::time::Millis;

/// What a tab shows of itself is told at most this often. A cursor that moves ten times a second
/// looks smooth; more would fill the link of everybody who watches.
pub const PRESENCE_THROTTLE: Millis = Millis(100);

/// It is told again this often, because others forget who is silent.
pub const PRESENCE_RENEW: Millis = Millis::seconds(25);

/// Whoever is silent for this long is gone: two renewals were missed, and some seconds more.
pub const PRESENCE_TTL: Millis = Millis::seconds(60);

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
