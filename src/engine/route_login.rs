//! What a login and a new token mean to all parts. The app is asked for a token in one place, by the
//! link, whoever was refused.

use super::Engine;
use super::http::{Call, origin};
use super::ids::TokenId;
use super::tabs::Role;
use super::tabs::message::Says;
use super::text;
use super::time::Now;
use super::token::{Token, TokenFailure};

impl Engine {
    /// The app answered the question for a token.
    pub(super) fn on_token(
        &mut self,
        now: Now,
        request: TokenId,
        result: Result<Option<Token>, TokenFailure>,
    ) {
        #[cfg(feature = "centrifugo")]
        if self.on_channel_token(now, request, &result) {
            return;
        }
        let given = matches!(result, Ok(Some(_)));
        let heard = self
            .link
            .token_answered(now, request, result, &mut self.rng);
        // The answer to an older question may be another person's.
        if heard && given {
            self.freshness.token();
            self.queue.authorized(now, &mut self.rng);
        }
    }

    /// Somebody logged in. The token itself never leaves this tab: the leader asks its own page.
    pub(super) fn on_login(&mut self, now: Now, token: Option<Token>) {
        if self.tabs.role() == Role::Following {
            self.heard_of_login();
            self.post(Says::LoggedIn);
            return;
        }
        self.link.logged_in(now, token);
        #[cfg(feature = "centrifugo")]
        {
            self.admissions.logged_in(now.mono);
            self.admission_steps(now);
        }
        self.freshness.login();
        self.queue.authorized(now, &mut self.rng);
        self.channels.token_changed();
        self.channel_steps(now);
    }

    /// Another tab knows of a login.
    pub(super) fn heard_of_login(&mut self) {
        // Whoever leads next need not wait for a login any more.
        self.heir_of = None;
    }

    /// A server did not accept who we are. One new token is for everybody who was refused.
    pub(super) fn want_token(&mut self, now: Now) {
        self.link.refused_elsewhere(now);
        self.link_steps(now);
    }

    /// Lets a request show who asks. The token is for the backend, and no other host may see it.
    pub(super) fn show_token(&self, call: &mut Call) {
        if let Some(token) = self.link.token()
            && origin(&call.url) == origin(&self.config.http_url(""))
        {
            let value = text::concat(&["Bearer ", token.text()]);
            call.headers.push(("authorization", value));
        }
    }
}
