//! `praline::fuzzing::TARGETS`, config.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("config", data));
