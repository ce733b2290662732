//! The proof that the fast path answers what rmcp answers: the same bytes go to two servers, one
//! with the fast path and one without, and the answers have to be equal in status, content type and
//! JSON value. A text that is itself JSON may have its members in another order (`compare`). Every
//! other difference is intended and stands in one table (`differences`), and so in
//! `docs/differences.md`.
//!
//! `corpus` holds cases written by hand, `generate` makes random ones, `sessions` and `lasting`
//! cover conversations in which a request depends on earlier ones.
//!
//! `DIFFERENTIAL_SEED=N` (or `random`) makes other cases, `DIFFERENTIAL_CASES=N` more or fewer for
//! each kind of answer, and `DIFFERENTIAL_CASE=N` repeats the case that a failure has named.

mod compare;
mod corpus;
mod differences;
mod generate;
mod lasting;
mod property;
mod request;
mod sessions;
mod stateless;
mod tuning;
