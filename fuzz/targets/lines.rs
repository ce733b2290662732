#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| transports::properties::lines(input));
