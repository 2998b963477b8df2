//! A number for a text (FNV-1a, 64 bits): for names, against damage, to find things. No secret is at
//! stake, and it costs next to nothing to download.

/// The number of nothing.
pub(crate) const START: u64 = 0xCBF2_9CE4_8422_2325;

/// The number of these bytes.
pub(crate) fn number(bytes: impl IntoIterator<Item = u8>) -> u64 {
    more(START, bytes)
}

/// The number of what has this one, and of these bytes after it.
pub(crate) fn more(number: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(number, |number, byte| {
        (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_others_mean_by_it() {
        // From the test vectors of its authors.
        assert_eq!(number(*b""), START);
        assert_eq!(number(*b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(number(*b"foobar"), 0x8594_4171_F739_67E8);
        assert_eq!(more(number(*b"foo"), *b"bar"), number(*b"foobar"));
    }
}
