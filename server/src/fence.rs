//! The header by which a write says under which leases it was made: `everfresh-fence: 7;tasks;title`.

use axum::http::HeaderMap;

use crate::error::ApiError;
use crate::ids::{ChannelName, FieldName, INTEGER_MAX};
use crate::store::Claim;

/// Its name.
const FENCE_HEADER: &str = "everfresh-fence";

/// Leases that one write may be made under: the fields of a form.
const CLAIMS_MAX: usize = 50;

const RULE: &str = "a fence is NUMBER;CHANNEL;FIELD, where both names are percent-encoded; several are separated by commas";

/// The leases that a request was made under: none without the header.
pub(crate) fn claims(headers: &HeaderMap) -> Result<Vec<Claim>, ApiError> {
    let mut claims = Vec::new();
    for value in headers.get_all(FENCE_HEADER) {
        let value = value.to_str().unwrap_or_default();
        for claim in value.split(',').map(str::trim) {
            let claim = parse(claim).filter(|_| claims.len() < CLAIMS_MAX);
            claims.push(claim.ok_or_else(|| ApiError::field(FENCE_HEADER, RULE))?);
        }
    }
    Ok(claims)
}

fn parse(text: &str) -> Option<Claim> {
    let mut parts = text.splitn(3, ';');
    let fence = parts
        .next()?
        .parse()
        .ok()
        .filter(|fence| *fence <= INTEGER_MAX)?;
    Some(Claim {
        channel: ChannelName::parse(&decoded(parts.next()?)?).ok()?,
        field: FieldName::parse(&decoded(parts.next()?)?).ok()?,
        fence,
    })
}

/// Reverses JavaScript's `encodeURIComponent`: a header carries visible ASCII, names carry more.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hex(rest.next()?)? << 4 | hex(rest.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<Vec<(u64, String, String)>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FENCE_HEADER, HeaderValue::from_str(value).unwrap());
        }
        let claims = claims(&headers).ok()?;
        let parts = claims.iter().map(|claim| {
            let (channel, field) = (claim.channel.as_str(), claim.field.as_str());
            (claim.fence, channel.to_owned(), field.to_owned())
        });
        Some(parts.collect())
    }

    fn claim(fence: u64, channel: &str, field: &str) -> (u64, String, String) {
        (fence, channel.to_owned(), field.to_owned())
    }

    #[test]
    fn a_fence_names_its_field() {
        assert_eq!(read(&[]), Some(Vec::new()));
        assert_eq!(
            read(&["7;tasks;title"]),
            Some(vec![claim(7, "tasks", "title")])
        );
        assert_eq!(
            read(&["7;a%3Bb;caf%C3%A9, 8;c;d", "9;e;f;g"]),
            Some(vec![
                claim(7, "a;b", "café"),
                claim(8, "c", "d"),
                claim(9, "e", "f;g")
            ])
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [
            "",
            "7",
            "7;c",
            "x;c;f",
            "7;;f",
            "7;c;",
            "7;%;f",
            "7;%zz;f",
            "7;%ff;f",
            "9007199254740992;c;f",
            "7;c;f,",
        ] {
            assert_eq!(read(&[value]), None, "{value}");
        }
        let many = vec!["7;c;f"; CLAIMS_MAX + 1].join(",");
        assert_eq!(read(&[&many]), None);
    }
}
