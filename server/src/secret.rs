//! A secret: compared without telling by the time it takes where a guess goes wrong, and never printed.

use std::fmt;

use subtle::ConstantTimeEq;

/// Shorter ones can be guessed by trying. 16 random letters and digits have 95 bits.
const CHARS_MIN: usize = 16;

/// Longer ones do not fit in a header that every proxy lets through.
const CHARS_MAX: usize = 1024;

/// A secret that others have to know.
#[derive(Clone)]
pub struct Secret(Box<str>);

/// A text that is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakSecret;

impl fmt::Display for WeakSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a secret is {CHARS_MIN} to {CHARS_MAX} visible ASCII characters"
        )
    }
}

impl std::error::Error for WeakSecret {}

impl Secret {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it is too short to be one, or cannot travel in a header.
    pub fn new(text: impl Into<String>) -> Result<Self, WeakSecret> {
        let text = text.into();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (CHARS_MIN..=CHARS_MAX).contains(&text.len()) {
            Ok(Self(text.into_boxed_str()))
        } else {
            Err(WeakSecret)
        }
    }

    /// Is this the secret? The time it takes tells no more than its length.
    #[must_use]
    pub fn is(&self, guess: &str) -> bool {
        self.0.as_bytes().ct_eq(guess.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn a_secret_is_only_itself_and_is_never_printed() {
        let secret = Secret::new("0123456789abcdef").unwrap();
        assert!(secret.is("0123456789abcdef"));
        for guess in [
            "",
            "0123456789abcde",
            "0123456789abcdeF",
            "0123456789abcdef0",
        ] {
            assert!(!secret.is(guess), "{guess:?}");
        }
        assert!(!format!("{secret:?}").contains("0123"));
    }

    #[test]
    fn what_can_be_guessed_is_none() {
        assert_eq!(Secret::new("0123456789abcde").err(), Some(WeakSecret));
        assert_eq!(Secret::new("0123456789 abcdef").err(), Some(WeakSecret));
        assert_eq!(Secret::new("x".repeat(1025)).err(), Some(WeakSecret));
    }
}
