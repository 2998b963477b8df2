//! Short names where the module and its glue meet: `__wbg_addEventListener_847fd86b8c33ec43` is for
//! tools, and a hundred of them cost two kilobytes of a download.

use crate::error::{Cause, Error, Result};

/// The pass of the optimiser that renames what the module imports and exports, and prints how.
pub const PASS: &str = "--minify-imports-and-exports";

/// One name, as the glue has it and as the module has it now.
#[derive(Debug, PartialEq, Eq)]
enum Rename<'a> {
    Import(&'a str, &'a str),
    Export(&'a str, &'a str),
}

/// The glue with the names that the optimiser printed.
pub fn shorten(glue: &str, printed: &str) -> Result<String> {
    let renames = renames(printed);
    let mut used = vec![false; renames.len()];
    let mut text = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(start) = rest.find(is_of_name) {
        let (before, from) = rest.split_at(start);
        let (name, after) = from.split_at(from.find(|c| !is_of_name(c)).unwrap_or(from.len()));
        text.push_str(before);
        let found = renames.iter().position(|rename| match rename {
            Rename::Import(old, _) => *old == name && after.starts_with(':'),
            Rename::Export(old, _) => *old == name && text.ends_with("wasm."),
        });
        text.push_str(match found.and_then(|at| renames.get(at)) {
            Some(Rename::Import(_, new) | Rename::Export(_, new)) => new,
            None => name,
        });
        if let Some(used) = found.and_then(|at| used.get_mut(at)) {
            *used = true;
        }
        rest = after;
    }
    text.push_str(rest);
    // A module does not start without all its imports. Exports are for tools too.
    let missing = renames
        .iter()
        .zip(used)
        .find_map(|(rename, used)| match rename {
            Rename::Import(old, _) if !used => Some(*old),
            _ => None,
        });
    match missing {
        None if !renames.is_empty() => Ok(text),
        missing => Err(Error::new(
            Cause::Failed,
            format!(
                "the JavaScript glue of the module does not look as expected: no {}",
                missing.unwrap_or("names at all")
            ),
        )),
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// What was printed: lines of `["module", "old", "new"]` for imports and `["old", "new"]` for exports.
fn renames(printed: &str) -> Vec<Rename<'_>> {
    printed
        .lines()
        .filter_map(|line| {
            let line = line.trim().trim_end_matches(',');
            let words: Vec<&str> = line
                .strip_prefix("[\"")?
                .strip_suffix("\"]")?
                .split("\", \"")
                .collect();
            match words[..] {
                [_, old, new] => Some(Rename::Import(old, new)),
                [old, new] => Some(Rename::Export(old, new)),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"{
 "imports": [
  ["./x_bg.js", "__wbg_close_1", "a"],
  ["./x_bg.js", "__wbg_now_2", "$"]
 ],
"exports": [
  ["core_start", "b"],
  ["memory", "c"]
]
}"#;

    #[test]
    fn names_are_changed_where_they_name_an_import_or_an_export() {
        let glue = "core_start() { wasm.core_start(); }\n__wbg_close_1: function() {},\n\
                    __wbg_now_2: Date.now,\nwasm.memory.buffer, wasm.core_start_all";
        assert_eq!(
            shorten(glue, PRINTED).ok().as_deref(),
            Some(
                "core_start() { wasm.b(); }\na: function() {},\n$: Date.now,\nwasm.c.buffer, \
                 wasm.core_start_all"
            )
        );
    }

    #[test]
    fn a_glue_that_lacks_an_import_is_refused() {
        assert!(shorten("__wbg_close_1: function() {}", PRINTED).is_err());
        assert!(shorten("", "").is_err());
    }
}
