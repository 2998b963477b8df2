//! Every bound and every default span of time, with its reason.

mod room;

pub use room::*;

use super::time::Millis;

/// Channels that a tab may watch. Supabase stops at 100, the native server at 50; a page that
/// shows more than 50 live things at a time has a list and should watch the list.
pub const CHANNELS_MAX: usize = 50;

/// Bytes of a channel's name: what every server we know accepts.
pub const CHANNEL_NAME_BYTES_MAX: usize = 255;

/// Backends that an instance may have at the same time. The systems that we know have two.
pub const LAYERS_MAX: usize = 8;

/// Bytes of the name of one of several backends: it is shown, and stands before names of channels.
pub const LAYER_NAME_BYTES_MAX: usize = 64;

/// How long a backend may take to tell of a change that another one told of. Supabase tells of changes of
/// rows some seconds late when it is busy.
pub const LAYER_PATIENCE: Millis = Millis::seconds(10);

/// Changes in a row of which a backend that is connected did not tell when it counts as silent. One alone may
/// be a change that is none of its business.
pub const LAYER_MISSES: u32 = 2;

/// Changes of which it is remembered who told of them. Four a second, for as long as they are known.
pub const LAYER_CHANGES_MAX: usize = 256;

/// Kinds of changes that are remembered of a backend: as many as events that a page knows by heart.
pub const LAYER_KINDS_MAX: usize = 64;

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

// The link.

/// Two dials are never closer than this. A flapping network fires 20 changes in 10 s; and Chromium
/// makes a page wait that has dialled about 30 times in 10 s in vain.
pub const DIAL_GAP: Millis = Millis::seconds(1);

/// Reasons to reconnect that come within this span are one reason: waking up is told by up to
/// five events of the page within a few milliseconds.
pub const RECONNECT_DEBOUNCE: Millis = Millis(50);

/// With no sign of the server for this long the app is told `offline` and no longer
/// `reconnecting`. Long enough for a server that is restarted.
pub const OFFLINE_AFTER: Millis = Millis::seconds(15);

/// A stable connection that is back within this span was never shown as lost: a proxy that cuts
/// every connection after a minute shall not make the indicator flicker.
pub const STATUS_GRACE: Millis = Millis::seconds(2);

/// After the attempts that the app allows, the server is looked for this often: a user who left
/// the page open comes back to one that lives.
pub const REST_PAUSE: Millis = Millis::minutes(1);

/// Dials that failed at once, before a 401 by HTTP is taken for the reason. One or two can be a
/// server that was restarting.
pub const REFUSALS_BEFORE_AUTH: u32 = 3;

/// Failures of a transport, with the server in sight, before the next lower one is tried. A
/// transport that hangs counts for all of them: only a firewall does that.
pub const TRANSPORT_STRIKES: u8 = 3;

/// On a lower transport, when the better one is first tried again.
pub const UPGRADE_FIRST: Millis = Millis::seconds(30);

/// The longest pause between two tries of the better transport. A firewall stays for as long as
/// the user sits behind it; a try costs one dial.
pub const UPGRADE_MAX: Millis = Millis::minutes(30);

/// In the first second of an outage the server is looked for this often: most outages are a
/// server that is restarted, and 150 ms more are not noticed.
pub const SCOUT_QUICK: Millis = Millis(150);

/// How long the server is looked for quickly.
pub const SCOUT_QUICK_FOR: Millis = Millis(1200);

/// After that, up to [`SCOUT_STEADY_FOR`].
pub const SCOUT_STEADY: Millis = Millis(500);

/// After this the pause grows with the outage: an eighth of it, up to [`BACKOFF_MAX`]. So an
/// outage is at most an eighth longer than the server's own, and an hour costs 200 looks.
pub const SCOUT_STEADY_FOR: Millis = Millis::seconds(10);

/// The server is looked for only this often while the browser says that there is no network.
pub const SCOUT_OFFLINE: Millis = Millis::seconds(5);

/// How long the answer to a look may take. Shorter than a dial, because the next look costs
/// nothing.
pub const SCOUT_TIMEOUT: Millis = Millis::seconds(4);

/// Bytes of the answer to a look. Ours has 30; a proxy's error page may have some thousand.
pub const SCOUT_BYTES_MAX: usize = 64 << 10;

/// A server may ask for this delay between a look and the dial, to spread those who come back.
pub const COMEBACK_DELAY_MAX: Millis = Millis::minutes(1);

