//! Takes the id of a person out of what leaves the page: a journal, a recording.

use super::User;
use crate::engine::text;
use crate::wire::json::Writer;

/// Shorter ids are in many a word.
const LONG: usize = 4;

/// An id, and what stands for it.
#[derive(Debug)]
pub struct Cover {
    /// As it stands in JSON, which all texts are.
    id: String,
    /// As many digits of its hash.
    digits: String,
}

impl Cover {
    /// Of this person; nothing if only the hash is known.
    pub fn of(user: &User) -> Option<Cover> {
        let mut id = Writer::new();
        id.string(user.id());
        let id = id.finish();
        let id = id.strip_prefix('"')?.strip_suffix('"')?;
        let hash = user.who().text();
        let mut digits = String::new();
        while digits.len() < id.len() {
            let rest = id.len() - digits.len();
            digits.push_str(hash.get(..rest).unwrap_or(&hash));
        }
        (!id.is_empty()).then(|| Cover {
            id: id.to_owned(),
            digits,
        })
    }

    /// Is the id in a text?
    pub fn is_in(&self, text: &str) -> bool {
        text::find(text, &self.id).is_some()
    }

    /// The text without the id: a short one is covered only where it stands by itself.
    pub fn over(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = text::find(rest, &self.id) {
            let (before, found) = rest.split_at(at);
            let after = found.get(self.id.len()..).unwrap_or("");
            let alone = !before.ends_with(is_of_word) && !after.starts_with(is_of_word);
            out.push_str(before);
            out.push_str(if self.id.len() >= LONG || alone {
                &self.digits
            } else {
                &self.id
            });
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

fn is_of_word(character: char) -> bool {
    !character.is_ascii() || character.is_ascii_alphanumeric()
}

impl PartialEq for Cover {
    fn eq(&self, other: &Cover) -> bool {
        self.id == other.id
    }
}
