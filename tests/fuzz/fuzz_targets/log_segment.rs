//! `praline::fuzzing::TARGETS`, log_segment.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("log_segment", data));
