//! What recorded trials say: figures, comparisons, rankings. Nothing here measures: the same folder
//! always gives the same report.

pub mod aa;
pub mod bounds;
pub(crate) mod capacity;
mod comparability;
pub mod compare;
pub mod dataset;
pub mod experiments;
pub mod gate;
pub mod metric;
pub mod ranking;
pub mod recommend;
pub mod replay;
pub mod summary;
pub mod targets;
