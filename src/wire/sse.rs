//! Server-sent events: from the bytes of an answer to events, as the HTML standard reads them.
//!
//! Bytes come cut anywhere: inside a character, or between CR and LF. A line is looked at when it
//! is whole, and a line that never ends is an error before it is a problem of memory.

use crate::engine::text;

/// An event as it stands in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// Its type; empty when the stream does not say.
    pub event: String,
    /// Its data: the `data` lines, joined by line feeds.
    pub data: String,
}

/// A line, or the data of one event, is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Reads one stream.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// The first line is behind us, and with it any byte order mark.
    begun: bool,
    event: String,
    data: String,
    /// Whether there was any `data` line: an event with empty data is one, one without is none.
    has_data: bool,
    /// The id that the event has that is being read; later ones keep it.
    id: String,
    /// That of the last event that is whole: one that broke off is to come again.
    last: String,
    retry: Option<u64>,
}

impl Decoder {
    /// Takes the next bytes and hands out the events that are whole with them.
    pub fn push(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
        each: &mut dyn FnMut(SseEvent),
    ) -> Result<(), TooLong> {
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_line(each);
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() + self.data.len() >= bytes_max {
                        return Err(TooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    /// The id of the last event that had one: where the stream can be taken up again.
    pub fn last_id(&self) -> &str {
        &self.last
    }

    /// How long the server wants us to wait before we connect again, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry
    }

    fn end_line(&mut self, each: &mut dyn FnMut(SseEvent)) {
        let bytes = std::mem::take(&mut self.line);
        let text = text_of(&bytes);
        let mut line = text.as_str();
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(each);
        }
        let (field, value) = text::cut(line, b":").unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if text::mark(value, b"\0").is_none() => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() => {
                self.retry = text::number(value);
            }
            // A comment has an empty field name; what else there is, is not known to us.
            _ => {}
        }
    }

    fn dispatch(&mut self, each: &mut dyn FnMut(SseEvent)) {
        self.last.clone_from(&self.id);
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            each(SseEvent { event, data });
        }
    }
}

/// The text of some bytes, with a U+FFFD for each sequence that is no text, as the standard library's
/// `from_utf8_lossy` has it; that one is compiled once more for what a checked text needs not.
fn text_of(mut bytes: &[u8]) -> String {
    let mut out = String::new();
    loop {
        let fault = match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(fault) => fault,
        };
        let (valid, rest) = bytes.split_at(fault.valid_up_to());
        out.push_str(std::str::from_utf8(valid).unwrap_or(""));
        out.push(char::REPLACEMENT_CHARACTER);
        let Some(after) = fault.error_len().and_then(|length| rest.get(length..)) else {
            return out;
        };
        bytes = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1000;

    fn read(chunks: &[&[u8]]) -> (Vec<(String, String)>, Decoder) {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for chunk in chunks {
            let result = decoder.push(chunk, MAX, &mut |event| {
                out.push((event.event, event.data));
            });
            assert_eq!(result, Ok(()));
        }
        (out, decoder)
    }

    fn data(text: &str) -> Vec<String> {
        let (events, _) = read(&[text.as_bytes()]);
        events.into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn data_lines_are_joined_and_one_space_is_dropped() {
        assert_eq!(data("data: a\ndata:b\ndata:  c\n\n"), ["a\nb\n c"]);
        assert_eq!(data("data\ndata\n\n"), ["\n"]);
        assert_eq!(data("data: x"), [] as [&str; 0], "not ended, so not said");
        assert_eq!(data("data:\n\n: comment\n\nevent: x\n\n"), [""]);
    }

    #[test]
    fn fault_64_lines_end_in_three_ways_and_may_be_cut_anywhere() {
        assert_eq!(
            data("data: a\r\n\r\ndata: b\r\rdata: c\n\n"),
            ["a", "b", "c"]
        );
        let (events, _) = read(&[b"data: a\r", b"\n\r", b"\ndata: b\r\n\r\n"]);
        assert_eq!(events.len(), 2);
        let euro = "data: \u{20ac}\n\n".as_bytes();
        let (events, _) = read(&[&euro[..7], &euro[7..8], &euro[8..]]);
        assert_eq!(events, [(String::new(), "\u{20ac}".to_owned())]);
    }

    #[test]
    fn fault_64_a_byte_order_mark_counts_at_the_start_only() {
        assert_eq!(data("\u{feff}data: a\n\n\u{feff}data: b\n\n"), ["a"]);
    }

    #[test]
    fn fault_64_ids_stay_and_bad_fields_are_passed_over() {
        let (events, decoder) = read(&[
            b"id: 1\nevent: moved\ndata: a\n\ndata: b\n\nid: 2\0\nretry: 12abc\n\nid: 3\n\n",
        ]);
        assert_eq!(
            events,
            [
                ("moved".to_owned(), "a".to_owned()),
                (String::new(), "b".to_owned())
            ]
        );
        assert_eq!(decoder.last_id(), "3", "an event without data keeps its id");
        assert_eq!(decoder.retry_ms(), None);
        let (_, decoder) = read(&[b"retry: 2500\nid: 1\nid\n\n"]);
        assert_eq!((decoder.retry_ms(), decoder.last_id()), (Some(2500), ""));
        // An event that broke off was not told, and so is to come again.
        let (_, decoder) = read(&[b"id: 1\ndata: a\n\nid: 2\ndata: b\n"]);
        assert_eq!(decoder.last_id(), "1");
    }

    #[test]
    fn fault_64_a_line_over_the_limit_is_an_error() {
        let mut decoder = Decoder::default();
        let mut push = |bytes: &[u8]| decoder.push(bytes, 16, &mut |_| {});
        assert_eq!(push(b"data: 0123456789"), Ok(()));
        assert_eq!(push(b"x"), Err(TooLong));
        let mut decoder = Decoder::default();
        let many = b"data: 0123\ndata: 0123\ndata: 0123\n";
        assert_eq!(decoder.push(many, 16, &mut |_| {}), Err(TooLong));
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_does_not_matter(
            text in "(data|id|event|retry|:|\u{e9}|[ :a-c\r\n]){0,40}",
            cut in 0usize..60,
        ) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let whole = read(&[bytes]).0;
            prop_assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]).0, whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Decoder::default().push(&bytes, 50, &mut |_| {});
        }
    }
}