/// Within which those come back who see their server again, if it does not say when it wants to
/// be dialled. A thousand pages are then ten in 100 ms.
pub const COMEBACK_SPREAD: Millis = Millis::seconds(10);

/// Within which those come back whom a server sent away without saying within what. A thousand
/// pages are then ten in 100 ms; and who works on a server does not wait for long.
pub const GOAWAY_SPREAD: Millis = Millis::seconds(10);

/// A server may ask for a wider spread, within reason.
pub const GOAWAY_SPREAD_MAX: Millis = Millis::minutes(5);

/// A round trip longer than this makes the link `degraded`.
pub const SLOW_AFTER: Millis = Millis::seconds(2);

/// A round trip shorter than this ends that. Less than [`SLOW_AFTER`], or a link at the edge
/// would change its state with every answer.
pub const SLOW_UNTIL: Millis = Millis::seconds(1);

/// The round trip is measured again after this span, when the server's ping has woken the radio
/// anyway.
pub const MEASURE_EVERY: Millis = Millis::seconds(50);

/// What arrives this soon after a question may have waited for a frozen page, and is no sign
/// that the other side lives now.
pub const STALE_BURST: Millis = Millis::seconds(1);

/// A page that was away for longer than this asks whether the link is still there. Hidden pages
/// are late by a second all the time.
pub const AWAY: Millis = Millis::seconds(5);

/// How long the app's token function may take. It may show nothing to the user, so that a slow
/// network is all that it waits for.
pub const TOKEN_TIMEOUT: Millis = Millis::seconds(30);

/// The longest pause between two calls of a token function that fails.
pub const TOKEN_RETRY_MAX: Millis = Millis::minutes(2);

/// A token is renewed this long before it ends, or earlier if its life is long: time for three
/// failures.
pub const TOKEN_AHEAD: Millis = Millis::seconds(60);

/// Two renewals are never closer than this, however short the server makes the life of a token.
pub const TOKEN_GAP: Millis = Millis::seconds(10);

/// A token that is said to live longer is renewed after this all the same: the clocks that the
/// two moments were read from may be wrong.
pub const TOKEN_LIFE_MAX: Millis = Millis::minutes(24 * 60);

/// Bytes of a token. Proxies stop at headers of 8 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Bytes of messages that may wait while the server asks for less or a request is under way.
/// Beyond it the connection is given up, and what is needed is said anew on the next.
pub const OUTBOX_BYTES_MAX: usize = 256 << 10;

/// Bytes of messages in one request: what the server takes as one frame.
pub const POST_BYTES_MAX: usize = 60 << 10;

/// Between two requests that wait for messages, when the first had some: long enough to gather a
/// burst, short enough that nobody notices.
pub const POLL_GAP: Millis = Millis(50);

/// The same, when it had none: a server that does not know how to wait is not asked all the time.
pub const POLL_GAP_EMPTY: Millis = Millis::seconds(1);

/// Bytes of an answer that carries messages: some frames of the largest size.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Bytes of one line of an event stream: the largest frame and its field name.
pub const STREAM_LINE_BYTES_MAX: usize = (1 << 20) + 16;

/// Answers to pings and the like that may wait for a request to be over. A server pings seldom.
pub const SIGNS_WAITING_MAX: usize = 16;

/// A server that says that it pings less often than this is taken at this: a link that may be
/// silent for longer is no link.
pub const PING_MAX: Millis = Millis::minutes(5);

/// How long a request that says something may take.
pub const POST_TIMEOUT: Millis = Millis::seconds(10);

/// Things of the link that may become due one by the other within one moment.
pub const DUE_AT_ONCE_MAX: usize = 8;

/// Attempts in a row that are not made because looks show that they would be in vain. About a
/// minute and a half of them.
pub const ATTEMPTS_SPARED_MAX: u32 = 10;

// Invalidation and refetches.

/// Query keys that the ledger of a tab may hold. TanStack Query itself gets slow before that.
pub const KEYS_MAX: usize = 10_000;

/// Families that payloads and the app name, known at a time. A storm that names more than this
/// within a window has changed about everything: the wider family is told instead.
pub const TRANSIENT_FAMILIES_MAX: usize = 256;

/// Spans of time that one family may be told by within a window; beyond it all of it is told. Each
/// is compared with each key of the family, so 64 keep 10,000 keys within a millisecond or two.
pub const SPANS_MAX: usize = 64;

/// Spans that one event may name: old and new times of a few blocks.
pub const SPANS_PER_ROUTE_MAX: usize = 8;

