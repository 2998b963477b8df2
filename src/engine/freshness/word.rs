//! What tabs say to each other about contracts.
//!
//! A tab tells which contracts it watches and whether anybody sees it; it may ask its leader to
//! look. The leader tells all what it found. Whatever comes in is checked: any script of the
//! origin can say this.

use crate::engine::limits::{CONTRACT_NAME_BYTES_MAX, CONTRACTS_MAX};
use crate::engine::time::{Millis, Wall};
use crate::wire::json::{Raw, Text, Writer};

/// How much a tab needs a contract to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Not now: nobody watches, nobody sees it, or it is switched off.
    None,
    /// At the pace of an idle user.
    Idle,
    /// At its full pace.
    Full,
}

/// What a tab says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// I need these contracts kept, and no others.
    Needs(Vec<(String, Need)>),
    /// Look now.
    Ask(String),
    /// I lead, and looked.
    Found {
        /// The leader's term.
        term: u64,
        /// Which contract.
        contract: String,
        /// What was found.
        found: Found,
        /// When the look began.
        at: Wall,
    },
}

/// What a leader found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// That it is time to fetch.
    Due,
    /// That something changed.
    Changed,
    /// That nothing changed since this moment; data asked for later is as good as new.
    Unchanged {
        /// Since when.
        since: Wall,
    },
    /// That the server wants calm for this long.
    Calm {
        /// How long.
        wait: Millis,
    },
}

const NEEDS: [(Need, &str); 2] = [(Need::Idle, "idle"), (Need::Full, "full")];

impl Word {
    /// Writes the members of a message.
    pub fn write(&self, w: &mut Writer) {
        match self {
            Word::Needs(needs) => w.key("needs").object(|w| {
                for (name, need) in needs {
                    let text = NEEDS.iter().find(|(have, _)| have == need);
                    w.key(name).string(text.map_or("none", |(_, text)| text));
                }
            }),
            Word::Ask(name) => w.key("ask").string(name),
            Word::Found {
                term,
                contract,
                found,
                at,
            } => {
                w.key("term").number(*term);
                w.key("contract").string(contract);
                w.key("at").number(at.0);
                match found {
                    Found::Due => w.key("found").string("due"),
                    Found::Changed => w.key("found").string("changed"),
                    Found::Unchanged { since } => w.key("since").number(since.0),
                    Found::Calm { wait } => w.key("wait").number(wait.0),
                }
            }
        }
    }

    /// Reads the members of a message; nothing if they are not what a tab says.
    pub fn read(raw: Raw<'_>) -> Option<Word> {
        if let Some(needs) = raw.member("needs") {
            return read_needs(needs);
        }
        if let Some(name) = raw.member("ask") {
            return name_of(name).map(Word::Ask);
        }
        let number = |name| raw.member(name).and_then(Raw::integer);
        let word = raw.member("found").and_then(Raw::string);
        let found = match (
            word.map(Text::decode).as_deref(),
            number("since"),
            number("wait"),
        ) {
            (Some("due"), _, _) => Found::Due,
            (Some("changed"), _, _) => Found::Changed,
            (None, Some(since), _) => Found::Unchanged { since: Wall(since) },
            (None, None, Some(wait)) => Found::Calm { wait: Millis(wait) },
            _ => return None,
        };
        Some(Word::Found {
            term: number("term")?,
            contract: name_of(raw.member("contract")?)?,
            found,
            at: Wall(number("at")?),
        })
    }
}

fn name_of(raw: Raw<'_>) -> Option<String> {
    let name = raw.string()?.decode();
    (!name.is_empty() && name.len() <= CONTRACT_NAME_BYTES_MAX).then(|| name.into_owned())
}

fn read_needs(raw: Raw<'_>) -> Option<Word> {
    let mut out = Vec::new();
    raw.members(|name, need| {
        let need = NEEDS
            .iter()
            .find(|(_, text)| need.string().is_some_and(|need| need.is(text)));
        let name = name.decode();
        if let Some((need, _)) = need
            && out.len() < CONTRACTS_MAX
            && name.len() <= CONTRACT_NAME_BYTES_MAX
        {
            out.push((name.into_owned(), *need));
        }
    });
    raw.is_object().then_some(Word::Needs(out))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::json;
    use proptest::prelude::*;

    fn text(word: &Word) -> String {
        let mut writer = Writer::new();
        writer.object(|w| word.write(w));
        writer.finish()
    }

    fn words() -> Vec<Word> {
        let found = |found| Word::Found {
            term: 9,
            contract: "plan \"ner\"".to_owned(),
            found,
            at: Wall(5),
        };
        vec![
            Word::Needs(vec![
                ("a".to_owned(), Need::Full),
                ("b".to_owned(), Need::Idle),
            ]),
            Word::Needs(Vec::new()),
            Word::Ask("a".to_owned()),
            found(Found::Due),
            found(Found::Changed),
            found(Found::Unchanged { since: Wall(3) }),
            found(Found::Calm {
                wait: Millis(120_000),
            }),
        ]
    }

    #[test]
    fn every_word_comes_back_as_it_was() {
        for word in words() {
            let text = text(&word);
            assert_eq!(
                Word::read(json::parse(&text).unwrap()),
                Some(word),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_word_is_nothing() {
        for text in [
            "{}",
            r#"{"needs":[]}"#,
            r#"{"ask":""}"#,
            r#"{"ask":1}"#,
            r#"{"term":1,"contract":"a","at":1}"#,
            r#"{"term":1,"contract":"a","at":1,"found":"gold"}"#,
            r#"{"term":1,"contract":"a","found":"due"}"#,
            r#"{"contract":"a","at":1,"found":"due"}"#,
        ] {
            assert_eq!(Word::read(json::parse(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn needs_that_nobody_knows_are_passed_over() {
        let word = Word::read(json::parse(r#"{"needs":{"a":"full","b":"some","c":1}}"#).unwrap());
        assert_eq!(word, Some(Word::Needs(vec![("a".to_owned(), Need::Full)])));
    }

    proptest! {
        #[test]
        fn a_damaged_word_never_panics(which in 0usize..7, at in 0usize..200, byte in 32u8..127) {
            let mut bytes = text(&words().swap_remove(which)).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(raw) = json::parse(std::str::from_utf8(&bytes).unwrap()) {
                let _ = Word::read(raw);
            }
        }
    }
}
