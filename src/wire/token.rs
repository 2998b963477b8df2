//! How a token is given to a server that speaks a protocol of others, and how it says that it does not take it.

use super::json::{self, Writer};
use crate::engine::text;

/// Appends a name and a value behind the `?` of an address.
pub fn push_query(out: &mut String, name: &str, value: &str) {
    out.push(match text::mark(out, b"?") {
        Some(_) => '&',
        None => '?',
    });
    text::push_escaped(out, name);
    out.push('=');
    text::push_escaped(out, value);
}

/// An object with one member more, in place of one of the same name; nothing if there is neither.
pub fn with_member(object: Option<&str>, member: Option<(&str, &str)>) -> Option<String> {
    let Some((name, value)) = member else {
        return object.map(str::to_owned);
    };
    let mut writer = Writer::new();
    writer.object(|w| {
        if let Ok(raw) = json::parse(object.unwrap_or("{}")) {
            raw.members(|key, value| {
                if !key.is(name) {
                    w.key(&key.decode()).raw(value.text());
                }
            });
        }
        w.key(name).string(value);
    });
    Some(writer.finish())
}

/// Is it about who we are that a server refused something? Most servers refuse with a sentence and nothing else. A token that is asked for in vain costs one more
/// dial; one that is not asked for would cost the page its updates.
pub fn is_about_who(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    // The last is what python-socketio says when the app's function says no, and nothing else.
    ["auth", "token", "jwt", "login", "rejected by server"]
        .iter()
        .any(|word| text::find(&message, word).is_some())
}
