//! Tokens of channels, where the server wants one for each: which is at hand, and which is asked for.
//!
//! Each channel has what the link has for the connection ([`Tokens`]): one question to the app at a time, a token
//! whose end is known is used for as long as it lasts, another one is had before that, and a function that fails
//! is called again later and later. A token that the server refuses is asked for once more, and after that
//! the refusal stands.
//!
//! It knows no channels: it is told what is wanted, and says by which token.

use std::collections::VecDeque;
use std::rc::Rc;

use super::ids::{Position, RequestId, TokenId};
use super::limits::CHANNELS_KNOWN_MAX;
use super::link::token::{Answered, ForDial, Tokens};
use super::map::Map;
use super::rng::Rng;
use super::time::{Millis, Mono};
use super::token::{Token, TokenFailure, TokenReason};

/// Questions about channels have numbers from here on; those about the connection begin at zero.
const FIRST: TokenId = TokenId(1 << 31);

/// The tokens of all channels.
#[derive(Debug)]
pub(super) struct Admissions {
    channels: Map<Rc<str>, Admission>,
    /// The last question to the app.
    last: TokenId,
    out: VecDeque<Step>,
}

#[derive(Debug)]
struct Admission {
    tokens: Tokens,
    /// What the server is to be asked, or was asked and has not answered.
    wanted: Option<Wanted>,
    /// It was asked.
    said: bool,
    /// It said yes on this connection.
    subscribed: bool,
    /// It ever did.
    known: bool,
    /// It did not take the last token.
    rejected: bool,
}

/// What the server is to be asked for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The number of the request.
    pub(super) request: RequestId,
    /// From where on.
    pub(super) position: Option<Position>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the app for a token of the channel.
    AskApp {
        request: TokenId,
        channel: Rc<str>,
        reason: TokenReason,
    },
    /// Ask the server for the channel, by this token.
    Subscribe {
        channel: Rc<str>,
        wanted: Wanted,
        token: Option<Token>,
    },
    /// Give the server a new one of a channel that it has.
    Renew { channel: Rc<str>, token: Token },
    /// There is none now; nothing if there has to be a login first.
    None {
        request: RequestId,
        after: Option<Millis>,
    },
}

/// What becomes of a token that the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another one was asked for.
    Again,
    /// It was the second in a row: the channel cannot be had.
    Denied,
    /// The same of a channel that the server still tells of.
    NotRenewed,
}

impl Admissions {
    /// Nothing is known.
    pub(super) fn new() -> Self {
        Admissions {
            channels: Map::new(),
            last: FIRST,
            out: VecDeque::new(),
        }
    }

    /// Is this a question about a channel?
    pub(super) fn owns(request: TokenId) -> bool {
        request >= FIRST
    }

    /// What is to be done next.
    pub(super) fn poll(&mut self) -> Option<Step> {
        self.out.pop_front()
    }

    /// A channel is to be asked for.
    pub(super) fn want(&mut self, now: Mono, channel: &Rc<str>, wanted: Wanted) {
        if !self.channels.contains(&**channel) {
            if self.channels.len() >= CHANNELS_KNOWN_MAX {
                // Those of channels that were given back while nothing was asked of the server.
                (self.channels).retain(|_, known| known.wanted.is_some() || known.subscribed);
            }
            self.channels.insert(
                Rc::clone(channel),
                Admission {
                    tokens: Tokens::new(true),
                    wanted: None,
                    said: false,
                    subscribed: false,
                    known: false,
                    rejected: false,
                },
            );
        }
        let Some(admission) = self.channels.get_mut(&**channel) else {
            return;
        };
        admission.subscribed = false;
        let unanswered = admission.said && admission.wanted.is_some();
        admission.wanted = Some(wanted);
        if unanswered {
            // By whichever token: the server has not answered, and it is for the wire to say what follows.
            return admission.say(channel, None, &mut self.out);
        }
        self.go_on(now, channel);
    }

    /// Asks for a wanted channel by the token at hand, or for a token.
    fn go_on(&mut self, now: Mono, channel: &Rc<str>) {
        let Some(admission) = self.channels.get_mut(&**channel) else {
            return;
        };
        let Some(wanted) = &admission.wanted else {
            return;
        };
        let request = wanted.request;
        admission.tokens.number_behind(self.last);
        match admission.tokens.for_dial(now) {
            ForDial::Ready => {
                let token = admission.tokens.token().cloned();
                admission.say(channel, token, &mut self.out);
            }
            ForDial::Ask(question) => {
                self.last = question;
                let reason = (admission.tokens).reason(admission.rejected, !admission.known);
                self.out.push_back(Step::AskApp {
                    request: question,
                    channel: Rc::clone(channel),
                    reason,
                });
            }
            ForDial::Pending => {}
            ForDial::Later(at) => {
                admission.wanted = None;
                let after = Some(at.since(now));
                self.out.push_back(Step::None { request, after });
            }
            ForDial::Refused => self.deny(channel, request),
        }
    }

    /// The app has said that there has to be a login. Who asks anew asks it anew.
    fn deny(&mut self, channel: &str, request: RequestId) {
        self.channels.remove(channel);
        self.out.push_back(Step::None {
            request,
            after: None,
        });
    }

