//! `praline::fuzzing::TARGETS`, frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("frames", data));
