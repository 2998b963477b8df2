//! What the server says no to, and what is left because of what it says.

use super::{Place, Session, refusal};
use crate::engine::backend::phoenix::Topics;
use crate::wire::json::{Raw, Text};
use crate::wire::supabase;
use crate::wire::token::is_about_who;
use crate::wire::{Heard, Refusal};

impl Session {
    /// The server refused a join. One that asked for what was missed is no word about the channel: without
    /// that it may be had.
    pub(super) fn refused(
        &mut self,
        channel: String,
        response: Raw<'_>,
        replays: bool,
        heard: &mut Vec<Heard<'_>>,
    ) {
        let reason = response.member("reason").and_then(Raw::string);
        let reason = reason.map_or(response.text().into(), Text::decode);
        self.tells_once |= replays && supabase::is_about_replay(&reason);
        let (code, whole) = match &self.with.topics {
            // The same token goes to every channel.
            Topics::Supabase(_) => {
                let code = match replays && self.tells_once {
                    true => "internal",
                    false => supabase::code(&reason),
                };
                (code, code == "unauthorized")
            }
            // Where no channel takes the token it may be the token; where one does, it is the channel.
            Topics::Plain { token, .. } => {
                let code = code(&reason);
                let taken = self
                    .topics
                    .values()
                    .any(|topic| topic.place == Place::Joined);
                (code, code == "unauthorized" && token.is_some() && !taken)
            }
        };
        if whole {
            heard.push(Heard::TurnedAway(refusal(Some(channel), code, &reason)));
        } else {
            heard.push(Refusal::told(&channel, code, &reason));
            heard.push(Heard::Refused(refusal(Some(channel), code, &reason)));
        }
    }

    /// What the server does of a channel is not what was asked for.
    pub(super) fn leave(
        &mut self,
        channel: String,
        code: &'static str,
        text: &str,
        heard: &mut Vec<Heard<'_>>,
    ) {
        if let Some(say) = self.part(&channel) {
            heard.push(Heard::Say(say));
        }
        heard.push(Refusal::told(&channel, code, text));
        heard.push(Heard::Refused(refusal(Some(channel), code, text)));
    }
}

/// A reason of the app's in our words. What is not known may be a passing trouble.
fn code(reason: &str) -> &'static str {
    match reason {
        "unmatched topic" | "not_found" => "not_found",
        "forbidden" => "forbidden",
        "bad_request" => "bad_request",
        _ if is_about_who(reason) => "unauthorized",
        _ => "internal",
    }
}
