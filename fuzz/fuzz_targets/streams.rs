#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sovd::fuzz::streams(data));
