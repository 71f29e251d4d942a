//! `praline::fuzzing::TARGETS`, raw_transaction.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("raw_transaction", data));
