#![no_main]

use libfuzzer_sys::fuzz_target;
use skyful_tests::fuzz::request::run;

fuzz_target!(|data: &[u8]| {
    run(data);
});
