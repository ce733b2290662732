//! The binaries through their front door: bytes in, bytes out.
//!
//! A [`subject`](subjects) is data: a binary, its flags and the wire it speaks. A case is a function
//! over a subject, and runs against every subject for which it has a meaning. `common` starts
//! processes and speaks the wires; `cases` says what is kept.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]
#![cfg_attr(
    feature = "percore",
    allow(
        dead_code,
        unused_macros,
        reason = "built for percore alone, there is no stdio to test"
    )
)]

#[macro_use]
mod cases;
mod common;
mod subjects;
