//! `praline::fuzzing::TARGETS`, rpc_body.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| praline::fuzzing::run("rpc_body", data));
