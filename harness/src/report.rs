//! Tables from a recorded run. Nothing here measures: the same folder gives the same report for
//! ever.

mod capacity;
mod cells;
pub mod compare;
pub mod csv;
pub mod evidence;
mod few_trials;
pub mod flame;
pub mod gate;
pub mod levers;
mod likeness;
pub mod marks;
pub mod rank;
pub mod ranking;
mod reading;
pub mod recommend;
pub mod render;
mod requests;
mod sound;
mod suite;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod targets;
pub mod trust;
