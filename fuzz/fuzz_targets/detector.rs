//! Fuzzes the inspection of data laid out as the layout `DETECTOR` says.
#![no_main]

use glance_fuzz::{check, layouts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| check(&layouts::DETECTOR, input));