/// How long a change is remembered, to recognise it when another layer tells of it. The slowest
/// layer is a poll, every 30 s; twice that.
pub const CHANGE_REMEMBERED: Millis = Millis::seconds(60);

/// Changes that are remembered. At 100 bytes each they cost 50 KB; the page that has more of them in
/// a minute pays with a refetch too many.
pub const CHANGES_MAX: usize = 512;

/// Bytes of what identifies a change. An id or a time is much shorter.
pub const CHANGE_BYTES_MAX: usize = 256;

/// Mutations of our own whose result is in the cache and whose echo has not come yet.
pub const APPLIED_MAX: usize = 256;

/// Refetches that may be told at once. A page with more live queries than this fills its connections
/// for seconds, and what is told last can no longer be put first.
pub const REFETCH_BURST: u64 = 100;

/// Refetches a second beyond the burst. A browser opens six connections to an HTTP/1 server: with
/// 100 ms a fetch that is 60 a second, and more would only queue where nobody can reorder them.
pub const REFETCH_PER_SECOND: u64 = 50;

/// Tokens that are left after the server asked for calm: to begin again with all of them would be
/// what it asked to be spared.
pub const REFETCH_AFTER_CALM: u64 = 5;

/// A refetch that waited this long for its turn goes before visible and cheap ones.
pub const REFETCH_WAIT_MAX: Millis = Millis::seconds(5);

/// Hosts whose refetches are counted apart. Beyond them the rest share one account.
pub const HOSTS_MAX: usize = 8;

/// Within this span the adapter has to start a fetch that it was told to. It does so in a microtask;
/// a query that is disabled or paused never does.
pub const REFETCH_START_WITHIN: Millis = Millis::seconds(10);

/// A fetch that did not end within this span is taken for lost: nothing on the web hangs longer that
/// still answers.
pub const FETCH_LOST_AFTER: Millis = Millis::minutes(5);

/// When the page was away, or the network was, a fetch that ran meanwhile has this long to end, or
/// twice as long as fetches of its key take: browsers leave some of them hanging for ever. One that
/// would have ended costs a request.
pub const FETCH_LOST_WHEN_AWAY: Millis = Millis::seconds(5);

/// But no longer than this: what fetches of a key take was measured with the retries of an outage.
pub const FETCH_LOST_WHEN_AWAY_MAX: Millis = Millis::seconds(8);

/// The first wait after a failed refetch is within this span, on top of the query's own retries.
pub const REFETCH_BACKOFF_FIRST: Millis = Millis::seconds(2);

/// The longest wait between refetches that fail.
pub const REFETCH_BACKOFF_MAX: Millis = Millis::seconds(60);

/// After a fetch that the app cancelled nothing is refetched for this long: apps cancel to show an
/// optimistic value, which a refetch would overwrite before the mutation is through.
pub const CANCEL_CALM: Millis = Millis::seconds(5);

/// After a gap the queries on the screen are refetched within this span, at random moments: a server
/// that comes back has a thousand such pages. A second is short for who looks at it.
pub const GAP_SPREAD_VISIBLE: Millis = Millis::seconds(1);

/// After a gap all other queries are refetched within this span.
pub const GAP_SPREAD: Millis = Millis::seconds(10);

/// Counters are told to the app at most this often. People read them, and nobody reads faster.
pub const COUNTERS_EVERY: Millis = Millis(250);

// The queue of mutations.

/// Mutations that may wait, with those that wait for the user. A person makes some dozens in a day
/// without network; ten thousand is a bulk import, and listing their keys takes 30 ms.
pub const QUEUE_COUNT_MAX: usize = 10_000;

/// Bytes that they may take. Browsers give an origin about 5 million characters, and the app and
/// what else of ours is stored need some of it.
pub const QUEUE_BYTES_MAX: usize = 3 << 20;

/// Bytes of one mutation. What is larger is a file and needs an upload of its own.
pub const QUEUE_ITEM_BYTES_MAX: usize = 256 << 10;

/// Bytes of a mutation's name, of a lane's, and of what a newer one replaces it by.
pub const QUEUE_NAME_BYTES_MAX: usize = 255;

/// Mutations on their way at a time. Browsers open six connections to a host over HTTP/1.1; two
/// are left for what the page fetches.
pub const QUEUE_PARALLEL: usize = 4;

/// As many as an app may set.
pub const QUEUE_PARALLEL_MAX: usize = 64;

