//! What a fuzzer found to run hot: a page is woken at a moment, and then not again for the same.

#![allow(clippy::unwrap_used)]

use crate::engine::command::Command;
use crate::engine::config::Config;
use crate::engine::input::{Input, PageEvent};
use crate::fuzz::page::{Asked, Page};
use crate::fuzz::parts::{CONFIG, lead};

fn page() -> Page {
    let mut page = Page::new(Config::parse(CONFIG).unwrap());
    lead(&mut page);
    page
}

fn command(page: &mut Page, text: &str) {
    page.handle(Input::Command(Command::parse(text).unwrap()));
}

/// The storage takes whatever it is given, and is empty.
fn storage_answers(page: &mut Page) {
    while let Some(asked) = page.take_asked(0) {
        match asked {
            Asked::Store(op, ..) => page.handle(Input::Stored { op, result: Ok(()) }),
            Asked::List(op, _) => page.handle(Input::StoreListed {
                op,
                result: Ok(&[]),
            }),
            Asked::Read(op, keys) => {
                let nothing = vec![None; keys.len()];
                let result = Ok(nothing.as_slice());
                page.handle(Input::StoreRead { op, result });
            }
            _ => {}
        }
    }
}

#[test]
fn what_pauses_for_the_next_key_while_offline_wakes_nobody_after_its_moment() {
    let mut page = page();
    page.handle(Input::Page(PageEvent::Offline));
    command(
        &mut page,
        r#"{"do":"mutate","id":1,"name":"log","kind":"text","vars":1}"#,
    );
    storage_answers(&mut page);
    page.advance(60_000);
}
