//! The programs as their clients see them: bytes in, bytes out.
//!
//! A [`subject`](crate::common::Subject) is data: a program, its flags, its wire and its tools. A
//! case is a function over a subject, and runs against every subject for which it has a meaning.

#[macro_use]
pub(crate) mod cases;
pub(crate) mod subjects;
