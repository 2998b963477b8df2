//! What only `--demo` switches on: a look inside, faults on demand, example tasks.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::body::{Fields, client};
use crate::clock;
use crate::error::ApiError;
use crate::ids::{BadName, ChannelName, ClientId, EventName, Millis, ProjectId, Seq};
use crate::live::Connection;
use crate::publish;
use crate::records::{NewBlock, NewEvent, NewTask, Span, Status};
use crate::store::Origin;

/// The largest burst.
const BURST_MAX: u64 = 100_000;

/// Events of a burst in one transaction, so that other writes get their turn in between.
const BURST_STEP: u64 = 500;

/// What `/demo/stats` shows.
#[derive(Debug, Serialize)]
pub(crate) struct Stats {
    sockets_open: usize,
    sockets_total: u64,
    events_total: u64,
    requests_total: u64,
    not_modified_total: u64,
    connections: Vec<Connection>,
}

/// `GET /demo/stats`
pub(crate) async fn stats(State(app): State<App>) -> Json<Stats> {
    let (requests_total, not_modified_total) = app.requests.totals();
    Json(Stats {
        sockets_open: app.live.sockets_open(),
        sockets_total: app.live.sockets_total(),
        events_total: app.live.events_total(),
        requests_total,
        not_modified_total,
        connections: app.live.connections(),
    })
}

/// `GET /demo/beside`: the other servers that the page may talk to, by their names.
pub(crate) async fn beside(State(app): State<App>) -> Json<BTreeMap<String, String>> {
    let each = app.beside.iter();
    Json(
        each.map(|(name, origin)| (name.to_owned(), origin.to_owned()))
            .collect(),
    )
}

/// How many sockets were cut.
#[derive(Debug, Serialize)]
pub(crate) struct CutAnswer {
    cut: usize,
}

/// `POST /demo/cut {client?}`: drops all sockets, or one tab's, without a close frame.
pub(crate) async fn cut(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CutAnswer>, ApiError> {
    let fields = Fields::read(&headers, body)?;
    let client = fields.text("client")?.map(ClientId::parse).transpose();
    let client = client.map_err(|error| ApiError::field("client", error.0))?;
    Ok(Json(CutAnswer {
        cut: app.live.cut(client.as_ref()),
    }))
}

/// The numbers of a burst's events, where nobody else published in between.
#[derive(Debug, Serialize)]
pub(crate) struct BurstAnswer {
    channel: ChannelName,
    count: u64,
    last: Seq,
}

/// `POST /demo/burst {count, channel?, name?}`: many events as fast as the store takes them.
pub(crate) async fn burst(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<BurstAnswer>, ApiError> {
    let fields = Fields::read(&headers, body)?;
    let count = fields
        .count("count", BURST_MAX)?
        .ok_or_else(|| ApiError::field("count", "a count is needed"))?;
    let channel = publish::channel(&fields)?.unwrap_or_else(ChannelName::tasks);
    let name = match publish::name(&fields)? {
        Some(name) => name,
        None => {
            EventName::parse("task_updated").map_err(|error| ApiError::field("name", error.0))?
        }
    };
    let by = client(&headers)?;
    let origin = Origin {
        now: clock::now(),
        ..Origin::default()
    };
    let mut last = Seq(0);
    let mut first = 1;
    while first <= count {
        let step = first..=count.min(first + BURST_STEP - 1);
        first += BURST_STEP;
        let events = step.filter_map(|n| {
            let data =
                RawValue::from_string(format!(r#"{{"id":"{}","burst":{n}}}"#, 1 + n % 12)).ok()?;
            Some(NewEvent {
                channel: channel.clone(),
                name: name.clone(),
                data,
                by: by.clone(),
            })
        });
        last = app.store.publish(events.collect(), origin.clone()).await?;
    }
    Ok(Json(BurstAnswer {
        channel,
        count,
        last,
    }))
}

/// The tasks that a demo starts with.
///
/// # Errors
/// When a name below is not a project id.
pub(crate) fn tasks() -> Result<Vec<NewTask>, BadName> {
    use Status::{Doing, Done, Todo};
    let tasks = [
        ("website", "Draft the new landing page", Done),
        ("website", "Replace the hero photograph", Doing),
        ("website", "Check colour contrast on every page", Todo),
        ("website", "Move the blog to the new layout", Todo),
        ("spring-fair", "Book the market hall for 14 May", Done),
        ("spring-fair", "Confirm the twelve food stalls", Doing),
        ("spring-fair", "Order the stage and the sound", Doing),
        ("spring-fair", "Print 500 posters", Todo),
        ("warehouse", "Count the spare parts in aisle 3", Done),
        ("warehouse", "Repair the label printer", Doing),
        (
            "warehouse",
            "Train the night shift on the new scanner",
            Todo,
        ),
        ("warehouse", "Agree on the winter delivery plan", Todo),
    ];
    let tasks = tasks.into_iter().map(|(project, title, status)| {
        Ok(NewTask {
            title: title.to_owned(),
            project: Some(ProjectId::parse(project)?),
            status,
        })
    });
    tasks.collect()
}

/// The week that a demo's calendar starts with, of which each block is at an hour and minute of a day since Monday.
pub(crate) fn blocks(now: Millis) -> Vec<NewBlock> {
    const MINUTE: u64 = 60 * 1000;
    let week = [
        (0, 9 * 60, 30, "Stand-up", "meeting"),
        (0, 10 * 60, 120, "Write the landing page", "focus"),
        (0, 14 * 60, 60, "Call with the printer", "meeting"),
        (1, 9 * 60, 30, "Stand-up", "meeting"),
        (1, 11 * 60, 90, "Contrast check", "task"),
        (1, 15 * 60, 60, "Interview", "meeting"),
        (2, 9 * 60, 30, "Stand-up", "meeting"),
        (2, 10 * 60 + 30, 120, "Stage and sound", "focus"),
        (2, 14 * 60, 90, "Stall plan", "task"),
        (3, 9 * 60, 30, "Stand-up", "meeting"),
        (3, 11 * 60, 60, "Budget", "meeting"),
        (3, 13 * 60 + 30, 120, "Scanner training", "focus"),
        (4, 9 * 60, 30, "Stand-up", "meeting"),
        (4, 10 * 60, 90, "Winter deliveries", "task"),
        (4, 15 * 60, 60, "Week in review", "meeting"),
    ];
    let monday = clock::monday(now).0;
    let blocks = week.map(|(day, minute, length, title, kind)| {
        let start = monday + (day * 24 * 60 + minute) * MINUTE;
        let (start, end) = (Millis(start), Millis(start + length * MINUTE));
        NewBlock {
            title,
            kind,
            span: Span { start, end },
        }
    });
    blocks.into()
}