/// Functions that a page may register.
pub const QUEUE_HANDLERS_MAX: usize = 1000;

/// Other tabs whose functions a leader knows: as many as it keeps a record of.
pub const RUNNERS_MAX: usize = TABS_MAX;

/// Questions about the queue that may wait for a leader's answer.
pub const QUEUE_ASKS_MAX: usize = 100;

/// Runs of other pages that are remembered: more than can be on their way.
pub const QUEUE_FLYING_MAX: usize = 256;

/// Mutations that ended and are remembered, so that a record that is read late is known for what
/// it is. Reads are late by milliseconds, and the server knows the key of what is forgotten.
pub const ANSWERED_MAX: usize = 1024;

/// Records read or written at a time: some milliseconds of work, then the page has its turn.
pub const QUEUE_SLICE: usize = 500;

/// The first wait after a run that failed is within this span; it doubles with each failure.
pub const QUEUE_BACKOFF_FIRST: Millis = Millis::seconds(1);

/// The longest wait. A server that is down for an hour is found again within half a minute.
pub const QUEUE_BACKOFF_MAX: Millis = Millis::seconds(30);

/// Who is not told of a login looks for one after this span, which doubles: an app that forgets to
/// say so, or a token that is not to be had for a while, must not hold up the queue for ever.
pub const QUEUE_LOGIN_FIRST: Millis = Millis::minutes(1);

/// The longest of these spans.
pub const QUEUE_LOGIN_MAX: Millis = Millis::minutes(15);

/// How long a run may take unless its function says otherwise. One that never ends would hold up
/// its lane for ever.
pub const MUTATION_TIMEOUT: Millis = Millis::seconds(60);

/// As long as an app may set.
pub const MUTATION_TIMEOUT_MAX: Millis = Millis::minutes(30);

/// Runs that end in a way that says nothing, before a mutation is given up: a mistake in the app's
/// function must not be run for ever, and a passing trouble of the server's must not end it.
pub const UNCLEAR_ATTEMPTS_MAX: u32 = 8;

/// Attempts that a record may speak of. What is more was made up.
pub const ATTEMPTS_MAX: u32 = 1 << 20;

/// Conflicts of one mutation that are settled without the user. Two that overwrite each other
/// would do so for ever.
pub const CONFLICT_ROUNDS_MAX: u32 = 5;

/// How far back in a lane the one is looked for that a new one replaces. Input comes in bursts of
/// one field; a lane with more fields than that sends some of them twice.
pub const COALESCE_LOOK_BACK: usize = 64;

/// Typing is sent when it pauses this long, as WedSync has it.
pub const TEXT_QUIET: Millis = Millis(500);

/// Typing that never pauses is sent this often, so that others see it at all.
pub const TEXT_MOST: Millis = Millis::seconds(5);

/// A slider is sent when it rests this long.
pub const SLIDER_QUIET: Millis = Millis(200);

/// A slider that never rests is sent this often.
pub const SLIDER_MOST: Millis = Millis::seconds(1);

/// A form that saves itself is sent this often.
pub const FORM_SPAN: Millis = Millis::seconds(2);

/// What is counted and not awaited is sent this often.
pub const ANALYTICS_SPAN: Millis = Millis::seconds(10);

/// A leader that does not say that it has a mutation is told again after this span, which doubles.
pub const QUEUE_REPOST_FIRST: Millis = Millis::seconds(2);

/// The longest of these spans.
pub const QUEUE_REPOST_MAX: Millis = Millis::seconds(60);

/// Bytes of one message about mutations, roughly: a page is not held up by reading it.
pub const TALK_BYTES: usize = 256 << 10;

/// The figures of the queue are said this often at most. A person sees no more.
pub const TOTALS_SPAN: Millis = Millis(250);

/// How often it is looked whether somebody cleared the storage, while mutations wait to be sent.
pub const QUEUE_CHECK: Millis = Millis::seconds(10);

/// And how often while only letters wait, which they do for days: an idle page is woken seldom.
pub const QUEUE_CHECK_LETTERS: Millis = Millis::seconds(60);

/// Who takes the lead waits this long before it reads the storage. Another tab's last writes take
/// milliseconds to be seen, and so do its last words on what it ended; what is read too early is
/// sent although it was given up.
pub const QUEUE_SETTLE: Millis = Millis(250);

/// When there is a link again, what is stale is fetched when a backlog is worked off, or after this
/// span: a long one, or a slow server, must not keep the screen stale.
pub const DRAIN_HOLD: Millis = Millis::seconds(3);

