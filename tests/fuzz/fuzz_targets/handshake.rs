//! `praline::fuzzing::TARGETS`, handshake.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("handshake", data));
