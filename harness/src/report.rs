//! Tables from a recorded run. Nothing here measures: the same folder gives the same report for
//! ever.

mod cells;
pub mod rank;
mod reading;
pub mod render;
pub mod summary;
pub mod table;