/// And after this one if it is not known yet whether there is a backlog: reading takes milliseconds,
/// after [`QUEUE_SETTLE`].
pub const UNREAD_HOLD: Millis = Millis(500);

/// After taking the lead the storage is read again once, for what was not yet to be seen. If it cannot be read, as soon
/// as this, and after twice as long each time, up to [`QUEUE_RESCAN`].
pub const QUEUE_RESCAN_FIRST: Millis = Millis::seconds(2);

/// And then this often, for what a tab left behind that crashed before it could tell us.
pub const QUEUE_RESCAN: Millis = Millis::seconds(60);

/// How long a note is kept that a mutation was given up. Its record may be read again for as long
/// as a browser takes to agree with itself; a crash of the browser may bring back some seconds.
pub const TOMBSTONE_SPAN: Millis = Millis::minutes(60);

/// Records that cannot be used and are listed. The others stay where they are, unlisted.
pub const ASIDE_MAX: usize = 100;

/// Mutations on one page of a list.
pub const LIST_LIMIT: usize = 100;

/// Bytes of an export: it has to fit into one message between tabs.
pub const EXPORT_BYTES_MAX: usize = TAB_MESSAGE_BYTES_MAX - (64 << 10);

/// Characters that are kept free in the storage for noting down what became of a mutation.
pub const RESERVE_CHARS: usize = 64 << 10;

/// Bytes of mutations that are sent when the page goes. Browsers allow 64 KiB to all requests
/// that outlive a page, and headers count.
pub const KEEPALIVE_BYTES: usize = 48 << 10;

// Metrics.

/// Figures are shown to the app at most this often. People read them, and a snapshot that differs
/// after every frame would wake every component that shows one.
pub const METRICS_EVERY: Millis = Millis::seconds(1);

/// Messages a second are counted over this many seconds: a shorter span jumps to and fro.
pub const RATE_SECONDS: u64 = 10;

/// When a stage has this many samples, all its counts are halved: the figures are of the last
/// hours, and a bad morning does not show in the evening.
pub const LATENCY_SAMPLES_MAX: u32 = 4096;

/// Rows of the history, one a minute: four hours, as much as a graph shows.
pub const HISTORY_ROWS_MAX: usize = 240;

/// A longer span than this without any input was no time for the link: the machine slept. A live
/// link hears a ping every 25 s, and a follower renews its place every minute.
pub const UPTIME_GAP_MAX: Millis = Millis::minutes(2);

/// An event that took longer than this waited somewhere, and is no latency of anything.
pub const LATENCY_MAX: Millis = Millis::minutes(1);

// The journal.

/// Entries of the journal. An entry is a few words; a busy minute has some hundred.
pub const JOURNAL_MAX: usize = 512;

/// Keys that one entry names. A gap makes everything stale at once; a list of all would push out
/// the rest of the ring.
pub const JOURNAL_KEYS_MAX: usize = 16;

/// Bytes of a name in the journal; a longer one is cut. Event names have 64, keys are known by
/// their beginnings.
pub const JOURNAL_NAME_BYTES_MAX: usize = 96;

/// Names that entries share. Beyond it a name is kept by its entry alone.
pub const JOURNAL_NAMES_MAX: usize = 512;

/// Bytes of a recording: some ten thousand inputs, which are hours of a quiet page and minutes of a
/// busy one. A recording that is full stops, because a run can only be replayed from its beginning.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// Covered values that a recording tells apart, sixteen bytes each. More than are in the conflicts
/// of a long day; beyond it they all look alike, and a replay may take another way.
pub const MASKS_MAX: usize = 4096;
// Freshness.

/// Contracts that a configuration may have. Each costs a few steps whenever anything happens; a
/// page with more features than this shares contracts between them.
pub const CONTRACTS_MAX: usize = 200;

/// Bytes of a contract's name.
pub const CONTRACT_NAME_BYTES_MAX: usize = 255;

/// The longest span in a contract. Data that may be older than a week needs no contract.
pub const CONTRACT_SPAN_MAX: Millis = Millis::minutes(7 * 24 * 60);

/// Keys of a contract's family whose age is kept each by itself. A page shows fewer of one feature;
/// of those beyond it only the contract's polls know.
pub const CONTRACT_KEYS_MAX: usize = 64;

/// Looks at the server are never closer than this, unless a contract says so.
pub const MIN_INTERVAL: Millis = Millis::seconds(1);

