//! What is said and heard by requests, where a connection is carried by them.

use super::Session;
use crate::engine::http::{Call, Method, Reply, Sight};
use crate::engine::limits::{ANSWER_BYTES_MAX, POLL_SESSION_BYTES_MAX};
use crate::wire::Heard;
use crate::wire::carried::Door;
use crate::wire::engineio::Fault;
use crate::wire::json::Text;
use crate::wire::phoenix::Answer;
use crate::wire::token::push_query;

impl Session {
    /// The request at a door. The token is shown when the session begins.
    pub fn request(&mut self, url: &str, door: Door<'_>, token: Option<&str>) -> Option<Call> {
        let (session, body) = match door {
            Door::Begin(_) => (None, None),
            Door::Wait { session } => (Some(session), None),
            Door::Say { session, messages } => (Some(session), Some(messages.join("\n"))),
            // It is over when nobody waits any more.
            Door::End { .. } => return None,
        };
        let token = token.filter(|_| session.is_none());
        self.showed_token = self.with.token_param.is_some() && token.is_some();
        let mut url = self.address(
            crate::wire::phoenix::poll_url(url),
            self.polls_first_version(),
            token,
        );
        if let Some(session) = session {
            push_query(&mut url, "token", session);
        }
        let of_body = |_: &String| ("content-type", "application/x-ndjson".to_owned());
        Some(Call {
            method: match body {
                Some(_) => Method::Post,
                None => Method::Get,
            },
            url,
            headers: body.iter().map(of_body).collect(),
            body,
            sight: Sight::Full,
            bytes_max: ANSWER_BYTES_MAX,
        })
    }

    /// What an answer to a request means, in the statuses of HTTP.
    pub fn meant(&self, reply: &Reply<'_>) -> u16 {
        let status = match (reply.status, Answer::read(reply.body)) {
            (200, Ok(answer)) => u16::try_from(answer.status).unwrap_or(500),
            (status, _) => status,
        };
        match (status, &self.session) {
            // That is how a new session is told of.
            (410, None) => 200,
            // Of a server that has sockets alone.
            (404, None) => 405,
            // It does not take whoever asks: by this token.
            (403, None) if self.showed_token => 401,
            // It does not know the session, and has tried to begin another one, for which we have shown nothing.
            (403, Some(_)) => 410,
            _ => status,
        }
    }

    /// Reads the answer to a request that waited.
    pub fn hear_answer(&mut self, body: &[u8], heard: &mut Vec<Heard<'_>>) {
        let mut said = Vec::new();
        let read = Answer::read(body).and_then(|answer| self.answer(answer, &mut said));
        heard.extend(said);
        if let Err(fault) = read {
            heard.push(Heard::Broken(fault.text()));
        }
    }

    fn answer(&mut self, answer: Answer<'_>, heard: &mut Vec<Heard<'static>>) -> Result<(), Fault> {
        if let Some(session) = answer.session.map(Text::decode)
            && self.session.as_deref() != Some(&*session)
        {
            // It is kept, and goes into addresses.
            if session.is_empty() || session.len() > POLL_SESSION_BYTES_MAX {
                return Err(Fault::TooLarge);
            }
            self.session = Some((&*session).into());
            heard.push(Heard::Opened {
                session: session.into_owned(),
                bytes_max: None,
            });
        }
        if self.session.is_none() {
            return Err(Fault::Head);
        }
        let mut read = Ok(());
        answer.messages.elements(|message| {
            if read.is_err() {
                return;
            }
            let Some(text) = message.string().map(Text::decode) else {
                read = Err(Fault::Json);
                return;
            };
            let mut said = Vec::new();
            self.hear(crate::wire::phoenix::read(text.as_bytes()), &mut said);
            heard.extend(said.into_iter().map(Heard::into_owned));
        });
        read
    }
}
