//! The module as text in a JavaScript file, for `everfresh/inline`.

use std::path::Path;

use crate::error::Result;
use crate::project;

/// How it is written. Part of the build's stamp: another form is another build.
pub const FORM: &str = "export const base64";

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes `inline.js` and its types beside the module.
pub fn write(folder: &Path, module: &Path) -> Result<()> {
    let bytes = project::read_bytes(module)?;
    let text = base64(&bytes);
    project::write(
        &folder.join("inline.js"),
        &format!("{FORM} = \"{text}\";\n"),
    )?;
    project::write(&folder.join("inline.d.ts"), &format!("{FORM}: string;\n"))
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .zip([16, 8, 0])
            .fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        for digit in 0..4 {
            let at = (bits >> (18 - 6 * digit)) & 63;
            out.push(match digit <= three.len() {
                true => char::from(DIGITS[at as usize]),
                false => '=',
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn as_the_standard_says() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }
}
