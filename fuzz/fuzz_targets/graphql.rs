#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| everfresh::fuzz::run("graphql", bytes));
