//! What recorded trials say: figures, comparisons, rankings. Nothing here measures: the same folder
//! always gives the same report.

pub(crate) mod aa;
pub(crate) mod capacity;
mod comparability;
pub(crate) mod compare;
pub(crate) mod dataset;
pub(crate) mod experiments;
pub(crate) mod gate;
pub mod metric;
pub(crate) mod ranking;
pub(crate) mod recommend;
pub(crate) mod replay;
pub(crate) mod summary;
pub(crate) mod targets;