/// The interval while the link works and has just told something.
pub const PACE_FRESH: Millis = Millis::seconds(30);

/// The intervals while the link works but tells nothing: it may be that nothing happens, or that
/// it lies by omission (filtered deletes are never announced).
pub const PACE_AGING: (Millis, Millis) = (Millis::seconds(15), Millis::seconds(10));

/// The interval while the link is down or degraded.
pub const PACE_DOWN: Millis = Millis::seconds(5);

/// An event older than this does not prove any more that events come through.
pub const EVENT_AGING: Millis = Millis::seconds(30);

/// From this age on the more careful pace is kept.
pub const EVENT_OLD: Millis = Millis::seconds(60);

/// The user counts as idle after this, unless the contract says when.
pub const IDLE_AFTER: Millis = Millis::minutes(2);

/// The interval while the user is idle, unless the contract says so.
pub const IDLE_POLL: Millis = Millis::seconds(60);

/// A look begins at least this long before the window ends, so that its answer comes inside of it.
pub const LOOK_AHEAD_MIN: Millis = Millis::seconds(1);

/// What a look took is remembered as at most this: a page that stood still meanwhile measures hours, and
/// would look too early for as long as it remembers that.
pub const LOOK_TOOK_MAX: Millis = Millis::seconds(5);

/// A tab that does not lead asks its leader this much later than a leader would look by itself.
pub const ASK_SLACK: Millis = Millis(250);

/// A leader that was asked to look has this long to say what it found; then the tab fetches by
/// itself. A leader that is frozen or throttled shall not make the others stale.
pub const ASK_PATIENCE: Millis = Millis(1500);

/// A page that comes back, or a contract that begins to apply, has this long to fetch before what
/// it shows counts as too old.
pub const RETURN_GRACE: Millis = Millis::seconds(5);

/// A wake-up that is later than this was no throttled timer: these run once a minute.
pub const FROZEN_LATE: Millis = Millis::seconds(65);

/// How long the answer to a probe may take.
pub const PROBE_ANSWER_TIMEOUT: Millis = Millis::seconds(10);

/// Bytes of the answer to a probe. A larger resource is cheaper to refetch than to probe.
pub const PROBE_BYTES_MAX: usize = 1 << 20;

/// Bytes of an ETag. Servers that we know write fewer than 100.
pub const ETAG_BYTES_MAX: usize = 1024;

/// The longest pause that failures of a probe lead to by themselves.
pub const PROBE_BACKOFF_MAX: Millis = Millis::minutes(2);

/// Word from the leader that is older than this waited for a frozen page, and is dropped.
pub const VERDICT_AGE_MAX: Millis = Millis::seconds(30);

/// The age of data is stored for a reload when it changed by at least this much.
pub const SAVE_STEP: Millis = Millis::seconds(1);
// Channels.

/// How long a channel that nobody watches any more stays subscribed: whoever comes back to a view
/// within that time finds it as it was. Configurable; 5 minutes is what WedSync asks for.
pub const CHANNEL_IDLE: Millis = Millis::minutes(5);

/// A shorter idle time than this is not used: React's StrictMode takes every component down and
/// puts it up again, and a view that is exchanged for another unmounts first.
pub const CHANNEL_GRACE: Millis = Millis::seconds(1);

/// The longest idle time that can be asked for. A channel that is kept for a day is watched.
pub const CHANNEL_IDLE_MAX: Millis = Millis::minutes(24 * 60);

/// Channels that may be asked for at a time, those that have to wait for a place included. Beyond
/// it a watch is refused for good: nothing on a page means so many.
pub const CHANNELS_KNOWN_MAX: usize = 500;

/// The most that can be asked for as the number of channels at a time.
pub const CHANNELS_CAP_MAX: usize = 500;

/// Subscriptions that may be asked for in one go. A page rarely has more channels.
pub const JOIN_BURST: u32 = 10;

/// Beyond the burst, one subscription in this span: ten a second, which is where Supabase begins
/// to close sockets.
pub const JOIN_INTERVAL: Millis = Millis(100);

/// How long the answer to a subscription may take. Phoenix waits as long.
pub const SUBSCRIBE_TIMEOUT: Millis = Millis::seconds(10);

/// The first pause after a channel was refused for now. Supabase counts joins over 5 seconds.
pub const REJOIN_FIRST: Millis = Millis::seconds(5);

/// The longest pause of that kind.
pub const REJOIN_MAX: Millis = Millis::minutes(2);

