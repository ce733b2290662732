//! Tables from a recorded run. Nothing here measures: the same folder gives the same report for
//! ever.

mod cells;
pub mod flame;
pub mod levers;
pub mod marks;
pub mod rank;
mod reading;
pub mod render;
pub(crate) mod sound;
mod suite;
pub mod summary;
pub mod sweep;
pub mod table;
