//! What covers secrets, for fuzzing.

use super::Mask;
use crate::engine::principal::User;
use crate::wire::json;

const USER: &str = "alice@h.com";
const SECRET: &str = "qzqz";

/// A configuration, and on the lines behind it what is recorded then. Whatever is covered is as long as
/// before and as good JSON, comes to the same when it is covered again, and holds nobody's id.
pub(crate) fn mask(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (config, texts) = text.split_once('\n').unwrap_or(("{}", text));
    let (mut first, mut second) = (Mask::default(), Mask::default());
    for mask in [&mut first, &mut second] {
        mask.user(&User::new(USER));
    }
    let once = first.config(config);
    assert_eq!(second.config(&once), once, "a configuration");
    for text in texts.split('\n').take(64) {
        let once = first.lines(text);
        assert_eq!(once.len(), text.len());
        let object = json::parse(text).is_ok_and(|raw| raw.is_object());
        // A sign of life of Socket.IO is a number, and a message of Phoenix an array: they stay what they are.
        let number = text.bytes().all(|byte| byte.is_ascii_digit());
        let array = once.starts_with('[');
        assert!(number || array || json::parse(&once).is_ok() == object);
        assert_eq!(second.lines(&once), once, "it is covered again");
        assert!(!once.contains(USER), "an id");
        first.address(text);
    }
    // Tokens and payloads are nowhere, whatever is around them.
    // A payload does not show, whatever is around it and whatever its members are called.
    let mut w = json::Writer::new();
    w.object(|w| {
        w.key("t").string("ev");
        w.key("data").object(|w| {
            w.key(texts).string(&[SECRET, texts].concat());
            w.key(SECRET).string(texts);
        });
    });
    let shown = Mask::default().lines(&w.finish());
    assert!(!shown.contains(SECRET), "{shown}");
}
