//! Programs that hold a registry of images themselves, with no server in between: see `src/bin`.

/// What the README says about embedding compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
