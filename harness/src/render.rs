//! Tables and texts of a recorded run, for people and as CSV.

pub(crate) mod findings;
pub mod replay;
pub mod table;
pub mod text;
