//! The tools of the shop, held against what was published of them, and against services that fail.
//!
//! The right answers are worked out here from the published text, not by the code that is tested.

mod at_once;
mod failures;
mod given_up;
mod public_services;
mod published;
