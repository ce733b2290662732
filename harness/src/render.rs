//! Tables and texts of a recorded run, for people and as CSV.

pub(crate) mod bars;
pub(crate) mod findings;
pub(crate) mod lesson;
pub(crate) mod replay;
pub(crate) mod table;
pub(crate) mod text;
