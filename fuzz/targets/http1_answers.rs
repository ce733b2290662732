#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::properties::http1_answers(input));
