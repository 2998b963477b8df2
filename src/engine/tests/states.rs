//! Tables of states: every state of a machine beside everything that can happen to it.
//!
//! A table is complete by construction. Its states and its inputs are enums made by [`cases`], and
//! whoever makes a state, names a real one or lets something happen matches them without a wildcard:
//! what is left out does not compile. Each cell comes from the real machine, brought into that state.
//! The tables stand in `docs/states/`, where people read them; a test per machine compares.

use std::fs;
use std::path::Path;

use crate::engine::time::Mono;

/// The cases of a row or a column.
pub(crate) trait Case: Copy + PartialEq + 'static {
    /// All of them, in the order of the table.
    const ALL: &'static [Self];

    /// How people call it.
    fn text(self) -> &'static str;
}

/// An enum whose cases are the rows or the columns of a table.
macro_rules! cases {
    (enum $name:ident { $($case:ident => $text:literal),+ $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name { $($case),+ }

        impl $crate::engine::tests::states::Case for $name {
            const ALL: &'static [Self] = &[$(Self::$case),+];

            fn text(self) -> &'static str {
                match self { $(Self::$case => $text),+ }
            }
        }
    };
}
pub(crate) use cases;

/// The environment variable that has the tables written anew.
const WRITE: &str = "EVERFRESH_WRITE_STATES";

/// A page of `docs/states`.
pub(crate) struct Page {
    file: &'static str,
    text: String,
}

impl Page {
    /// A page with a title, and what one has to know to read it.
    pub(crate) fn new(file: &'static str, title: &str, about: &str) -> Page {
        let text = format!("# {title}\n\n{about}\n");
        Page { file, text }
    }

    /// Adds a table: a column a state, a row an input.
    pub(crate) fn table<S: Case, I: Case>(
        mut self,
        about: &str,
        mut cell: impl FnMut(S, I) -> String,
    ) -> Page {
        self.text.push_str(&format!("\n{about}\n\n"));
        let mut row = |head: &str, cells: &mut dyn Iterator<Item = String>| {
            self.text.push_str(&format!("| {head} |"));
            for cell in cells {
                self.text.push_str(&format!(" {cell} |"));
            }
            self.text.push('\n');
        };
        let states = S::ALL;
        row("", &mut states.iter().map(|state| state.text().to_owned()));
        row("---", &mut states.iter().map(|_| "---".to_owned()));
        for &input in I::ALL {
            let mut cells = states.iter().map(|&state| cell(state, input));
            row(input.text(), &mut cells);
        }
        self
    }

    /// Compares the page with the one that is kept.
    pub(crate) fn check(self, kept: &str) {
        if std::env::var_os(WRITE).is_some() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("docs/states")
                .join(self.file);
            let written = fs::write(&file, &self.text);
            assert!(written.is_ok(), "{}: {written:?}", file.display());
            return;
        }
        let differs = self.text.lines().zip(kept.lines()).find(|(a, b)| a != b);
        assert!(
            self.text == kept,
            "docs/states/{} is not what the code does. If that is meant, run\n\
             {WRITE}=1 cargo test -p everfresh --lib states_of\nand look at the difference. Now, and kept:\n{differs:#?}",
            self.file
        );
    }
}

/// A state of a machine, and its moment: when it wants to be woken.
pub(crate) type At<S> = (S, Option<Mono>);

/// A cell: the state that follows, if it is another one, what is to be done, and whether the moment
/// moved if nothing else changed.
pub(crate) fn cell<S: Case>(before: At<S>, after: At<S>, done: Vec<String>) -> String {
    let mut words = done;
    if before.0 != after.0 {
        words.insert(0, format!("**{}**", after.0.text()));
    }
    if words.is_empty() {
        words.push(moved(before.1, after.1).to_owned());
    }
    words.join(", ")
}

fn moved(before: Option<Mono>, after: Option<Mono>) -> &'static str {
    match (before, after) {
        (None, Some(_)) => "*a moment*",
        (Some(_), None) => "*no moment*",
        (Some(before), Some(after)) if after < before => "*sooner*",
        (Some(before), Some(after)) if after > before => "*later*",
        (Some(_), Some(_)) | (None, None) => "·",
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn every_table_is_in_the_list_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/states");
    let list = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let mut tables = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "README.md" {
            tables += 1;
            assert!(
                list.contains(&format!("]({name})")),
                "{name} is not in README.md"
            );
        }
    }
    assert_eq!(
        list.matches(".md)").count(),
        tables,
        "it names a table that is not there"
    );
}