    /// The app answered a question.
    pub(super) fn answered(
        &mut self,
        now: Mono,
        to: TokenId,
        result: Result<Option<Token>, TokenFailure>,
        rng: &mut Rng,
    ) {
        let is_asking = |(_, known): &(&Rc<str>, &Admission)| known.tokens.is_asking(to);
        let asked = self.channels.iter().find(is_asking);
        let Some(channel) = asked.map(|(name, _)| Rc::clone(name)) else {
            return;
        };
        let Some(admission) = self.channels.get_mut(&*channel) else {
            return;
        };
        let answered = admission.tokens.answer(now, to, result, rng);
        if admission.wanted.is_some() {
            // What there is to say about a failure is what there is to say about what is wanted.
            self.go_on(now, &channel);
        } else if admission.subscribed
            && answered == Answered::Given
            && let Some(token) = admission.tokens.token().cloned()
        {
            self.out.push_back(Step::Renew { channel, token });
        }
    }

    /// The server said yes to a channel.
    pub(super) fn subscribed(&mut self, channel: &str) {
        if let Some(admission) = self.channels.get_mut(channel) {
            admission.wanted = None;
            admission.said = false;
            admission.subscribed = true;
            admission.known = true;
        }
    }

    /// The server took a token, for so long.
    pub(super) fn admitted(&mut self, now: Mono, channel: &str, life: Option<Millis>) {
        if let Some(admission) = self.channels.get_mut(channel) {
            admission.rejected = false;
            admission.tokens.lives(now, life);
        }
    }

    /// The server did not take a token.
    pub(super) fn refused(&mut self, now: Mono, channel: &str) -> Verdict {
        let Some(admission) = self.channels.get_mut(channel) else {
            return Verdict::Denied;
        };
        admission.tokens.reject();
        admission.said = false;
        if admission.rejected {
            if admission.subscribed {
                return Verdict::NotRenewed;
            }
            self.channels.remove(channel);
            return Verdict::Denied;
        }
        admission.rejected = true;
        self.ask_anew(now, channel, TokenReason::Rejected);
        Verdict::Again
    }

    fn ask_anew(&mut self, now: Mono, channel: &str, reason: TokenReason) {
        let mut known = self.channels.iter_mut();
        let Some((channel, admission)) = known.find(|(name, _)| ***name == *channel) else {
            return;
        };
        admission.tokens.number_behind(self.last);
        if let Some(request) = admission.tokens.ask_anew(now) {
            self.last = request;
            self.out.push_back(Step::AskApp {
                request,
                channel: Rc::clone(channel),
                reason,
            });
        }
    }

    /// The server said no to a channel for a reason that is not its token.
    pub(super) fn over(&mut self, channel: &str) {
        if let Some(admission) = self.channels.get_mut(channel) {
            admission.wanted = None;
            admission.said = false;
            admission.subscribed = false;
        }
    }

    /// A channel is given back.
    pub(super) fn forget(&mut self, channel: &str) {
        self.channels.remove(channel);
    }

    /// Another person is there. No number is used twice: what is answered may be of the last one.
    pub(super) fn forget_user(&mut self) {
        self.channels.clear();
        self.out.clear();
    }

    /// There is another connection, or none. What the app is about to answer is kept for the next one.
    pub(super) fn unlinked(&mut self) {
        for admission in self.channels.values_mut() {
            admission.wanted = None;
            admission.said = false;
            admission.subscribed = false;
        }
    }

    /// Somebody logged in: what the app said before is void, but for what is subscribed by it.
    pub(super) fn logged_in(&mut self, now: Mono) {
        self.channels
            .retain(|_, known| known.wanted.is_some() || known.subscribed);
        let open = self
            .channels
            .iter()
            .filter(|(_, known)| known.wanted.is_some() && !known.said);
        let open: Vec<Rc<str>> = open.map(|(channel, _)| Rc::clone(channel)).collect();
        for channel in open {
            if let Some(admission) = self.channels.get_mut(&*channel) {
                admission.tokens.clear();
            }
            self.ask_anew(now, &channel, TokenReason::Rejected);
        }
    }

    /// The machine slept.
    pub(super) fn slept(&mut self, span: Millis) {
        for admission in self.channels.values_mut() {
            admission.tokens.slept(span);
        }
    }

    /// Time passed.
    pub(super) fn tick(&mut self, now: Mono, rng: &mut Rng) {
        if self.next_wakeup().is_none_or(|at| at > now) {
            return;
        }
        let mut late = Vec::new();
        for (channel, admission) in self.channels.iter_mut() {
            if admission.tokens.tick(now, rng) && admission.wanted.is_some() {
                late.push(Rc::clone(channel));
            }
            if !admission.subscribed {
                continue;
            }
            admission.tokens.number_behind(self.last);
            if let Some(request) = admission.tokens.renewal(now) {
                self.last = request;
                self.out.push_back(Step::AskApp {
                    request,
                    channel: Rc::clone(channel),
                    reason: match admission.rejected {
                        true => TokenReason::Rejected,
                        false => TokenReason::Expiring,
                    },
                });
            }
        }
        for channel in late {
            self.go_on(now, &channel);
        }
    }

    /// When something is to be done, if nothing else happens.
    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let each = self.channels.values();
        each.filter_map(|known| known.tokens.next_wakeup(known.subscribed))
            .min()
    }
}

impl Admission {
    fn say(&mut self, channel: &Rc<str>, token: Option<Token>, out: &mut VecDeque<Step>) {
        if let Some(wanted) = self.wanted.clone() {
            self.said = true;
            out.push_back(Step::Subscribe {
                channel: Rc::clone(channel),
                wanted,
                token,
            });
        }
    }
}
