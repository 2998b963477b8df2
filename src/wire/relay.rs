//! What the relay worker hands to the page: records, one after the other, in one run of bytes.
//!
//! A record is its kind (a byte), the number of its connection and the length of its body (four
//! bytes each, the least one first), and its body. The worker is `pkg/src/relay.ts`; both sides
//! are of one release, and what is not of this form ends the reading.

use crate::engine::ids::ConnId;

/// The form of the records. A worker of another release says another number.
pub const VERSION: u32 = 2;

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The worker runs, and speaks this version.
    Ready(u32),
    /// A socket is open.
    Opened(ConnId),
    /// A frame of text came.
    Frame(ConnId, &'a [u8]),
    /// A frame of bytes came.
    Bytes(ConnId, &'a [u8]),
    /// A socket is closed, or could not be opened.
    Closed {
        /// Which one.
        conn: ConnId,
        /// The close code.
        code: u16,
        /// The server's words.
        reason: &'a str,
    },
    /// The timer ran.
    Tick,
}

/// The records of a run of bytes, up to the first that is none.
#[derive(Clone, Debug)]
pub struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    /// Of all these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Records(bytes)
    }

    fn read(&mut self) -> Option<Record<'a>> {
        let ([kind, a, b, c, d, e, f, g, h], rest) = self.0.split_first_chunk()?;
        let conn = u32::from_le_bytes([*a, *b, *c, *d]);
        let length = u32::from_le_bytes([*e, *f, *g, *h]);
        let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(match kind {
            0 => Record::Ready(conn),
            1 => Record::Opened(ConnId(conn)),
            2 => Record::Frame(ConnId(conn), body),
            3 => {
                let (code, reason) = body.split_first_chunk()?;
                Record::Closed {
                    conn: ConnId(conn),
                    code: u16::from_le_bytes(*code),
                    reason: str::from_utf8(reason).unwrap_or_default(),
                }
            }
            4 => Record::Tick,
            5 => Record::Bytes(ConnId(conn), body),
            _ => return None,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let record = self.read();
        if record.is_none() {
            self.0 = &[];
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: usize = 9;

    fn record(kind: u8, conn: u32, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend_from_slice(&conn.to_le_bytes());
        out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn records_are_read_in_their_order() {
        let bytes = [
            record(0, VERSION, b""),
            record(1, 7, b""),
            record(2, 7, "{\"t\":\"é\"}".as_bytes()),
            record(2, 7, b""),
            record(5, 7, b"\xff"),
            record(3, 7, b"\x39\x11gone"),
            record(4, 0, b""),
        ]
        .concat();
        let conn = ConnId(7);
        let expected = [
            Record::Ready(VERSION),
            Record::Opened(conn),
            Record::Frame(conn, "{\"t\":\"é\"}".as_bytes()),
            Record::Frame(conn, b""),
            Record::Bytes(conn, b"\xff"),
            Record::Closed {
                conn,
                code: 4409,
                reason: "gone",
            },
            Record::Tick,
        ];
        assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_words_of_a_close_may_be_anything() {
        let bytes = record(3, 1, b"\xee\x03\xff\xfe");
        let closed = Record::Closed {
            conn: ConnId(1),
            code: 1006,
            reason: "",
        };
        assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), [closed]);
    }

    #[test]
    fn what_is_no_record_ends_the_reading() {
        let good = record(2, 1, b"x");
        for bad in [record(9, 1, b""), record(3, 1, b"x")] {
            let bytes = [good.as_slice(), &bad, &good].concat();
            assert_eq!(Records::new(&bytes).count(), 1);
        }
        // Cut off, wherever.
        for length in 0..good.len() {
            assert_eq!(Records::new(good.split_at(length).0).count(), 0);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes: Vec<u8>) {
            prop_assert!(Records::new(&bytes).count() <= bytes.len() / HEAD);
        }
    }
}