/// A subscription that lived this long was good: the next pause is a short one again.
pub const REJOIN_STABLE: Millis = Millis::minutes(1);

/// Events of a channel that are kept while the ones before them are asked for. More than a network
/// reorders; beyond it all are dropped, because the answer brings them again.
pub const HELD_EVENTS_MAX: usize = 64;

/// Bytes of all events that are kept back, over all channels.
pub const HELD_BYTES_MAX: usize = 256 << 10;

/// Events that a tab remembers, to hand them to a tab that is a few behind. A hand-over takes less
/// than a second; a busy channel has a hundred events in it.
pub const RING_EVENTS_MAX: usize = 256;

/// Bytes of these events. A tab that is further behind refetches, which costs it one request.
pub const RING_BYTES_MAX: usize = 128 << 10;

/// How long the leader may take to say what a follower missed, before it is asked again.
pub const MISSING_TIMEOUT: Millis = Millis::seconds(2);

/// The longest wait of that kind.
pub const MISSING_TIMEOUT_MAX: Millis = Millis::seconds(30);

/// Bytes of an epoch's name: it is kept for every channel.
pub const EPOCH_BYTES_MAX: usize = 255;

// Socket.IO.

/// Bytes of a frame of Socket.IO or Phoenix. Servers of the first send no more than they take, which is 1 MB unless the app
/// raises it, and what makes queries stale is rarely over 1 KiB.
pub const PACKET_BYTES_MAX: usize = 1 << 20;

/// Attachments of a packet. It says how many follow, and nothing else can be said until they came.
pub const ATTACHMENTS_MAX: usize = 64;

/// Bytes of all attachments of a packet: they are kept until the last one came.
pub const ATTACHMENT_BYTES_MAX: usize = 1 << 20;

// Servers without a protocol.

/// Bytes of a message that the app wrote down, or of a path: they are looked at with every frame.
pub const FORM_BYTES_MAX: usize = 4096;

/// The shortest time between two signs of life that a server may be said to want. Less is a load, and no
/// better proof of life.
pub const PLAIN_BEAT_MIN: Millis = Millis::seconds(1);

// Centrifugo.

/// Bytes of a frame of Centrifugo. A message is at most 64 KiB unless the server was told otherwise, and what was
/// missed comes as one: of the history that its documentation recommends with each payload at 10 KiB that is
/// less.
pub const CENTRIFUGO_FRAME_BYTES_MAX: usize = 4 << 20;

/// How much longer than its interval the server may be silent. Its own clients wait as long.
pub const CENTRIFUGO_GRACE: Millis = Millis::seconds(10);

/// Channels that a server gives by itself. It gives no more than 128 to a client, unless it was told otherwise.
pub const GIVEN_CHANNELS_MAX: usize = 128;

/// Bytes that are kept of such a channel until somebody asks for it, which is at once if the app has named it. More
/// is a gap.
pub const GIVEN_BYTES_MAX: usize = 32 << 10;

/// Bytes of a payload that is told as what is new of it, and of the one before that is kept for that, one a channel.
/// The server's own bound of a message is 64 KiB unless it was told otherwise.
pub const DELTA_BYTES_MAX: usize = 256 << 10;

// Phoenix channels, and Supabase Realtime.

/// Bytes of the text of a subscription of GraphQL: it is kept, and said with each connection.
pub const GRAPHQL_QUERY_BYTES_MAX: usize = 64 << 10;

/// How often a server of GraphQL is asked for a sign of life. The protocol names no span, and proxies close what is
/// silent for a minute.
pub const GRAPHQL_HEARTBEAT: Millis = Millis::seconds(25);

/// How often a server of Phoenix is asked for a sign of life. Its own client asks every 30 s, that of
/// Supabase every 25 s: of those two fit into the server's patience even where a timer is late.
pub const PHOENIX_HEARTBEAT: Millis = Millis::seconds(25);

/// Bytes of the name that a server of Phoenix gives a session over requests. It is signed, and goes into addresses.
pub const POLL_SESSION_BYTES_MAX: usize = 2 << 10;

/// A server of Phoenix closes after so long without a word from us.
pub const PHOENIX_PATIENCE: Millis = Millis::seconds(60);

/// Broadcasts that Supabase is asked for after a gap: as many as it tells again at most, the newest of them.
pub const REPLAY_LIMIT: u64 = 25;

/// They are asked for from so long before the moment until which all had come. This clock and the server's may be
/// that far apart, and what a database keeps has the time at which its transaction began.
pub const REPLAY_MARGIN: Millis = Millis::minutes(1);

