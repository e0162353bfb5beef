//! Fuzzes the inspection of data laid out as the layout `QED` says.
#![no_main]

use glance_fuzz::{check, layouts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| check(&layouts::QED, input));
