//! How a kind of input waits for what replaces it: who types makes a mutation a keystroke, and
//! only the last one matters.

use crate::engine::limits::{
    ANALYTICS_SPAN, FORM_SPAN, SLIDER_MOST, SLIDER_QUIET, TEXT_MOST, TEXT_QUIET,
};
use crate::engine::time::{Millis, Mono};

/// What kind of input a mutation comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// No kind: sent at once.
    #[default]
    Plain,
    /// Typing: sent when it pauses.
    Text,
    /// A slider or a number: sent when it rests.
    Slider,
    /// A checkbox or a radio button: sent at once.
    Checkbox,
    /// A form that saves itself: sent in batches.
    Form,
    /// What is counted and not awaited: sent in large batches.
    Analytics,
}

/// Kind and text, both ways, in one table.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Plain, "plain"),
    (Kind::Text, "text"),
    (Kind::Slider, "slider"),
    (Kind::Checkbox, "checkbox"),
    (Kind::Form, "form"),
    (Kind::Analytics, "analytics"),
];

enum Wait {
    None,
    /// Until nothing came for a while, but not for ever.
    Quiet(Millis, Millis),
    /// Until a span after the first one of a batch.
    Batch(Millis),
}

impl Kind {
    /// As the app writes it.
    pub fn text(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("plain", |(_, text)| text)
    }

    /// Reads what the app wrote.
    pub fn parse(text: &str) -> Option<Kind> {
        KINDS
            .iter()
            .find(|(_, have)| *have == text)
            .map(|(kind, _)| *kind)
    }

    fn wait(self) -> Wait {
        match self {
            Kind::Plain | Kind::Checkbox => Wait::None,
            Kind::Text => Wait::Quiet(TEXT_QUIET, TEXT_MOST),
            Kind::Slider => Wait::Quiet(SLIDER_QUIET, SLIDER_MOST),
            Kind::Form => Wait::Batch(FORM_SPAN),
            Kind::Analytics => Wait::Batch(ANALYTICS_SPAN),
        }
    }

    /// When a mutation that came now is to be sent; at once if nothing. `first` is when the first
    /// one came that it replaces, `batch` when the one before it in its lane is to be sent.
    pub(super) fn due(self, now: Mono, first: Mono, batch: Option<Mono>) -> Option<Mono> {
        match self.wait() {
            Wait::None => None,
            Wait::Quiet(quiet, most) => Some((now + quiet).min(first + most)),
            Wait::Batch(span) => Some(batch.unwrap_or(first + span)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_is_sent_when_it_pauses_and_at_last_while_it_goes_on() {
        let due = |now, first| Kind::Text.due(Mono(now), Mono(first), None);
        assert_eq!(due(0, 0), Some(Mono(500)));
        assert_eq!(due(400, 0), Some(Mono(900)));
        assert_eq!(due(TEXT_MOST.0 - 1, 0), Some(Mono(TEXT_MOST.0)));
    }

    #[test]
    fn a_batch_is_sent_as_one() {
        let due = |now, batch| Kind::Form.due(Mono(now), Mono(now), batch);
        assert_eq!(due(0, None), Some(Mono(2000)));
        assert_eq!(due(1500, Some(Mono(2000))), Some(Mono(2000)));
        let analytics = Kind::Analytics.due(Mono(0), Mono(0), None);
        assert_eq!(analytics, Some(Mono(10_000)));
    }

    #[test]
    fn a_click_does_not_wait() {
        for kind in [Kind::Checkbox, Kind::Plain] {
            assert_eq!(kind.due(Mono(5), Mono(0), Some(Mono(9))), None);
        }
    }

    #[test]
    fn every_kind_has_a_word() {
        for (kind, text) in KINDS {
            assert_eq!(Kind::parse(text), Some(kind));
            assert_eq!(kind.text(), text);
        }
        assert_eq!(Kind::parse("speech"), None);
    }
}
