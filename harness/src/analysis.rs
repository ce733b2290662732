//! What recorded trials say: summaries, comparisons, rankings. Nothing here measures: the same folder
//! gives the same report for ever.

pub mod aa;
pub mod bounds;
pub(crate) mod capacity;
mod columns;
mod comparability;
pub mod compare;
pub mod dataset;
pub mod experiments;
mod few_trials;
pub mod gate;
pub(crate) mod legend;
pub mod rank;
pub mod ranking;
pub mod recommend;
mod requests;
pub(crate) mod suite;
pub mod summary;
pub mod sweep;
pub mod targets;
mod validity;
