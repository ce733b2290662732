//! What holds for any bytes: one function for each property, which panics where it does not hold.
//!
//! The tests of this module call them with generated input, and so do the programs in `fuzz/`,
//! whose input a coverage-guided fuzzer makes. The module is compiled for these two alone.

pub use crate::{
    config::properties::{definitions, template},
    load::properties::{events, http1, http1_answers},
};

#[cfg(test)]
mod tests;
