//! Outputs as lines, for their hash. What is secret is covered here too: not because anybody sees it,
//! but because a replay has only what was covered.

use super::Mask;
use crate::engine::http::Call;
use crate::engine::notice::Notice;
use crate::engine::output::Output;
use crate::engine::queue;
use crate::wire::json::{Writer, push_number};

/// Writes an output: what kind it is, a number, and its texts.
pub(super) fn write(output: &Output, mask: &mut Mask, out: &mut String) {
    let mut put = |kind: char, number: u64, texts: &[&str]| {
        out.push(kind);
        push_number(out, number);
        for text in texts {
            out.push(' ');
            out.push_str(text);
        }
    };
    match output {
        Output::OpenSocket {
            conn,
            url,
            protocol,
        } => put('o', conn.0.into(), &[&mask.address(url), protocol]),
        Output::SendFrame { conn, frame } => put('f', conn.0.into(), &[&mask.frame(frame)]),
        Output::CloseSocket { conn } => put('x', conn.0.into(), &[]),
        Output::Request { request, call } => put('r', request.0.into(), &[&covered(call, mask)]),
        Output::AbortRequest { request } => put('R', request.0.into(), &[]),
        Output::OpenStream { conn, call } => put('s', conn.0.into(), &[&covered(call, mask)]),
        Output::CloseStream { conn } => put('S', conn.0.into(), &[]),
        Output::QueueForLock { ticket, name } => put('l', ticket.0.into(), &[name]),
        Output::StealLock { ticket, name } => put('L', ticket.0.into(), &[name]),
        Output::ReleaseLock(ticket) => put('u', ticket.0.into(), &[]),
        Output::HoldTabLock(name) => put('h', 0, &[name]),
        Output::ReleaseTabLock => put('H', 0, &[]),
        Output::QueryLocks { prefix } => put('q', 0, &[prefix]),
        Output::OpenUserChannel(name) => put('p', 0, &[name]),
        Output::PostToUsers(text) => put('M', 0, &[&mask.lines(text)]),
        Output::CloseUserChannel => put('P', 0, &[]),
        Output::OpenTabChannel(name) => put('c', 0, &[name]),
        Output::PostToTabs(text) => put('m', 0, &[&mask.lines(text)]),
        Output::CloseTabChannel => put('C', 0, &[]),
        Output::StoreWrite { op, key, value } => {
            let value = queue::covered_record(value, &mut |text| mask.lines(text));
            put('w', op.0, &[key, &value]);
        }
        Output::StoreRemove { key } => put('W', 0, &[key]),
        Output::StoreList { op, prefix } => put('i', op.0, &[prefix]),
        Output::StoreRead { op, keys } => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            put('v', op.0, &keys);
        }
        Output::SessionWrite { key, value } => {
            put('y', 0, &[key, value]);
        }
        Output::SessionRemove { key } => put('Y', 0, &[key]),
        Output::SessionRead { key } => put('z', 0, &[key]),
        Output::CancelMutation { id, attempt } => put('k', (*attempt).into(), &[&id.text()]),
        Output::AskToken {
            request,
            reason,
            channel,
        } => {
            let channel = mask.open(channel.as_deref().unwrap_or(""));
            let words = [reason.text(), &*channel];
            let count = if channel.is_empty() { 1 } else { 2 };
            put('t', request.0.into(), words.get(..count).unwrap_or(&[]));
        }
        Output::RunMutation(run) => put('n', 0, &[&notice(&Notice::Run(run.clone()), mask)]),
        Output::Tell(told) => put('n', 0, &[&notice(told, mask)]),
    }
}

fn notice(notice: &Notice, mask: &mut Mask) -> String {
    let mut w = Writer::new();
    notice.write(&mut w);
    mask.lines(&w.finish())
}

fn covered(call: &Call, mask: &mut Mask) -> String {
    let mut out = call.method.text().to_owned();
    out.push(' ');
    out.push_str(&mask.address(&call.url));
    for (name, value) in &call.headers {
        out.push(' ');
        out.push_str(name);
        out.push(':');
        match *name {
            "accept" | "content-type" => out.push_str(value),
            "if-none-match" => out.push_str(&mask.open(value)),
            _ => out.push_str(&mask.numbered(value)),
        }
    }
    if let Some(body) = &call.body {
        out.push(' ');
        out.push_str(&mask.lines(body));
    }
    out
}
