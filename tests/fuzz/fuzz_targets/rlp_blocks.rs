//! `praline::fuzzing::TARGETS`, rlp_blocks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("rlp_blocks", data));
