//! What a server answers to plain HTTP, in all the ways that servers do.

use everfresh::engine::http::{Headers, Reply};

use crate::agenda::{MIN, MS, S, Time};

/// What the server does with probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpFault {
    /// It answers as it should.
    None,
    /// It fails.
    Fails(u16),
    /// It wants calm, and says for how long in some form.
    WantsCalm(u16, Form),
    /// It wants to know who asks.
    Unauthorized,
    /// It will not tell.
    Forbidden,
    /// Somebody on the way shows a page to log in.
    LoginPage,
    /// It takes the question and never answers.
    Hangs,
    /// It takes seconds.
    Slow,
    /// It says "not modified" to everybody.
    BodyGone,
}

/// How a server says when it wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In seconds.
    Seconds(u64),
    /// At a moment so many seconds from now, with or without saying what time it is there.
    Date(u64, bool),
    /// In a way that means nothing.
    Nonsense(&'static str),
    /// So far away that nobody means it.
    Endless,
}

impl Form {
    /// What whoever understands it keeps to, if it is said at this moment of the server's clock.
    pub(super) fn asks(self, server: u64) -> Option<Calm> {
        match self {
            Form::Seconds(seconds) | Form::Date(seconds, true) => Some(Calm::For(seconds * S)),
            Form::Date(seconds, false) => Some(Calm::Until(date_after(server, seconds) * 1000)),
            Form::Endless => Some(Calm::For(LONGEST)),
            Form::Nonsense(_) => None,
        }
    }
}

/// Nobody keeps to more than this.
const LONGEST: Time = 15 * MIN;

/// How long a server wants to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calm {
    /// For so long.
    For(Time),
    /// Until a moment of which nobody knows how far it is from now but by a clock of their own, in
    /// milliseconds.
    Until(u64),
}

impl Calm {
    /// For how long, to somebody whose clock shows this many milliseconds.
    pub(super) fn span(self, wall: u64) -> Option<Time> {
        let span = match self {
            Calm::For(span) => span,
            Calm::Until(until) => until.saturating_sub(wall).saturating_mul(MS),
        };
        Some(span.min(LONGEST)).filter(|span| *span > 0)
    }
}

/// The second that is so many from a moment in milliseconds. Rounded up: whoever keeps to it is not
/// too early.
pub(super) fn date_after(server: u64, seconds: u64) -> u64 {
    (server + seconds * 1000).div_ceil(1000)
}

/// How the server recognises what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// By an `ETag`.
    Strong,
    /// By an `ETag` that a proxy weakens now and then.
    Flipped,
    /// Not at all: the body has to be compared.
    None,
}

/// An answer on its way.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) date: Option<String>,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Answered {
    /// One without any header that matters.
    pub(super) fn plain(status: u16, body: &str) -> Self {
        Answered {
            status,
            etag: None,
            retry_after: None,
            date: None,
            content_type: "application/json",
            body: body.to_owned(),
        }
    }

    /// As the engine sees it.
    pub(crate) fn reply(&self) -> Reply<'_> {
        Reply {
            status: self.status,
            headers: Headers {
                etag: self.etag.as_deref(),
                retry_after: self.retry_after.as_deref(),
                content_type: Some(self.content_type),
                date: self.date.as_deref(),
            },
            body: self.body.as_bytes(),
        }
    }
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    let length = |year: u64| {
        365 + u64::from(
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)),
        )
    };
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let mut month = 0;
    for (at, days) in [
        31,
        length(year) - 337,
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ]
    .into_iter()
    .enumerate()
    {
        month = at;
        if left < days {
            break;
        }
        left -= days;
    }
    let name = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    format!(
        "{name}, {:02} {} {year} {:02}:{:02}:{:02} GMT",
        left + 1,
        MONTHS[month],
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}
