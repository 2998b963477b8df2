//! What the tokens of channels and the other parts say to each other.

use std::rc::Rc;

use super::Engine;
use super::admission::{Admissions, Step, Verdict, Wanted};
use super::ids::{Position, RequestId, TokenId};
use super::output::Output;
use super::time::Now;
use super::token::{Token, TokenFailure};
use crate::wire::Refusal;

impl Engine {
    /// A channel is to be asked for. False if channels have no tokens of their own.
    pub(super) fn admit(
        &mut self,
        now: Now,
        channel: &Rc<str>,
        request: RequestId,
        position: &Option<Position>,
    ) -> bool {
        let has = self.config.speaks.has_channel_tokens();
        if has {
            let position = position.clone();
            let wanted = Wanted { request, position };
            self.admissions.want(now.mono, channel, wanted);
            self.admission_steps(now);
        }
        has
    }

    /// The app answered a question. False if it was not about a channel.
    pub(super) fn on_channel_token(
        &mut self,
        now: Now,
        request: TokenId,
        result: &Result<Option<Token>, TokenFailure>,
    ) -> bool {
        let is_ours = Admissions::owns(request);
        if is_ours {
            let result = result.clone();
            self.admissions
                .answered(now.mono, request, result, &mut self.rng);
            self.admission_steps(now);
        }
        is_ours
    }

    /// The server did not take it.
    pub(super) fn on_not_admitted(&mut self, now: Now, refusal: Refusal) {
        let channel = refusal.channel.clone().unwrap_or_default();
        match self.admissions.refused(now.mono, &channel) {
            Verdict::Again => self.admission_steps(now),
            Verdict::NotRenewed => self.tell_refusal(refusal),
            Verdict::Denied => {
                self.tell_refusal(refusal.clone());
                self.on_refused(now, refusal);
            }
        }
    }

    /// Does what is to be done about tokens of channels.
    pub(super) fn admission_steps(&mut self, now: Now) {
        while let Some(step) = self.admissions.poll() {
            match step {
                Step::AskApp {
                    request,
                    channel,
                    reason,
                } => self.out.push_back(Output::AskToken {
                    request,
                    reason,
                    channel: Some(channel),
                }),
                Step::Subscribe {
                    channel,
                    wanted: Wanted { request, position },
                    token,
                } => {
                    let token = token.as_ref().map(Token::text);
                    let ask = (self.wires.link).subscribe(
                        request,
                        &channel,
                        position.as_ref(),
                        None,
                        token,
                    );
                    self.ask(now, ask);
                }
                Step::Renew { channel, token } => {
                    if let Some(frame) = self.wires.link.renew(&channel, token.text()) {
                        self.send(now, frame);
                    }
                }
                Step::None { request, after } => {
                    let code = match after {
                        Some(_) => "internal",
                        None => "unauthorized",
                    };
                    self.on_refused(
                        now,
                        Refusal {
                            request: Some(request),
                            channel: None,
                            code: code.to_owned(),
                            message: "there is no token of the channel".to_owned(),
                            retry_after_ms: after.map(|after| after.0),
                        },
                    );
                }
            }
        }
    }
}
