//! Tables and texts of a recorded run, for people and as CSV.

pub mod compare;
pub mod csv;
pub mod ranking;
pub mod recommend;
pub mod table;
pub mod text;
