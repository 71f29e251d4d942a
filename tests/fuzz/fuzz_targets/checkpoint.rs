//! `praline::fuzzing::TARGETS`, checkpoint.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("checkpoint", data));
