//! Other servers that the page may talk to: by their names, for the page, and in the policy that keeps it to itself.

use std::fmt::Write;

/// Their names and origins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours(Vec<(String, String)>);

impl Neighbours {
    /// Reads them, as `NAME=ORIGIN`.
    ///
    /// # Errors
    /// The first text that is none.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            let (name, origin) = text.split_once('=')?;
            let host = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))?;
            let plain = |part: &str, more: &[u8]| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
            };
            (plain(name, b"-") && plain(host, b".-:[]"))
                .then(|| (name.to_owned(), origin.to_owned()))
        };
        texts
            .iter()
            .map(|text| read(text).ok_or_else(|| text.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// As they were given.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let each = self.0.iter();
        each.map(|(name, origin)| format!("{name}={origin}"))
            .collect()
    }

    /// Names and origins.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.0.iter();
        each.map(|(name, origin)| (name.as_str(), origin.as_str()))
    }

    /// What the page's policy has of them: requests and sockets.
    pub(crate) fn sources(&self) -> String {
        let mut out = String::new();
        for (_, origin) in self.iter() {
            // `http` becomes `ws`, and `https` `wss`.
            let socket = origin.replacen("http", "ws", 1);
            // Writing into a text cannot fail.
            let _ = write!(out, " {origin} {socket}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn they_are_in_the_policy_and_nothing_else_gets_there() {
        let texts = ["node=http://127.0.0.1:4000", "feed=https://a.example"];
        let texts: Vec<String> = texts.map(str::to_owned).to_vec();
        let neighbours = Neighbours::parse(&texts).unwrap();
        assert_eq!(neighbours.texts(), texts);
        assert_eq!(
            neighbours.sources(),
            " http://127.0.0.1:4000 ws://127.0.0.1:4000 https://a.example wss://a.example"
        );
        for bad in [
            "node",
            "=http://a",
            "a=",
            "a=ftp://b",
            "a=http://",
            "a=http://b/path",
            "a=http://b;script-src *",
            "a b=http://c",
        ] {
            assert_eq!(Neighbours::parse(&[bad.to_owned()]), Err(bad.to_owned()));
        }
    }
}
