//! `praline::fuzzing::TARGETS`, peer_messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("peer_messages", data));