/// Broadcasts of a channel that are remembered by what they are called, so that none is told twice: twice as many as
/// are told again, because they may have come in another order than they were written in.
pub const REPLAY_SEEN_MAX: usize = 50;

/// Bytes of what a broadcast is called. It is a UUID, which has 36; a longer one is not remembered.
pub const REPLAY_ID_BYTES_MAX: usize = 64;

/// How often the time for an answer may pass before a topic is joined again. A server answers joins one
/// after the other, and Supabase sleeps for 5 s before each that it refuses.
pub const JOIN_WAITS_MAX: u32 = 1;

/// The same for the word that changes of rows are told: Supabase tries every 5 to 10 s for as long as its
/// database does not answer.
pub const JOIN_WAITS_READY_MAX: u32 = 5;

// Tabs.

/// A leader that said nothing for this long is asked whether it is there. Only a tab that can be
/// seen asks: the clocks of the others are throttled.
pub const LEADER_SILENCE: Millis = Millis::seconds(10);

/// Where another tab asks the leader, this one does so only if that tab is late by this much: the
/// leader's answer counts for all who hear it. Longer than a page is busy with something.
pub const ASK_SPARE: Millis = Millis(500);

/// How long the leader may take to answer. It answers within milliseconds, in a hidden tab too;
/// a page that is busy with something long takes seconds.
pub const ASK_TIMEOUT: Millis = Millis::seconds(2);

/// So many unanswered questions in a row mean that the leader is frozen.
pub const ASK_MISSES: u32 = 3;

/// If the moment to judge comes later than this, the one who asks was asleep itself: the answers
/// are still in its queue, and the leader is asked again.
pub const ASK_LATE: Millis = Millis::seconds(1);

/// Two windows that both miss the leader do not take the lead at the same moment, but within this
/// span; the later one hears of the first.
pub const STEAL_SPREAD: Millis = Millis(500);

/// Nobody takes the lock from a holder more often than this, whoever asks for it.
pub const STEAL_AGAIN: Millis = Millis::seconds(5);

/// A leader that was hidden for this long offers the lead to a tab that can be seen. Browsers
/// freeze hidden pages after minutes; people change tabs and come back within seconds.
pub const HANDOVER_HIDDEN: Millis = Millis::seconds(15);

/// A lead lasts at least this long: each hand-over costs a connection.
pub const HANDOVER_TENURE: Millis = Millis::seconds(30);

/// After an offer that nobody took, the next one comes this much later.
pub const OFFER_AGAIN: Millis = Millis::seconds(60);

/// How long a hidden tab that was granted the lock waits for the visible one to take it.
pub const PASS_TIMEOUT: Millis = Millis::seconds(1);

/// A hidden tab that passed the lock on and gets it again within this span keeps it.
pub const PASS_AGAIN: Millis = Millis::seconds(60);

/// After a request for the lock failed, the first wait; it doubles.
pub const LOCK_RETRY: Millis = Millis::seconds(1);

/// So many failed requests for the lock in a row mean that this browser refuses them.
pub const LOCK_FAILURES_MAX: u32 = 3;

/// The leader looks this often which tabs still hold their own lock. A crashed tab costs nothing
/// but channels that nobody watches.
pub const ROSTER_CHECK: Millis = Millis::seconds(30);

/// A page that the browser froze or put away may be shown again, and is told what it missed, for
/// this long after the last of them was heard: as long as the channels are kept that it watched.
pub const RETURNS_WITHIN: Millis = CHANNEL_IDLE;

/// If this tab heard and did nothing for so long, the silence of others proves nothing.
pub const ROSTER_SLEEP: Millis = Millis::seconds(90);

/// A term may be this far ahead of the clock: as far as a clock is set back while tabs are open.
/// Without a bound, one message could use up all terms that a number can hold.
pub const TERM_AHEAD_MAX: Millis = Millis::minutes(366 * 24 * 60);

/// Calls of a tab to its leader that may be open at a time.
pub const CALLS_MAX: usize = 256;

/// Bytes of a call: a mutation with its payload fits.
pub const CALL_BYTES_MAX: usize = 256 << 10;

/// Bytes of a call's answer that is remembered until its caller surely has it.
pub const CALL_ANSWER_BYTES_MAX: usize = 64 << 10;

// The principal.

/// Bytes of a message between tabs of different principals, and of the mark in the storage.
pub const USER_MESSAGE_BYTES_MAX: usize = 512;
